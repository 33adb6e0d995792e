"""The pictures of the explorer: from maps to RGB, and what stands above and below each of them.

Maps are drawn at their own size and enlarged by the browser; what has an outline is enlarged here, so that lines stay
thin. The browser test compares what it sees with these very arrays.
"""

from dataclasses import dataclass

import numpy as np

from segxal.apps.explore import page, picture
from segxal.apps.explore.mask.maps import ImageMaps
from segxal.core.labels import VOID
from segxal.data.base import Frames
from segxal.results.figures.base import HEAT, NEAR

WIDTH = 640  # of an outlined picture, pixels, at most


@dataclass(frozen=True)
class Panel:
    """What stands around a picture.

    Attributes:
        title: above it.
        unit: what the numbers of its colour bar mean; empty for none.
        table: its colours.
    """

    title: str
    unit: str = ""
    table: str = HEAT


PANELS = {
    "asked": Panel("Image under the error mask (EEM); the outline shows what would be asked for", "EEM, 0 to 1"),
    "depth": Panel("Depth", "relative inverse depth (no unit)", NEAR),
    "near": Panel("Proximity, outlined: near", "1 = nearest in this image", NEAR),
    "informed": Panel("Depth-informed image"),
    "pae": Panel("PAE: what it looks at nearby", "Grad-CAM, share of its maximum"),
    "prediction": Panel("Prediction"),
    "ebu": Panel("EBU: entropy, how unsure", "entropy / ln C, 1 = no idea"),
    "eem": Panel("EEM: their weighted mean", "0 to 1"),
    "error": Panel("True error"),
}
SMALL = tuple(name for name in PANELS if name != "asked")


def image_of(frames: Frames) -> np.ndarray:
    """The only image of a split of one, (H, W, 3) uint8."""
    return frames.images[0].permute(1, 2, 0).numpy()


def truth_of(frames: Frames) -> np.ndarray:
    """Its labels, (H, W) uint8."""
    return frames.labels[0].numpy()


def map_pictures(maps: ImageMaps, frames: Frames) -> dict[str, np.ndarray]:
    """The pictures that weights and mask area leave alone, name -> (h, w, 3) uint8."""
    low, high = float(maps.depth.min()), float(maps.depth.max())
    factor = picture.factor_for(maps.near.shape, WIDTH)
    near = picture.enlarge(picture.heat(maps.near, table=NEAR), factor)
    return {
        "depth": picture.heat(maps.depth, low, high if high > low else low + 1, NEAR),
        "near": picture.outline(near, maps.attention >= 1),
        "informed": (maps.informed * 255 + 0.5).astype(np.uint8),
        "pae": picture.heat(maps.pae),
        "prediction": picture.label_picture(maps.prediction, frames.classes),
        "ebu": picture.heat(maps.ebu),
        "error": picture.error_picture(maps.prediction, truth_of(frames)),
    }


def eem_picture(eem: np.ndarray) -> np.ndarray:
    """The error mask (H, W) as a heat map."""
    return picture.heat(eem)


def asked_picture(
    image: np.ndarray, eem: np.ndarray, asked: np.ndarray, opacity: float, pixel: tuple[int, int]
) -> np.ndarray:  # fmt: skip
    """The image with the error mask over it, the outline of what is asked for, and a frame around one pixel.

    Args:
        image: (H, W, 3) uint8.
        eem: (H, W) float.
        asked: (H, W) bool.
        opacity: of the error mask, 0..1.
        pixel: (row, column) of the framed pixel.

    Returns:
        (kH, kW, 3) uint8.
    """
    factor = picture.factor_for(eem.shape, WIDTH)
    mixed = picture.enlarge(picture.overlay(image, picture.heat(eem), opacity), factor)
    return picture.framed(picture.outline(mixed, asked), *pixel, factor)


def scale_texts(maps: ImageMaps, frames: Frames) -> dict[str, str]:
    """What stands below the pictures, name -> HTML: colour bars with units, and legends."""
    low, high = float(maps.depth.min()), float(maps.depth.max())
    ticks = {"depth": [f"{low + share * (high - low):.3g}" for share in (0, 0.5, 1)]}
    present = [int(c) for c in np.unique(maps.prediction)]
    texts = {
        name: page.colour_bar(panel.unit, ticks.get(name, ("0", "0.5", "1")), panel.table)
        for name, panel in PANELS.items()
        if panel.unit
    }
    texts["prediction"] = page.legend([(frames.classes.names[c], frames.classes.colours[c]) for c in present])
    texts["error"] = page.legend(_error_entries(truth_of(frames)))
    return texts


def _error_entries(truth: np.ndarray) -> list[tuple[str, tuple[int, int, int]]]:
    if (truth == VOID).all():
        return [("not known: no labels for this image", picture.UNKNOWN)]
    void = [("void", picture.UNKNOWN)] if (truth == VOID).any() else []
    return [("wrong", picture.WRONG), ("right", picture.WHITE), *void]
