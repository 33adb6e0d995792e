"""What a training is given: images, what is annotated in them and by whom, validation, length, randomness."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from segxal.core.errors import ConfigError
from segxal.data.base import Frames
from segxal.training.settings import TrainConfig

Maker = Literal["none", "machine", "human"]
HUNDREDTHS = 100  # the unit of the weights of machine labels


@dataclass(frozen=True)
class MachineLabels:
    """What a machine labelled in images of the target.

    Attributes:
        positions: of the m images in the target.
        labels: (m, H, W) uint8, 255 = nothing.
        weights: (m, H, W) uint8, what a pixel counts in the loss, in hundredths.
    """

    positions: tuple[int, ...]
    labels: Tensor
    weights: Tensor

    def __post_init__(self) -> None:
        """Check that labels and weights belong to the images.

        Raises:
            ConfigError: if they do not.
        """
        if not len(self.positions) == len(self.labels) == len(self.weights):
            raise ConfigError(
                f"{len(self.positions)} images, labels of {len(self.labels)} and weights of {len(self.weights)}; give "
                "one of each per image"
            )


@dataclass(frozen=True)
class Task:
    """One training.

    Attributes:
        target: the images of the world the network is for, the unlabelled ones included; their own labels are not
            used.
        annotated: positions of the n annotated images in ``target``; none is a legal start for objectives that need
            no annotation.
        labels: (n, H, W) uint8, what was annotated in them; 255 = not annotated.
        val: the validation split, which picks the weights that are kept.
        steps: optimiser steps; 0 = ``epochs`` of the settings.
        generator: source of all randomness.
        made_by: who annotated each of the n images, ``machine`` or ``human``; empty = people did all.
        source: labelled images of another world, or None.
        machine: labels of machines beside the annotations, which count as a mean of their own; or None.
    """

    target: Frames
    annotated: tuple[int, ...]
    labels: Tensor
    val: Frames
    steps: int
    generator: torch.Generator
    made_by: tuple[Maker, ...] = ()
    source: Frames | None = None
    machine: MachineLabels | None = None

    def __post_init__(self) -> None:
        """Check that annotations belong to images and have a maker.

        Raises:
            ConfigError: if they do not.
        """
        if len(self.annotated) != len(self.labels):
            raise ConfigError(
                f"{len(self.annotated)} annotated images but annotations of {len(self.labels)}; give one per image"
            )
        if self.made_by and (len(self.made_by) != len(self.annotated) or "none" in self.made_by):
            raise ConfigError(
                f"made_by = {self.made_by} for {len(self.annotated)} annotated images; say machine or human for each"
            )

    def maker_of(self, position: int) -> Maker:
        """Who annotated an image of the target: ``none``, ``machine`` or ``human``."""
        if position not in self.annotated:
            return "none"
        return self.made_by[self.annotated.index(position)] if self.made_by else "human"

    @property
    def by_people(self) -> int:
        """Number of images that people annotated."""
        return sum(maker == "human" for maker in self.made_by) if self.made_by else len(self.annotated)

    def length(self, config: TrainConfig) -> int:
        """Optimiser steps: those of the task, or the epochs of the settings over what is annotated.

        Where nothing is annotated, an epoch is a pass over all images.
        """
        return self.steps or config.epochs * math.ceil((len(self.annotated) or len(self.target)) / config.batch)
