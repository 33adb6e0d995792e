"""A source data set: labelled images of another world, in the classes of the target."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from segxal.core.errors import ConfigError, DataInvalid
from segxal.core.labels import CAMVID, CITYSCAPES, VOID, Classes
from segxal.core.seeds import rng
from segxal.data.base import Dataset, Sample

# Classes of Cityscapes to those of CamVid; what is not named is void.
STREETS_TO_CAMVID = {
    "sky": "sky", "building": "building", "wall": "building", "pole": "pole", "road": "road", "sidewalk": "sidewalk",
    "vegetation": "tree", "traffic light": "sign", "traffic sign": "sign", "fence": "fence", "car": "car",
    "truck": "car", "bus": "car", "person": "pedestrian", "rider": "bicyclist", "bicycle": "bicyclist",
}  # fmt: skip
# The same for GTA5 as RALIS has it: wall, rider and train are void, a motorcycle is a car.
GTA5_TO_CAMVID = {name: STREETS_TO_CAMVID[name] for name in STREETS_TO_CAMVID if name not in ("wall", "rider")} | {
    "motorcycle": "car"
}
TO_CAMVID: dict[str, Mapping[str, str]] = {
    "streets": STREETS_TO_CAMVID, "gta5": GTA5_TO_CAMVID, "synthia": STREETS_TO_CAMVID
}  # fmt: skip


class Source:
    """Some images of a data set, their labels in the classes of the target.

    Attributes:
        name: of the data set.
        split: of the data set.
        classes: those of the target.
        size: (H, W) of every sample.
        fingerprint: changes when a sample would change.
    """

    def __init__(self, dataset: Dataset, target: Classes, count: int = 0) -> None:
        """Choose the images; none is read.

        Args:
            dataset: the images, with labels of their own.
            target: the classes wanted.
            count: how many images, always the same random ones; 0 = all.

        Raises:
            ConfigError: if there are not so many images.
            DataInvalid: if fewer than two classes have a counterpart.
        """
        if not 0 <= count <= len(dataset):
            raise ConfigError(
                f"data.source_images = {count}, but {dataset.name} {dataset.split} has {len(dataset)} images; give as "
                "many at most, or 0 for all"
            )
        self.name, self.split, self.classes, self.size = dataset.name, dataset.split, target, dataset.size
        self._dataset, self._table = dataset, class_map(dataset.name, dataset.classes, target)
        self._chosen = sorted(rng(0, "source").permutation(len(dataset))[: count or None].tolist())
        self.fingerprint = f"{dataset.fingerprint} as {','.join(target.names)} {len(self)} {self._table.tolist()}"

    def __len__(self) -> int:
        """Number of images."""
        return len(self._chosen)

    def __getitem__(self, index: int) -> Sample:
        """The ``index``-th sample, its labels mapped; void stays void."""
        sample = self._dataset[self._chosen[index]]
        return replace(sample, labels=self._table[sample.labels])


def class_map(name: str, source: Classes, target: Classes) -> np.ndarray:
    """Train ids of a source to those of a target.

    Args:
        name: of the source data set.
        source: its classes.
        target: the classes wanted: the same ones, those of CamVid, for which there is a table, or any that have names
            in common; classes without a counterpart are void.

    Returns:
        (256,) uint8, indexed by the source's train id; 255 = void.

    Raises:
        DataInvalid: if fewer than two classes have a counterpart.

    Source: CamVid's classes from GTA5 as in RALIS (Casanova et al. 2020). Departure: from rendered streets and SYNTHIA
    walls are buildings and riders bicyclists, as CamVid labels them.
    """
    by_table = target.names == CAMVID.names and source.names == CITYSCAPES.names
    words = TO_CAMVID[name] if by_table else {word: word for word in source.names}
    table = np.full(256, VOID, dtype=np.uint8)
    for train_id, word in enumerate(source.names):
        if words.get(word) in target.names:
            table[train_id] = target.index(words[word])
    if len(np.unique(table)) < 3:  # two classes and void
        raise DataInvalid(
            f"source {name} has the classes {', '.join(source.names)}; the target has {', '.join(target.names)}: fewer "
            "than two have a counterpart. Name the target's classes as the source does, or choose another data.source"
        )
    return table
