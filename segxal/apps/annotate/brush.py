"""Brush strokes as Label Studio stores them: run lengths of an RGBA image, of which alpha says what is drawn."""

from typing import Any

import numpy as np

from segxal.core.errors import AnnotationError, ShapeError

CHANNELS = 4  # red, green, blue, alpha
DRAWN = 128  # alpha from which a pixel counts as drawn: a browser smooths the edge of a stroke to anything in between
HEADER_BITS = 32 + 5 + 4 * 4  # number of values, bits of a value, bits of the four run lengths
VALUE_BITS = 8
LONGEST = 4  # bytes: a run of a single value takes at most 1 + 2 + 16 + 8 bits


def encode(mask: np.ndarray) -> list[int]:
    """A mask as brush strokes, with the SDK's converter.

    Args:
        mask: (H, W) bool.

    Returns:
        Bytes as whole numbers, as Label Studio wants them in ``value.rle``.

    Raises:
        ShapeError: if the mask is not (H, W) bool.
    """
    from label_studio_sdk.converter.brush import mask2rle  # seconds of import that only annotating needs

    if mask.ndim != 2 or mask.dtype != bool:
        raise ShapeError(f"a mask of {mask.shape} {mask.dtype}; brush strokes need (H, W) bool")
    return mask2rle(mask.astype(np.uint8) * np.uint8(255))


def decode(rle: Any, height: int, width: int) -> np.ndarray:
    """Brush strokes as a mask, with the SDK's converter.

    The size that the strokes state is checked before anything is decoded, so that damaged or hostile strokes cost
    neither memory nor time.

    Args:
        rle: ``value.rle`` of a region: bytes as whole numbers.
        height: of the image as it was shown, pixels.
        width: of the image as it was shown, pixels.

    Returns:
        (H, W) bool: where alpha is at least 128.

    Raises:
        AnnotationError: if the strokes are cut off, of another size, too long, or not strokes at all.
    """
    from label_studio_sdk.converter.brush import decode_rle

    values = height * width * CHANNELS
    _check(rle, values, height, width)
    try:
        decoded = decode_rle(rle)
        # the converter reads a last value that is cut off as a smaller one; what follows it then makes a difference
        whole = np.array_equal(decoded, decode_rle([*rle, 255, 255, 255, 255]))
    except (ValueError, IndexError, OverflowError) as error:  # ran out of bits, or a run longer than the image
        raise AnnotationError(_damaged(rle)) from error
    if not whole:
        raise AnnotationError(_damaged(rle))
    return decoded.reshape(height, width, CHANNELS)[:, :, 3] >= DRAWN


def _damaged(rle: list[int]) -> str:
    return f"its brush strokes are cut off or damaged ({len(rle)} bytes); export the task again or redraw the region"


def _check(rle: Any, values: int, height: int, width: int) -> None:
    if not isinstance(rle, list) or not all(type(byte) is int and 0 <= byte <= 255 for byte in rle[: LONGEST * values]):
        raise AnnotationError("its brush strokes are not a list of bytes 0..255; export the task again")
    if len(rle) * 8 < HEADER_BITS:
        raise AnnotationError(_damaged(rle))
    stated = int.from_bytes(bytes(rle[:4]), "big")
    if stated != values:
        raise AnnotationError(
            f"its brush strokes state {stated} values, an image of {width} x {height} has {values}; "
            "annotate the image that segxal exported, at its own size"
        )
    if len(rle) > HEADER_BITS // 8 + 2 + LONGEST * values:
        raise AnnotationError(f"its brush strokes have {len(rle)} bytes, far too many for {width} x {height} pixels")
    if (rle[4] >> 3) + 1 != VALUE_BITS:
        raise AnnotationError(f"its brush strokes have values of {(rle[4] >> 3) + 1} bits, expected {VALUE_BITS}")
