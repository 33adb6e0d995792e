"""Settings of the data: which images, at what size."""

from dataclasses import dataclass
from typing import Literal

from segxal.core.ranges import MOST, require, require_count, require_most


@dataclass(frozen=True)
class DataConfig:
    """Which images, at what size."""

    name: Literal["streets", "camvid", "cityscapes", "gta5", "synthia", "folder"] = "streets"
    height: int = 64  # pixels, every image is resized to it
    width: int = 128  # pixels
    counts: tuple[int, int, int] = (160, 40, 80)  # streets only: images in train, val, test
    seed: int = 0  # streets only: seed of the rendered world; the same for all runs of a study
    source: Literal["", "streets", "gta5", "synthia"] = ""  # labelled images of another world; empty = none
    source_images: int = 300  # of the source that are used; 0 = all, not for streets
    report: Literal["val", "test"] = "test"  # the split whose scores are printed

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("height", "width"):
            require_count(name, getattr(self, name), 8, 16_384)
        for count in self.counts:
            require_count("counts", count)
        require_count("seed", self.seed, 0, MOST)
        least = 1 if self.source == "streets" else 0
        require(
            self.source_images >= least,
            f"source_images = {self.source_images}; give {least} or more" + (" (0: all)" if not least else ""),
        )
        require_most("source_images", self.source_images, MOST)
