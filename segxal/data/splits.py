"""The three splits of a study."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from segxal.data import open_dataset
from segxal.data.base import Dataset, Frames, load_frames
from segxal.study.settings import Preset


@dataclass(frozen=True)
class Splits:
    """The three splits of a study in memory."""

    train: Frames
    val: Frames
    test: Frames

    def reported(self, preset: Preset) -> Frames:
        """The split whose scores are printed."""
        return self.test if preset.data.report == "test" else self.val


def open_sources(preset: Preset, data_root: str = "") -> list[Dataset]:
    """Open the three splits of a study; nothing is decoded, so this says early what is missing."""
    size = (preset.data.height, preset.data.width)
    rendered = preset.data.name == "streets"
    sources = []
    for split, count in zip(("train", "val", "test"), preset.data.counts, strict=True):
        options = {"count": count, "seed": preset.data.seed} if rendered else {}
        sources.append(open_dataset(preset.data.name, split, size, data_root, **options))
    return sources


@lru_cache(maxsize=2)
def open_splits(preset: Preset, data_root: str = "", cache: Path | None = None) -> Splits:
    """Load the three splits of a study; decoded images are kept in ``cache``."""
    return Splits(*(load_frames(source, cache) for source in open_sources(preset, data_root)))
