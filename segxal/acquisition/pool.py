"""The pool: which training images are labelled, and since which cycle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segxal.core.errors import ConfigError
from segxal.storage.files import read_json, write_json

UNLABELLED = -1


@dataclass(frozen=True)
class Pool:
    """Per training image the cycle it was labelled in (0 = before the first query), -1 = not labelled.

    Attributes:
        ids: names of the training images.
        since: per image the cycle in which it joined the labelled pool.
    """

    ids: tuple[str, ...]
    since: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check that ids and cycles belong together."""
        if len(self.ids) != len(self.since) or len(set(self.ids)) != len(self.ids):
            raise ConfigError(f"a pool has one cycle per image and no image twice; got {len(self.ids)} ids")

    @property
    def labelled(self) -> list[int]:
        """Positions of the labelled images."""
        return [i for i, cycle in enumerate(self.since) if cycle != UNLABELLED]

    @property
    def unlabelled(self) -> list[int]:
        """Positions of the images an oracle can still be asked about."""
        return [i for i, cycle in enumerate(self.since) if cycle == UNLABELLED]

    def add(self, indices: list[int], cycle: int) -> "Pool":
        """A new pool in which the images joined the labelled ones in ``cycle``.

        Raises:
            ConfigError: if one of them is labelled already.
        """
        taken = [self.ids[i] for i in indices if self.since[i] != UNLABELLED]
        if taken:
            raise ConfigError(f"{', '.join(taken[:5])} already labelled; an image joins the labelled pool only once")
        joining = set(indices)
        return Pool(self.ids, tuple(cycle if i in joining else c for i, c in enumerate(self.since)))

    def write(self, path: Path) -> None:
        """Write the pool as JSON: id -> cycle."""
        write_json(path, dict(zip(self.ids, self.since, strict=True)))

    @staticmethod
    def read(path: Path) -> "Pool":
        """Read a pool that :meth:`write` wrote."""
        values: dict[str, Any] = read_json(path)
        return Pool(tuple(values), tuple(values.values()))


def start_pool(ids: tuple[str, ...], candidates: list[int], share: float, rng: np.random.Generator) -> Pool:
    """The first labelled pool: a random share of all images (section 3.1), drawn from those with ground truth.

    Args:
        ids: names of all training images.
        candidates: positions of the images whose ground truth exists.
        share: of all images; at least one image is drawn.
        rng: source of the draw.

    Raises:
        ConfigError: if fewer images have ground truth than requested.
    """
    count = max(1, round(share * len(ids)))
    if count > len(candidates):
        raise ConfigError(
            f"the start needs {count} labelled images, but only {len(candidates)} have labels; "
            "lower pool.start or label more images"
        )
    chosen = sorted(int(i) for i in rng.choice(candidates, count, replace=False))
    return Pool(ids, (UNLABELLED,) * len(ids)).add(chosen, 0)


def random_subset(free: list[int], share: float, at_least: int, rng: np.random.Generator) -> list[int]:
    """Random part of the unlabelled pool that is scored (section 4: street scenes are alike).

    Args:
        free: positions of the unlabelled images that the oracle can be asked about.
        share: of these images.
        at_least: size below which the part does not fall (the images to be queried).
        rng: source of the draw.

    Returns:
        Sorted positions.

    Raises:
        ConfigError: if there are fewer than ``at_least`` of them.
    """
    if len(free) < at_least:
        raise ConfigError(
            f"budget larger than the pool: {at_least} images are to be queried, but only {len(free)} are unlabelled; "
            "lower pool.step or pool.cycles"
        )
    count = min(len(free), max(at_least, round(share * len(free))))
    return sorted(int(i) for i in rng.choice(free, count, replace=False))
