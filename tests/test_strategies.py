"""The contract that every query strategy keeps, for whole images and for regions."""

import dataclasses
import math

import numpy as np
import pytest
import scipy.stats
import torch

from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies import FROM_MAPS, MAPS, UNITS, get_maps, get_strategy
from segxal.acquisition.strategies.base import Learner, MapStrategy, Units, unit_scores, whole_images
from segxal.acquisition.strategies.eem import top_mean
from segxal.core.errors import ConfigError
from segxal.core.regions import GRANULARITIES
from segxal.core.seeds import rng
from segxal.methods.baselines import STRATEGIES_AT
from segxal.models import build_model
from segxal.models.explain import error_masks
from segxal.models.settings import MaskConfig, ModelConfig
from segxal.training.settings import TrainConfig

CANDIDATES = [1, 4, 6]
LABELLED = (0, 3)
SIDE = 8
CELLS = np.arange(32, dtype=np.int32).reshape(4, 8).repeat(SIDE, 0).repeat(SIDE, 1)  # of an image of 32x64
ANNOTATED = {4: [0, 1, 2, 9]}  # image -> cells that are annotated already

CASES = [(name, kind) for kind in ("image", "grid") for name in STRATEGIES_AT[kind]] + [("qbc-committee", "image")]
RANDOM = ("random", "class-random")
TRAINED = ("qbc-committee", "deal-ds", "deal-de", "vaal")  # by networks of their own


def every(cases=CASES):
    return pytest.mark.parametrize(("name", "kind"), cases, ids=[f"{name}-{kind}" for name, kind in cases])


def cells_of(index):
    return np.where(np.isin(CELLS, ANNOTATED.get(index, [])), -1, CELLS)


def units_of(kind, candidates=CANDIDATES):
    """All that can be asked for, and a budget for two images or five cells."""
    if kind == "image":
        return whole_images(candidates, 32 * 64), 2 * 32 * 64
    free = [(i, cell) for i in candidates for cell in range(32) if cell not in ANNOTATED.get(i, [])]
    image, region = (np.array(column, dtype=np.int64) for column in zip(*free, strict=True))
    return Units(image, region, np.full(len(free), SIDE**2), cells_of), 5 * SIDE**2


@pytest.fixture
def learner(frames, monkeypatch):
    monkeypatch.setattr("segxal.acquisition.strategies.deal.STEPS", 5)
    monkeypatch.setattr("segxal.acquisition.strategies.vaal.ITERATIONS", 2)
    model = build_model(ModelConfig(base=4, depth=2, dropout=0.3), 19, torch.Generator().manual_seed(3))
    with torch.no_grad():  # an untrained network predicts one class everywhere; this one twelve
        model.head.weight.mul_(200)
        model.head.bias.sub_(model.eval()(model.prepare(frames.images)).mean((0, 2, 3)))
    return Learner(
        model, MaskConfig(depth="dataset", batch=2), StrategyConfig(passes=4, cell=SIDE),
        TrainConfig(steps=2, cycle_steps=1, batch=2, amp="off", evaluations=1), LABELLED, frames.labels[list(LABELLED)],
    )  # fmt: skip


def ask(name, learner, frames, units, budget, seed=0):
    if name == "qbc-committee":
        name, learner = "qbc", dataclasses.replace(learner, strategy=StrategyConfig(committee=2))
    return get_strategy(name)(learner, frames, units, budget, rng(seed, "query"))


def bytes_of(model):
    return [value.numpy().tobytes() for value in model.state_dict().values()]


@every()
def test_choices_are_finite_distinct_repeatable_and_within_the_budget(name, kind, learner, frames):
    units, budget = units_of(kind)
    choice = ask(name, learner, frames, units, budget)
    assert choice.scores.shape == (len(units),) and choice.scores.dtype == np.float64
    assert np.isfinite(choice.scores).all()
    assert len(choice.order) == len(set(choice.order)) == (2 if kind == "image" else 5)
    assert units.size[choice.order].sum() <= budget
    ranked = choice.scores[choice.order]
    rest = np.delete(choice.scores, choice.order)
    assert (np.diff(ranked) <= 0).all() and ranked[-1] >= rest.max()
    again = ask(name, learner, frames, units, budget)
    assert again.order == choice.order and np.array_equal(again.scores, choice.scores)


@every()
def test_nothing_is_changed(name, kind, learner, frames):
    learner.model.train().bottleneck[1].eval()
    before, flags = bytes_of(learner.model), [module.training for module in learner.model.modules()]
    images, depth, labels = frames.images.clone(), frames.depth.clone(), learner.labels.clone()
    state, units = torch.get_rng_state(), units_of(kind)[0]
    kept = [array.copy() for array in (units.image, units.region, units.size)]
    ask(name, learner, frames, *units_of(kind))
    assert bytes_of(learner.model) == before
    assert [module.training for module in learner.model.modules()] == flags
    assert not any(module._forward_hooks for module in learner.model.modules())
    assert all(weight.grad is None and weight.requires_grad for weight in learner.model.parameters())
    assert torch.equal(frames.images, images) and torch.equal(frames.depth, depth)
    assert torch.equal(learner.labels, labels) and torch.equal(torch.get_rng_state(), state)
    assert all(np.array_equal(a, b) for a, b in zip(kept, (units.image, units.region, units.size), strict=True))


