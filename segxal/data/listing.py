"""Data sets made of image files: what they have in common."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from segxal.core.errors import ConfigError, DataInvalid, DataMissing
from segxal.core.labels import Classes
from segxal.data.base import Sample
from segxal.data.finding import IMAGE_SUFFIXES, composed, some
from segxal.data.images import Item, read_sample
from segxal.storage.paths import data_roots

SPLITS = ("train", "val", "test")
LOOKED_AT = 500  # files that are opened for remarks when a study begins
READING = 2  # how files become samples; samples kept from another way are read again


@dataclass(frozen=True)
class Listing:
    """The files of one split.

    Attributes:
        items: what can be read, sorted by id.
        problems: what is wrong with the names (image without label, ...), one sentence each.
    """

    items: tuple[Item, ...]
    problems: tuple[str, ...] = field(default=())


def read_words(path: Path) -> str:
    """Content of a list or classes file.

    Raises:
        DataInvalid: if it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataInvalid(f"{path} is not UTF-8 text ({error.reason}); save it as UTF-8") from error


def without_suffix(name: str) -> str:
    """The name of an image as in :func:`segxal.data.finding.find_files`, whether or not written with its suffix."""
    return composed(name[: name.rindex(".")] if name.lower().endswith(IMAGE_SUFFIXES) else name)


def unpaired(kind: str, partner: str, names: Iterable[str], folder: Path) -> list[str]:
    """One sentence about all files of ``kind`` in ``folder`` whose ``partner`` is missing, or no sentence."""
    missing = sorted(names)
    if not missing:
        return []
    return [
        f"{folder}: {len(missing)} {kind}(s) without {partner}: {some(missing)}. "
        "Copy what is missing, or remove these files"
    ]


def by_hash(names: Iterable[str]) -> list[str]:
    """Names in an order that looks random, is the same everywhere, and hardly moves when names are added."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())


class ImageFiles:
    """A split of a data set made of image files; a sub-class says where its files lie.

    Args:
        split: ``train``, ``val`` or ``test``.
        size: (H, W) of every sample.
        data_root: folder to look in; empty for ``$SEGXAL_DATA`` and ``../shared``.

    Raises:
        ConfigError: if ``split`` or ``size`` is not valid.
        DataMissing: if the data set or the split is not there.
        DataInvalid: if image files and label files do not pair up. Their content is checked on reading.
    """

    name: str
    folders: ClassVar[tuple[str, ...]]  # names it may have below the root
    marks: ClassVar[tuple[str, ...]]  # folders by which it is recognised
    foreign: ClassVar[tuple[str, ...]] = ()  # files by which a folder is another data set's in spite of its marks
    layout: ClassVar[str]
    how_to_get: ClassVar[str]
    counts: ClassVar[dict[str, int]]  # images per split of the complete data set; empty when any number will do

    def __init__(self, split: str, size: tuple[int, int], data_root: str | Path = "") -> None:
        """Find the split; nothing is decoded yet."""
        if split not in SPLITS:
            raise ConfigError(f"unknown split {split!r} of {self.name}; choose one of {', '.join(SPLITS)}")
        if len(size) != 2 or min(size) < 1:
            raise ConfigError(f"size {size!r} of {self.name} is not usable; give (height, width), both >= 1")
        self.split = split
        self.size = (int(size[0]), int(size[1]))
        self.folder = self.locate(data_root)
        self.classes, self.train_ids = self.read_classes(self.folder)
        listing = self.list_split(self.folder, split)
        if listing.problems:
            raise DataInvalid("; ".join(listing.problems))
        self.items = listing.items
        self.fingerprint = self._fingerprint()

    @classmethod
    def locate(cls, data_root: str | Path = "") -> Path:
        """Folder of the data set: the first that has all its marks, else the first that has any or its name.

        Raises:
            DataMissing: if no folder has any; says what was looked for, where, and how to get it.
        """
        roots = data_roots(data_root)
        named = [root / name for root in roots for name in cls.folders]
        candidates = [*named, *roots]
        ours = [folder for folder in candidates if not any((folder / name).is_file() for name in cls.foreign)]
        for folder in ours:
            if all((folder / mark).is_dir() for mark in cls.marks):
                return folder
        for folder in ours:
            if any((folder / mark).is_dir() for mark in cls.marks) or (folder in named and folder.is_dir()):
                return folder
        raise DataMissing(
            f"{cls.name} was not found: none of {', '.join(map(str, candidates))} holds {cls.layout}. {cls.how_to_get}"
        )

    @classmethod
    def read_classes(cls, folder: Path) -> tuple[Classes, np.ndarray]:
        """Classes of the data set in ``folder`` and its table of train ids, see :func:`segxal.data.images.id_table`."""
        raise NotImplementedError

    @classmethod
    def list_split(cls, folder: Path, split: str) -> Listing:
        """Files of one split.

        Raises:
            DataMissing: if the split is not there or empty.
        """
        raise NotImplementedError

    @classmethod
    def passed_over(cls, folder: Path) -> list[str]:
        """What lies in ``folder`` and is not read, one sentence each; looks at names alone."""
        return []

    @classmethod
    def remarks(cls, folder: Path, most: int = LOOKED_AT) -> list[str]:
        """What can be read and looks wrong, one sentence each; opens at most ``most`` files of a kind."""
        return []

    @classmethod
    def lacks(cls, folder: Path, what: str) -> DataMissing:
        """The error for half a data set: ``what`` was looked for in ``folder`` and is not there."""
        return DataMissing(f"{cls.name} in {folder} is incomplete: {what}. Expected {cls.layout}. {cls.how_to_get}")

    def __len__(self) -> int:
        """Number of images."""
        return len(self.items)

    def __getitem__(self, index: int) -> Sample:
        """The ``index``-th sample, decoded and resized.

        Raises:
            DataInvalid: see :func:`read_sample`.
        """
        return read_sample(self.items[index], self.classes, self.train_ids, self.size)

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(repr((READING, self.name, self.split, self.size, self.classes.names)).encode())
        for item in self.items:
            digest.update(repr((item.id, item.sequence)).encode())
            for path in (item.image, item.labels, item.disparity):
                if path:
                    status = path.stat()
                    digest.update(f"{path.relative_to(self.folder)} {status.st_size} {status.st_mtime_ns}".encode())
        return f"{self.name}-{self.split}-{digest.hexdigest()[:24]}"
