"""Cityscapes through torchvision's data set class: 19 classes, stereo disparity as depth."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from segxal.core.errors import DataInvalid
from segxal.core.labels import CITYSCAPES, CITYSCAPES_TRAIN_IDS, Classes
from segxal.data.images import Item, id_table
from segxal.data.listing import ImageFiles, Listing, by_hash, unpaired

# 300 of the 2975 official training images are our val; a smaller tree gives the same share.
HELD_OUT, OFFICIAL_TRAIN = 300, 2975
LABEL_IDS = range(34)


class Cityscapes(ImageFiles):
    """Cityscapes, fine annotations, resized to any size.

    Layout, in ``<root>/cityscapes``, ``<root>/Cityscapes`` or the root itself:
    ``leftImg8bit/<split>/<city>/*_leftImg8bit.png``, ``gtFine/<split>/<city>/*_gtFine_labelIds.png`` and, for
    depth, ``disparity/<split>/<city>/*_disparity.png``. The sequence of an image is its city.

    Splits: ``train`` and ``val`` divide the official train split (2675 and 300 images, the same share of every
    city, see :func:`held_out`); ``test`` is the official val split (500), the one that is reported. The official
    test split has no public labels.

    Depth is relative inverse depth: inverse depth is proportional to the disparity d = (p - 1) / 256 pixels of a
    stored value p > 0, and is d / 128 here for every image alike; p = 0 (not measured) is NaN. Without a folder
    ``disparity/<official split>/`` depth is None.

    Args and errors: see :class:`segxal.data.images.ImageFiles`.

    Source: Cordts et al., CVPR 2016; label ids of cityscapesScripts.
    Departure: SegXAL says "validation 300, test 500" of a set that has 2975 / 500 / 1525 images; we hold out 300 of
    train and report on the official val, as DEAL does.
    """

    name = "cityscapes"
    folders = ("cityscapes", "Cityscapes")
    marks = ("leftImg8bit", "gtFine")
    layout = "leftImg8bit/<split>/<city>/ and gtFine/<split>/<city>/ (disparity/<split>/<city>/ for depth)"
    how_to_get = (
        "Register at https://www.cityscapes-dataset.com, download leftImg8bit_trainvaltest.zip, "
        "gtFine_trainvaltest.zip and, for depth, disparity_trainvaltest.zip, unzip all into one folder cityscapes/ "
        "and name the folder above it by --data-root or $SEGXAL_DATA"
    )
    counts: ClassVar[dict[str, int]] = {"train": 2675, "val": 300, "test": 500}

    @classmethod
    def read_classes(cls, folder: Path) -> tuple[Classes, np.ndarray]:
        """The 19 classes; label ids 0..33 without a train id are void, others refused."""
        return CITYSCAPES, id_table(CITYSCAPES_TRAIN_IDS, void=LABEL_IDS)

    @classmethod
    def list_split(cls, folder: Path, split: str) -> Listing:
        """List our split: part of the official train split, or the official val split.

        Raises:
            DataMissing: if a folder of the official split is not there or holds no image.
            DataInvalid: if a file lies where a city's folder is expected.
        """
        official = "val" if split == "test" else "train"
        found, problems = _official(cls, folder, official)
        if split != "test":
            kept = held_out([item.id for item in found])
            found = [item for item in found if (item.id in kept) == (split == "val")]
        if not found and not problems:
            raise cls.lacks(folder, f"leftImg8bit/{official} has no image for our split {split}")
        return Listing(tuple(found), tuple(problems))


def _official(cls: type[Cityscapes], folder: Path, official: str) -> tuple[list[Item], list[str]]:
    from torchvision import datasets  # seconds of import that only Cityscapes needs

    for part in ("leftImg8bit", "gtFine"):
        # torchvision would unpack the archives by itself here; eleven gigabytes are the user's to unpack.
        if not (folder / part / official).is_dir():
            raise cls.lacks(folder, f"there is no folder {part}/{official}")
    try:
        source = datasets.Cityscapes(str(folder), official, mode="fine", target_type="semantic")
    except NotADirectoryError as error:
        raise DataInvalid(f"{error.filename} is a file, expected one folder per city; remove it") from error
    depth_folder = folder / "disparity" / official
    has_depth = depth_folder.is_dir()
    items: list[Item] = []
    without: dict[str, list[str]] = {"label": [], "disparity": []}
    for image, (labels,) in zip(map(Path, source.images), source.targets, strict=True):
        if not image.name.endswith("_leftImg8bit.png") or image.name.startswith("."):
            continue
        city, name = image.parent.name, image.name.removesuffix("_leftImg8bit.png")
        disparity = depth_folder / city / f"{name}_disparity.png" if has_depth else None
        if not Path(labels).is_file():
            without["label"].append(name)
        elif disparity and not disparity.is_file():
            without["disparity"].append(name)
        else:
            items.append(Item(name, image, Path(labels), disparity, city))
    problems = unpaired("image", "label (gtFine)", without["label"], folder / "leftImg8bit" / official)
    problems += unpaired("image", "disparity", without["disparity"], folder / "leftImg8bit" / official)
    return sorted(items, key=lambda item: item.id), problems + _orphans(folder, official, items, without["disparity"])


def _orphans(folder: Path, official: str, items: list[Item], others: list[str]) -> list[str]:
    end = "_gtFine_labelIds.png"
    names = {path.name.removesuffix(end) for path in (folder / "gtFine" / official).glob(f"*/[!.]*{end}")}
    return unpaired("label", "image", names - {item.id for item in items} - set(others), folder / "gtFine" / official)


def held_out(names: list[str]) -> set[str]:
    """The images of the official train split that are our val split.

    Args:
        names: image names, ``<city>_<sequence>_<frame>``.

    Returns:
        300 of 2975 names, or the same share of fewer (at least one of two). Every city gives its share (largest
        remainder); within a city the hash of the name decides, so the choice is the same everywhere, always.
    """
    cities: dict[str, list[str]] = {}
    for name in names:
        cities.setdefault(name.split("_")[0], []).append(name)
    wanted = max(round(HELD_OUT * len(names) / OFFICIAL_TRAIN), min(1, len(names) - 1))
    exact = {city: wanted * len(members) / len(names) for city, members in cities.items()}
    quota = {city: int(share) for city, share in exact.items()}
    by_remainder = sorted(cities, key=lambda city: (quota[city] - exact[city], city))
    for city in by_remainder[: wanted - sum(quota.values())]:
        quota[city] += 1
    return {name for city, members in cities.items() for name in by_hash(members)[: quota[city]]}
