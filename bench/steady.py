"""Memory over a long stream of images through the EEM, and how fast streets are rendered."""

import gc
import statistics
from collections.abc import Callable

import psutil
import torch
from scene import Sizes, streets
from timer import Row, seconds
from torch import Tensor

from segxal.data import open_dataset
from segxal.data.base import Frames
from segxal.models.base import Network
from segxal.models.explain import error_masks
from segxal.models.settings import MaskConfig

GROWTH = 50.0  # MiB between the first tenth and the end; one image's maps alone, kept, would be more
CHUNK = 100


def memory(model: Network, sizes: Sizes, count: int) -> Row:
    """Growth of the resident memory while images pass through the EEM.

    Args:
        model: the network.
        sizes: the smaller image size is used.
        count: images in all.
    """

    def masks(images: Tensor, frames: Frames) -> None:
        for mask in error_masks(model, images, frames.depth, frames.classes, MaskConfig(depth="geometry"), "off"):
            mask.eem.max().item()

    return growth("memory growth over the EEM of a stream", sizes, count, masks)


def growth(name: str, sizes: Sizes, count: int, look: Callable[[Tensor, Frames], None]) -> Row:
    """Growth of the resident memory while images pass by; no image is seen twice.

    Args:
        name: of the row.
        sizes: the smaller image size is used.
        count: images in all, at most :data:`CHUNK` times the width of an image.
        look: what is done with (n, 3, H, W) uint8 images; the frames are those they were made of.
    """
    frames = streets(sizes.images[-1], min(CHUNK, count), "test")
    chunks = max(2, count // len(frames))
    process, resident = psutil.Process(), []
    for chunk in range(chunks):
        look(torch.roll(frames.images, chunk, 3), frames)  # another picture each time, made when it is needed
        gc.collect()
        resident.append(process.memory_info().rss / 2**20)
    tenth = max(1, chunks // 10)
    grown = statistics.median(resident[-tenth:]) - statistics.median(resident[tenth : 2 * tenth])
    note = f"{chunks * len(frames)} images; resident {resident[0]:.0f} MiB after {len(frames)}, then {resident[-1]:.0f}"
    where = f"{sizes.images[-1][0]}x{sizes.images[-1][1]}"
    return Row(name, where, grown, None, None, GROWTH, "MiB", note)


def rendering(sizes: Sizes, repeats: int) -> Row:
    """Images per second of ``streets`` on one core, every ride new."""
    size, speeds = sizes.images[0], []
    for repeat in range(repeats):
        dataset = open_dataset("streets", "train", size, count=sizes.render, seed=1 + repeat)
        speeds.append(sizes.render / seconds(lambda split=dataset: [split[i] for i in range(len(split))]))
    where, target = f"{size[0]}x{size[1]}", 100.0 if size == (128, 256) else None
    return Row("rendering streets, one core", where, statistics.median(speeds), None, None, target, "images/s")
