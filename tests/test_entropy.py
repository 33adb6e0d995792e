"""EBU: closed forms, SciPy, the patch entropy of the release."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from segxal.core.entropy import entropy_map, patch_entropy_map
from segxal.core.errors import ConfigError, ShapeError


@pytest.mark.parametrize("classes", [2, 19])
def test_uniform_is_one_and_certain_is_zero(classes):
    uniform = torch.full((1, classes, 2, 3), 1 / classes)
    certain = torch.zeros(1, classes, 2, 3)
    certain[:, 0] = 1
    assert torch.allclose(entropy_map(uniform), torch.ones(1, 2, 3))
    assert entropy_map(certain).eq(0).all()


def test_a_coin_among_four_classes_is_one_half():
    probs = torch.tensor([0.5, 0.5, 0, 0]).view(1, 4, 1, 1)
    assert entropy_map(probs).item() == pytest.approx(0.5)


def test_equals_scipy():
    logits = 5 * torch.randn(2, 7, 5, 3, generator=torch.Generator().manual_seed(0))
    probs = logits.softmax(1)
    expected = entropy(probs.double().numpy(), axis=1) / math.log(7)
    np.testing.assert_allclose(entropy_map(probs).numpy(), expected, atol=1e-6)


def test_what_is_no_distribution_is_refused():
    with pytest.raises(ConfigError, match=r"pass logits\.softmax"):
        entropy_map(torch.randn(1, 3, 2, 2))
    with pytest.raises(ConfigError, match="do not sum to 1"):
        entropy_map(torch.full((1, 3, 2, 2), math.nan))
    for shape in [(3, 2, 2), (1, 1, 2, 2)]:
        with pytest.raises(ShapeError, match="C >= 2"):
            entropy_map(torch.ones(shape))


def test_patch_entropy_closed_form():
    prediction = torch.zeros(1, 4, 8, dtype=torch.uint8)
    prediction[:, :2, 4:] = 1  # the right patch is half 0, half 1; the left is all 0
    maps = patch_entropy_map(prediction, 4, patch=4)
    assert maps[:, :, :4].eq(0).all()
    assert torch.allclose(maps[:, :, 4:], torch.tensor(math.log(2) / math.log(4)))


@pytest.mark.parametrize("size", [(9, 13), (5, 7), (3, 2), (8, 17)])
def test_patch_entropy_of_odd_sizes_equals_counting(size):
    prediction = torch.from_numpy(np.random.default_rng(0).integers(0, 3, (2, *size), np.uint8))
    expected = np.empty(prediction.shape)
    for n, y, x in np.ndindex(*prediction.shape):
        top, left = 4 * (y // 4), 4 * (x // 4)
        counts = np.bincount(prediction[n, top : top + 4, left : left + 4].flatten().numpy(), minlength=3)
        expected[n, y, x] = entropy(counts) / math.log(3)
    np.testing.assert_allclose(patch_entropy_map(prediction, 3, patch=4).numpy(), expected, atol=1e-6)
