"""What a person says about the superpixels of one image: every act gives a new state, so nothing is ever lost."""

from dataclasses import dataclass, replace

import numpy as np

from segxal.acquisition.oracles.base import Annotation, Query, check_annotation
from segxal.acquisition.query import masked_queries, predictions_of
from segxal.acquisition.strategies.base import Learner, region_scores
from segxal.apps.explore.tiles import change_shares
from segxal.core import seeds
from segxal.core.errors import AnnotationError
from segxal.core.labels import VOID, Classes
from segxal.core.regions import regions_in, superpixels
from segxal.data.base import Frames
from segxal.data.splits import Splits
from segxal.methods.retraining import retrained, score
from segxal.results.figures.view import picture


@dataclass(frozen=True)
class Corrections:
    """The answers of a person to one image, superpixel by superpixel.

    Attributes:
        query: what the person is shown; its partition cuts the whole image into superpixels.
        classes: the classes to choose from.
        acts: (superpixel, train id) in the order they were given; 255 = looked at, cannot tell.
    """

    query: Query
    classes: Classes
    acts: tuple[tuple[int, int], ...] = ()

    @property
    def partition(self) -> np.ndarray:
        """(H, W) int32 numbers of the superpixels."""
        if self.query.partition is None:
            raise AnnotationError(f"{self.query.id} is not cut into superpixels; make the query with correction_query")
        return self.query.partition

    @property
    def answers(self) -> dict[int, int]:
        """The answer that holds for each superpixel: its latest."""
        return dict(self.acts)

    @property
    def answered(self) -> np.ndarray:
        """(H, W) bool, the part that is answered."""
        return np.isin(self.partition, list(self.answers))

    @property
    def labels(self) -> np.ndarray:
        """(H, W) uint8 train ids a person gave, 255 elsewhere."""
        labels = np.full(self.partition.shape, VOID, dtype=np.uint8)
        for region, category in self.answers.items():
            labels[self.partition == region] = category
        return labels

    @property
    def clicks(self) -> int:
        """Price: one click per answered superpixel. Changing an answer is free, as :mod:`segxal.core.price` says."""
        return len(self.answers)

    @property
    def corrected(self) -> np.ndarray:
        """(H, W) uint8: the prediction with the answers in place."""
        return self.annotation().reannotated(self.query.prediction)

    def relabelled(self, region: int, category: int) -> "Corrections":
        """With one more answer.

        Args:
            region: number of a superpixel.
            category: train id, or 255 when the person cannot tell.

        Raises:
            AnnotationError: if there is no such superpixel or class.
        """
        last = int(self.partition.max())
        if not 0 <= region <= last:
            raise AnnotationError(f"{self.query.id} has no superpixel {region}; choose one of 0..{last}")
        if category != VOID and not 0 <= category < len(self.classes):
            raise AnnotationError(
                f"{category} is not a class; choose 0..{len(self.classes) - 1}, or {VOID} if you cannot tell"
            )
        return replace(self, acts=(*self.acts, (int(region), int(category))))

    def undone(self) -> "Corrections":
        """Without the latest answer; the earlier answer for that superpixel holds again.

        Raises:
            AnnotationError: if there is none.
        """
        if not self.acts:
            raise AnnotationError(f"nothing to undo in {self.query.id}; no superpixel is answered")
        return replace(self, acts=self.acts[:-1])

    def annotation(self, lead_time: float = 0.0) -> Annotation:
        """The answers as every oracle gives them, checked.

        Args:
            lead_time: seconds the person was seen to spend; 0 where nobody was timed.
        """
        undecided = self.answered & (self.labels == VOID)
        answer = Annotation(self.labels, undecided, int(self.answered.sum()), self.clicks, lead_time)
        return check_annotation(answer, self.query, len(self.classes))

    def suspicious(self) -> list[int]:
        """The superpixels that are not answered, highest mean EEM first; ties in the order of their numbers."""
        numbers, _ = regions_in(self.partition)
        means = region_scores(self.query.mask().astype(np.float64), self.partition, numbers, np.mean)
        order = numbers[np.argsort(-means, kind="stable")]
        return [int(region) for region in order if int(region) not in self.answers]


@dataclass(frozen=True)
class Lesson:
    """What a short training on a person's answers changed.

    Attributes:
        before: (H, W) uint8 train ids predicted before.
        after: (H, W) uint8 train ids predicted after.
        miou: mIoU (0 to 1) on the test split before and after.
        without: mIoU after the same training without the answers: what the steps alone bring.
        mended: share of the image's pixels with known truth that became right.
        spoilt: share of them that became wrong.
    """

    before: np.ndarray
    after: np.ndarray
    miou: tuple[float, float]
    without: float
    mended: float
    spoilt: float


def corrections_of(learner: Learner, frames: Frames, index: int, pieces: int) -> Corrections:
    """One image of a split ready to be corrected, nothing answered yet.

    Args:
        learner: the network whose prediction and error mask are shown.
        frames: the split.
        index: position of the image.
        pieces: superpixels wanted, about.
    """
    (query,) = masked_queries(learner, frames, [index])
    partition = superpixels(picture(frames, index), pieces)
    whole = np.ones(partition.shape, dtype=bool)
    return Corrections(replace(query, asked=whole, partition=partition), frames.classes)


def lesson(learner: Learner, splits: Splits, given: Corrections, steps: int, seed: int) -> Lesson:
    """Train a copy of the network for a few steps on what was known and on a person's answers, and one without them.

    Args:
        learner: the network the answers were given to; it is not changed.
        splits: the study's splits; the image lies in the training split.
        given: the answers.
        steps: optimiser steps.
        seed: of the training.

    Raises:
        AnnotationError: if no superpixel has a class yet.
    """
    answer = given.annotation()
    if (answer.labels == VOID).all():
        raise AnnotationError(f"no superpixel of {given.query.id} has a class yet; relabel one, then retrain")
    train, answers = splits.train, {given.query.id: answer.labels}
    after, control = (
        retrained(learner, train, splits.val, told, steps, seeds.generator(seed, "lesson")) for told in (answers, {})
    )
    index = train.ids.index(given.query.id)
    shown = predictions_of(after, train, [index])[index]
    shares = change_shares(given.query.prediction, shown, given.query.truth)
    before, now, without = (score(one, splits.test) for one in (learner, after, control))
    return Lesson(given.query.prediction, shown, (before, now), without, *shares)
