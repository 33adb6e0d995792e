"""What a network of the workshop says of images, beside what is true."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies.base import Learner
from segxal.apps.workshop.checkpoints import load_network
from segxal.core.detection import auroc
from segxal.core.entropy import entropy_map
from segxal.core.labels import VOID
from segxal.data.base import Frames
from segxal.models.base import Network
from segxal.models.settings import MaskConfig
from segxal.training.predict import predict
from segxal.training.settings import TrainConfig


@dataclass(frozen=True)
class Seen:
    """N images as a network sees them, and the truth.

    Attributes:
        frames: the images.
        probs: (N, C, H, W) float, class probabilities.
        prediction: (N, H, W) uint8, the most probable class.
        entropy: (N, H, W) float in [0, 1], divided by ln C.
        valid: (N, H, W) bool, pixels with known truth; only these count.
        wrong: (N, H, W) bool, valid pixels whose prediction is not the truth.
    """

    frames: Frames
    probs: Tensor
    prediction: Tensor
    entropy: Tensor
    valid: Tensor
    wrong: Tensor

    @property
    def accuracy(self) -> float:
        """Share of the valid pixels that are right, 0..1."""
        return 1 - float(self.wrong.sum() / self.valid.sum())

    def auroc(self, values: Tensor) -> float:
        """Chance that a wrong pixel has a higher value than a right one; 0.5 = the map says nothing of errors.

        Args:
            values: (N, H, W) float.
        """
        return auroc(values[self.valid].numpy(), self.wrong[self.valid].numpy())


def see(network: Network, frames: Frames) -> Seen:
    """What a network says about images, all in memory, on the CPU."""
    probs = torch.cat([part.cpu() for part in predict(network, frames.images, "off")])
    prediction, valid = probs.argmax(1).to(torch.uint8), frames.labels != VOID
    return Seen(frames, probs, prediction, entropy_map(probs), valid, valid & (prediction != frames.labels))


def learner_of(name: str, **mask: Any) -> Learner:
    """A network of the workshop as strategies and masks want it.

    Args:
        name: a key of :data:`segxal.apps.workshop.checkpoints.RECIPES`.
        **mask: settings of the explainable error mask that are not at their default, for example ``depth="dataset"``.
    """
    network = load_network(name)
    train = TrainConfig(steps=1, cycle_steps=1, amp="off")
    return Learner(network, MaskConfig(**mask), StrategyConfig(), train)
