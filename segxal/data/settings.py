"""Settings of the data: which images, at what size."""

from dataclasses import dataclass
from typing import Literal

from segxal.core.ranges import MOST, require_count


@dataclass(frozen=True)
class DataConfig:
    """Which images, at what size."""

    name: Literal["streets", "camvid", "cityscapes", "gta5", "synthia", "folder"] = "streets"
    height: int = 64  # pixels, every image is resized to it
    width: int = 128  # pixels
    counts: tuple[int, int, int] = (160, 40, 80)  # streets only: images in train, val, test
    seed: int = 0  # streets only: seed of the rendered world; the same for all runs of a study
    report: Literal["val", "test"] = "test"  # the split whose scores are printed

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("height", "width"):
            require_count(name, getattr(self, name), 8, 16_384)
        for count in self.counts:
            require_count("counts", count)
        require_count("seed", self.seed, 0, MOST)