@every()
def test_labels_are_not_looked_at(name, kind, learner, frames):
    blind = dataclasses.replace(frames, labels=torch.full_like(frames.labels, 255))
    one, other = (ask(name, learner, seen, *units_of(kind)) for seen in (frames, blind))
    assert one.order == other.order and np.array_equal(one.scores, other.scores)


@every([case for case in CASES if not case[0].startswith("qbc-")])
def test_never_more_images_at_once_than_a_batch(name, kind, learner, frames):
    seen = []
    learner.model.down[0].register_forward_pre_hook(lambda _module, inputs: seen.append(len(inputs[0])))
    ask(name, learner, frames, *units_of(kind, list(range(1, 8))))
    assert max(seen, default=0) <= 2 and (name in ("random", "vaal") or sum(seen) >= 7)


@pytest.mark.parametrize("name", MAPS)
def test_maps_come_batch_by_batch(name, learner, frames):
    seen = []
    learner.model.bottleneck.register_forward_pre_hook(lambda _module, inputs: seen.append(len(inputs[0])))
    shapes, counts = [], []
    for part in MAPS[name].maps(learner, frames, list(range(7)), rng(0)):
        assert part.dtype == torch.float32 and part.device.type == "cpu" and not part.requires_grad
        shapes.append(tuple(part.shape))
        counts.append(len(seen))
    assert shapes == [(2, 32, 64)] * 3 + [(1, 32, 64)]
    steps = set(np.diff(counts))
    assert len(steps) == 1 and (name == "random" or min(steps) >= 1)


@every([(name, kind) for name, kind in CASES if name not in ("random", "bald", "qbc", "qbc-committee", "deal-de")])
def test_scores_belong_to_their_units_whatever_the_batch(name, kind, learner, frames):
    alone = dataclasses.replace(learner, mask=dataclasses.replace(learner.mask, batch=1))
    one, other = (ask(name, who, frames, *units_of(kind)) for who in (learner, alone))
    assert np.ptp(one.scores) > 1e-6
    np.testing.assert_allclose(one.scores, other.scores, rtol=5e-3, atol=1e-4)


@every([(name, kind) for name, kind in CASES if name not in TRAINED])
def test_ties_and_identical_features_go_to_the_earlier(name, kind, learner, frames):
    with torch.no_grad():
        for weight in learner.model.parameters():
            weight.zero_()
    units, budget = units_of(kind)
    choice = ask(name, learner, frames, units, budget)
    if name in RANDOM:
        others = [ask(name, learner, frames, units, budget, seed).order for seed in range(1, 6)]
        assert any(order != choice.order for order in others)
    else:
        assert choice.order == list(range(len(choice.order))) and np.ptp(choice.scores) == 0


@every()
def test_a_pool_of_one(name, kind, learner, frames):
    units, _ = units_of(kind, [4])
    one = Units(units.image[:1], units.region[:1], units.size[:1], units.partition)
    assert ask(name, learner, frames, one, int(one.size[0])).order == [0]
    assert ask(name, learner, frames, one, 1).order == [0]  # the first unit is always bought


@every()
def test_everything_can_be_bought(name, kind, learner, frames):
    units, _ = units_of(kind)
    assert sorted(ask(name, learner, frames, units, int(units.size.sum())).order) == list(range(len(units)))


@every([("entropy", "image"), ("random", "grid"), ("class-random", "image"), ("core-set", "image"), ("eem", "grid")])
@pytest.mark.parametrize("change", [0, None, "empty"])
def test_a_budget_that_does_not_fit(name, kind, change, learner, frames):
    units, _ = units_of(kind)
    budget = int(units.size.sum()) + 1 if change is None else 0
    if change == "empty":
        units, budget = whole_images([], 32 * 64), 1
    with pytest.raises(ConfigError, match=rf"a budget of {budget} pixels for {len(units)} candidates"):
        ask(name, learner, frames, units, budget)


@every([case for case in CASES if case[0] not in ("random", "vaal", "qbc-committee")])
def test_a_broken_network_is_noticed(name, kind, learner, frames):
    learner.model.train()
    with torch.no_grad():
        learner.model.down[0][0].weight.fill_(math.nan)
    with pytest.raises(ConfigError, match=r"not finite|do not sum to 1") as error:
        ask(name, learner, frames, *units_of(kind))
    assert all(module.training for module in learner.model.modules()), error


def test_a_nan_in_a_map_is_refused(learner, frames):
    maps = MapStrategy(lambda *_: iter([torch.full((3, 32, 64), math.nan)]))
    with pytest.raises(ConfigError, match="a score is NaN"):
        maps(learner, frames, *units_of("grid"), rng(0))


