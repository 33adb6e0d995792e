"""What follows from the maps of one image at a setting: the mask, what is asked for, its price, and how right it is.

All of it is quick: nothing here runs a network.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from segxal.acquisition.oracles.base import Query, polygon_clicks
from segxal.acquisition.oracles.human import HumanOracle, touched_objects
from segxal.apps.explore.mask.maps import ImageMaps, Setting
from segxal.core.detection import auroc
from segxal.core.eem import fuse, top_area
from segxal.core.labels import VOID, Classes
from segxal.core.price import minutes
from segxal.core.regions import components

SCORED = ("eem", "ebu", "pae")


@dataclass(frozen=True)
class Price:
    """What the answer of one person costs.

    Attributes:
        pixels: pixels that are annotated: the asked ones and the objects they belong to.
        clicks: clicks that takes, see ``segxal.core.price.CLICKS["human"]``.
        minutes: estimated time, see :func:`segxal.core.price.minutes`.
        known: whether the true labels are known; without them it is priced as if every predicted piece had to be
            outlined.
    """

    pixels: int
    clicks: int
    minutes: float
    known: bool


def error_mask(maps: ImageMaps, setting: Setting) -> np.ndarray:
    """EEM at a setting, (H, W) float32 in [0, 1]: the study's own fusion."""
    pae, ebu = torch.from_numpy(maps.pae), torch.from_numpy(maps.ebu)
    return fuse(pae, ebu, setting.mask.w_pae, setting.mask.w_ebu).numpy()


def asked_for(eem: np.ndarray, setting: Setting) -> np.ndarray:
    """The part of the image that is asked for, (H, W) bool: the ``area`` of highest EEM, or all from ``level`` on."""
    if setting.level is not None:
        return eem >= np.float32(setting.level)
    return top_area(torch.from_numpy(eem)[None], setting.mask.area)[0].numpy()


def region_count(asked: np.ndarray) -> int:
    """Connected pieces of the asked part."""
    return int(components(asked).max(initial=-1)) + 1


def price_of(asked: np.ndarray, prediction: np.ndarray, truth: np.ndarray, overlap: float) -> Price:
    """The price of one answer of the simulated human.

    Args:
        asked: (H, W) bool.
        prediction: (H, W) uint8 train ids.
        truth: (H, W) uint8 train ids, 255 = void; all void where there are no labels.
        overlap: see :class:`segxal.acquisition.oracles.human.HumanOracle`.
    """
    if (truth == VOID).all():
        touched = touched_objects(prediction, asked, overlap)
        clicks = polygon_clicks(prediction, touched)
        return Price(int(touched.sum()), clicks, minutes(1.0, clicks), known=False)
    nothing = np.zeros(0, dtype=np.uint8)  # the simulation does not look at the image
    answer = HumanOracle(overlap).annotate(Query("", nothing, prediction, asked, truth))
    return Price(answer.pixels, answer.clicks, minutes(1.0, answer.clicks), known=True)


def error_auroc(values: np.ndarray, prediction: np.ndarray, truth: np.ndarray) -> float:
    """AUROC of a map (H, W) against the true errors of this image, void left out; NaN where it says nothing."""
    valid = truth != VOID
    return auroc(values[valid], (prediction != truth)[valid])


@dataclass(frozen=True)
class Reading:
    """A setting in numbers, for one image.

    Attributes:
        pixels: pixels asked for.
        share: the same as a share of the image, 0..1.
        regions: connected pieces of the asked part.
        price: of the answer of one person.
        errors: share of the pixels with known truth that are wrong, 0..1; NaN without labels.
        found: share of the wrong pixels that lie in the asked part, 0..1; NaN where none is wrong.
        auroc: per map (``eem``, ``ebu``, ``pae``) its AUROC against the true errors of this image; NaN without labels.
    """

    pixels: int
    share: float
    regions: int
    price: Price
    errors: float
    found: float
    auroc: dict[str, float]


def read(
    maps: ImageMaps, setting: Setting, truth: np.ndarray, overlap: float, scored: Sequence[str] = SCORED
) -> Reading:  # fmt: skip
    """What a setting asks for in an image, what that costs and how well it points at the errors.

    Args:
        maps: of the image.
        setting: of the explorer.
        truth: (H, W) uint8 train ids, 255 = void.
        overlap: see :class:`segxal.acquisition.oracles.human.HumanOracle`.
        scored: the maps whose AUROC is wanted.
    """
    eem = error_mask(maps, setting)
    asked = asked_for(eem, setting)
    valid = truth != VOID
    wrong = (maps.prediction != truth) & valid
    layers = {"eem": eem, "ebu": maps.ebu, "pae": maps.pae}
    return Reading(
        pixels=int(asked.sum()), share=float(asked.mean()), regions=region_count(asked),
        price=price_of(asked, maps.prediction, truth, overlap),
        errors=float(wrong.sum() / valid.sum()) if valid.any() else float("nan"),
        found=float((wrong & asked).sum() / wrong.sum()) if wrong.any() else float("nan"),
        auroc={name: error_auroc(layers[name], maps.prediction, truth) for name in scored},
    )  # fmt: skip


@dataclass(frozen=True)
class PixelFacts:
    """What is known about one pixel.

    Attributes:
        row: from the top, 0 first.
        column: from the left, 0 first.
        probabilities: (class, probability) from the most probable on, all of them.
        truth: name of the true class, ``void``, or empty where the image has no labels.
        ebu: entropy / ln C, 0..1.
        pae: 0..1.
        eem: 0..1.
        depth: relative inverse depth, larger = nearer.
        near: proximity in this image, 0..1.
        asked: whether it is asked for.
    """

    row: int
    column: int
    probabilities: tuple[tuple[str, float], ...]
    truth: str
    ebu: float
    pae: float
    eem: float
    depth: float
    near: float
    asked: bool


def pixel_facts(
    maps: ImageMaps, eem: np.ndarray, asked: np.ndarray, truth: np.ndarray, classes: Classes, pixel: tuple[int, int]
) -> PixelFacts:
    """Everything the maps say about a ``pixel`` (row, column)."""
    probs = maps.probs[:, pixel[0], pixel[1]]
    order = np.argsort(-probs, kind="stable")
    label = int(truth[pixel])
    named = "" if (truth == VOID).all() else "void" if label == VOID else classes.names[label]
    ranked = tuple((classes.names[c], float(probs[c])) for c in order)
    ebu, pae, depth, near = (float(part[pixel]) for part in (maps.ebu, maps.pae, maps.depth, maps.near))
    return PixelFacts(*pixel, ranked, named, ebu, pae, float(eem[pixel]), depth, near, bool(asked[pixel]))
