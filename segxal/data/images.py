"""Image files into samples: reading, checking, resizing."""

import io
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from segxal.core.errors import DataInvalid, DataMissing
from segxal.core.labels import VOID, Classes
from segxal.data.base import Sample, check_sample
from segxal.data.label_colours import ids_of_colours

REFUSED = -1  # in a table of train ids: an id that no label file of the data set may hold

# Disparities of Cityscapes lie below 128 pixels; dividing by it gives inverse depth in [0, 1), one scale for all.
DISPARITY_RANGE = 128

ONE_PICTURE = ("TIFF", "WEBP", "PNG")  # formats that may hold pages or an animation; one of JPEG holds a preview
DEPTHS = (8, 10, 12, 14, 16, 32)  # bits in which cameras write a colour

# What Pillow raises on damaged files, apart from OSError (truncated, unidentified).
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


@dataclass(frozen=True)
class Item:
    """The files of one sample.

    Attributes:
        id: name of the image, unique in its data set.
        image: the image file.
        labels: the label file; None when there is none.
        disparity: the 16-bit disparity file; None when there is none.
        sequence: name of the video or ride.
        read: how the label file is read: a path gives (H, W) integers; None for :func:`read_ids`.
    """

    id: str
    image: Path
    labels: Path | None = None
    disparity: Path | None = None
    sequence: str = ""
    read: Callable[[Path], np.ndarray] | None = None


def _decode(path: Path, convert: Callable[[Image.Image], np.ndarray], content: io.BytesIO | None = None) -> np.ndarray:
    try:
        with Image.open(content or path) as picture:
            frames = getattr(picture, "n_frames", 1) if picture.format in ONE_PICTURE else 1
            if frames > 1:
                raise DataInvalid(f"{path} holds {frames} pictures; save each of them as a file of its own")
            return convert(ImageOps.exif_transpose(picture))
    except FileNotFoundError as error:
        raise DataMissing(f"{path} not found; restore it or remove it from the split list") from error
    except DataInvalid:
        raise
    except DAMAGED as error:
        raise DataInvalid(
            f"{path} cannot be read as an image ({error or type(error).__name__}): corrupt, truncated or in another "
            "format. Copy or download this file again, or remove it together with its partner"
        ) from error


def read_image(path: Path) -> np.ndarray:
    """Read an image as RGB, upright.

    Args:
        path: PNG, JPEG, TIFF, WebP or BMP; grey, palette, RGB, CMYK or with alpha (alpha is dropped). Of more than 8
            bits the upper ones are kept, counted from the bits that the brightest pixel needs (10, 12, 14 or 16):
            cameras write 12 bits into files of 16.

    Returns:
        (H, W, 3) uint8. The EXIF orientation has been applied.

    Raises:
        DataMissing: if there is no such file.
        DataInvalid: if the file is corrupt or truncated, or holds fractions or several pictures.
    """
    return _decode(path, lambda picture: _deep_colours(path) if _is_deep_png(path) else as_rgb(picture, path))


def decode_image(content: bytes, name: str) -> np.ndarray:
    """An image that is in memory, as :func:`read_image` reads a file; ``name`` is for errors.

    Raises:
        DataInvalid: if it is corrupt, truncated or not an image.
    """
    return _decode(Path(name), lambda picture: as_rgb(picture, Path(name)), io.BytesIO(content))


def as_rgb(picture: Image.Image, path: Path) -> np.ndarray:
    """A picture of Pillow as (H, W, 3) uint8; the EXIF orientation is not looked at.

    Args:
        picture: of any mode but fractions.
        path: the file to name in an error.

    Raises:
        DataInvalid: if it holds fractions.
    """
    if picture.mode == "F":
        raise DataInvalid(f"{path} holds fractions; save it with whole numbers, 8 or 16 bits per colour")
    if picture.mode.startswith("I"):
        return np.repeat(upper_bits(np.asarray(picture))[..., None], 3, axis=2)
    return np.array(picture.convert("RGB"))


def upper_bits(values: np.ndarray) -> np.ndarray:
    """The upper 8 of the bits that the largest value needs, see :func:`read_image`; whole numbers in, uint8 out."""
    needed = next(bits for bits in DEPTHS if int(values.max(initial=0)) < 1 << bits)
    return (np.maximum(values, 0) >> (needed - 8)).astype(np.uint8)


def _is_deep_png(path: Path) -> bool:
    """Whether a file is a PNG with 16 bits for each of red, green and blue, of which Pillow keeps the upper 8."""
    with path.open("rb") as file:
        head = file.read(26)
    return head[:8] == b"\x89PNG\r\n\x1a\n" and head[24:25] == b"\x10" and head[25:26] in (b"\x02", b"\x06")


def _deep_colours(path: Path) -> np.ndarray:
    found = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None:
        raise DataInvalid(f"{path} cannot be read as an image; copy or download this file again")
    return upper_bits(found[..., 2::-1])


def read_ids(path: Path, classes: Classes | None = None) -> np.ndarray:
    """Read the ids of a label file as stored: grey values, or indices into the palette.

    Args:
        path: PNG, TIFF or BMP with one id per pixel. RGB is accepted when its channels agree everywhere.
        classes: where given, colours are taken too, see :func:`segxal.data.label_colours.ids_of_colours`.

    Returns:
        (H, W) integers, not yet mapped to train ids.

    Raises:
        DataMissing: if there is no such file.
        DataInvalid: if the file is corrupt or truncated, or holds colours instead of ids.
    """
    return _decode(path, lambda picture: _as_ids(picture, path, classes))


