"""What a method is: its settings, its stages, what a stage depends on, and how a stage runs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from segxal.acquisition.oracles.base import Annotation, Oracle
from segxal.acquisition.pool import Pool
from segxal.acquisition.query import Ask
from segxal.core import seeds
from segxal.data.splits import Splits
from segxal.methods.settings import RunSettings
from segxal.models.base import Network
from segxal.training.engine import Fit

People = Callable[[list[Ask]], Oracle]  # real people: what they are asked -> who gives their answers


@dataclass(frozen=True)
class Need:
    """A stage that another one depends on.

    Attributes:
        method: name of the method whose stage it is.
        number: of the stage.
        ablation: name of the ablation it was made with.
    """

    method: str
    number: int
    ablation: str = "none"


class State(Protocol):
    """A finished stage, as later stages see it."""

    def pool(self) -> Pool:
        """Which training images are labelled."""

    def networks(self) -> dict[str, Network]:
        """The networks that the stage left, on the device, in evaluation mode: ``model`` and ``teacher``."""

    def learned(self, name: str) -> Path:
        """The file of something else that the stage learned (``Outcome.learned``)."""

    def budget(self) -> dict[str, Any]:
        """Images, pixels and clicks that people were asked for up to this stage."""

    def labels_of(self, ids: list[str]) -> Tensor:
        """(n, H, W) uint8 accepted answers up to this stage, 255 = not annotated."""

    def asked_before(self) -> list[dict[str, np.ndarray]]:
        """What was asked for, stage by stage up to this one: id -> (H, W) bool."""


@dataclass(frozen=True)
class Context:
    """What a stage is given.

    Attributes:
        settings: the settings of the run, the method's own changes included.
        splits: the data.
        seed: of the run.
        number: of the stage.
        before: the finished stages it depends on, in the order of :meth:`Method.needs`.
        people: real people, where somebody can be asked.
    """

    settings: RunSettings
    splits: Splits
    seed: int
    number: int
    before: tuple[State, ...] = ()
    people: People | None = None

    def rng(self, purpose: str) -> np.random.Generator:
        """NumPy generator for one purpose of this stage."""
        return seeds.rng(self.seed, purpose, self.number)

    def generator(self, purpose: str) -> torch.Generator:
        """Torch generator for one purpose of this stage."""
        return seeds.generator(self.seed, purpose, self.number)


@dataclass(frozen=True)
class Outcome:
    """What a stage made, before it is scored and written.

    Attributes:
        pool: which images are labelled now.
        trained: the segmentation network, its teacher and the history of the training; None for a stage that trains
            none (a policy, say): it is kept, but it has no scores and no row in the records.
        annotations: what the oracle answered, accepted or not: id -> (H, W) uint8, 255 = not annotated.
        budget: images, pixels and clicks that people were asked for up to now, see :func:`spent`.
        queries: one row per image asked about: ``id``, ``score``, ``dice``, ``accepted``, ``pixels``, ``clicks``.
        asked: which parts were asked for: id -> (H, W) bool; empty where whole images are.
        weights: fusion weights (w_pae, w_ebu) of the error mask that asked.
        learned: further things that were learned, name -> weights and what they are for, kept as
            ``<name>.safetensors``.
        numbers: further entries of ``metrics.json``.
    """

    pool: Pool
    trained: Fit | None
    annotations: dict[str, np.ndarray]
    budget: dict[str, Any]
    queries: list[dict[str, Any]] = field(default_factory=list)
    asked: dict[str, np.ndarray] = field(default_factory=dict)
    weights: tuple[float, float] = (0.5, 0.5)
    learned: dict[str, tuple[dict[str, Tensor], dict[str, str]]] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """A method of a study.

    Attributes:
        name: as in presets, records and folders.
        family: which methods it belongs with in tables and figures.
        strategy: name of the query strategy; empty where nothing is asked.
        oracle: name of the oracle that answers.
        granularity: what is asked for, see :data:`segxal.core.regions.GRANULARITIES`.
        changes: settings that are the method's own, see :meth:`segxal.methods.settings.RunSettings.with_changes`.
        notebook: the notebook that shows its stages.
        adapts: whether it learns from labelled images of another world, ``data.source``.
    """

    name: str
    family: str
    strategy: str = ""
    oracle: str = "whole-image"
    granularity: str = "image"
    changes: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    notebook: str = "baseline"
    adapts: bool = False

    @property
    def buys(self) -> bool:
        """Whether it asks for annotations beyond the initial ones."""
        return bool(self.strategy)

    @property
    def masks(self) -> bool:
        """Whether it makes an error mask, or the near part of one, which needs depth."""
        return self.strategy in MASKED

    @property
    def follows_policy(self) -> bool:
        """Whether it asks by a policy that a stage before its cycles has trained."""
        return False

    @property
    def asks_people(self) -> bool:
        """Whether real people answer: a stage then waits until they have."""
        return self.oracle == PEOPLE

    @property
    def asks_machine(self) -> bool:
        """Whether a machine answers, which costs nobody a click."""
        return self.oracle == "pseudo"

    @property
    def needs_truth(self) -> bool:
        """Whether only images with ground truth can be asked about: people are simulated with it."""
        return not self.asks_people and not self.asks_machine

    def scored(self, number: int) -> bool:
        """Whether a stage trains the segmentation network, so that it has scores and a row in the records."""
        return True

    @abstractmethod
    def stages(self, settings: RunSettings) -> range:
        """Numbers of the stages that are its own."""

    @abstractmethod
    def needs(self, number: int, ablation: str) -> tuple[Need, ...]:
        """What a stage depends on; the first is the stage whose annotations and network it continues."""

    @abstractmethod
    def run(self, context: Context) -> Outcome:
        """Compute one stage.

        Raises:
            ConfigError: if the pool is too small for the budget.
            AnnotationsWanted: if real people are asked and have not annotated everything yet.
            TrainingDiverged: if the loss is not finite.
        """


MASKED = ("eem", "eem-top", "eem-product", "near-entropy")  # strategies that look at what is near
PEOPLE = "label-studio"  # the oracle that is no simulation


def spent(before: Mapping[str, Any], answers: list[Annotation]) -> dict[str, Any]:
    """The budget after these answers: images, pixels and clicks people were asked for, the initial labels included.

    With the seconds that real people were seen to spend (``lead_time``), where there are any.
    """
    now = {
        "images": len(answers),
        "pixels": sum(answer.pixels for answer in answers),
        "clicks": sum(answer.clicks for answer in answers),
    }
    seconds = before.get("lead_time", 0.0) + sum(answer.lead_time for answer in answers)
    return {unit: before.get(unit, 0) + now[unit] for unit in now} | timed(seconds)


def timed(seconds: float) -> dict[str, float]:
    """Measured time, where there is one: records of simulated people have no such entry."""
    return {"lead_time": round(seconds, 3)} if seconds else {}
