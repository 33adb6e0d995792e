"""The first labels of a user's own pictures: whole images, labelled before there is a network to ask for more."""

import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image

from segxal.acquisition.oracles.base import Query
from segxal.acquisition.query import Ask
from segxal.apps.annotate.answers import Answers
from segxal.apps.annotate.label_config import FIRST_RULE
from segxal.apps.annotate.pictures import zoom_for
from segxal.apps.annotate.project import Project, read_project, write_project
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.data.finding import LABEL_SUFFIXES, image_files
from segxal.data.folder import Folder
from segxal.data.images import read_image, resize_nearest
from segxal.data.listing import by_hash
from segxal.storage import paths
from segxal.storage.files import replacing
from segxal.study.settings import Preset

NEEDED = 3  # one image each for train, val and test
LABELS = "labels"  # folder of a user's data set


def first_folder(preset: Preset) -> Path:
    """Where the project of the first labels lies."""
    return paths.RUNS / preset.name / "annotate" / "first"


def ask_first(preset: Preset, count: int, data_root: str | Path = "") -> Project:
    """Write the project of the first labels: whole images without labels, chosen by the hash of their names.

    Args:
        preset: settings of the study; its data set is ``folder``.
        count: images people shall label; with those that have labels already at least three.
        data_root: folder that holds the data set.

    Raises:
        ConfigError: if the data set is not ``folder``, ``count`` is too small or too large, or the project exists.
        DataMissing: if there are no images or no classes.
    """
    if preset.data.name != Folder.name:
        raise ConfigError(
            f"data set {preset.data.name} has labels; only pictures of your own (folder) need first labels"
        )
    folder = Folder.locate(data_root)
    with_labels = image_files(folder / LABELS, LABEL_SUFFIXES).keys()
    free = by_hash(image_files(folder / "images").keys() - with_labels)
    least = max(1, NEEDED - len(with_labels))
    if not least <= count <= len(free):
        raise ConfigError(
            f"{count} images to label; {len(free)} have no label, so choose {least} to {len(free)} "
            f"({len(with_labels)} have one; train, val and test need one each)"
        )
    size = (preset.data.height, preset.data.width)
    zoom = zoom_for(preset.data.width)
    source = Folder("train", (zoom * size[0], zoom * size[1]), data_root)
    positions = {item.id: k for k, item in enumerate(source.items)}
    nothing = np.full(size, VOID, np.uint8)
    asks, images = [], []
    for name in free[:count]:
        image = source[positions[name]].image
        whole = Query(name, image.transpose(2, 0, 1), nothing, np.ones(size, bool), nothing)
        asks.append(Ask(positions[name], 0.0, whole))
        images.append(image)
    digest = _digest(preset, source.classes.names)
    return write_project(first_folder(preset), digest, asks, source.classes, images, 1.0, FIRST_RULE)


def first_project(preset: Preset) -> Project:
    """The project of the first labels.

    Raises:
        ConfigError: if there is none, or it is of another image size or other classes.
    """
    folder = first_folder(preset)
    if not folder.is_dir():
        raise ConfigError(f"there is no project in {folder}; run `segxal annotate first` first")
    project = read_project(folder)
    if project.digest != _digest(preset, project.classes):
        raise ConfigError(f"{folder} was made for another image size; go back to that size, or move the folder away")
    return project


def write_labels(project: Project, answers: Answers, data_root: str | Path = "") -> list[Path]:
    """Put what people labelled into the data set's ``labels/``, one PNG per image at the image's own size.

    Only when every image is answered or skipped: which images are val and test depends on which have labels. Files that
    are there already are left alone.

    Args:
        project: of the first labels.
        answers: what people answered so far.
        data_root: folder that holds the data set.

    Returns:
        The files that were written; none while images are left.

    Raises:
        ConfigError: if so many were skipped that fewer than three images have labels.
    """
    if answers.left(project.ids):
        return []
    folder = Folder.locate(data_root)
    images, known = image_files(folder / "images"), image_files(folder / LABELS, LABEL_SUFFIXES)
    if len(known.keys() | answers.labels.keys()) < NEEDED:
        raise ConfigError(
            f"{len(answers.labels)} images were labelled, {len(answers.skipped)} skipped; {NEEDED} are needed: label "
            "some of the skipped ones in Label Studio and pull again"
        )
    written = []
    for name in answers.labels.keys() - known.keys():
        path = folder / LABELS / f"{name}.png"
        size = read_image(images[name]).shape[:2]
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            Image.fromarray(resize_nearest(answers.labels[name], size)).save(temporary, "PNG")
        written.append(path)
    return sorted(written)


def _digest(preset: Preset, classes: tuple[str, ...]) -> str:
    words = json.dumps(["first", preset.data.height, preset.data.width, list(classes)])
    return hashlib.sha256(words.encode()).hexdigest()[:16]
