"""Images in any form as one batch of bytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from segxal.core.errors import DataInvalid, ShapeError
from segxal.data.images import as_rgb, read_image, resize_image

One: TypeAlias = Tensor | np.ndarray | Image.Image | str | Path
Images: TypeAlias = One | Sequence[One]
WANTED = "expected (3, H, W), (H, W, 3), N of either, or grey (H, W); RGB, as bytes 0..255 or floats in [0, 1]"

ROUNDING = 1e-4  # by which floats may lie outside [0, 1] after a resize


def read_images(images: Images, size: tuple[int, int] | None = None) -> Tensor:
    """Images as one tensor.

    Args:
        images: a tensor or an array, (3, H, W), (H, W, 3), N of either, or grey (H, W); a picture of Pillow; the path
            of an image file; or a list of these. Integers are 0..255, floats in [0, 1], not normalised.
        size: (height, width) to which they are resized, bilinear with antialiasing; None keeps theirs.

    Returns:
        (N, 3, H, W) uint8 on the CPU, RGB; floats are rounded to a 255th.

    Raises:
        ShapeError: if an array has another form, or the images differ in size and ``size`` is not given.
        DataInvalid: if a value is NaN or out of range, a file cannot be read, or there is no image.
        DataMissing: if there is no such file.
    """
    several = images if isinstance(images, (list, tuple)) else [images]
    found = [picture for place, image in enumerate(several) for picture in _pictures(image, f"image {place}")]
    if not found:
        raise DataInvalid("there are no images; give at least one")
    shapes = sorted({picture.shape[:2] for picture in found})
    if size is None and len(shapes) > 1:
        sizes = ", ".join(f"{height}x{width}" for height, width in shapes[:4])
        raise ShapeError(
            f"the images have {len(shapes)} sizes (height x width): {sizes}; give size=(height, width), or one by one"
        )
    batch = np.stack([resize_image(picture, size or shapes[0]) for picture in found])
    return torch.from_numpy(batch).permute(0, 3, 1, 2).contiguous()


def _pictures(image: One, name: str) -> list[np.ndarray]:
    """(H, W, 3) uint8 arrays."""
    if isinstance(image, Image.Image):
        try:
            return [as_rgb(ImageOps.exif_transpose(image), Path(name))]
        except OSError as error:  # Pillow reads a file when its pixels are wanted
            raise DataInvalid(f"{name} cannot be read: {error}; open the file again, or give its path") from error
    if isinstance(image, (str, Path)):
        if Path(image).is_dir():
            raise DataInvalid(f"{image} is a folder; give its files: sorted(Path({str(image)!r}).glob('*.png'))")
        return [read_image(Path(image))]
    if not isinstance(image, (Tensor, np.ndarray)):
        raise ShapeError(f"{name} is a {type(image).__name__}; give a tensor, an array, a Pillow picture or a path")
    first = isinstance(image, Tensor)  # tensors have the channel first where both ends could be it
    if isinstance(image, Tensor):
        image = image.detach().cpu()
        image = (image.float() if image.is_floating_point() else image).numpy()  # NumPy has no bfloat16
    return list(_bytes(_channels_last(image, first, name), name))


def _channels_last(values: np.ndarray, first: bool, name: str) -> np.ndarray:
    """(n, H, W, 3) of one image or of several."""
    if values.ndim == 2:
        values = np.repeat(values[..., None], 3, axis=2)
    elif values.ndim in (3, 4):
        axes = [axis for axis in (values.ndim - 3, values.ndim - 1) if values.shape[axis] == 3]
        if not axes:
            raise ShapeError(f"{name} is {values.shape}; {WANTED}")
        values = np.moveaxis(values, axes[0] if first else axes[-1], -1)
    if values.ndim not in (3, 4) or not values.size:
        raise ShapeError(f"{name} is {values.shape}; {WANTED}")
    return values if values.ndim == 4 else values[None]


def _bytes(values: np.ndarray, name: str) -> np.ndarray:
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "iuf":
        raise DataInvalid(f"{name} holds {values.dtype}; {WANTED}")
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(values).all():
        bad = [place for place, picture in enumerate(values) if not np.isfinite(picture).all()]
        raise DataInvalid(f"{name} holds NaN or infinite values (in {bad[:8]} of {len(values)}); {WANTED}")
    most = 1 if values.dtype.kind == "f" else 255
    if low < -ROUNDING or high > most + ROUNDING:
        raise DataInvalid(
            f"{name} holds {values.dtype} values from {low:.3g} to {high:.3g}; {WANTED}. Images are normalised here: "
            "give them before that (mean= and std= say how), and floats up to 255 divided by it"
        )
    return (values.clip(0, most) * (255 / most)).round().astype(np.uint8)