def test_plain_uncertainty_in_numpy(learner, frames):
    model = learner.model.eval()
    with torch.no_grad():
        probs = model(model.prepare(frames.images[CANDIDATES])).softmax(1).double().numpy()
    ordered = np.sort(probs, axis=1)
    expected = {
        "entropy": scipy.stats.entropy(probs, axis=1) / math.log(19),
        "margin": 1 - (ordered[:, -1] - ordered[:, -2]),
        "least-confidence": 1 - ordered[:, -1],
    }
    for name, values in expected.items():
        scores = ask(name, learner, frames, *units_of("image")).scores
        np.testing.assert_allclose(scores, values.mean((1, 2)), atol=1e-5)
        cells = ask(name, learner, frames, *units_of("grid")).scores[:32]
        np.testing.assert_allclose(cells, values[0].reshape(4, 8, 8, 8).mean((1, 3)).ravel(), atol=1e-5)


def test_plain_uncertainty_as_in_baal(learner, frames):
    from baal.active import heuristics

    model = learner.model.eval()
    with torch.no_grad():
        probs = model(model.prepare(frames.images[CANDIDATES])).softmax(1).double().numpy()[..., None]
    maps = {
        name: torch.cat(list(MAPS[name].maps(learner, frames, CANDIDATES, rng(0)))).numpy()
        for name in ("entropy", "margin", "least-confidence")
    }
    entropy = heuristics.Entropy().compute_score(probs).squeeze()
    np.testing.assert_allclose(maps["entropy"] * math.log(19), entropy, atol=1e-5)
    certainty = heuristics.Certainty().compute_score(probs).squeeze()
    margin = heuristics.Margin().compute_score(probs).squeeze()
    np.testing.assert_allclose(1 - maps["least-confidence"], certainty, atol=1e-5)
    np.testing.assert_allclose(1 - maps["margin"], margin, atol=1e-5)


def test_eem_score_is_the_mean_of_the_mask(learner, frames):
    scores = ask("eem", learner, frames, *units_of("image")).scores
    tops = ask("eem-top", learner, frames, *units_of("image")).scores
    for index, score, top in zip(CANDIDATES, scores, tops, strict=True):
        one = slice(index, index + 1)
        masks = error_masks(learner.model, frames.images[one], frames.depth[one], frames.classes, learner.mask, "off")
        eem = next(masks).eem.flatten()
        assert eem.mean().item() == pytest.approx(score, abs=1e-5)
        assert eem.topk(205).values.mean().item() == pytest.approx(top, abs=1e-5)  # a tenth of 32 x 64


def test_eem_without_depth_of_the_data_set(learner, frames):
    flat = dataclasses.replace(frames, depth=None)
    by_geometry = dataclasses.replace(learner, mask=MaskConfig(depth="geometry"))
    assert np.isfinite(ask("eem", by_geometry, flat, *units_of("image")).scores).all()


def test_mean_of_the_highest_tenth():
    assert top_mean(np.array([*range(20)], dtype=float)) == 18.5
    assert top_mean(np.array([3.0, 1.0])) == 3 and top_mean(np.full(40, 0.25)) == 0.25


def test_random_draws_once_and_follows_its_generator(learner, frames):
    units, budget = units_of("grid")
    choice = ask("random", learner, frames, units, budget)
    assert np.array_equal(choice.scores, rng(0, "query").random(len(units)))
    assert not np.array_equal(choice.scores, ask("random", learner, frames, units, budget, seed=1).scores)


def test_random_maps_are_uniform(learner, frames):
    values = torch.cat(list(MAPS["random"].maps(learner, frames, CANDIDATES, rng(0)))).numpy().ravel()
    assert scipy.stats.kstest(values, "uniform").pvalue > 1e-3


def test_every_method_finds_its_strategy():
    for kind, names in STRATEGIES_AT.items():
        for name in names:
            assert callable(get_maps(name).maps if kind in FROM_MAPS else get_strategy(name, kind)), (name, kind)
    assert {*MAPS, *UNITS} == {"ralis", *(name for names in STRATEGIES_AT.values() for name in names)}
    assert {*STRATEGIES_AT} == {*GRANULARITIES}


def test_names_at_each_granularity():
    assert get_strategy("random") is UNITS["random"] and get_strategy("random", "superpixel") is UNITS["random"]
    assert get_strategy("random", "pixel") is get_maps("random") is MAPS["random"]
    assert get_strategy("entropy") is get_strategy("entropy", "component") is MAPS["entropy"]
    for name, kind, words in [
        ("viewal", "image", r"no strategy 'viewal' for image; choose one of entropy, .*core-set"),
        ("core-set", "pixel", "no strategy 'core-set' for pixel; choose one of entropy"),
        ("entropy", "voxel", "no granularity 'voxel'; choose one of image, grid"),
    ]:
        with pytest.raises(ConfigError, match=words):
            get_strategy(name, kind)


def test_unit_scores_of_cells_that_are_left(frames):
    units, _ = units_of("grid")
    maps = iter([torch.from_numpy(np.stack([CELLS, CELLS]).astype(np.float32)), torch.zeros(1, 32, 64)])
    scores = unit_scores(maps, units)
    assert np.array_equal(scores, np.where(units.image == 6, 0, units.region))
