"""The three splits of a study, and the images of another world that it may learn from."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from segxal.core.labels import Classes
from segxal.data import open_dataset
from segxal.data.base import Dataset, Frames, load_frames
from segxal.data.settings import DataConfig
from segxal.data.source import Source


@dataclass(frozen=True)
class Splits:
    """The three splits of a study in memory.

    Attributes:
        train: the images of the pool.
        val: the validation split.
        test: the test split.
        report: names the split whose scores are printed.
        source: labelled images of another world, in the classes of the others; None where the study names none.
    """

    train: Frames
    val: Frames
    test: Frames
    report: Literal["val", "test"] = "test"
    source: Frames | None = None

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


def open_source(data: DataConfig, target: Classes, data_root: str = "") -> Source | None:
    """Open the images of another world that a study names; None where it names none. Nothing is decoded.

    Rendered streets are of another town than those a target of streets has: their seed is one higher.

    Args:
        data: the settings.
        target: the classes that their labels are mapped to.
        data_root: folder that holds the data sets.

    Raises:
        ConfigError, DataMissing, DataInvalid: as :func:`segxal.data.open_dataset` and
            :class:`segxal.data.source.Source`.
    """
    if not data.source:
        return None
    rendered = data.source == "streets"
    options = {"count": data.source_images, "seed": data.seed + 1} if rendered else {}
    dataset = open_dataset(data.source, "train", (data.height, data.width), data_root, **options)
    return Source(dataset, target, 0 if rendered else data.source_images)


@lru_cache(maxsize=2)
def open_splits(data: DataConfig, data_root: str = "", cache: Path | None = None) -> Splits:
    """Load the three splits of a study; decoded images are kept in ``cache``."""
    train, val, test = (load_frames(part, cache) for part in open_sources(data, data_root))
    source = open_source(data, train.classes, data_root)
    return Splits(train, val, test, data.report, None if source is None else load_frames(source, cache))
