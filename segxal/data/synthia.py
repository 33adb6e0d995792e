"""SYNTHIA-RAND-CITYSCAPES: rendered streets with 16 of Cityscapes' classes, a source for adaptation."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from segxal.core.errors import DataInvalid, DataMissing
from segxal.core.labels import CITYSCAPES
from segxal.data.rendered import Rendered

# Ids of SYNTHIA to train ids of Cityscapes; terrain, truck and train have ids but hardly a pixel.
TRAIN_IDS = {
    3: 0, 4: 1, 2: 2, 21: 3, 5: 4, 7: 5, 15: 6, 9: 7, 6: 8, 16: 9, 1: 10, 10: 11, 17: 12, 8: 13, 18: 14, 19: 15, 20: 16,
    12: 17, 11: 18,
}  # fmt: skip
# Classes over which scores on Cityscapes are averaged after training on SYNTHIA.
PROTOCOL_16 = tuple(name for name in CITYSCAPES.names if name not in ("terrain", "truck", "train"))
PROTOCOL_13 = tuple(name for name in PROTOCOL_16 if name not in ("wall", "fence", "pole"))


class Synthia(Rendered):
    """SYNTHIA-RAND-CITYSCAPES: 9,400 rendered images of 1280 x 760, resized to any size.

    Layout, in ``<root>/synthia``, ``<root>/RAND_CITYSCAPES`` or the root itself: ``RGB/0000000.png`` and
    ``GT/LABELS/0000000.png``, 16-bit PNG of three channels, the first of which holds the class. There are no
    sequences, and the depth maps are not read.

    Labels are those of Cityscapes, 19 of them, so that source and target share one label space; scores are averaged
    over :data:`PROTOCOL_16` or :data:`PROTOCOL_13`.

    Splits: as in :class:`segxal.data.gta5.Gta5`.

    Args and errors: see :class:`segxal.data.images.ImageFiles`.

    Source: Ros et al., "The SYNTHIA dataset", CVPR 2016; ids as in ESL and STAL.
    Departure: labels are resized by the nearest pixel; STAL resizes them bilinearly, which invents ids at edges. STAL
    maps the source to 16 ids beside a target of 19, so that ids 9 to 15 mean other classes in the two; here they agree.
    """

    name = "synthia"
    folders = ("synthia", "RAND_CITYSCAPES")
    marks = ("RGB", "GT")
    images, labels = "RGB", "GT/LABELS"
    known, ids = TRAIN_IDS, range(23)
    layout = "RGB/ and GT/LABELS/ with files of the same names"
    how_to_get = (
        "Download SYNTHIA-RAND-CITYSCAPES (CVPR16) from https://synthia-dataset.net/downloads/, unzip it, rename its "
        "folder to synthia/ and name the folder above it by --data-root or $SEGXAL_DATA"
    )
    counts: ClassVar[dict[str, int]] = {"train": 9024, "val": 188, "test": 188}

    @classmethod
    def read_labels(cls, path: Path) -> np.ndarray:
        """The first channel of a 16-bit PNG of three channels.

        Args:
            path: the label file.

        Returns:
            (H, W) int64 ids as stored.

        Raises:
            DataMissing: if there is no such file.
            DataInvalid: if it is corrupt, or not a 16-bit PNG of three channels.
        """
        import cv2  # Pillow drops the lower eight bits of such files

        if not path.is_file():
            raise DataMissing(f"{path} not found; restore it or remove its image")
        pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None:
            raise DataInvalid(
                f"{path} cannot be read as a PNG; copy or download it again, or remove it together with its image"
            )
        if pixels.dtype != np.uint16 or pixels.ndim != 3:
            raise DataInvalid(
                f"{path} is {pixels.dtype} {pixels.shape}; expected the 16-bit labels of GT/LABELS with three "
                "channels, the first of which holds the class (not the pictures of GT/COLOR)"
            )
        return pixels[..., 2].astype(np.int64)  # OpenCV turns the order of the channels round
