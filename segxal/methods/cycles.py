"""Methods that ask: each cycle is query, annotate, gate, retrain (paper sections 3.1 to 3.5)."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from segxal.acquisition.oracles import get_oracle
from segxal.acquisition.oracles.base import Oracle, check_annotation
from segxal.acquisition.pool import Pool, random_subset
from segxal.acquisition.query import Ask, ask
from segxal.acquisition.strategies.base import Learner
from segxal.core.errors import ConfigError
from segxal.core.gate import dice_agreement, passes
from segxal.core.labels import VOID
from segxal.core.regions import POOLED
from segxal.data.base import Frames
from segxal.methods.ablations import starts_anew
from segxal.methods.annotations import accepted, merge
from segxal.methods.base import Context, Method, Need, Outcome, State, spent, timed
from segxal.methods.learner import asking_learner
from segxal.methods.rounds import Bought
from segxal.methods.settings import PoolConfig, RunSettings
from segxal.methods.supervised import START
from segxal.models import build_model
from segxal.training.engine import fit, update
from segxal.training.task import Maker, Task


@dataclass(frozen=True, kw_only=True)
class CycleMethod(Method):
    """A strategy asks, an oracle answers, the network retrains; stages 1, 2, ... are the cycles.

    Attributes:
        gated: whether the Dice gate decides what joins the labelled pool.
        first: ablation of the first training it continues, where that changes the network.
    """

    gated: bool = False
    first: str = "none"

    def stages(self, settings: RunSettings) -> range:
        """One per cycle, from 1 on."""
        return range(1, settings.pool.cycles + 1)

    def needs(self, number: int, ablation: str) -> tuple[Need, ...]:
        """The cycle before; before the first one the shared first training."""
        if number > 1:
            return (Need(self.name, number - 1, ablation),)
        return (Need(START.name, 0, ablation if starts_anew(ablation) else self.first),)

    def run(self, context: Context) -> Outcome:
        """Query by the strategy, annotate by the oracle, pass the gate, retrain; regions in ``pool.rounds`` rounds."""
        settings, train, before = context.settings, context.splits.train, context.before[0]
        learner, pool, bought = self.asking(context), before.pool(), Bought()
        known = {train.ids[i]: part.numpy() for i, part in zip(learner.labelled, learner.labels, strict=True)}
        streams = {purpose: context.rng(purpose) for purpose in ("subset", "query", "noise")}
        for number in range(rounds := self._rounds(settings)):
            asks = self._asks(context, learner, pool, bought, streams)
            pool = pool.add(self._answers(context, asks, learner, bought, streams["noise"]), context.number)
            if number + 1 < rounds:
                seen = merge(known, self._joined(bought))
                learner = self._updated(context, learner, pool, seen, [ask.index for ask in asks], number)
        merged = merge(known, self._joined(bought))
        labels = torch.from_numpy(np.stack([merged[train.ids[i]] for i in pool.labelled]))
        scratch = settings.train.retrain == "scratch"
        model = learner.model
        if scratch:
            model = build_model(settings.model, len(train.classes), context.generator("weights"))
        steps = settings.train.steps if scratch else settings.train.cycle_steps
        makers: tuple[Maker, ...] = tuple(
            "machine" if self.asks_machine and pool.since[i] > 0 else "human" for i in pool.labelled
        )  # the initial labels are people's
        generator = context.generator("train")
        task = Task(train, tuple(pool.labelled), labels, context.splits.val, steps, generator, makers)
        task, numbers = self.completed(context, learner, task, bought.asked)
        trained = fit(model, task, settings.train)
        return Outcome(
            pool, trained, bought.annotations, spent(before.budget(), list(bought.answers.values())),
            list(bought.queries.values()), {} if self.granularity == "image" else bought.asked,
            (learner.mask.w_pae, learner.mask.w_ebu), numbers=numbers,
        )  # fmt: skip

    def completed(
        self, context: Context, learner: Learner, task: Task, asked: Mapping[str, np.ndarray]
    ) -> tuple[Task, dict[str, Any]]:
        """The task with whatever else the network learns from, and what the records say of that; here nothing.

        Args:
            context: of the stage.
            learner: the network that asked.
            task: what people have labelled.
            asked: id -> (H, W) bool, what they were asked for in this stage.
        """
        return task, {}

    def asking(self, context: Context) -> Learner:
        """The learner that asks first: the network of the stage before."""
        return asking_learner(context.before[0], context.settings, context.splits.train)

    def _rounds(self, settings: RunSettings) -> int:
        return settings.pool.rounds if self.granularity in POOLED else 1

    def _joined(self, bought: Bought) -> dict[str, np.ndarray]:
        return accepted(bought.annotations, list(bought.queries.values()))

    def _updated(
        self, context: Context, learner: Learner, pool: Pool, labels: dict[str, np.ndarray], fresh: list[int],
        number: int,
    ) -> Learner:  # fmt: skip
        """The learner of a round: a few steps on the images that the round before asked about."""
        train, config = context.splits.train, context.settings.train
        kept = sorted({*fresh} & {*pool.labelled})
        if kept:
            given = torch.from_numpy(np.stack([labels[train.ids[i]] for i in kept]))
            steps, generator = config.round_steps, context.generator(f"round {number}")
            task = Task(train, tuple(kept), given, context.splits.val, steps, generator)
            learner = replace(learner, model=update(copy.deepcopy(learner.model), task, config))
        every = torch.from_numpy(np.stack([labels[train.ids[i]] for i in pool.labelled]))
        return replace(learner, labelled=tuple(pool.labelled), labels=every)

    def _asks(
        self, context: Context, learner: Learner, pool: Pool, bought: Bought, streams: dict[str, np.random.Generator]
    ) -> list[Ask]:
        train, config, subset, query = context.splits.train, context.settings.pool, streams["subset"], streams["query"]
        if self.granularity == "image":
            count = max(1, round(config.step * len(train)))
            candidates = random_subset(askable(self, pool.unlabelled, train, count), config.subset, count, subset)
            masked = self.oracle != "whole-image"
            return ask(learner, self.strategy, "image", train, candidates, count, query, masked=masked)
        asked = asked_pixels(context.before[0], train)
        for name, part in bought.asked.items():
            asked[train.position(name)] |= part
        candidates = self.competing(config, train, asked, subset)
        pooled = self.granularity in POOLED
        budget = round_budget(config, train) if pooled else config.pixels_in(context.number)
        return ask(learner, self.strategy, self.granularity, train, candidates, budget, query, asked)

    def competing(self, config: PoolConfig, train: Frames, asked: np.ndarray, rng: np.random.Generator) -> list[int]:
        """Positions of the images whose regions or pixels compete.

        Args:
            config: of the pool.
            train: the training split.
            asked: (N, H, W) bool, the pixels somebody was asked for already.
            rng: source of the draw.
        """
        unfinished = [i for i, known in enumerate(train.labelled) if known and not asked[i].all()]
        return random_subset(unfinished, config.subset if self.granularity in POOLED else 1.0, 1, rng)

    def _answers(
        self, context: Context, asks: list[Ask], learner: Learner, bought: Bought, noise: np.random.Generator
    ) -> list[int]:
        """Answers and one row per query go into ``bought``; gives the images that join the labelled pool."""
        gate, classes = context.settings.gate, len(context.splits.train.classes)
        oracle, joining = self._oracle(context, asks, noise), []
        for one in asks:
            query = one.query
            answer = check_annotation(oracle.annotate(query), query, classes)
            dice = dice_agreement(query.prediction, answer.reannotated(query.prediction))
            joins = bool((answer.labels != VOID).any()) and (not self.gated or passes(dice, gate.tau, gate.accept))
            joining += [one.index] if joins and one.index not in learner.labelled else []
            row = {"id": query.id, "score": one.score, "dice": dice, "accepted": joins, "pixels": answer.pixels,
                   "clicks": answer.clicks, **timed(answer.lead_time)}  # fmt: skip
            bought.add(one, answer, row)
        return joining

    def _oracle(self, context: Context, asks: list[Ask], noise: np.random.Generator) -> Oracle:
        """Who answers: real people, who make their own errors, or a simulation."""
        if not self.asks_people:
            settings = context.settings
            networks = context.before[0].networks()
            return get_oracle(self.oracle, settings.oracle, networks, settings.train.amp, noise)
        if context.people is None:
            raise ConfigError(
                f"{self.name} asks real people, who cannot be asked here; use `segxal annotate` and "
                "`segxal reproduce`, or choose a method with a simulated oracle, segxal-human for example"
            )
        return context.people(asks)


def askable(method: Method, unlabelled: list[int], train: Frames, count: int) -> list[int]:
    """Unlabelled images that a method can ask about: simulated people need ground truth.

    Raises:
        ConfigError: if fewer than ``count`` images with ground truth are left, though there are as many images.
    """
    if not method.needs_truth:
        return unlabelled
    known = [i for i in unlabelled if train.labelled[i]]
    if len(known) < min(count, len(unlabelled)):
        raise ConfigError(
            f"{count} images are to be queried, but only {len(known)} unlabelled ones have ground truth, which the "
            f"simulated oracle {method.oracle} needs; lower pool.step or pool.cycles, or use segxal-pseudo, or people: "
            "segxal-label-studio"
        )
    return known


def round_budget(pool: PoolConfig, train: Frames) -> int:
    """Pixels that region methods ask for in one round: the cycle's share of all training pixels, at least one."""
    return max(1, round(pool.region_step * train.labels.numel()) // pool.rounds)


def asked_pixels(before: State, train: Frames) -> np.ndarray:
    """(N, H, W) bool: the pixels somebody was asked for up to a finished stage."""
    asked = np.zeros(tuple(train.labels.shape), dtype=bool)
    positions = {name: i for i, name in enumerate(train.ids)}
    for parts in before.asked_before():
        for name, part in parts.items():
            asked[positions[name]] |= part
    return asked
