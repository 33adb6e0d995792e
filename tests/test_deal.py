"""DEAL: attention over probabilities, the loss on right and wrong pixels, difficulty that points at errors."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn import functional as F

from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies import deal
from segxal.acquisition.strategies.base import Learner, MapStrategy, whole_images
from segxal.acquisition.strategies.deal import (
    DifficultyBranch,
    deal_maps,
    difficulty_entropy,
    difficulty_loss,
    error_target,
    probability_attention,
    small,
)
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID, Classes
from segxal.core.seeds import rng
from segxal.data.base import Frames
from segxal.models.base import Network
from segxal.models.settings import MaskConfig
from segxal.training.settings import TrainConfig

LABELLED = (0, 2, 3)


@pytest.fixture
def learner(unet, frames):
    return learner_for(unet.train(), frames)


def learner_for(model, frames):
    mask, loop, train = MaskConfig(batch=2), StrategyConfig(), TrainConfig(epochs=1)
    return Learner(model, mask, loop, train, LABELLED, frames.labels[list(LABELLED)])


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(deal, "STEPS", 5)


# closed forms


def test_attention_by_hand():
    probs = torch.eye(2).view(1, 2, 1, 2)  # two pixels, each sure of its own class
    own = math.e / (math.e + 1)
    expected = torch.tensor([[own, 1 - own], [1 - own, own]]).view(1, 2, 1, 2)
    assert torch.allclose(probability_attention(probs), expected)


def test_attention_is_weak():
    """A sure class on 10 % of the pixels puts e * 0.1 / (e * 0.1 + 0.9) = 23 % of its attention on itself."""
    probs = torch.zeros(1, 2, 1, 10)
    probs[:, 0, :, 0], probs[:, 1, :, 1:] = 1, 1
    assert probability_attention(probs)[0, 0, 0, 0].item() == pytest.approx(0.1 * math.e / (0.1 * math.e + 0.9))


def test_attention_equals_the_double_loop():
    probs = torch.randn(2, 3, 2, 4, generator=torch.Generator().manual_seed(0)).mul(3).softmax(1)
    result = probability_attention(probs)
    for image, found in zip(probs.flatten(2), result.flatten(2), strict=True):
        for i in range(8):
            weights = torch.stack([(image[:, i] * image[:, j]).sum() for j in range(8)]).softmax(0)
            assert torch.allclose(found[:, i], sum(weights[j] * image[:, j] for j in range(8)), atol=1e-6)
    assert torch.allclose(result.sum(1), torch.ones(2, 2, 4))


def test_without_gamma_the_attention_does_not_count():
    branch = DifficultyBranch(3)
    probs, context = torch.rand(2, 3, 2, 4), torch.rand(2, 3, 2, 4)
    plain = F.interpolate(branch.conv(probs), (8, 16), mode="bilinear", align_corners=False)[:, 0]
    assert branch.gamma.item() == 0 and torch.equal(branch(probs, context, (8, 16)), plain)
    with torch.no_grad():
        branch.gamma.fill_(2.0)
    assert torch.allclose(branch(probs, context, (2, 4)), branch.conv(2 * context + probs)[:, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("size", "grid"), [((96, 128), (23, 30)), ((32, 64), (8, 16)), ((1024, 2048), (23, 30)), ((3, 3), (1, 1))]
)
def test_probabilities_are_averaged_to_a_small_grid(size, grid):
    probs = torch.rand(1, 2, *size).softmax(1)
    shrunk = small(probs)
    assert shrunk.shape == (1, 2, *grid) and torch.allclose(shrunk.sum(1), torch.ones(1, *grid))


def test_errors_of_annotated_pixels():
    prediction, labels = torch.tensor([[[1, 1, 1]]]), torch.tensor([[[1, 2, VOID]]], dtype=torch.uint8)
    assert error_target(prediction, labels).tolist() == [[[0, 1, VOID]]]


def test_the_loss_by_hand():
    logits = torch.tensor([[[0.0, 0.0, math.log(3), -math.log(3), 50.0]]])
    target = torch.tensor([[[0, 0, 0, 1, VOID]]], dtype=torch.uint8)
    right, wrong = (2 * math.log(2) + math.log(4)) / 3, math.log(4)
    w_right, w_wrong = 1 / math.sqrt(4), 1 / math.sqrt(2)
    expected = (w_right * right + w_wrong * wrong) / (w_right + w_wrong)
    assert difficulty_loss(logits, target).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("value", "expected"), [(0, math.log(2) / math.sqrt(5)), (VOID, 0.0)])
def test_the_loss_without_wrong_pixels_or_without_any(value, expected):
    logits = torch.zeros(1, 2, 2, requires_grad=True)
    loss = difficulty_loss(logits, torch.full((1, 2, 2), value, dtype=torch.uint8))
    loss.backward()
    weight = 1 / math.sqrt(5) + 1  # of four right pixels and of no wrong one
    assert loss.item() == pytest.approx(expected / weight) and logits.grad.isfinite().all()


def test_difficulty_entropy_by_hand():
    assert difficulty_entropy(np.arange(8) / 100) == pytest.approx(math.log(8))  # its own range, not 0 to 1
    assert difficulty_entropy(np.arange(8) / 100, levels=2) == pytest.approx(math.log(2))
    quarter = np.array([0.2, 0.2, 0.2, 0.6])
    assert difficulty_entropy(quarter) == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75))
    assert difficulty_entropy(np.full(5, 0.3)) == 0 and difficulty_entropy(np.array([0.3])) == 0


# as a strategy


class OneLayer(Network):
    """Three classes, linear per pixel."""

    def __init__(self):
        super().__init__()
        self.explained, self.identity = "score", {"name": "one layer"}
        self.score = nn.Conv2d(3, 3, 1)

    def features(self, x):
        return x

    def classify(self, features, size):
        return self.score(features)


def signs(count=16, side=32):
    """Red and blue squares; a network takes both for sure, red is nearly always right and blue mostly wrong."""
    generator = torch.Generator().manual_seed(0)
    blue = torch.rand(count, side // 8, side // 8, generator=generator) < 0.3
    blue = blue.repeat_interleave(8, 1).repeat_interleave(8, 2)
    images = torch.zeros(count, 3, side, side, dtype=torch.uint8)
    images[:, 0], images[:, 2] = 255 * ~blue, 255 * blue
    wrong = torch.rand(count, side, side, generator=generator) < torch.where(blue, 0.8, 0.05)
    labels = torch.where(wrong, 2, blue.long()).to(torch.uint8)
    classes = Classes(("red", "blue", "other"), ((255, 0, 0), (0, 0, 255), (0, 0, 0)))
    names = tuple(str(i) for i in range(count))
    model = OneLayer()
    with torch.no_grad():
        model.score.weight.zero_()
        model.score.bias.copy_(torch.tensor([0.0, 0.0, -4.0]))
        model.score.weight[0, 0], model.score.weight[1, 2] = 1.0, 1.0
    return Frames(classes, names, images, labels, None, names, (True,) * count), model, wrong


def test_difficulty_points_at_errors():
    frames, model, wrong = signs()
    learner = learner_for(model, frames)
    candidates = [i for i in range(len(frames)) if i not in LABELLED]
    difficulty = torch.cat(list(deal_maps(learner, frames, candidates, rng(0)))).numpy()
    assert roc_auc_score(wrong[candidates].flatten(), difficulty.ravel()) > 0.8  # the best any map reaches is 0.9
    assert 0 < difficulty.min() < 0.35 and 0.6 < difficulty.max() < 1


def test_hard_images_come_first():
    frames, model, wrong = signs()
    learner = learner_for(model, frames)
    units = whole_images([i for i in range(len(frames)) if i not in LABELLED], 32 * 32)
    choice = MapStrategy(deal_maps)(learner, frames, units, 3 * 32 * 32, rng(0))
    errors = wrong[units.image].float().mean((1, 2)).numpy()
    assert np.corrcoef(choice.scores, errors)[0, 1] > 0.8
    assert errors[choice.order].mean() > errors.mean()


def test_maps_are_repeatable_and_pure(learner, frames, quick):
    before = [value.clone() for value in learner.model.state_dict().values()]
    images, labels, state = frames.images.clone(), learner.labels.clone(), torch.random.get_rng_state()
    one, again, other = (torch.cat(list(deal_maps(learner, frames, [1, 4, 6], rng(seed)))) for seed in (0, 0, 1))
    assert one.shape == (3, 32, 64) and one.dtype == torch.float32 and one.device.type == "cpu"
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert all(torch.equal(a, b) for a, b in zip(before, learner.model.state_dict().values(), strict=True))
    assert all(module.training for module in learner.model.modules())
    assert all(weight.grad is None and weight.requires_grad for weight in learner.model.parameters())
    assert torch.equal(frames.images, images) and torch.equal(learner.labels, labels)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_labels_of_candidates_are_not_looked_at(learner, frames, quick):
    blind = dataclasses.replace(frames, labels=torch.full_like(frames.labels, VOID))
    one, other = (torch.cat(list(deal_maps(learner, part, [1, 4], rng(0)))) for part in (frames, blind))
    assert torch.equal(one, other)


def test_a_few_annotated_pixels_of_one_image_are_enough():
    frames, model, wrong = signs()
    learner = learner_for(model, frames)
    sparse = torch.full_like(learner.labels, VOID)
    few = torch.rand(32, 32, generator=torch.Generator().manual_seed(1)) < 0.1
    sparse[1, few] = learner.labels[1, few]
    maps = deal_maps(dataclasses.replace(learner, labels=sparse), frames, [5, 6, 7], rng(0))
    assert roc_auc_score(wrong[5:8].flatten(), torch.cat(list(maps)).flatten()) > 0.8


@pytest.mark.parametrize("labels", ["none", "void"])
def test_nothing_annotated(learner, frames, labels):
    empty = learner.labels[:0] if labels == "none" else torch.full_like(learner.labels, VOID)
    with pytest.raises(ConfigError, match=r"no annotated pixels to learn difficulty from; label at least one image"):
        deal_maps(dataclasses.replace(learner, labels=empty), frames, [1, 4], rng(0))


def test_a_broken_network_is_noticed(learner, frames, quick):
    with torch.no_grad():
        learner.model.head.bias.fill_(math.nan)
    with pytest.raises(ConfigError, match="output is not finite"):
        deal_maps(learner, frames, [1, 4], rng(0))
