"""Squares: they do not overlap, not even those of earlier rounds; RIPU's score is its formula."""

import numpy as np
import pytest
import torch

from segxal.acquisition.query import ask
from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies import get_maps
from segxal.acquisition.strategies.base import Learner
from segxal.core.entropy import entropy_map
from segxal.core.errors import ConfigError
from segxal.core.impurity import impurity
from segxal.core.regions import top_squares
from segxal.models.settings import MaskConfig
from segxal.training.predict import predict
from segxal.training.settings import TrainConfig


def learner(model, square=1):
    train = TrainConfig(steps=1, cycle_steps=1, amp="off")
    return Learner(model, MaskConfig(depth="dataset"), StrategyConfig(square=square), train)


def test_the_best_centre_comes_first_then_the_best_that_is_left():
    values = np.zeros((7, 9))
    values[1, 1], values[1, 3], values[4, 4] = 3, 2.5, 2  # the second overlaps the first
    numbers = top_squares(values, np.ones((7, 9), dtype=bool), 2, 1)
    assert (numbers[0:3, 0:3] == 0).all() and (numbers[3:6, 3:6] == 1).all() and (numbers >= 0).sum() == 18


@pytest.mark.parametrize("radius", [0, 1, 2])
def test_squares_of_several_rounds_are_disjoint_whole_and_never_asked_again(radius):
    rng, free = np.random.default_rng(radius), np.ones((20, 31), dtype=bool)
    for _ in range(3):
        numbers = top_squares(rng.random(free.shape), free, 4, radius)
        assert free[numbers >= 0].all()
        for number in range(4):
            rows, columns = np.nonzero(numbers == number)
            tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
            assert len(rows) == tall * wide and max(tall, wide) <= 2 * radius + 1, "one rectangle, cut at the border"
        free &= numbers < 0


def test_fewer_squares_where_no_more_fit_and_none_is_an_error():
    free = np.ones((3, 7), dtype=bool)
    assert top_squares(np.zeros((3, 7)), free, 50, 1).max() < 6
    free[:, 3] = False
    free[1, 1] = free[1, 5] = False
    with pytest.raises(ConfigError, match="no square is free"):
        top_squares(np.zeros((3, 7)), free, 1, 1)
    with pytest.raises(ConfigError, match="NaN"):
        top_squares(np.full((3, 3), np.nan), np.ones((3, 3), dtype=bool), 1, 1)


def test_ripus_square_score_is_impurity_times_mean_entropy(unet, frames):
    probs = next(predict(unet, frames.images[:2], "off"))
    asking, rng = learner(unet), np.random.default_rng(0)
    (found,) = get_maps("ripu", "square").maps(asking, frames, [0, 1], rng)
    entropy = entropy_map(probs)
    mixed = impurity(probs.argmax(1), 19, 1)
    assert found[0, 5, 7] == pytest.approx(float(mixed[0, 5, 7] * entropy[0, 4:7, 6:9].mean()), abs=1e-6)
    assert found[1, 0, 0] == pytest.approx(float(mixed[1, 0, 0] * entropy[1, :2, :2].mean()), abs=1e-6), "border"
    (plain,) = get_maps("entropy", "square").maps(asking, frames, [0], rng)
    assert plain[0, 5, 7] == pytest.approx(float(entropy[0, 4:7, 6:9].mean()), abs=1e-6)


@pytest.mark.parametrize(("pixels", "squares"), [(1, 1), (9, 1), (10, 2), (27, 3)])
def test_as_many_squares_as_the_pixels_pay_for_rounded_up(unet, frames, pixels, squares):
    found = ask(learner(unet), "ripu", "square", frames, [0, 3], pixels, np.random.default_rng(0))
    assert [len(np.unique(one.query.partition)) - 1 for one in found] == [squares, squares]
    assert all((one.query.asked == (one.query.partition >= 0)).all() for one in found)


def test_what_was_asked_for_before_is_left_out(unet, frames):
    asked = np.zeros(tuple(frames.labels.shape), dtype=bool)
    for _ in range(2):
        (one,) = ask(learner(unet), "random", "square", frames, [2], 40, np.random.default_rng(1), asked)
        assert not asked[2][one.query.asked].any()
        asked[2] |= one.query.asked
    assert asked[2].sum() <= 2 * 5 * 9 and torch.tensor(asked[[0, 1]]).sum() == 0
