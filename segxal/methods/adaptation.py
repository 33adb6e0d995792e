"""Learning from another world: source only, AdvEnt, labels of machines (ESL), and people beside them (RIPU, STAL)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from segxal.acquisition.machine import BY_MASK, Written, write_labels
from segxal.acquisition.pool import UNLABELLED, Pool
from segxal.acquisition.strategies.base import Learner
from segxal.core import seeds
from segxal.core.errors import ConfigError
from segxal.core.label_store import LabelStore
from segxal.data.base import Frames
from segxal.methods.base import Context, Method, Need, Outcome, spent
from segxal.methods.baselines import ORACLE_AT, SPARSE
from segxal.methods.cycles import CycleMethod, asked_pixels
from segxal.methods.learner import learner_of
from segxal.methods.settings import RunSettings
from segxal.methods.supervised import FirstTraining
from segxal.models import build_model
from segxal.training.engine import fit
from segxal.training.task import Task

FAMILY = BOOK = "adaptation"


@dataclass(frozen=True, kw_only=True)
class SourceTraining(FirstTraining):
    """A fresh network on labelled images of another world alone; one stage, which the other methods here start from."""

    adapts: bool = True

    def run(self, context: Context) -> Outcome:
        """Train on the source; the target's validation split picks the weights that are kept."""
        settings, train = context.settings, context.splits.train
        pool = Pool(train.ids, (UNLABELLED,) * len(train))
        model = build_model(settings.model, len(train.classes), seeds.generator(context.seed, "weights"))
        task = unlabelled_task(context, settings.train.steps)
        return Outcome(pool, fit(model, task, settings.train), {}, spent({}, []))


@dataclass(frozen=True, kw_only=True)
class Adapting(Method):
    """What learns on from the source's network, with or without labels of a machine.

    Attributes:
        confidence: of the machine that labels the target in every stage anew; None where none does.
    """

    adapts: bool = True
    confidence: str | None = None

    @property
    def masks(self) -> bool:
        """Whether the strategy or the machine looks at an error mask."""
        return super().masks or self.confidence in BY_MASK


@dataclass(frozen=True, kw_only=True)
class Adaptation(Adapting):
    """The network of the stage before learns on, from the source and from images of the target that nobody labelled.

    Attributes:
        after: method that it continues.
        start: number of its first stage; the one before is the last of ``after``.
    """

    after: str
    start: int

    def stages(self, settings: RunSettings) -> range:
        """One, or ``machine.rounds`` where a machine labels."""
        return range(self.start, self.start + (settings.machine.rounds if self.confidence else 1))

    def needs(self, number: int, ablation: str) -> tuple[Need, ...]:
        """The stage before."""
        return (Need(self.after, number - 1) if number == self.start else Need(self.name, number - 1, ablation),)

    def run(self, context: Context) -> Outcome:
        """Label by the machine, where there is one, and train.

        A network that a machine labelled for starts afresh where ``train.retrain`` is ``scratch``, as in ESL.
        """
        settings, train, before = context.settings, context.splits.train, context.before[0]
        learner = learner_of(before, settings)
        task, numbers = unlabelled_task(context, settings.train.cycle_steps), dict[str, Any]()
        model = learner.model
        if self.confidence:
            nothing = LabelStore.empty(*train.labels.shape[1:])
            written = write_labels(learner, train, self.confidence, settings.machine, lambda _: nothing)
            task, numbers = replace(task, machine=written.labels), machine_numbers(written, self.confidence)
            if settings.train.retrain == "scratch":
                model = build_model(settings.model, len(train.classes), context.generator("weights"))
                task = replace(task, steps=settings.train.steps)
        trained = fit(model, task, settings.train)
        return Outcome(before.pool(), trained, {}, before.budget(), numbers=numbers)


