"""The view of labels from nobody: its labels are those of the rule, sliders move what they say, at once."""

import numpy as np
import pytest
import torch

from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies.base import Learner
from segxal.apps.explore.labels.doubted import doubted
from segxal.apps.explore.labels.explorer import START, LabelsExplorer
from segxal.apps.explore.labels.pictures import labels_picture, labels_text
from segxal.apps.explore.picture import from_png
from segxal.core.thresholds import class_thresholds, kept
from segxal.models.settings import MaskConfig
from segxal.training.settings import TrainConfig

HALF = [0.5] * 19


def all_labels(view, name, shares):
    return np.stack([view.labels(name, shares, index) for index in range(len(view.frames))])


@pytest.fixture
def view(unet, frames):
    with torch.no_grad():
        unet.head.weight.sub_(unet.head.weight.mean(1, keepdim=True)).mul_(200)  # several classes are predicted
        unet.head.bias.zero_()
    train = TrainConfig(steps=1, cycle_steps=1, amp="off")
    return doubted(Learner(unet, MaskConfig(depth="dataset"), StrategyConfig(), train), frames.select([0, 3, 5]))


@pytest.mark.parametrize("name", ["softmax", "entropy", "eem"])
def test_labels_are_those_of_the_rule(view, name):
    limits = class_thresholds(lambda: [(view.prediction, view.doubt[name])], 19, 0.5, 0.0)
    assert (all_labels(view, name, HALF) == kept(view.prediction, view.doubt[name], limits)).all()


def test_no_share_labels_nothing_and_a_whole_one_everything(view):
    assert (all_labels(view, "entropy", [0.0] * 19) == 255).all()
    assert (all_labels(view, "entropy", [1.0] * 19) == view.prediction).all()
    one = [0.0] * 19
    one[view.predicted[0]] = 1.0
    labels = all_labels(view, "eem", one)
    assert ((labels == view.predicted[0]) == (view.prediction == view.predicted[0])).all()
    assert set(np.unique(labels)) == {view.predicted[0], 255}


def test_quality_is_counted(view):
    labels, truth = all_labels(view, "softmax", HALF), view.frames.labels.numpy()
    labelled, right = view.quality("softmax", HALF)
    known = (labels != 255) & (truth != 255)
    assert labelled == pytest.approx((labels != 255).mean()) and right == pytest.approx((labels == truth)[known].mean())
    category = view.predicted[1]
    here = view.prediction == category
    assert view.quality("softmax", HALF, category)[0] == pytest.approx((labels == category).sum() / here.sum())
    assert all(np.isnan(value) for value in view.quality("softmax", HALF, 18 if 18 not in view.predicted else 17))
    assert "none" in labels_text(view, [0.0] * 19, category) and "50" in labels_text(view, HALF, category)


def test_sliders_move_every_class_or_one(view):
    explorer = LabelsExplorer(view)
    assert explorer.shares == [START / 100] * 19
    explorer.category.value = view.predicted[1]
    explorer.one.value = 80
    assert explorer.shares[view.predicted[1]] == 0.8 and explorer.shares.count(0.5) == 18
    explorer.category.value = view.predicted[0]
    assert explorer.one.value == 50 and explorer.shares.count(0.5) == 18, "to look is not to move"
    explorer.category.value = view.predicted[1]
    assert explorer.one.value == 80
    explorer.every.value = 20
    assert explorer.shares == [0.2] * 19 and explorer.one.value == 20
    explorer.image.value = 2
    assert (from_png(explorer.picture.value) == labels_picture(view, 1, explorer.shares)).all()


def test_wrong_labels_are_seen_and_right_ones_have_their_colour(view):
    from segxal.apps.explore.picture import WRONG

    drawn = labels_picture(view, 0, [1.0] * 19).reshape(-1, 3)
    nothing = labels_picture(view, 0, [0.0] * 19).reshape(-1, 3)
    assert (drawn == WRONG).all(1).any() and not (nothing == WRONG).all(1).any()