def _as_ids(picture: Image.Image, path: Path, classes: Classes | None) -> np.ndarray:
    if picture.mode == "F":
        raise DataInvalid(f"{path} holds fractions; expected one class id per pixel, a whole number")
    ids = np.array(picture)
    if picture.mode in ("LA", "PA"):
        ids = ids[..., 0]
    if ids.ndim == 3:
        if (ids[..., 0] != ids[..., 1]).any() or (ids[..., 0] != ids[..., 2]).any():
            if classes:
                return ids_of_colours(ids[..., :3], path, classes)
            raise DataInvalid(f"{path} is a colour image; expected one class id per pixel (grey or palette PNG)")
        ids = ids[..., 0]
    return ids.astype(np.uint8) if ids.dtype == bool else ids


def read_disparity(path: Path) -> np.ndarray:
    """Read a Cityscapes disparity file.

    Args:
        path: 16-bit grey PNG; a pixel p > 0 stands for a disparity of (p - 1) / 256 pixels, 0 for "not measured".

    Returns:
        (H, W) float32 disparity in pixels, NaN where it was not measured.

    Raises:
        DataMissing: if there is no such file.
        DataInvalid: if the file is corrupt or not 16-bit grey.
    """
    return _decode(path, lambda picture: _as_disparity(picture, path))


def _as_disparity(picture: Image.Image, path: Path) -> np.ndarray:
    if not picture.mode.startswith("I"):
        raise DataInvalid(f"{path} is a {picture.mode} image; expected a 16-bit grey disparity file")
    pixels = np.asarray(picture).astype(np.float32)
    return np.where(pixels > 0, (pixels - 1) / 256, np.float32(np.nan))


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an RGB image, bilinear with antialiasing; the aspect ratio follows ``size``.

    Args:
        image: (H, W, 3) uint8.
        size: wanted (height, width).

    Returns:
        ``(*size, 3)`` uint8; the same array when it has that size.
    """
    if image.shape[:2] == size:
        return image
    return np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))


def resize_nearest(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize labels or depth by taking the nearest pixel, so that no value is invented.

    Args:
        array: (H, W), any type.
        size: wanted (height, width).

    Returns:
        Array of shape ``size`` whose values all occur in ``array``; the same array when it has that size.
    """
    if array.shape == size:
        return array
    rows, columns = (((2 * np.arange(new) + 1) * old) // (2 * new) for old, new in zip(array.shape, size, strict=True))
    return array[rows[:, None], columns]


def read_sample(item: Item, classes: Classes, train_ids: np.ndarray, size: tuple[int, int] | None = None) -> Sample:
    """Read the files of one sample, check them at their own size, then resize.

    Args:
        item: the files.
        classes: the classes of the data set.
        train_ids: (256,) int16, stored id -> train id; 255 = void, -1 = such an id may not occur.
        size: wanted (height, width); None for the size of the files. Disparity becomes depth, see
            :mod:`segxal.data.cityscapes`.

    Returns:
        The sample.

    Raises:
        DataMissing: if a file is not there.
        DataInvalid: if a file is corrupt, an id is not a class, or the sizes differ.
    """
    image = read_image(item.image)
    native = image.shape[:2]
    size = size or native
    labels = np.full(size, VOID, np.uint8)
    if item.labels:
        ids = _same_size((item.read or read_ids)(item.labels), item.labels, native, item.image)
        _check_ids(ids, item.labels, classes, train_ids)
        labels = train_ids.astype(np.uint8)[resize_nearest(ids, size)]
    depth = None
    if item.disparity:
        disparity = _same_size(read_disparity(item.disparity), item.disparity, native, item.image)
        depth = resize_nearest(disparity, size) / np.float32(DISPARITY_RANGE)
    sample = Sample(item.id, resize_image(image, size), labels, depth, item.sequence, item.labels is not None)
    return check_sample(sample, classes, str(item.image))


def _same_size(array: np.ndarray, path: Path, native: tuple[int, ...], image: Path) -> np.ndarray:
    if array.shape == native:
        return array
    raise DataInvalid(
        f"{path} is {array.shape[1]} x {array.shape[0]} (width x height) but its image {image} is "
        f"{native[1]} x {native[0]}; make them the same size"
    )


def _check_ids(ids: np.ndarray, path: Path, classes: Classes, train_ids: np.ndarray) -> None:
    found = np.flatnonzero(np.bincount(ids.ravel())) if ids.dtype == np.uint8 else np.unique(ids)
    refused = [int(i) for i in found if not 0 <= i < len(train_ids) or train_ids[i] == REFUSED]
    if refused:
        allowed = [int(i) for i in np.flatnonzero((train_ids != REFUSED) & (train_ids != VOID))]
        void = [int(i) for i in np.flatnonzero(train_ids == VOID)]
        raise DataInvalid(
            f"{path}: label ids {refused[:8]} are not classes; expected {_ranges(allowed)} ({len(classes)} classes) or "
            f"{_ranges(void)} (void). Correct the file, or map its labels to these ids first"
        )


def _ranges(values: list[int]) -> str:
    parts: list[list[int]] = []
    for value in values:
        if parts and value == parts[-1][1] + 1:
            parts[-1][1] = value
        else:
            parts.append([value, value])
    return ", ".join(str(a) if a == b else f"{a}..{b}" for a, b in parts)


def id_table(known: dict[int, int], void: Iterable[int] = ()) -> np.ndarray:
    """Table of train ids for :func:`read_sample`.

    Args:
        known: stored id -> train id.
        void: stored ids that mean "no class"; 255 always does.

    Returns:
        (256,) int16; -1 for every id that is named in neither.
    """
    table = np.full(256, REFUSED, np.int16)
    table[[*void, VOID]] = VOID
    table[list(known)] = list(known.values())
    return table
