"""What a frozen encoder says of images, computed once and memory-mapped from disk."""

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor, nn
from tqdm.auto import tqdm

from segxal.core.errors import DataInvalid
from segxal.models.device import device
from segxal.storage.files import read_json, replacing, write_json

VERSION = 1  # of what lies on disk
BATCH = 8  # images in one pass of the encoder
ROWS, INDEX = "features.npy", "index.json"


@dataclass(frozen=True)
class Maps:
    """Feature maps of N images, in place of the images.

    Attributes:
        maps: (N, K, h, w) float32 each, channels last, on the device; the finest first.
        size: (H, W) of the images.
    """

    maps: tuple[Tensor, ...]
    size: tuple[int, int]

    def __len__(self) -> int:
        """Number of images N."""
        return len(self.maps[0])


@dataclass(frozen=True)
class Store:
    """Feature maps of known images on disk, one row of float16 values per image.

    Attributes:
        place: its folder.
        rows: (M, D) float16, memory-mapped; D values are all maps of an image, channels last, the finest first.
        row_of: digest of an image (:func:`digest`) -> its row.
        shapes: (K, h, w) of each map.
    """

    place: Path
    rows: np.ndarray
    row_of: dict[str, int]
    shapes: tuple[tuple[int, int, int], ...]


class FrozenEncoder:
    """An encoder whose weights do not change, with the feature maps of the images it was told to keep.

    All networks of a process that have the same encoder share one object; copies of a network do too.

    Args:
        module: from normalised images (N, 3, H, W) to a list of maps, the finest first.
        key: names the module and its weights; feature maps on disk are kept under it.
    """

    def __init__(self, module: nn.Module, key: str) -> None:
        self.module = module.eval().requires_grad_(False).to(device()).to(memory_format=torch.channels_last)
        self.key = key
        self.stores: list[Store] = []

    def __deepcopy__(self, memo: dict[int, object]) -> "FrozenEncoder":
        """Itself: nothing in it changes but what it keeps."""
        return self

    @torch.no_grad()
    def maps(self, x: Tensor) -> tuple[Tensor, ...]:
        """Feature maps of normalised images (N, 3, H, W): float32 values that float16 can hold, as from disk.

        They are computed in float32 whatever the precision around them, so that they are the same in every setting.
        """
        with torch.autocast(x.device.type, enabled=False):
            found = self.module(x.float().contiguous(memory_format=torch.channels_last))
        return tuple(part.half().float().contiguous(memory_format=torch.channels_last) for part in found)

    def kept(self, images: Tensor) -> tuple[Tensor, ...] | None:
        """Feature maps of images (N, 3, H, W) uint8 from disk, on the device; None unless one store has them all."""
        if not self.stores or images.dtype != torch.uint8:
            return None
        digests = [digest(image) for image in images.cpu().numpy()]
        for store in self.stores:
            if all(one in store.row_of for one in digests):
                return read_rows(store, [store.row_of[one] for one in digests])
        return None

    def keep(
        self, images: Tensor, folder: Path, compute: Callable[[Tensor], tuple[Tensor, ...]], mirrored: bool = False
    ) -> None:
        """Have the feature maps of images on disk from now on; they are computed unless they are there.

        Args:
            images: (N, 3, H, W) uint8.
            folder: of all feature maps; a folder in it is named after the encoder and the images.
            compute: images (n, 3, H, W) uint8 -> their maps, as the network makes them.
            mirrored: whether the mirror images are kept too.

        Raises:
            DataInvalid: if what lies on disk is cut off or of other images.
            StorageError: if the disk is full; nothing half-written is used.
        """
        digests = [digest(image) for image in images.numpy()]
        words = json.dumps([self.key, digests, mirrored, VERSION])
        place = folder / f"{self.key}-{hashlib.sha256(words.encode()).hexdigest()[:16]}"
        if any(store.place == place for store in self.stores):
            return
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{place}.lock"):  # of several processes that want them one computes, the others wait
            if not place.is_dir():
                views = [images, images.flip(-1)] if mirrored else [images]
                with replacing(place) as temporary:
                    write_store(temporary, views, compute)
        self.stores.append(open_store(place, digests))


def write_store(place: Path, views: Sequence[Tensor], compute: Callable[[Tensor], tuple[Tensor, ...]]) -> None:
    """Compute and write a store, batch after batch (memory stays flat).

    Args:
        place: the folder to make.
        views: (N, 3, H, W) uint8 each.
        compute: images -> their maps.
    """
    place.mkdir(parents=True)
    chunks = [chunk for view in views for chunk in view.split(BATCH)]
    digests, shapes = [], []
    with (place / ROWS).open("wb") as handle:  # not a memory map, which dies by a signal when the disk is full
        for chunk in tqdm(chunks, desc="features", leave=False, mininterval=1):
            found = compute(chunk)
            shapes = [[int(side) for side in part.shape[1:]] for part in found]
            flat = [part.half().permute(0, 2, 3, 1).flatten(1) for part in found]
            handle.write(torch.cat(flat, 1).cpu().numpy().tobytes())
            digests += [digest(image) for image in chunk.numpy()]
    write_json(place / INDEX, {"shapes": shapes, "images": digests})


def open_store(place: Path, digests: Sequence[str]) -> Store:
    """Feature maps on disk; nothing is read but the index.

    Args:
        place: the folder.
        digests: of images that must be in it.

    Raises:
        DataInvalid: if the file is cut off, or the images are others.
    """
    index = read_json(place / INDEX)
    shapes, names = tuple(tuple(shape) for shape in index["shapes"]), index["images"]
    width = sum(math.prod(shape) for shape in shapes)
    size, wanted = (place / ROWS).stat().st_size, 2 * width * len(names)
    if size != wanted or not set(digests) <= set(names):
        what = f"{size} bytes, expected {wanted}" if size != wanted else "other images than its name says"
        raise DataInvalid(f"the feature maps in {place} hold {what}; delete this folder to have them made again")
    rows = np.memmap(place / ROWS, np.float16, "r", shape=(len(names), width))
    return Store(place, rows, {name: row for row, name in enumerate(names)}, shapes)


def read_rows(store: Store, rows: Sequence[int]) -> tuple[Tensor, ...]:
    """Feature maps of some images of a store: (N, K, h, w) float32 each, channels last, on the device."""
    values = torch.from_numpy(store.rows[list(rows)]).to(device())
    parts = values.split([math.prod(shape) for shape in store.shapes], dim=1)
    return tuple(
        part.float().view(len(rows), h, w, k).permute(0, 3, 1, 2)
        for part, (k, h, w) in zip(parts, store.shapes, strict=True)
    )


def digest(image: np.ndarray) -> str:
    """Names an image (3, H, W) uint8 by its shape and bytes."""
    return hashlib.blake2b(
        np.ascontiguousarray(image).tobytes() + repr(image.shape).encode(), digest_size=16
    ).hexdigest()
