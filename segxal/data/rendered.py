"""Rendered streets with labels of Cityscapes: sources for adaptation, which come without splits."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import numpy as np

from segxal.core.labels import CITYSCAPES, Classes
from segxal.data.finding import image_files
from segxal.data.images import Item, id_table, read_ids
from segxal.data.listing import ImageFiles, Listing, by_hash, unpaired

HELD_OUT = 500 / 24966  # share of each of val and test; 500 images of GTA5


class Rendered(ImageFiles):
    """Images and labels in two folders under the same names; a sub-class says which, and what the ids mean.

    Splits: ``val`` and ``test`` are 2 % each, chosen by the hash of the name; ``train`` is the rest.
    """

    images: ClassVar[str]  # folder of the images
    labels: ClassVar[str]  # folder of the labels
    known: ClassVar[dict[int, int]]  # stored id -> train id of Cityscapes
    ids: ClassVar[range]  # all ids that may occur; those that are not known are void

    @classmethod
    def read_classes(cls, folder: Path) -> tuple[Classes, np.ndarray]:
        """The 19 classes of Cityscapes; ids without a train id are void, others refused."""
        return CITYSCAPES, id_table(cls.known, void=cls.ids)

    @classmethod
    def read_labels(cls, path: Path) -> np.ndarray:
        """(H, W) ids of a label file as stored."""
        return read_ids(path)

    @classmethod
    def list_split(cls, folder: Path, split: str) -> Listing:
        """Pair images and labels by name, and take the split's share.

        Raises:
            DataMissing: if a folder is not there, or no image has a label.
            DataInvalid: if two files of one folder have the same name but for the suffix.
        """
        for part in (cls.images, cls.labels):
            if not (folder / part).is_dir():
                raise cls.lacks(folder, f"there is no folder {part}/")
        images, labels = image_files(folder / cls.images), image_files(folder / cls.labels, (".png",))
        both = images.keys() & labels.keys()
        if not both:
            raise cls.lacks(folder, f"{cls.images}/ and {cls.labels}/ have no file of the same name")
        problems = unpaired("image", f"label ({cls.labels}/)", images.keys() - both, folder / cls.images)
        problems += unpaired("label", f"image ({cls.images}/)", labels.keys() - both, folder / cls.labels)
        items = tuple(
            Item(name, images[name], labels[name], read=cls.read_labels) for name in source_split(both, split)
        )
        return Listing(items, tuple(problems))


def source_split(names: Iterable[str], split: str) -> list[str]:
    """The names of a split; ``val`` and ``test`` are 2 % each, at least one image of three.

    Args:
        names: of all images.
        split: ``train``, ``val`` or ``test``.

    Returns:
        Names, sorted. The hash of the names decides, so the choice is the same everywhere.
    """
    order = by_hash(names)
    held = max(1, round(HELD_OUT * len(order))) if len(order) > 2 else 0
    parts = {"val": order[:held], "test": order[held : 2 * held], "train": order[2 * held :]}
    return sorted(parts[split])
