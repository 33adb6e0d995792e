"""One sample form for all data sets, and a split of them cached as uint8 tensors."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from segxal.core.errors import ConfigError, DataInvalid
from segxal.core.labels import VOID, Classes
from segxal.storage.tensors import read_tensors, write_tensors


@dataclass(frozen=True)
class Sample:
    """One image with what is known about it.

    Attributes:
        id: name of the image, unique in its data set.
        image: (H, W, 3) uint8, RGB.
        labels: (H, W) uint8 train ids, 255 = void; all void when the image has no labels.
        depth: (H, W) float32 relative inverse depth, larger = nearer, 0 = infinitely far,
            NaN = not measured; None when the data set has no depth.
        sequence: name of the video or ride the image belongs to.
        labelled: whether ground-truth labels exist for the image.
    """

    id: str
    image: np.ndarray
    labels: np.ndarray
    depth: np.ndarray | None = None
    sequence: str = ""
    labelled: bool = True


class Dataset(Protocol):
    """A split of a data set at one size.

    Attributes:
        name: ``streets``, ``camvid``, ``cityscapes`` or ``folder``.
        split: ``train``, ``val`` or ``test``.
        classes: the classes of its labels.
        size: (H, W) that every sample has.
        fingerprint: text that changes when a sample would change (files, sizes, times, options).
    """

    name: str
    split: str
    classes: Classes
    size: tuple[int, int]
    fingerprint: str

    def __len__(self) -> int:
        """Number of images."""

    def __getitem__(self, index: int) -> Sample:
        """The ``index``-th sample; deterministic."""


@dataclass(frozen=True)
class Frames:
    """A whole split in memory: what training, masks and oracles work on.

    Attributes:
        classes: the classes of ``labels``.
        ids: names of the N images.
        images: (N, 3, H, W) uint8, RGB.
        labels: (N, H, W) uint8 train ids, 255 = void.
        depth: (N, H, W) float32 relative inverse depth (larger = nearer), or None.
        sequences: per image, the ride it belongs to.
        labelled: per image, whether ground truth exists.
    """

    classes: Classes
    ids: tuple[str, ...]
    images: Tensor
    labels: Tensor
    depth: Tensor | None
    sequences: tuple[str, ...]
    labelled: tuple[bool, ...]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.ids)

    def select(self, indices: Sequence[int]) -> "Frames":
        """Some images of the split as a split of their own, in the given order."""
        rows = list(indices)
        return Frames(
            self.classes, tuple(self.ids[i] for i in rows), self.images[rows], self.labels[rows],
            None if self.depth is None else self.depth[rows],
            tuple(self.sequences[i] for i in rows), tuple(self.labelled[i] for i in rows),
        )  # fmt: skip

    def position(self, name: str) -> int:
        """Position of an image by its name.

        Raises:
            ConfigError: if there is no image of that name; the error lists some.
        """
        if name not in self.ids:
            some = ", ".join(self.ids[:: max(1, len(self) // 5)][:5])
            raise ConfigError(f"no image {name!r} in this split; there are {len(self)}, for example {some}")
        return self.ids.index(name)


def check_sample(sample: Sample, classes: Classes, where: str) -> Sample:
    """Check that a sample has the one form; a data set calls it on what it has read.

    Args:
        sample: the sample as read.
        classes: the classes its labels may hold.
        where: the file or image to name in an error.

    Returns:
        The same sample.

    Raises:
        DataInvalid: if image, labels and depth differ in size, or a label is neither a class nor void.
    """
    height, width = sample.image.shape[:2]
    if sample.image.dtype != np.uint8 or sample.image.shape != (height, width, 3):
        raise DataInvalid(f"{where}: image is {sample.image.dtype} {sample.image.shape}, expected uint8 (H, W, 3)")
    if sample.labels.shape != (height, width):
        raise DataInvalid(
            f"{where}: labels are {sample.labels.shape[::-1]} (width, height) but the image is "
            f"{(width, height)}; make them the same size"
        )
    if sample.depth is not None and sample.depth.shape != (height, width):
        raise DataInvalid(f"{where}: depth is {sample.depth.shape}, the image {(height, width)}; make them the same")
    found = np.unique(sample.labels)
    unknown = [int(value) for value in found if value >= len(classes) and value != VOID]
    if unknown:
        raise DataInvalid(
            f"{where}: label ids {unknown[:8]} are not classes; expected 0..{len(classes) - 1} or {VOID} (void). "
            "Map the labels to train ids first, or name all classes in the classes file"
        )
    return sample


def load_frames(dataset: Dataset, cache: Path | None = None, bar: bool = True) -> Frames:
    """Read a whole split into memory, from ``cache`` when it holds the same data.

    Args:
        dataset: the split to read.
        cache: folder for the decoded split (safetensors); None to decode every time.
        bar: whether to show how far it is.

    Returns:
        The split. A cached split is read back without decoding the images.

    Raises:
        ConfigError: if the split is empty.
        DataInvalid: as the data set raises it.
    """
    if not len(dataset):
        raise ConfigError(f"{dataset.name} {dataset.split} holds no images; there is nothing to load")
    key = hashlib.sha256(json.dumps([dataset.fingerprint, dataset.size]).encode()).hexdigest()[:16]
    file = cache / f"{dataset.name}-{dataset.split}-{key}.safetensors" if cache else None
    if file and file.is_file():
        return _from_tensors(dataset.classes, read_tensors(file))
    name = f"{dataset.name} {dataset.split}"
    samples = [dataset[i] for i in tqdm(range(len(dataset)), desc=name, leave=False, disable=not bar)]
    depths = [sample.depth for sample in samples if sample.depth is not None]
    frames = Frames(
        classes=dataset.classes,
        ids=tuple(sample.id for sample in samples),
        images=torch.from_numpy(np.stack([sample.image for sample in samples])).permute(0, 3, 1, 2).contiguous(),
        labels=torch.from_numpy(np.stack([sample.labels for sample in samples])),
        depth=torch.from_numpy(np.stack(depths)) if len(depths) == len(samples) else None,
        sequences=tuple(sample.sequence for sample in samples),
        labelled=tuple(sample.labelled for sample in samples),
    )
    if file:
        write_tensors(file, _to_tensors(frames))
    return frames


def _to_tensors(frames: Frames) -> dict[str, Tensor]:
    words = json.dumps([frames.ids, frames.sequences]).encode()
    tensors = {
        "images": frames.images,
        "labels": frames.labels,
        "labelled": torch.tensor(frames.labelled),
        "words": torch.frombuffer(bytearray(words), dtype=torch.uint8),
    }
    return tensors if frames.depth is None else tensors | {"depth": frames.depth}


def _from_tensors(classes: Classes, tensors: dict[str, Tensor]) -> Frames:
    ids, sequences = json.loads(tensors["words"].numpy().tobytes())
    labelled = tuple(tensors["labelled"].tolist())
    return Frames(
        classes, tuple(ids), tensors["images"], tensors["labels"], tensors.get("depth"), tuple(sequences), labelled
    )
