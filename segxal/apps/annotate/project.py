"""A cycle's query as a project folder: everything Label Studio imports, and what reads its export back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from segxal.acquisition.oracles.base import Query
from segxal.acquisition.oracles.human import touched_objects
from segxal.acquisition.query import Ask
from segxal.acquisition.ranking import SMALLEST
from segxal.apps.annotate.brush import encode
from segxal.apps.annotate.label_config import BRUSH, IMAGE, RULE, label_config
from segxal.apps.annotate.pictures import data_uri, enlarge, heat_over
from segxal.core.errors import ConfigError, DataInvalid
from segxal.core.labels import VOID, Classes
from segxal.storage.files import read_json, replacing, write_json, write_text

PROJECT, CONFIG, TASKS = "project.json", "label_config.xml", "tasks.json"


@dataclass(frozen=True)
class Project:
    """What an answer must fit.

    Attributes:
        folder: where the project lies.
        digest: fingerprint of the settings of the cycle that asks.
        classes: names of the classes in the order of their train ids.
        size: (H, W) of the images as the network sees them, pixels.
        zoom: how many times larger they are shown.
        ids: names of the images asked for, best score first.
    """

    folder: Path
    digest: str
    classes: tuple[str, ...]
    size: tuple[int, int]
    zoom: int
    ids: tuple[str, ...]

    @property
    def shown(self) -> tuple[int, int]:
        """(H, W) of the images as people see them, pixels."""
        return self.zoom * self.size[0], self.zoom * self.size[1]

    def tasks(self) -> list[dict[str, Any]]:
        """The tasks as Label Studio imports them, best score first."""
        return read_json(self.folder / TASKS)


def write_project(
    folder: Path, digest: str, asks: Sequence[Ask], classes: Classes, images: Sequence[np.ndarray], overlap: float,
    rule: str = RULE,
) -> Project:  # fmt: skip
    """Write a project: ``project.json``, ``label_config.xml`` and ``tasks.json``, all at once.

    Every task shows the image and the explainable error mask over it, and starts from the predicted classes of the
    objects that the mask touches.

    Args:
        folder: where it goes; nothing may be there.
        digest: of the cycle that asks.
        asks: what is asked; tasks are in the order of their scores.
        classes: the classes of the data set.
        images: per ask the image as people see it, (zoom * H, zoom * W, 3) uint8 with one whole number zoom.
        overlap: share of an object inside the mask that makes it pre-annotated.
        rule: what people read above the image.

    Raises:
        ConfigError: if there is something at ``folder``, two images have one name, or a size is not a multiple.
    """
    if folder.exists():
        raise ConfigError(
            f"{folder} exists; a project is never overwritten, as people may have annotated it. "
            "Push or import it as it is, or move it away to have it written again"
        )
    size, zoom = _sizes(asks, images)
    pairs = sorted(zip(asks, images, strict=True), key=lambda pair: -pair[0].score)
    ids = tuple(one.query.id for one, _ in pairs)
    if len(set(ids)) < len(ids):
        raise ConfigError(f"{len(ids)} images are asked for, but only {len(set(ids))} are different; ask for each once")
    tasks = [_task(one, image, classes, digest, overlap) for one, image in pairs]
    facts = {
        "digest": digest, "classes": list(classes.names), "colours": [list(c) for c in classes.colours],
        "size": list(size), "zoom": zoom, "ids": list(ids),
    }  # fmt: skip
    with replacing(folder) as temporary:
        temporary.mkdir(parents=True)
        write_text(temporary / CONFIG, label_config(classes, rule))
        write_json(temporary / TASKS, tasks)
        write_json(temporary / PROJECT, facts)
    return read_project(folder)


def read_project(folder: Path) -> Project:
    """Read a project folder.

    Raises:
        ConfigError: if there is none.
        DataInvalid: if it is damaged.
    """
    file = folder / PROJECT
    if not file.is_file():
        raise ConfigError(f"there is no project in {folder}; run `segxal annotate export` first")
    match read_json(file):
        case {
            "digest": str(digest), "classes": list(classes), "size": [int(height), int(width)], "zoom": int(zoom),
            "ids": list(ids),
        }:  # fmt: skip
            return Project(folder, digest, tuple(classes), (height, width), zoom, tuple(ids))
    raise DataInvalid(f"{file} is not what segxal wrote; restore it, or move {folder} away to have it made again")


def _sizes(asks: Sequence[Ask], images: Sequence[np.ndarray]) -> tuple[tuple[int, int], int]:
    height, width = asks[0].query.prediction.shape
    zoom = images[0].shape[0] // height
    wrong = [image.shape for image in images if image.shape != (zoom * height, zoom * width, 3)]
    if zoom < 1 or wrong:
        raise ConfigError(f"images must be shown at a whole multiple of {(height, width)}; got {(wrong or images)[:1]}")
    return (height, width), zoom


def _task(one: Ask, image: np.ndarray, classes: Classes, digest: str, overlap: float) -> dict[str, Any]:
    query = one.query
    eem = np.zeros(query.asked.shape) if query.eem is None else query.eem  # whole images: no heat over the picture
    shown = {
        "image": data_uri(image), "eem": data_uri(heat_over(image, eem, query.asked)),
        "image_id": query.id, "score": round(one.score, 6), "digest": digest,
    }  # fmt: skip
    regions = pre_annotation(query, classes, image.shape[0] // eem.shape[0], overlap)
    return {"data": shown, "predictions": [{"model_version": digest, "score": one.score, "result": regions}]}


def pre_annotation(query: Query, classes: Classes, zoom: int, overlap: float) -> list[dict[str, Any]]:
    """The predicted objects that the mask touches as brush regions, largest first.

    Every object is a region; specks of fewer than 16 pixels share one per class, or there would be a hundred to click.

    Args:
        query: what an oracle is shown.
        classes: the classes of the data set.
        zoom: how many times larger people see the image.
        overlap: share of an object inside the mask that makes the whole object touched; see
            :func:`segxal.acquisition.oracles.human.touched_objects`.
    """
    touched = touched_objects(query.prediction, query.asked, overlap)
    found = []
    for category in np.setdiff1d(query.prediction[touched], VOID):  # before the first network all is void
        pieces, _ = ndimage.label(touched & (query.prediction == category))
        areas = np.bincount(pieces.ravel())
        areas[0] = 0
        specks = np.isin(pieces, np.flatnonzero((areas > 0) & (areas < SMALLEST)))
        masks = [pieces == number for number in np.flatnonzero(areas >= SMALLEST)] + [specks] * bool(specks.any())
        found += [(mask, classes.names[category]) for mask in masks]
    found.sort(key=lambda piece: -int(piece[0].sum()))
    return [brush_region(enlarge(piece, zoom), name, f"{query.id}-{k}") for k, (piece, name) in enumerate(found)]


def brush_region(mask: np.ndarray, label: str, name: str) -> dict[str, Any]:
    """A mask (H, W) bool, at the size people see, as a region of Label Studio with a unique name."""
    height, width = mask.shape
    return {
        "id": name, "type": "brushlabels", "from_name": BRUSH, "to_name": IMAGE, "image_rotation": 0,
        "original_width": width, "original_height": height,
        "value": {"format": "rle", "rle": encode(mask), "brushlabels": [label]},
    }  # fmt: skip
