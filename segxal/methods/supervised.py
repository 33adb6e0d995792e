"""Trainings that ask nothing: the first one, on the initial labels, and full supervision."""

from dataclasses import dataclass

import numpy as np
import torch

from segxal.acquisition.oracles.base import Annotation
from segxal.acquisition.oracles.pixel import PixelOracle
from segxal.acquisition.oracles.whole_image import WholeImageOracle
from segxal.acquisition.pool import UNLABELLED, Pool, start_pool
from segxal.acquisition.query import first_query
from segxal.core import seeds
from segxal.core.errors import DataMissing
from segxal.data.base import Frames
from segxal.data.division import read_division
from segxal.methods.base import Context, Method, Need, Outcome, spent
from segxal.methods.settings import RunSettings
from segxal.models import build_model
from segxal.training.engine import fit
from segxal.training.task import Task


@dataclass(frozen=True, kw_only=True)
class FirstTraining(Method):
    """A fresh network on labels that were there from the start; one stage.

    Attributes:
        whole: whether all images with ground truth are labelled, for as many steps as all cycles of another method take
            together; otherwise the initial share of them.
    """

    whole: bool = False

    def stages(self, settings: RunSettings) -> range:
        """Stage 0 alone."""
        return range(1)

    def needs(self, number: int, ablation: str) -> tuple[Need, ...]:
        """Nothing."""
        return ()

    def run(self, context: Context) -> Outcome:
        """Draw the initial labels, and train on them."""
        settings, train = context.settings, context.splits.train
        pool = self._pool(context)
        pixels = 0 if self.whole else settings.pool.start_pixels
        answers, asked = _answers(train, pool.labelled, pixels, seeds.rng(context.seed, "start-pixels"))
        cycles = settings.pool.cycles if self.whole else 0
        steps = settings.train.steps + cycles * settings.train.cycle_steps
        model = build_model(settings.model, len(train.classes), seeds.generator(context.seed, "weights"))
        annotations = {name: answer.labels for name, answer in answers.items()}
        labels = torch.from_numpy(np.stack([annotations[train.ids[i]] for i in pool.labelled]))
        task = Task(train, tuple(pool.labelled), labels, context.splits.val, steps, context.generator("train"))
        trained = fit(model, task, settings.train)
        weights = (settings.mask.w_pae, settings.mask.w_ebu)
        return Outcome(pool, trained, annotations, spent({}, list(answers.values())), asked=asked, weights=weights)

    def _pool(self, context: Context) -> Pool:
        """The pool before the first query."""
        config, train = context.settings.pool, context.splits.train
        known = [i for i, labelled in enumerate(train.labelled) if labelled]
        if self.whole or not config.division:
            share = len(known) / len(train) if self.whole else config.start
            return start_pool(train.ids, known, share, seeds.rng(context.seed, "start"))
        named = read_division(config.division).positions(train.ids)
        if lacking := [train.ids[i] for i in named if not train.labelled[i]]:
            raise DataMissing(
                f"the division {config.division} labels {len(named)} images from the start, but {len(lacking)} of them "
                f"have no ground truth here, {lacking[0]} for example; add it, or leave out pool.division"
            )
        return Pool(train.ids, (UNLABELLED,) * len(train)).add(named, 0)


def _answers(
    train: Frames, indices: list[int], pixels: int, rng: np.random.Generator
) -> tuple[dict[str, Annotation], dict[str, np.ndarray]]:
    """The initial labels: whole images, or ``pixels`` random pixels of each and which these are."""
    queries = [first_query(train, i, pixels, rng) for i in indices]
    oracle = PixelOracle() if pixels else WholeImageOracle()
    answers = {query.id: oracle.annotate(query) for query in queries}
    return answers, {query.id: query.asked for query in queries} if pixels else {}


START = FirstTraining(name="start", family="start", notebook="al_cycle")  # all methods of a seed continue from it
SUPERVISED = FirstTraining(name="supervised", family="supervised", notebook="supervised", whole=True)
