"""Part 6 of the workshop: its rule is the package's, and what it computes about labels from nobody."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from segxal.apps.workshop import part6
from segxal.core.thresholds import class_thresholds


def test_the_rule_of_the_exercise_is_the_package_s():
    """With 1, 5, 9, ... pixels of a class ESL's element is the median."""
    prediction = np.repeat([0, 1, 2], 5)
    doubt = np.random.default_rng(0).random(15) * np.repeat([0.05, 0.5, 1.0], 5)
    wanted = class_thresholds(lambda: [(prediction, doubt)], 3, 0.5, part6.FLOOR)
    assert wanted[0] == pytest.approx(0.1)
    assert part6.check_thresholds(wanted, prediction, doubt).state == "right"


def test_only_another_labeller_helps():
    assert part6.check_help("another labeller").state == "right"
    assert part6.check_help(...).state == "blank"
    for given in ("stricter", "more images"):
        verdict = part6.check_help(given)
        assert verdict.state == "not yet" and "agrees with" in verdict.text
    assert "expected one of" in part6.check_help(3).text


def test_what_is_labelled_is_not_void():
    labels = SimpleNamespace(labels=torch.tensor([[[0, 255], [18, 255]]], dtype=torch.uint8))
    assert part6.labelled_by({"a": SimpleNamespace(labels=labels)})["a"].tolist() == [[[True, False], [True, False]]]


def test_objections_hit_wrong_and_right_pixels():
    probs = torch.tensor([[0.9, 0.2, 0.3, 0.6], [0.1, 0.8, 0.7, 0.4]]).view(1, 2, 2, 2)  # says 0, 1, 1, 0
    prediction = np.array([[[0, 0], [1, 1]]], dtype=np.uint8)
    found = part6.objections({"b": lambda images: probs}, torch.zeros(1, 3, 2, 2, dtype=torch.uint8), prediction)["b"]
    assert found.tolist() == [[[False, True], [False, True]]]
    right = np.array([[[True, False], [True, True]]])
    assert part6.hits(found, right) == pytest.approx((1.0, 1 / 3))