@dataclass(frozen=True, kw_only=True)
class AdaptedCycles(Adapting, CycleMethod):
    """Cycles that start from the source's network and learn from people too; a machine may label the rest."""

    def needs(self, number: int, ablation: str) -> tuple[Need, ...]:
        """The cycle before; before the first one the training on the source."""
        return (Need(self.name, number - 1, ablation),) if number > 1 else (Need(SOURCE_ONLY.name, 0),)

    def completed(
        self, context: Context, learner: Learner, task: Task, asked: Mapping[str, np.ndarray]
    ) -> tuple[Task, dict[str, Any]]:
        """The task with the source, and with what the machine says where nobody was asked."""
        task = replace(task, source=source_of(context))
        if not self.confidence:
            return task, {}
        train, asked_for = context.splits.train, asked_pixels(context.before[0], context.splits.train)
        for name, part in asked.items():
            asked_for[train.position(name)] |= part
        said = dict(zip(task.annotated, task.labels, strict=True))
        empty = LabelStore.empty(*train.labels.shape[1:])

        def stores(i: int) -> LabelStore:
            return empty.answered(said[i].numpy(), asked_for[i]) if i in said else empty

        written = write_labels(learner, train, self.confidence, context.settings.machine, stores)
        return replace(task, machine=written.labels), machine_numbers(written, self.confidence)


def source_of(context: Context) -> Frames:
    """The labelled images of another world.

    Raises:
        ConfigError: if the study names none.
    """
    if context.splits.source is None:
        raise ConfigError("this method learns from labelled images of another world; name them: data.source: streets")
    return context.splits.source


def unlabelled_task(context: Context, steps: int) -> Task:
    """A training on the source and on target images that nobody labelled."""
    train = context.splits.train
    return Task(
        train, (), train.labels[:0], context.splits.val, steps, context.generator("train"), source=source_of(context)
    )


def machine_numbers(written: Written, confidence: str) -> dict[str, Any]:
    """What the records keep of a machine's labels; shares in 0..1, NaN as null."""
    names = ("thresholds", "coverage", "accuracy", "dropped_accuracy")
    found: dict[str, Any] = {name: [_number(value) for value in getattr(written, name)] for name in names}
    return {"machine": {"confidence": confidence, "auroc": _number(written.auroc), **found}}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def _adaptation(name: str, objective: str) -> Adaptation:
    """From the source's network on."""
    changes = {"train": {"objective": objective}}
    return Adaptation(name=name, family=FAMILY, after=SOURCE_ONLY.name, start=1, changes=changes, notebook=BOOK)


def _self_training(name: str, confidence: str) -> Adaptation:
    """From AdvEnt's network on, by the labels of a machine."""
    return replace(_adaptation(name, "advent"), after="advent", start=2, confidence=confidence)


def _cycles(name: str, objective: str, strategy: str, granularity: str, confidence: str | None = None) -> AdaptedCycles:
    sparse = {} if granularity == "image" else SPARSE
    return AdaptedCycles(
        name=name, family=FAMILY, strategy=strategy, granularity=granularity, oracle=ORACLE_AT[granularity],
        confidence=confidence, changes={"train": {"objective": objective, "retrain": "previous", **sparse}},
    )  # fmt: skip


SOURCE_ONLY = SourceTraining(
    name="source-only", family=FAMILY, changes={"train": {"objective": "adapted"}}, notebook=BOOK
)
METHODS: tuple[Method, ...] = (
    SOURCE_ONLY,
    _adaptation("minent", "minent"),
    _adaptation("advent", "advent"),
    _self_training("bdl", "softmax"),
    _self_training("esl", "entropy"),
    _self_training("esl-eem", "eem"),
    _self_training("esl-pae", "entropy-pae"),
    _cycles("ripu", "ripu", "ripu", "square"),
    _cycles("ripu-random", "ripu", "random", "square"),
    _cycles("ripu-eem", "ripu", "eem", "square"),
    _cycles("ripu-pixels", "ripu", "ripu", "pixel"),
    _cycles("eem-esl", "adapted", "eem", "square", "entropy"),
    _cycles("stal", "stal", "stratified-entropy", "image"),
    _cycles("stal-random", "stal", "random", "image"),
    _cycles("stal-eem", "stal", "eem", "image"),
)
