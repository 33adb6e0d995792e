"""The contract of an objective: what the network learns from, step by step."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import cast

from torch import Tensor
from torch.optim.swa_utils import PARAM_LIST, AveragedModel, get_ema_multi_avg_fn

from segxal.core.errors import ConfigError
from segxal.models.base import Network
from segxal.training.settings import TrainConfig
from segxal.training.task import Task

EMA_DECAY = 0.99  # of the teacher's weights per step

Average = Callable[[PARAM_LIST, PARAM_LIST, Tensor | int], None]


class Objective(ABC):
    """One way to learn; an object is used for one training.

    The engine calls :meth:`setup` once, then for every step :meth:`loss`, takes the optimiser's step, and calls
    :meth:`after_step`. Whatever an objective draws it draws from ``task.generator``.

    Attributes:
        model: the network, in training mode on the device.
        task: the training; ``task.steps`` is its length.
        config: how to train.
    """

    model: Network
    task: Task
    config: TrainConfig

    def setup(self, model: Network, task: Task, config: TrainConfig) -> None:
        """Get ready; an objective that needs more than the task has refuses it here.

        Raises:
            ConfigError: if it cannot learn from what the task gives.
        """
        self.model, self.task, self.config = model, task, config
        self._averaged = AveragedModel(model, multi_avg_fn=self.average(), use_buffers=True).eval()

    @property
    def teacher(self) -> Network:
        """Moving average of the network's weights, in evaluation mode."""
        return cast(Network, self._averaged.module)

    @abstractmethod
    def loss(self, step: int) -> Tensor:
        """What is minimised in a step, a scalar; steps count from 1."""

    def after_step(self, step: int) -> None:
        """What follows the optimiser's step: the teacher comes nearer."""
        self._averaged.update_parameters(self.model)

    def average(self) -> Average:
        """How the teacher averages."""
        return get_ema_multi_avg_fn(EMA_DECAY)


def require_people(task: Task) -> None:
    """Check that people have annotated something.

    Raises:
        ConfigError: if they have not.
    """
    if not task.by_people:
        given = f"{len(task.annotated)} images annotated by machines alone" if task.annotated else "no annotated images"
        raise ConfigError(f"{given} to train on; label at least one (pool.start) before training")
