"""The contract that every query strategy keeps."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from segxal.config import MaskConfig
from segxal.eem import error_masks
from segxal.errors import ConfigError
from segxal.seeds import rng
from segxal.strategies import STRATEGIES, get_strategy
from segxal.strategies.base import Learner, choose

CANDIDATES = [6, 1, 4]


@pytest.fixture
def learner(unet):
    return Learner(unet.train(), unet.bottleneck, MaskConfig(depth="dataset", batch=2), "off")


def bytes_of(model):
    return [value.numpy().tobytes() for value in model.state_dict().values()]


@pytest.mark.parametrize("name", STRATEGIES)
def test_scores_are_finite_repeatable_and_pure(name, learner, frames):
    before, images = bytes_of(learner.model), frames.images.clone()
    scores = get_strategy(name)(learner, frames, CANDIDATES, rng(0, "query"))
    again = get_strategy(name)(learner, frames, CANDIDATES, rng(0, "query"))
    assert scores.shape == (3,) and scores.dtype == np.float64 and np.isfinite(scores).all()
    assert np.array_equal(scores, again)
    assert bytes_of(learner.model) == before and torch.equal(frames.images, images)
    assert all(module.training for module in learner.model.modules())
    assert all(weight.grad is None and weight.requires_grad for weight in learner.model.parameters())


@pytest.mark.parametrize("name", STRATEGIES)
def test_labels_are_not_looked_at(name, learner, frames):
    blind = dataclasses.replace(frames, labels=torch.full_like(frames.labels, 255))
    one, other = (get_strategy(name)(learner, f, CANDIDATES, rng(0)) for f in (frames, blind))
    assert np.array_equal(one, other)


def test_eem_score_is_the_mean_of_the_mask(learner, frames):
    scores = get_strategy("eem")(learner, frames, CANDIDATES, rng(0))
    for index, score in zip(CANDIDATES, scores, strict=True):
        one = slice(index, index + 1)
        masks = error_masks(
            learner.model, learner.layer, frames.images[one], frames.depth[one], frames.classes, learner.mask, "off"
        )
        assert next(masks).eem.mean().item() == pytest.approx(score, abs=1e-5)


def test_eem_without_depth_of_the_data_set(learner, frames):
    flat = dataclasses.replace(frames, depth=None)
    by_geometry = dataclasses.replace(learner, mask=MaskConfig(depth="geometry"))
    assert np.isfinite(get_strategy("eem")(by_geometry, flat, CANDIDATES, rng(0))).all()


def test_random_follows_its_generator(learner, frames):
    one, other = (get_strategy("random")(learner, frames, CANDIDATES, rng(seed)) for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_the_best_are_chosen_and_ties_go_to_the_earlier():
    assert choose(np.array([0.1, 0.9, 0.5, 0.9]), [7, 3, 5, 2], 3) == [3, 2, 5]
    assert choose(np.zeros(3), [9, 4, 6], 2) == [9, 4]


@pytest.mark.parametrize("count", [0, 3])
def test_a_budget_that_does_not_fit(count):
    with pytest.raises(ConfigError, match=rf"{count} images to be queried from 2 candidates; lower loop\.step"):
        choose(np.zeros(2), [0, 1], count)


def test_no_candidates():
    with pytest.raises(ConfigError, match="from 0 candidates"):
        choose(np.zeros(0), [], 1)


def test_a_nan_score_is_refused():
    with pytest.raises(ConfigError, match="score is NaN; the network's output is not finite"):
        choose(np.array([0.1, math.nan]), [0, 1], 1)


def test_a_broken_network_is_noticed(learner, frames):
    with torch.no_grad():
        learner.model.head.bias.fill_(math.nan)
    with pytest.raises(ConfigError, match="do not sum to 1"):
        get_strategy("eem")(learner, frames, CANDIDATES, rng(0))


def test_unknown_strategy_lists_the_names():
    with pytest.raises(ConfigError, match="no strategy 'entropy'; choose one of eem, random"):
        get_strategy("entropy")
