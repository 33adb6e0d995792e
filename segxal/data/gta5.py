"""GTA5 (Playing for Data): rendered streets with the labels of Cityscapes, a source for adaptation."""

from typing import ClassVar

from segxal.core.labels import CITYSCAPES_TRAIN_IDS
from segxal.data.rendered import Rendered


class Gta5(Rendered):
    """GTA5: 24,966 rendered images of 1914 x 1052, labelled like Cityscapes, resized to any size.

    Layout, in ``<root>/gta5``, ``<root>/GTA5`` or the root itself: ``images/00001.png`` and ``labels/00001.png``,
    palette or grey PNG that hold label ids of Cityscapes. There are no sequences and no depth.

    Splits: ``val`` and ``test`` are 500 of 24,966 images each (the same share of fewer), chosen by the hash of the
    name; ``train`` is the rest.

    Args and errors: see :class:`segxal.data.images.ImageFiles`.

    Source: Richter et al., "Playing for Data", ECCV 2016.
    Departure: AdvEnt, ESL, RIPU and STAL train on all images; here 4 % are held out, so that a network of the source
    alone can be judged on its own world.
    """

    name = "gta5"
    folders = ("gta5", "GTA5")
    marks = ("images", "labels")
    images, labels = marks
    foreign = ("classes.txt", "classes.json")  # a user's own images lie in folders of the same names
    known, ids = CITYSCAPES_TRAIN_IDS, range(35)  # 34 is the number plate
    layout = "images/ and labels/ with files of the same names"
    how_to_get = (
        "Download the ten parts of images and labels from https://download.visinf.tu-darmstadt.de/data/from_games/, "
        "unzip all into one folder gta5/ and name the folder above it by --data-root or $SEGXAL_DATA"
    )
    counts: ClassVar[dict[str, int]] = {"train": 23966, "val": 500, "test": 500}
