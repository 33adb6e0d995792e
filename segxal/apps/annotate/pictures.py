"""What people look at: the image at a readable size, and the explainable error mask laid over it."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from segxal.data import open_dataset
from segxal.study.settings import Preset

WIDE = 640  # pixels an image is at least wide when it is shown
# Heat from cold to hot; between them colours are mixed.
HEAT = np.array([(20, 20, 60), (90, 20, 120), (220, 60, 80), (250, 160, 40), (255, 250, 170)], dtype=float)
STRENGTH = 0.65  # of the heat over the image
OUTLINE = (255, 255, 255)  # around the part that is asked for


def zoom_for(width: int) -> int:
    """The smallest whole number of times that makes an image at least 640 pixels wide."""
    return -(-WIDE // width)


def enlarge(values: np.ndarray, zoom: int) -> np.ndarray:
    """Every pixel of (H, W, ...) as a block of ``zoom`` x ``zoom`` pixels."""
    return values.repeat(zoom, axis=0).repeat(zoom, axis=1)


def training_images(preset: Preset, indices: Sequence[int], zoom: int, data_root: str | Path = "") -> list[np.ndarray]:
    """Images of the training split, larger than the network sees them.

    Args:
        preset: settings of the study.
        indices: positions in the training split.
        zoom: how many times larger, a whole number.
        data_root: folder that holds the data sets.

    Returns:
        Per image (zoom * H, zoom * W, 3) uint8: read again from the data set, as sharp as its files are.
    """
    data = preset.data
    options = {"count": data.counts[0], "seed": data.seed} if data.name == "streets" else {}
    source = open_dataset(data.name, "train", (zoom * data.height, zoom * data.width), data_root, **options)
    return [source[i].image for i in indices]


def heat_over(image: np.ndarray, eem: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The mask as heat over the image, the part that is asked for outlined in white.

    Args:
        image: (zoom * H, zoom * W, 3) uint8.
        eem: (H, W) float in [0, 1].
        asked: (H, W) bool.

    Returns:
        (zoom * H, zoom * W, 3) uint8.
    """
    zoom = image.shape[0] // eem.shape[0]
    level = np.clip(enlarge(eem, zoom), 0, 1) * (len(HEAT) - 1)
    colours = np.stack([np.interp(level, range(len(HEAT)), HEAT[:, c]) for c in range(3)], axis=-1)
    mixed = STRENGTH * colours + (1 - STRENGTH) * image.mean(axis=-1, keepdims=True)
    inside = enlarge(asked, zoom)
    mixed[inside & ~ndimage.binary_erosion(inside, iterations=max(1, zoom // 4))] = OUTLINE
    return mixed.round().astype(np.uint8)


def data_uri(image: np.ndarray) -> str:
    """An image (H, W, 3) uint8 as a PNG in a ``data:`` address, which no server has to fetch from anywhere."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
