"""Dropout passes, BALD and committees: closed forms, as elsewhere, what is switched on and off."""

import dataclasses
import math
import tracemalloc

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies.bald import bald, bald_maps
from segxal.acquisition.strategies.base import Learner, draw
from segxal.acquisition.strategies.qbc import fresh, qbc_maps, train_committee, vote_entropy
from segxal.core.errors import ConfigError
from segxal.core.seeds import drawing_from, rng
from segxal.models import build_model
from segxal.models.base import Network
from segxal.models.settings import MaskConfig, ModelConfig
from segxal.training.settings import TrainConfig


class Plain(Network):
    """A network in which nobody knows where the dropout is."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.explained, self.identity = "network.bottleneck", {"name": "plain"}

    def features(self, x):
        return x

    def classify(self, features, size):
        return self.network(features)


def net(dropout=0.3, seed=3):
    return build_model(ModelConfig(base=4, depth=2, dropout=dropout), 19, torch.Generator().manual_seed(seed)).eval()


def learner_of(model, frames=None, **loop):
    train = TrainConfig(steps=2, cycle_steps=1, batch=2, amp="off", evaluations=1)
    loop = StrategyConfig(**{"passes": 5} | loop)
    labels = () if frames is None else ((0, 3), frames.labels[[0, 3]])
    return Learner(model, MaskConfig(batch=3), loop, train, *labels)


@pytest.fixture
def learner(frames):
    return learner_of(net(), frames)


def simplex(passes=6, classes=5, sharpness=3.0):
    logits = torch.randn(passes, 2, classes, 4, 7, generator=torch.Generator().manual_seed(0))
    return (logits * sharpness).softmax(2)


def test_bald_closed_form():
    sure = torch.eye(4)[:, None, :, None, None]  # four passes, each certain of another class
    assert bald(sure).item() == pytest.approx(math.log(4))
    assert bald(sure[[0, 0, 1, 1]]).item() == pytest.approx(math.log(2))
    same = simplex()[:1].expand(20, -1, -1, -1, -1)
    assert bald(same).max() < 1e-6 and bald(same).min() >= 0


def test_bald_in_float64():
    probs = simplex()
    exact = probs.double().numpy()
    expected = scipy.stats.entropy(exact.mean(0), axis=1) - scipy.stats.entropy(exact, axis=2).mean(0)
    np.testing.assert_allclose(bald(iter(probs)), expected, atol=2e-6)


def test_bald_as_in_baal():
    from baal.active import heuristics

    probs = simplex()
    expected = heuristics.BALD().compute_score(probs.double().permute(1, 2, 3, 4, 0).numpy())
    np.testing.assert_allclose(bald(probs), expected, atol=2e-6)


def test_vote_entropy_closed_form():
    def votes(*classes):
        return [0.6 * torch.eye(4)[c].view(1, 4, 1, 1) + 0.1 for c in classes]

    assert vote_entropy(votes(2, 2, 2)).item() == 0
    assert vote_entropy(votes(0, 1, 2, 3)).item() == pytest.approx(1)
    assert vote_entropy(votes(0, 1)).item() == pytest.approx(0.5)  # ln 2 / ln 4
    shares = scipy.stats.entropy([3, 1, 1]) / math.log(4)
    assert vote_entropy(votes(0, 3, 0, 1, 0)).item() == pytest.approx(shares)


def test_vote_entropy_as_in_scikit_activeml():
    pool = pytest.importorskip("skactiveml.pool", reason="scikit-activeml is only a reference")
    probs = simplex()
    votes = probs.argmax(2).flatten(1).T.numpy()
    expected = pool.vote_entropy(votes, classes=np.arange(5)) / math.log(5)
    np.testing.assert_allclose(vote_entropy(iter(probs)).flatten(), expected, atol=1e-6)


@pytest.mark.parametrize("maps", [bald_maps, qbc_maps])
@pytest.mark.parametrize("size", [(32, 64), (30, 61)])
def test_passes_of_the_head_alone_equal_passes_of_the_network(maps, size, frames, learner):
    cut = dataclasses.replace(frames, images=frames.images[..., : size[0], : size[1]])
    with torch.no_grad():
        learner.model.head.weight.mul_(50)
    hidden = Plain(learner.model)
    runs = []
    learner.model.down[0].register_forward_hook(lambda *_: runs.append(1))
    quick, slow = (
        torch.cat(list(maps(one, cut, [1, 2, 4, 7], rng(0))))
        for one in (learner, dataclasses.replace(learner, model=hidden))
    )
    assert len(runs) == 2 + 2 * 5  # two batches; once each, or in each of five passes
    assert quick.shape == (4, *size) and quick.max() > 0.01
    assert (quick - slow).abs().mean() < 1e-3


def test_maps_are_those_of_passes_made_by_hand(learner, frames):
    found = torch.cat(list(bald_maps(learner, frames, [1, 2], rng(5))))
    model = learner.model
    with torch.no_grad(), drawing_from(draw(rng(5))):
        model.dropout.train()
        probs = torch.stack([model(model.prepare(frames.images[[1, 2]])).softmax(1) for _ in range(5)])
    assert not probs[0].allclose(probs[1])
    assert torch.allclose(found, bald(probs), atol=1e-5)


def test_only_dropout_is_switched_on():
    parts = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Dropout2d(0.0), nn.Dropout2d(0.1))
    model = Plain(parts).train()
    parts[1].eval()
    with model.dropping():
        assert [module.training for module in parts] == [False, True, False, True]
    assert [module.training for module in parts] == [True, False, True, True]
    with pytest.raises(RuntimeError, match="broken"), model.dropping():
        raise RuntimeError("broken")
    assert [module.training for module in parts] == [True, False, True, True]


@pytest.mark.parametrize("maps", [bald_maps, qbc_maps])
def test_flags_are_back_after_each_batch_and_after_an_error(maps, learner, frames):
    learner.model.train()
    parts = maps(learner, frames, list(range(6)), rng(0))
    next(parts)
    assert all(module.training for module in learner.model.modules())
    learner.model.head = nn.Conv2d(5, 19, 1)
    with pytest.raises(RuntimeError) as error:
        next(parts)
    assert all(module.training for module in learner.model.modules()), error


@pytest.mark.parametrize("maps", [bald_maps, qbc_maps])
def test_a_network_without_dropout_is_refused(maps, frames):
    with pytest.raises(ConfigError, match=r"unet has no dropout, .* model\.dropout"):
        next(maps(learner_of(net(dropout=0.0)), frames, [0], rng(0)))


def test_memory_does_not_grow_with_the_passes():
    def peak(passes):
        tracemalloc.start()
        bald(torch.from_numpy(np.full((1, 8, 64, 64), 1 / 8, np.float32)) for _ in range(passes))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(40) < 2 * peak(2)


def test_a_committee_votes(learner, frames):
    asked = dataclasses.replace(learner, strategy=StrategyConfig(committee=3))
    members = train_committee(asked, frames, rng(0))
    with torch.no_grad():
        probs = torch.stack([one(one.prepare(frames.images[:4])).softmax(1) for one in members])
    assert not any(module.training for one in members for module in one.modules())
    maps = list(qbc_maps(asked, frames, [0, 1, 2, 3], rng(0)))
    assert [len(part) for part in maps] == [3, 1]
    assert torch.allclose(torch.cat(maps), vote_entropy(probs), atol=1e-5)


def test_members_of_a_committee_differ_and_are_repeatable(learner, frames):
    asked = dataclasses.replace(learner, strategy=StrategyConfig(committee=2))
    one, other = train_committee(asked, frames, rng(0))
    again = train_committee(asked, frames, rng(0))
    for name, weight in one.named_parameters():
        assert torch.equal(weight, again[0].get_parameter(name))
    assert not torch.equal(one.head.weight, other.head.weight)
    assert not torch.equal(one.head.weight, learner.model.head.weight)


def test_a_fresh_network_has_nothing_of_the_old_one():
    model = net()
    with torch.no_grad():
        for value in model.state_dict().values():
            value.fill_(7)
    new = fresh(model, torch.Generator().manual_seed(0))
    for name, value in new.state_dict().items():
        assert not value.eq(7).any(), name
    assert all(value.eq(7).all() for value in model.state_dict().values())
    other, again = (fresh(model, torch.Generator().manual_seed(seed)) for seed in (1, 0))
    assert not torch.equal(new.head.weight, other.head.weight) and torch.equal(new.head.weight, again.head.weight)


def test_a_committee_needs_annotations(frames):
    with pytest.raises(ConfigError, match="no annotated images to train a committee on"):
        next(qbc_maps(learner_of(net(), committee=2), frames, [0], rng(0)))
