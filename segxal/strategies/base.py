"""The contract of a query strategy: scores for candidates, highest first."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import nn

from segxal.config import MaskConfig
from segxal.data.base import Frames
from segxal.errors import ConfigError


@dataclass(frozen=True)
class Learner:
    """What a strategy may look at: the current network and how masks are made; it changes neither.

    Attributes:
        model: the current network.
        layer: its target layer for Grad-CAM.
        mask: settings of the explainable error mask.
        amp: precision of forward passes.
    """

    model: nn.Module
    layer: nn.Module
    mask: MaskConfig
    amp: str


class Strategy(Protocol):
    """Scores candidates; it never sees their labels and never changes the learner or the pool."""

    def __call__(self, learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> np.ndarray:
        """Scores (len(candidates),) float64; the highest are queried."""


def choose(scores: np.ndarray, candidates: list[int], count: int) -> list[int]:
    """The ``count`` candidates with the highest scores, best first; ties go to the earlier candidate.

    Raises:
        ConfigError: if there are fewer candidates than asked for, or a score is NaN.
    """
    if not 1 <= count <= len(candidates):
        raise ConfigError(f"{count} images to be queried from {len(candidates)} candidates; lower loop.step")
    if np.isnan(scores).any():
        raise ConfigError("a score is NaN; the network's output is not finite, lower train.lr or set train.amp to off")
    return [candidates[i] for i in np.argsort(-scores, kind="stable")[:count]]
