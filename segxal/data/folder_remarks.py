"""What is said about a user's own images though nothing is wrong with a file: passed over, turned, without a pixel."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from segxal.core.errors import DataInvalid, DataMissing
from segxal.core.labels import VOID, Classes
from segxal.data.finding import IMAGE_SUFFIXES, LABEL_SUFFIXES, Found, find_files, some
from segxal.data.images import DAMAGED, read_ids
from segxal.data.listing import SPLITS, without_suffix

KNOWN = ("images", "labels", "splits")
UPRIGHT, HALF_TURNS = 1, (2, 3, 4)  # values of the EXIF orientation; the latter keep height and width


def passed_over(folder: Path) -> list[str]:
    """Files and links below a user's folder that are not read, one sentence for each place and reason.

    Args:
        folder: holds ``images/`` and the rest, see :class:`segxal.data.folder.Folder`.

    Raises:
        DataInvalid: as :func:`segxal.data.finding.find_files`.
    """
    images, labels = find_files(folder / "images"), find_files(folder / "labels", LABEL_SUFFIXES)
    lossy = set(lossy_labels(labels))
    lists = [path.name for path in _entries(folder / "splits") if path.stem not in SPLITS or path.suffix != ".txt"]
    unlisted = sorted(images.files.keys() - _listed(folder / "splits")) if (folder / "splits").is_dir() else []
    beside = [path.name for path in _entries(folder) if path.suffix.lower() in IMAGE_SUFFIXES]
    both = (folder / "classes.txt").is_file() and (folder / "classes.json").is_file()
    found = {
        "images/: not a kind of image that is read": sorted(images.others),
        "labels/: not a kind of label that is read": sorted(set(labels.others) - lossy),
        "images/: cannot be used": list(images.unusable),
        "labels/: cannot be used": list(labels.unusable),
        "splits/: only train.txt, val.txt and test.txt are read": sorted(lists),
        "images/: in none of the lists of splits/": unlisted,
        "pictures beside images/; put them into it": sorted(beside),
        "classes.txt is read": ["classes.json"] if both else [],
    }
    return [f"{folder}: {len(names)} passed over, {why}: {some(names)}" for why, names in found.items() if names]


def _entries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []


def _listed(folder: Path) -> set[str]:
    """Names in the lists; a list that cannot be read is a problem and said elsewhere."""
    lines: list[str] = []
    for split in SPLITS:
        file = folder / f"{split}.txt"
        lines += file.read_text(encoding="utf-8-sig", errors="replace").splitlines() if file.is_file() else []
    return {without_suffix(line.strip().removeprefix("images/")) for line in lines}


def lossy_labels(labels: Found) -> list[str]:
    """Label files of a kind that changes ids (JPEG, WebP), of images that have no other label."""
    pictures = {name: name[: name.rindex(".")] for name in labels.others if name.lower().endswith(IMAGE_SUFFIXES)}
    return sorted(name for name, stem in pictures.items() if stem not in labels.files)


def turned(images: dict[str, Path], folder: Path) -> list[str]:
    """One sentence about images with labels that a camera noted to be turned so that height and width stay.

    Args:
        images: of which labels exist: name -> file.
        folder: of the data set, for the sentence.
    """
    names = sorted(name for name, path in images.items() if _keeps_size(path))
    if not names:
        return []
    return [
        f"{folder}: {len(names)} image(s) with labels were taken upside down or mirrored (EXIF orientation) and are "
        f"turned upright: {some(names)}. Their labels must be drawn on the upright picture; look at one"
    ]


def _keeps_size(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            orientation = picture.getexif().get(ExifTags.Base.Orientation, UPRIGHT)
            square = picture.width == picture.height
    except DAMAGED:  # said when the file is read
        return False
    return orientation in HALF_TURNS or (square and orientation not in (UPRIGHT, 0))


def absent(labels: Sequence[Path], classes: Classes, folder: Path) -> list[str]:
    """One sentence about classes without a pixel.

    Args:
        labels: label files; those that cannot be read are left out, they are said elsewhere.
        classes: of the data set.
        folder: of the data set, for the sentence.
    """
    seen: set[int] = set()
    wanted = set(range(len(classes)))
    for path in labels:
        try:
            seen |= {int(value) for value in np.unique(read_ids(path, classes))}
        except (DataInvalid, DataMissing):
            continue
        if wanted <= seen:
            return []
    missing = [f"{index} ({classes.names[index]})" for index in sorted(wanted - seen)]
    if not seen:
        return []
    mask = len(classes) == 2 and seen == {0, VOID}
    hint = f"; {VOID} is void and never learned: in a mask of 0 and {VOID}, write 1 for {VOID}" if mask else ""
    return [f"{folder}: no pixel of class {some(missing)} in {len(labels)} label files{hint}"]
