"""What the bench works on: rendered streets and a U-Net trained just enough to predict many classes."""

from dataclasses import dataclass

import torch

from segxal.core.seeds import generator
from segxal.data import open_dataset
from segxal.data.base import Frames, load_frames
from segxal.models import build_model
from segxal.models.base import Network
from segxal.models.settings import ModelConfig
from segxal.training.engine import fit
from segxal.training.settings import TrainConfig
from segxal.training.task import Task


@dataclass(frozen=True)
class Sizes:
    """How much the bench does.

    Attributes:
        images: (H, W) of the images, the larger first.
        base: width of the U-Net.
        wide: width of the wide U-Net of the precision rows.
        batch: images per batch, ours and in training.
        steps: optimiser steps of the short training and of each timed training.
        stream: images that go through the EEM for the memory row.
        render: images that are rendered for the rendering row.
        pool: images that the strategies score.
        features: features that Core-Set picks from.
        frozen: (H, W) of the images that a frozen encoder sees.
        browser: whether keys are pressed in a browser, where there is one.
    """

    images: tuple[tuple[int, int], ...]
    base: int
    wide: int
    batch: int
    steps: int
    stream: int
    render: int
    pool: int
    features: int
    frozen: tuple[int, int]
    browser: bool


FULL = Sizes(
    ((128, 256), (96, 128)), base=16, wide=64, batch=8, steps=100, stream=5000, render=64, pool=1000, features=5000,
    frozen=(360, 480), browser=True,
)  # fmt: skip
SMALL = Sizes(
    ((32, 64),), base=4, wide=8, batch=2, steps=4, stream=40, render=4, pool=14, features=120, frozen=(32, 64),
    browser=False,
)  # fmt: skip


def streets(size: tuple[int, int], count: int, split: str = "train") -> Frames:
    """Rendered streets in memory."""
    return load_frames(open_dataset("streets", split, size, count=count, seed=0))


def briefly_trained(sizes: Sizes) -> Network:
    """A U-Net after a short training at the smaller size."""
    config = ModelConfig("unet", base=sizes.base)
    size = sizes.images[-1]
    frames, val = streets(size, 10 * sizes.batch), streets(size, 2, "val")
    model = build_model(config, len(frames.classes), generator(0, "bench", "weights"))
    settings = TrainConfig(steps=sizes.steps, cycle_steps=1, batch=sizes.batch, evaluations=1, amp="off")
    everything, random = tuple(range(len(frames))), generator(0, "bench", "train")
    return fit(model, Task(frames, everything, frames.labels, val, sizes.steps, random), settings).model


def predicted(model: Network, x: torch.Tensor) -> torch.Tensor:
    """(N, H, W) predicted classes of normalised images."""
    with torch.no_grad():
        return model(x).argmax(1)
