"""Class-aware random selection: rarity in closed form, the weighted draw by its probabilities."""

import numpy as np
import pytest
import scipy.stats
import torch

from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies import class_random
from segxal.acquisition.strategies.base import Learner, Units, whole_images
from segxal.acquisition.strategies.class_random import class_counts, class_random_scores, race, rarity
from segxal.core.seeds import rng
from segxal.models import build_model
from segxal.models.settings import MaskConfig, ModelConfig
from segxal.training.settings import TrainConfig

CANDIDATES = [1, 4, 6]
CELLS = np.arange(32, dtype=np.int32).reshape(4, 8).repeat(8, 0).repeat(8, 1)  # of an image of 32x64


@pytest.fixture
def learner(frames):
    model = build_model(ModelConfig(base=4, depth=2), 19, torch.Generator().manual_seed(3)).eval()
    with torch.no_grad():  # an untrained network predicts one class everywhere; this one twelve
        model.head.weight.mul_(200)
        model.head.bias.sub_(model(model.prepare(frames.images)).mean((0, 2, 3)))
    mask, train = MaskConfig(batch=2), TrainConfig(steps=1, cycle_steps=1)
    return Learner(model, mask, StrategyConfig(), train)


def all_cells():
    image, region = np.repeat(CANDIDATES, 31), np.tile(np.arange(1, 32), 3)
    return Units(image, region, np.full(93, 64), lambda _index: np.where(CELLS == 0, -1, CELLS))


def test_rarity_closed_form():
    counts = np.array([[4, 0, 0], [2, 2, 0], [0, 2, 0]])  # shares 0.6, 0.4, 0
    np.testing.assert_allclose(rarity(counts), [1 / 0.6, (1 / 0.6 + 1 / 0.4) / 2, 1 / 0.4])


def test_classes_are_counted_in_their_units(learner, frames):
    with torch.no_grad():
        prediction = learner.model(learner.model.prepare(frames.images[CANDIDATES])).argmax(1).numpy()
    assert len(np.unique(prediction)) >= 3
    for units in (whole_images(CANDIDATES, 32 * 64), all_cells()):
        counts = class_counts(learner, frames, units)
        for k in range(len(units)):
            inside = prediction[CANDIDATES.index(units.image[k])]
            if units.partition:
                inside = inside[units.region[k] == CELLS]
            assert counts[k].tolist() == np.bincount(inside.ravel(), minlength=19).tolist()


def test_a_weighted_draw_without_replacement():
    weights, runs = np.array([1.0, 2.0, 5.0]), 20_000
    generator = rng(0)
    order = np.array([np.argsort(-race(weights, generator)) for _ in range(runs)])
    first = np.bincount(order[:, 0], minlength=3)
    assert scipy.stats.chisquare(first, weights / 8 * runs).pvalue > 1e-3
    second = np.bincount(order[order[:, 0] == 2, 1], minlength=3)[:2]  # after the third: 1 to 2
    assert scipy.stats.chisquare(second, np.array([1, 2]) / 3 * second.sum()).pvalue > 1e-3


def test_a_rare_class_is_asked_for_more_often(learner, frames, monkeypatch):
    units = all_cells()
    counts = class_counts(learner, frames, units)
    weights = rarity(counts)
    monkeypatch.setattr(class_random, "class_counts", lambda *_: counts)  # the same at each of 200 draws, and slow
    first = [class_random_scores(learner, frames, units, 64, rng(seed)).order[0] for seed in range(200)]
    expected = weights @ weights / weights.sum()  # mean weight of a unit that is drawn in proportion to its weight
    spread = np.sqrt(weights @ (weights - expected) ** 2 / weights.sum() / 200)
    assert weights.mean() + 3 * spread < weights[first].mean() < expected + 4 * spread
