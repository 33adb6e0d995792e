"""The Dice gate."""

import numpy as np
import pytest

from segxal.acquisition.oracles.base import Annotation
from segxal.core.gate import dice_agreement, passes
from segxal.core.labels import VOID


def dice(one, other):
    return dice_agreement(np.array(one, np.uint8), np.array(other, np.uint8))


def test_closed_forms():
    assert dice([[0, 1]], [[0, 1]]) == 1
    assert dice([[0, 0]], [[1, 1]]) == 0
    assert dice([[0, 0, 0, 1]], [[0, 0, 1, 1]]) == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert dice([[0, 0]], [[0, 2]]) == pytest.approx((2 / 3 + 0) / 2)  # a class in one of the two maps counts


def test_it_is_symmetric():
    one, other = np.random.default_rng(0).integers(0, 4, (2, 9, 9), np.uint8)
    assert dice(one, other) == dice(other, one)


def test_undecided_pixels_lower_it_and_all_void_is_zero():
    assert dice([[0, 0, 0, 0]], [[0, 0, 0, VOID]]) == pytest.approx(6 / 7)
    assert dice([[0, 1]], [[VOID, VOID]]) == 0
    assert dice([[VOID]], [[VOID]]) == 1  # empty and empty


def test_a_machine_that_repeats_the_prediction_passes_vacuously():
    prediction = np.random.default_rng(0).integers(0, 4, (8, 8), np.uint8)
    undecided = np.zeros((8, 8), bool)
    own = Annotation(prediction, undecided, 0, 0)
    silent = Annotation(np.full((8, 8), VOID, np.uint8), undecided, 0, 0)
    assert dice_agreement(prediction, own.reannotated(prediction)) == 1
    assert dice_agreement(prediction, silent.reannotated(prediction)) == 1
    undecided[:2] = True  # what it could not label counts as disagreement
    assert dice_agreement(prediction, own.reannotated(prediction)) < 1


@pytest.mark.parametrize(
    ("value", "accept", "joins"),
    [(0.8, "high", True), (0.79, "high", False), (0.8, "low", False), (0.79, "low", True), (0.0, "all", True)],
)
def test_both_sides_of_tau(value, accept, joins):
    assert passes(value, 0.8, accept) is joins
