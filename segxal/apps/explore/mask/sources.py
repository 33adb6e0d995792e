"""Where the image comes from that a person explores: a data set on this machine, or a file of their own."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from segxal.acquisition.strategies.base import Learner
from segxal.apps.explore.mask.maps import Subject
from segxal.core.errors import DataInvalid
from segxal.core.labels import VOID, Classes
from segxal.data import open_dataset, report
from segxal.data.base import Dataset, Frames, Sample
from segxal.data.images import decode_image, resize_image
from segxal.data.settings import DataConfig
from segxal.data.splits import open_splits
from segxal.study.settings import Preset

UPLOADED = "your image"
SMALLEST = 16  # pixels, shorter side of an uploaded image
LARGEST = 20_000_000  # bytes of an uploaded file
SPLITS = ("train", "val", "test")


def data_sets(preset: Preset, data_root: str = "") -> tuple[str, ...]:
    """Names of the data sets that are on this machine, the study's own first."""
    ready = [found.name for found in report(data_root) if found.state == "ready"]
    return (preset.data.name, *(name for name in ready if name != preset.data.name))


@lru_cache(maxsize=8)
def _dataset(preset: Preset, name: str, split: str, data_root: str) -> Dataset:
    """A split of another data set at the study's image size; nothing is decoded yet."""
    size = (preset.data.height, preset.data.width)
    counts = dict(zip(SPLITS, DataConfig().counts, strict=True))
    options = {"count": counts[split], "seed": 0} if name == "streets" else {}
    return open_dataset(name, split, size, data_root, **options)


def image_names(preset: Preset, name: str, split: str, data_root: str = "", cache: Path | None = None) -> list[str]:
    """Names of the images of a split; those of other data sets than the study's are read one by one when chosen.

    Raises:
        DataMissing: if the split is not there.
    """
    if name == preset.data.name:
        return list(getattr(open_splits(preset.data, data_root, cache), split).ids)
    data = _dataset(preset, name, split, data_root)
    return [f"{split} {index}" for index in range(len(data))]


def open_image(
    preset: Preset, name: str, split: str, index: int, data_root: str = "", cache: Path | None = None
) -> Frames:
    """One image of a data set, alone; see :func:`known_to` for the network that will see it.

    Args:
        preset: the study; its image size is taken.
        name: of the data set.
        split: ``train``, ``val`` or ``test``.
        index: position in the split.
        data_root: folder that holds the data sets.
        cache: folder of the study's decoded images.

    Raises:
        DataMissing: if the data set is not there.
        DataInvalid: if its files cannot be read.
    """
    if name == preset.data.name:
        return getattr(open_splits(preset.data, data_root, cache), split).select([index])
    data = _dataset(preset, name, split, data_root)
    return _frames(data[index], data.classes)


def read_upload(content: bytes, name: str, preset: Preset, classes: Classes) -> Frames:
    """A file that a person uploaded, at the study's image size (the aspect ratio follows), without labels and depth.

    Args:
        content: the file.
        name: its name, for messages.
        preset: the study.
        classes: the classes of the network that will see it.

    Raises:
        DataInvalid: if it is empty, too large, not a PNG or JPEG image, damaged, or smaller than 16 pixels.
    """
    if not content:
        raise DataInvalid(f"{name} is empty; choose a PNG or JPEG image")
    if len(content) > LARGEST:
        raise DataInvalid(
            f"{name} has {len(content) / 1e6:.1f} MB; the limit is {LARGEST / 1e6:.0f} MB: save a smaller one first"
        )
    try:
        image = decode_image(content, name)
    except DataInvalid as error:  # its words are for a file of a data set
        raise DataInvalid(f"{name} is not a PNG or JPEG image, or is damaged; choose another file") from error
    if min(image.shape[:2]) < SMALLEST:
        raise DataInvalid(
            f"{name} is {image.shape[1]} x {image.shape[0]} pixels; each side must have at least {SMALLEST}"
        )
    size = (preset.data.height, preset.data.width)
    labels = np.full(size, VOID, dtype=np.uint8)
    return _frames(Sample(name, resize_image(image, size), labels, labelled=False), classes)


def known_to(classes: Classes, frames: Frames) -> Frames:
    """The same images for a network of these classes.

    Labels of other classes are left out: they would not say which prediction is right.
    """
    if frames.classes.names == classes.names:
        return frames
    void = torch.full_like(frames.labels, VOID)
    return replace(frames, classes=classes, labels=void, labelled=(False,) * len(frames))


def subject_of(name: str, frames: Frames, network: str, learner: Learner) -> Subject:
    """A subject whose name tells two files of one name apart."""
    stamp = hash(frames.images.numpy().tobytes())
    return Subject(f"{name} {stamp}", frames, network, learner)


def _frames(sample: Sample, classes: Classes) -> Frames:
    depth = None if sample.depth is None else torch.from_numpy(sample.depth)[None]
    image = torch.from_numpy(sample.image).permute(2, 0, 1)[None].contiguous()
    labels = torch.from_numpy(sample.labels)[None]
    return Frames(classes, (sample.id,), image, labels, depth, (sample.sequence,), (sample.labelled,))
