"""Rendered driving scenes: the embedded default data set, seeded, with exact labels and depth.

Nothing is stored: an image is computed from (seed, split, ride, frame) alone.
"""

from functools import lru_cache
from itertools import accumulate

import numpy as np

from segxal.core.errors import ConfigError
from segxal.core.labels import CITYSCAPES, Classes
from segxal.core.seeds import rng
from segxal.data.base import Sample
from segxal.data.streets.develop import render
from segxal.data.streets.ride import Ride
from segxal.data.streets.scene import draw_ride

VERSION = 1  # raise it whenever a picture changes: caches depend on it
SPLITS = ("train", "val", "test")
SMALLEST = 16  # pixels


class Streets:
    """A split of rendered rides through made-up towns.

    A ride is 2 or 3 consecutive frames: the camera moves on a little, so they are near-duplicates.

    Attributes:
        name: ``streets``.
        split: ``train``, ``val`` or ``test``; splits share no ride.
        classes: the 19 classes of Cityscapes.
        size: (H, W) of every image, pixels.
        ids: names of the images, ``<split>_<ride>_<frame>``.
        fingerprint: changes with renderer version, split, size, count and seed.
    """

    name = "streets"
    classes: Classes = CITYSCAPES

    def __init__(self, split: str, size: tuple[int, int] = (128, 256), count: int = 160, seed: int = 0) -> None:
        """Describe the split; images are rendered on use.

        Args:
            split: ``train``, ``val`` or ``test``.
            size: (H, W) in pixels, each at least 16; the scene does not depend on it.
            count: number of images, at least 1; a smaller split is the beginning of a larger one.
            seed: seed of all rides, >= 0.

        Raises:
            ConfigError: if an argument is out of range.
        """
        _check(split, size, count, seed)
        self.split, self.size, self.seed = split, (int(size[0]), int(size[1])), seed
        self._frames = _frames(split, count, seed)
        self.ids = tuple(f"{split}_{ride:04d}_{frame}" for ride, frame in self._frames)
        self.fingerprint = f"streets v{VERSION} {split} {self.size[0]}x{self.size[1]} count={count} seed={seed}"

    def __len__(self) -> int:
        """Number of images."""
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        """Render the ``index``-th image.

        Returns:
            image (H, W, 3) uint8, labels (H, W) uint8, depth (H, W) float32 in 1 / metres.

        Raises:
            IndexError: if there is no such image.
        """
        ride, frame = self._frames[index]
        image, labels, depth = render(
            _ride(self.split, ride, self.seed), frame, self.size, self._rng(ride, "frame", frame)
        )
        return Sample(self.ids[index], image, labels, depth, sequence=f"{self.split}_{ride:04d}")

    def _rng(self, *purpose: str | int) -> np.random.Generator:
        return rng(self.seed, "streets", self.split, *purpose)


def _check(split: str, size: tuple[int, int], count: int, seed: int) -> None:
    if split not in SPLITS:
        raise ConfigError(f"streets has no split {split!r}; use one of {', '.join(SPLITS)}")
    if len(size) != 2 or min(size) < SMALLEST:
        raise ConfigError(
            f"streets cannot be rendered at size {tuple(size)}; give (H, W), each at least {SMALLEST} pixels"
        )
    if count < 1:
        raise ConfigError(f"streets got count = {count}; ask for at least 1 image")
    if seed < 0:
        raise ConfigError(f"streets got seed = {seed}; seeds start at 0")


def _length(split: str, ride: int, seed: int) -> int:
    return 2 + int(rng(seed, "streets", split, ride, "length").random() < 0.4)


def _frames(split: str, count: int, seed: int) -> tuple[tuple[int, int], ...]:
    """(ride, frame) of the first ``count`` images."""
    lengths = [_length(split, ride, seed) for ride in range(count // 2 + 1)]
    rides = np.searchsorted(list(accumulate(lengths)), np.arange(count), side="right")
    begin = np.concatenate([[0], np.cumsum(lengths)])
    return tuple((int(ride), int(index - begin[ride])) for index, ride in enumerate(rides))


@lru_cache(maxsize=64)
def _ride(split: str, ride: int, seed: int) -> Ride:
    # steps of irrational size spread weather and districts evenly over the rides of any split
    start = rng(seed, "streets", split, "turns").random(2)
    turns = (start + ride * np.array((0.6180339887, 0.7548776662))) % 1.0
    return draw_ride(rng(seed, "streets", split, ride), _length(split, ride, seed), (float(turns[0]), float(turns[1])))
