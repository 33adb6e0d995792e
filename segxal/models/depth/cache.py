"""Depth maps on disk: one file per image and network, checked when read."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from segxal.core.errors import DataInvalid
from segxal.storage.files import read_arrays, write_arrays


def cached_maps(folder: Path, images: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """Depth maps from ``folder``; only the images whose map is not there, or is damaged, are computed.

    The last bits of a map depend on the batch and the device it was made on; once made, it stays.

    Args:
        folder: the maps of one network.
        images: (N, 3, H, W) uint8.
        compute: maps images (n, 3, H, W) to depth (n, H, W) float32.

    Returns:
        (N, H, W) float32, on the device of the images.

    Raises:
        StorageError: if a new map cannot be written.
    """
    files = [folder / f"{image_key(image)}.npz" for image in images.cpu().numpy()]
    found = {
        k: values for k, file in enumerate(files) if (values := read_map(file, tuple(images.shape[2:]))) is not None
    }
    missing = [k for k in range(len(files)) if k not in found]
    if missing:
        for k, values in zip(missing, compute(images[missing]).float().cpu().numpy(), strict=True):
            write_map(files[k], values)
            found[k] = values
    return torch.from_numpy(np.stack([found[k] for k in range(len(files))])).to(images.device)


def image_key(image: np.ndarray) -> str:
    """SHA-256 of an image's shape and bytes, (3, H, W) uint8."""
    return hashlib.sha256(f"{image.shape}".encode() + np.ascontiguousarray(image).tobytes()).hexdigest()


def write_map(file: Path, values: np.ndarray) -> None:
    """Write a map (H, W) float32 with its checksum, atomically."""
    write_arrays(file, depth=values, sha256=_checksum(values))


def read_map(file: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """A map as it was written; None when there is none, or it is damaged or of another shape."""
    try:
        arrays = read_arrays(file)
    except (FileNotFoundError, DataInvalid):
        return None
    values, checksum = arrays.get("depth"), arrays.get("sha256")
    if values is None or checksum is None or values.shape != shape or values.dtype != np.float32:
        return None
    return values if np.array_equal(checksum, _checksum(values)) else None


def _checksum(values: np.ndarray) -> np.ndarray:
    return np.frombuffer(hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest(), dtype=np.uint8)
