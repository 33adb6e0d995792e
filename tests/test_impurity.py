"""Impurity and window sums against plain loops and closed forms; RIPU's map is their product with entropy."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies.base import Learner
from segxal.acquisition.strategies.ripu import ripu_maps
from segxal.core.entropy import entropy_map
from segxal.core.errors import ConfigError, ShapeError
from segxal.core.impurity import box_sum, impurity
from segxal.models.settings import MaskConfig
from segxal.training.predict import predict
from segxal.training.settings import TrainConfig


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def by_loops(prediction, classes, radius):
    """Another way: count in every window."""
    found = np.zeros(prediction.shape)
    for y, x in np.ndindex(prediction.shape):
        part = prediction[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
        shares = np.bincount(part.ravel(), minlength=classes) / part.size
        found[y, x] = -sum(q * math.log(q) for q in shares if q) / math.log(classes)
    return found


@pytest.mark.parametrize("radius", [0, 1, 3, 50])
def test_impurity_is_what_counting_in_every_window_gives(radius):
    prediction = torch.randint(0, 5, (2, 9, 13), generator=seeded())
    found = impurity(prediction, 5, radius)
    for one, part in zip(prediction, found, strict=True):
        np.testing.assert_allclose(part, by_loops(one.numpy(), 5, radius), atol=1e-6)
    assert found.min() >= 0 and found.max() <= 1 + 1e-6


def test_one_class_is_pure_and_all_alike_are_not():
    assert not impurity(torch.full((1, 6, 6), 3), 5, 2).any()
    board = torch.arange(4).view(2, 2).repeat(3, 3)[None]
    assert impurity(board, 4, 50).flatten().tolist() == pytest.approx([1] * 36)


def test_it_equals_one_convolution_per_class():
    prediction = torch.randint(0, 7, (1, 20, 30), generator=seeded(1))
    planes = F.one_hot(prediction, 7).permute(0, 3, 1, 2).double()
    kernel = torch.ones(7, 1, 9, 9, dtype=torch.float64)
    counts = F.conv2d(planes, kernel, padding=4, groups=7)
    shares = counts / counts.sum(1, keepdim=True)
    expected = torch.special.entr(shares).sum(1) / math.log(7)
    torch.testing.assert_close(impurity(prediction, 7, 4).double(), expected, atol=1e-6, rtol=0)


def test_window_sums_are_those_of_pooling():
    values = torch.rand(2, 11, 8, generator=seeded(2))
    expected = F.avg_pool2d(values[:, None], 5, 1, 2, divisor_override=1)[:, 0]
    torch.testing.assert_close(box_sum(values, 2), expected)
    assert torch.equal(box_sum(values, 0), values)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"\(6, 6\) with 3 classes"):
        impurity(torch.zeros(6, 6), 3, 1)
    with pytest.raises(ConfigError, match="radius = -1"):
        box_sum(torch.zeros(1, 2, 2, dtype=torch.float64), -1)


def test_the_map_of_ripu_is_impurity_times_entropy(tiny_splits, unet):
    train = TrainConfig(steps=1, cycle_steps=1, amp="off")
    learner = Learner(unet, MaskConfig(batch=2), StrategyConfig(radius=2), train)
    found = torch.cat(list(ripu_maps(learner, tiny_splits.train, [0, 3, 4], np.random.default_rng(0))))
    probs = torch.cat(list(predict(unet, tiny_splits.train.images[[0, 3, 4]], "off")))
    expected = entropy_map(probs) * impurity(probs.argmax(1), 19, 2)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
