"""Adaptation by entropy: AdvEnt, whose discriminator looks at entropy maps, and MinEnt, its direct form."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segxal.core.errors import ConfigError
from segxal.models.base import Network
from segxal.models.device import device
from segxal.training.objectives.adapted import Adapted, whole
from segxal.training.settings import TrainConfig
from segxal.training.task import Task

SMALLEST = 32  # pixels per side of which five convolutions of stride 2 leave one cell
SOURCE, TARGET = 0.0, 1.0  # what the discriminator says
BETAS, POWER = (0.9, 0.99), 0.9  # of its optimiser, and of the fall of its learning rate
SLOPE = 0.2  # of its activations below 0


class MinEnt(Adapted):
    """The target's entropy falls along with the losses of whatever labels there are.

    Source: MinEnt of AdvEnt (Vu et al. 2019). Departure: entropy at every ``train.stride``-th pixel; one head.
    """

    def loss(self, step: int) -> Tensor:
        """Labels, and the mean entropy of a batch of the target, 0 to 1."""
        images, _ = next(self.seen)
        probs = whole(self.model, images, self.config.stride, self.config.amp).softmax(1)
        return super().loss(step) + self.config.target_entropy * information(probs).sum(1).mean()


class AdvEnt(Adapted):
    """A discriminator tells entropy maps of the source from those of the target; the network learns to deceive it.

    Attributes:
        discriminator: from maps (N, C, h, w) to logits; above 0 means target.
        maps: entropy maps of the last step, source and target, without gradients: what the discriminator learns from.

    Source: AdvEnt (Vu et al. 2019): channels of -p log p, not their sum; the discriminator learns after the network,
    from the same maps; its optimiser and the fall of its rate. Departure: one head, where the release has a second one
    at a fifth of the weight; maps of every ``train.stride``-th pixel, where it enlarges to the size of the images.
    """

    discriminator: nn.Module
    maps: tuple[Tensor, Tensor]

    def setup(self, model: Network, task: Task, config: TrainConfig) -> None:
        """A fresh discriminator.

        Raises:
            ConfigError: if there is nothing to learn from, or the maps are too small for the discriminator.
        """
        super().setup(model, task, config)
        sides = [-(-side // config.stride) for side in task.target.images.shape[-2:]]
        if min(sides) < SMALLEST:
            raise ConfigError(
                f"entropy maps of {sides[0]} x {sides[1]} (train.stride = {config.stride}); AdvEnt's discriminator "
                f"needs {SMALLEST} pixels per side: lower train.stride, or take larger images"
            )
        self.discriminator = discriminator(len(task.target.classes), config.discriminator).to(device())
        self.optimizer = torch.optim.Adam(self.discriminator.parameters(), config.discriminator_lr, BETAS)
        self.schedule = torch.optim.lr_scheduler.PolynomialLR(self.optimizer, max(task.steps, 1), POWER)

    def loss(self, step: int) -> Tensor:
        """Labels, and how far the discriminator is from taking the target for the source; it learns nothing here."""
        found, _, labelled = self.read_source()
        images, _ = next(self.seen)
        seen = whole(self.model, images, self.config.stride, self.config.amp)
        from_source, from_target = information(found.softmax(1)), information(seen.softmax(1))
        self.maps = from_source.detach(), from_target.detach()
        self.discriminator.requires_grad_(False)
        deceived = told(self.discriminator(from_target), SOURCE)
        self.discriminator.requires_grad_(True)
        return labelled + self.from_labels() + self.config.adversarial * deceived

    def after_step(self, step: int) -> None:
        """The discriminator's step, on what the network said before its own."""
        super().after_step(step)
        from_source, from_target = (self.discriminator(part) for part in self.maps)
        loss = (told(from_source, SOURCE) + told(from_target, TARGET)) / 2
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()


def information(probs: Tensor) -> Tensor:
    """-p log p of each class, divided by log C, so that the sum over the classes is the entropy in [0, 1].

    Args:
        probs: (N, C, h, w).
    """
    return torch.special.entr(probs) / math.log(probs.shape[1])


def told(logits: Tensor, world: float) -> Tensor:
    """Mean loss of saying a world of all cells of the discriminator's logits."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, world))


def discriminator(classes: int, channels: int) -> nn.Sequential:
    """Five 4x4 convolutions of stride 2: C -> n -> 2n -> 4n -> 8n -> 1 channels, one cell for 32 x 32 pixels."""
    widths = [classes, *(channels * 2**level for level in range(4))]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, stride=2, padding=1))
