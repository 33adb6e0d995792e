"""Settings of the data: which images, at what size."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DataConfig:
    """Which images, at what size."""

    name: Literal["streets", "camvid", "cityscapes", "gta5", "synthia", "folder"] = "streets"
    height: int = 64  # pixels, every image is resized to it
    width: int = 128  # pixels
    counts: tuple[int, int, int] = (160, 40, 80)  # streets only: images in train, val, test
    seed: int = 0  # streets only: seed of the rendered world; the same for all runs of a study
    report: Literal["val", "test"] = "test"  # the split whose scores are printed
