"""Images, regions or pixels in the order in which a strategy would have them annotated: ``segxal.rank``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from segxal.acquisition.ranking import pixel_maps, rank_regions
from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies import MAPS, UNITS, get_strategy
from segxal.acquisition.strategies.base import Learner, whole_images
from segxal.apps.your_network.explain import with_depth
from segxal.apps.your_network.images import Images
from segxal.apps.your_network.wrapped import wrapped
from segxal.core.errors import ConfigError
from segxal.core.labels import Classes
from segxal.core.regions import GRANULARITIES
from segxal.data.base import Frames
from segxal.models.foreign.normalisation import Three
from segxal.models.settings import MaskConfig

# Strategies that a network alone cannot follow, and what they lack.
LACKING = {
    "deal-ds": "annotated images, on which it trains a branch that learns where the network errs",
    "deal-de": "annotated images, on which it trains a branch that learns where the network errs",
    "rare-margin": "annotations, from which it learns which classes are rare",
    "vaal": "annotated images, with which it trains a network that compares the others",
    "ralis": "a policy, which is trained before a study runs",
}


@dataclass(frozen=True)
class Ranked:
    """M images, regions or pixels, the first to be annotated first.

    Attributes:
        image: (M,) int64, position of the image it is or lies in.
        region: (M,) int64, its number in ``partition``; 0 for whole images.
        score: (M,) float64, never rises.
        partition: (N, H, W) int32 region numbers of each image, -1 = in none; of a pixel row * W + column; None for
            whole images.
    """

    image: np.ndarray
    region: np.ndarray
    score: np.ndarray
    partition: np.ndarray | None

    def first(self, count: int) -> np.ndarray:
        """(N, H, W) bool: the pixels of the first regions or pixels.

        Raises:
            ConfigError: for whole images, whose order is ``image``.
        """
        if self.partition is None:
            raise ConfigError("whole images were ranked; the first of them are .image[:count]")
        chosen = np.zeros(self.partition.shape, dtype=bool)
        for index in np.unique(self.image[:count]):
            here = self.region[:count][self.image[:count] == index]
            chosen[index] = np.isin(self.partition[index], here)
        return chosen


def rank(
    network: nn.Module, images: Images, strategy: str = "eem", granularity: str = "image", *, seed: int = 0,
    options: StrategyConfig | None = None, classes: Classes | Sequence[str] | None = None,
    depth: str | np.ndarray | Tensor = "", layer: str = "", reshape: Callable[[Tensor], Tensor] | None = None,
    logits: Callable[[Any], Tensor] | None = None, mean: Three | None = None, std: Three | None = None,
    size: tuple[int, int] | None = None, mask: MaskConfig | None = None,
) -> Ranked:  # fmt: skip
    """Images, regions or pixels in the order in which a strategy asks for them.

    Args:
        network: any segmentation network, see :func:`segxal.apps.your_network.explain.explain`, as for all that is not
            named here.
        images: N images, one or several.
        strategy: name of a query strategy that needs the network alone, see :mod:`segxal.acquisition.strategies`.
        granularity: ``image``, ``grid``, ``superpixel``, ``component`` or ``pixel``; all regions of all images compete.
        seed: of strategies that draw, ``random`` and those that drop out.
        options: sizes of cells and superpixels, number of dropout passes; None for the defaults.
        classes: names, or names with colours.
        depth: name of a provider, or (N, H, W).
        layer: that Grad-CAM looks at.
        reshape: of the layer's output.
        logits: of the network's output.
        mean: of the network's images.
        std: of the network's images.
        size: (height, width) to which the images are resized.
        mask: how the error mask is made.

    Raises:
        ConfigError: if there is no such strategy or granularity, or the strategy needs more than a network; the error
            says what is missing.
        ShapeError: as :func:`segxal.apps.your_network.explain.explain`.
        DataInvalid: as :func:`segxal.apps.your_network.explain.explain`.
    """
    settings, measured = with_depth(mask, depth)
    _check(strategy, granularity, options)
    rng = np.random.default_rng(seed)
    with wrapped(network, images, classes, measured, layer, reshape, logits, mean, std, size, settings, options) as own:
        if granularity == "image":
            return _images(own.learner, strategy, own.frames, rng)
        if granularity == "pixel":
            return _pixels(own.learner, strategy, own.frames, rng)
        return _regions(own.learner, strategy, granularity, own.frames, rng)


def _check(strategy: str, granularity: str, options: StrategyConfig | None) -> None:
    able = [name for name in {**MAPS, **UNITS} if name not in LACKING]
    if granularity not in GRANULARITIES:
        raise ConfigError(f"no granularity {granularity!r}; choose one of {', '.join(GRANULARITIES)}")
    if strategy not in {**MAPS, **UNITS}:
        raise ConfigError(f"no strategy {strategy!r}; choose one of {', '.join(able)}")
    lacking = LACKING.get(strategy, "")
    if strategy == "qbc" and options is not None and options.committee:
        lacking = "annotated images, on which it trains a committee (with options.committee = 0 dropout votes)"
    if lacking:
        raise ConfigError(
            f"{strategy} needs more than a network: {lacking}. A study has that (segxal reproduce --methods "
            f"{strategy}); here choose one of {', '.join(able)}"
        )


def _images(learner: Learner, strategy: str, frames: Frames, rng: np.random.Generator) -> Ranked:
    units = whole_images(list(range(len(frames))), frames.labels[0].numel())
    choice = get_strategy(strategy)(learner, frames, units, frames.labels.numel(), rng)
    return Ranked(units.image[choice.order], units.region[choice.order], choice.scores[choice.order], None)


def _regions(learner: Learner, strategy: str, granularity: str, frames: Frames, rng: np.random.Generator) -> Ranked:
    everywhere = list(range(len(frames)))
    asked = np.zeros(tuple(frames.labels.shape), dtype=bool)
    found = rank_regions(learner, strategy, granularity, frames, everywhere, asked, None, rng)
    partition = np.full(asked.shape, -1, dtype=np.int32)
    for index, regions in found.partitions.items():
        partition[index] = regions
    units = found.units
    return Ranked(units.image[found.order], units.region[found.order], found.scores[found.order], partition)


def _pixels(learner: Learner, strategy: str, frames: Frames, rng: np.random.Generator) -> Ranked:
    everywhere = list(range(len(frames)))
    maps = [values.ravel() for _, values in pixel_maps(learner, strategy, "pixel", frames, everywhere, rng)]
    scores, pixels = np.concatenate(maps), frames.labels[0].numel()
    order = np.argsort(-scores, kind="stable")
    numbers = np.arange(pixels, dtype=np.int32).reshape(tuple(frames.labels[0].shape))
    partition = np.broadcast_to(numbers, tuple(frames.labels.shape))
    return Ranked(order // pixels, order % pixels, scores[order], partition)
