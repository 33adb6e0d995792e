"""One image as one network sees it: what most figures are drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segxal.acquisition.query import masks_of
from segxal.acquisition.strategies.base import Learner
from segxal.core.eem import top_area
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID, Classes
from segxal.data.base import Frames
from segxal.study.state import Cycle


@dataclass(frozen=True)
class View:
    """An image, its truth and everything the error mask of one network is made of.

    Attributes:
        id: name of the image.
        classes: the classes of the label maps.
        image: (H, W, 3) uint8, RGB.
        truth: (H, W) uint8 train ids, 255 = void.
        prediction: (H, W) uint8 train ids.
        depth: (H, W) float relative inverse depth, larger = nearer.
        attention: (H, W) float in [0, 1].
        ebu: (H, W) float in [0, 1].
        pae: (H, W) float in [0, 1].
        eem: (H, W) float in [0, 1].
        asked: (H, W) bool, the part the oracle is asked about.
    """

    id: str
    classes: Classes
    image: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    depth: np.ndarray
    attention: np.ndarray
    ebu: np.ndarray
    pae: np.ndarray
    eem: np.ndarray
    asked: np.ndarray


def view_of(learner: Learner, frames: Frames, index: int) -> View:
    """What a network sees in one image of a split."""
    masks = masks_of(learner, frames, [index])
    ebu, pae, eem = (part[0].float().numpy() for part in (masks.ebu, masks.pae, masks.eem))
    return View(
        id=frames.ids[index], classes=frames.classes, image=picture(frames, index),
        truth=frames.labels[index].numpy(), prediction=masks.prediction[0].numpy(), depth=masks.depth[0].numpy(),
        attention=masks.attention[0].float().numpy(), ebu=ebu, pae=pae, eem=eem,
        asked=top_area(masks.eem, learner.mask.area)[0].numpy(),
    )  # fmt: skip


def picture(frames: Frames, index: int) -> np.ndarray:
    """One image of a split as (H, W, 3) uint8."""
    return frames.images[index].permute(1, 2, 0).numpy()


def first_query(cycle: Cycle) -> str:
    """Name of the image with the highest score of a cycle.

    Raises:
        ConfigError: if nothing was queried in it.
    """
    queries = cycle.queries()
    if not queries:
        raise ConfigError(f"nothing was queried in cycle {cycle.number} of {cycle.method}; choose cycle 1 or later")
    return str(queries[0]["id"])


def query_of(cycle: Cycle, image: str) -> dict[str, float]:
    """The record of one queried image of a cycle.

    Raises:
        ConfigError: if the image was not queried in this cycle; the error lists those that were.
    """
    found = {query["id"]: query for query in cycle.queries()}
    if image not in found:
        names = ", ".join(found) or "none"
        raise ConfigError(f"{image!r} was not queried in cycle {cycle.number} of {cycle.method}; queried were {names}")
    return found[image]


def right_share(labels: np.ndarray, truth: np.ndarray, inside: np.ndarray | None = None) -> float:
    """Share of the labelled pixels with known truth whose label is right; NaN when there is none."""
    counted = (labels != VOID) & (truth != VOID)
    counted = counted if inside is None else counted & inside
    return float((labels == truth)[counted].mean()) if counted.any() else float("nan")


def letters(titles: Sequence[str]) -> list[str]:
    """Titles with (a), (b), ... before them."""
    return [f"({chr(ord('a') + k)}) {title}" for k, title in enumerate(titles)]
