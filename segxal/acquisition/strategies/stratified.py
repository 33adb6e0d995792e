"""Stratified entropy: the most uncertain images of every sequence, each sequence in proportion to its length (STAL)."""

from collections import Counter

import numpy as np

from segxal.acquisition.strategies.base import Choice, Learner, Units, best, unit_scores
from segxal.acquisition.strategies.entropy import entropy_maps
from segxal.data.base import Frames


def stratified_scores(
    learner: Learner, frames: Frames, units: Units, budget: int, rng: np.random.Generator
) -> Choice:  # fmt: skip
    """Mean entropy of whole images within the quota of their sequence.

    See :class:`segxal.acquisition.strategies.base.UnitScores`.

    Source: STAL (arXiv 2301.13361), its code: round(count * share of the images not labelled yet), with cities in place
    of sequences; the last one absorbs the rest. Departure: what rounding leaves over or takes too much goes by the
    score alone, whatever the sequence.
    """
    scores = unit_scores(entropy_maps(learner, frames, units.candidates, rng), units)
    affordable = best(scores, units.size, budget)
    order = best(scores, units.size, int(units.size.sum()))  # all of them, best first
    sequences = [frames.sequences[int(units.image[k])] for k in order]
    quotas = {name: round(len(affordable) * n / len(order)) for name, n in Counter(sequences).items()}
    within: list[int] = []
    others: list[int] = []
    for k, name in zip(order, sequences, strict=True):
        (within if quotas[name] > 0 else others).append(k)
        quotas[name] -= 1
    return Choice((within + others)[: len(affordable)], scores)
