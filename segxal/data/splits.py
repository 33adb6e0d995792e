"""The three splits of a study."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from segxal.data import open_dataset
from segxal.data.base import Dataset, Frames, load_frames
from segxal.data.settings import DataConfig


@dataclass(frozen=True)
class Splits:
    """The three splits of a study in memory; ``report`` names the one whose scores are printed."""

    train: Frames
    val: Frames
    test: Frames
    report: Literal["val", "test"] = "test"

    @property
    def reported(self) -> Frames:
        """The split whose scores are printed."""
        return self.test if self.report == "test" else self.val


def open_sources(data: DataConfig, data_root: str = "") -> list[Dataset]:
    """Open the three splits of a study; nothing is decoded, so this says early what is missing."""
    size = (data.height, data.width)
    rendered = data.name == "streets"
    sources = []
    for split, count in zip(("train", "val", "test"), data.counts, strict=True):
        options = {"count": count, "seed": data.seed} if rendered else {}
        sources.append(open_dataset(data.name, split, size, data_root, **options))
    return sources


@lru_cache(maxsize=2)
def open_splits(data: DataConfig, data_root: str = "", cache: Path | None = None) -> Splits:
    """Load the three splits of a study; decoded images are kept in ``cache``."""
    train, val, test = (load_frames(source, cache) for source in open_sources(data, data_root))
    return Splits(train, val, test, data.report)
