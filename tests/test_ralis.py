"""RALIS: features against scipy and numpy, the query network, deep Q-learning in closed form, the policy on disk."""

import dataclasses

import numpy as np
import pytest
import scipy.stats
import torch

from segxal.acquisition.ralis import features
from segxal.acquisition.ralis.learning import DeepQ, Transition
from segxal.acquisition.ralis.network import QueryNetwork
from segxal.acquisition.ralis.policy import StateSet, checksum, new_network, read_policy
from segxal.acquisition.ralis.recipe import RECIPES
from segxal.core.errors import CheckpointMismatch, ConfigError
from segxal.methods.episodes import state_set
from segxal.storage.tensors import write_tensors

RELEASE = RECIPES["faithful"].form


def seeded(seed=0):
    return np.random.default_rng(seed)


def test_divergences_are_those_of_scipy():
    p, q = seeded(1).random((7, 12)) + 1e-7, seeded(2).random((5, 12)) + 1e-7
    expected = [[scipy.stats.entropy(a, b) for b in q] for a in p]
    np.testing.assert_allclose(features.divergences(p, q), expected, atol=1e-8)
    one, other = np.full((1, 12), 1e-7), np.full((1, 12), 1e-7)
    one[0, 0], other[0, 1] = 7200, 7200
    assert 16 < features.divergences(one, other)[0, 0] < 26 and features.divergences(one, one)[0, 0] == 0


def test_faithful_histograms_are_those_of_numpy_and_mended_ones_share_their_bins():
    values = seeded().random((20, 33)) * 3
    found = features.histograms(values, own_bins=True)
    np.testing.assert_allclose(found, [np.histogram(row, 32)[0] / 33 for row in values], atol=1e-6)
    assert features.histograms(np.full((1, 4), 2.0), own_bins=True)[0].argmax() == 16
    mended = features.histograms(np.array([[0.0, 0.1, 16.19, 99.0]]), own_bins=False)
    assert mended[0, [0, 31]].tolist() == [0.5, 0.5]
    assert features.histograms(np.empty((2, 0)), own_bins=True).tolist() == np.zeros((2, 32)).tolist()


@pytest.mark.parametrize("others", [0, 5])
def test_many_candidates_go_through_in_parts(others, monkeypatch):
    p, q = seeded(1).random((7, 12)) + 1e-7, seeded(2).random((others, 12)) + 1e-7
    whole = features.histograms(features.divergences(p, q), own_bins=True)
    monkeypatch.setattr(features, "CHUNK", 11)
    assert np.array_equal(features.unlikeness(p, q, RELEASE), whole)


def test_region_features_in_closed_form():
    predictions, entropies = np.zeros((16, 32), dtype=int), np.zeros((16, 32))
    predictions[:8, :8], entropies[0, 0] = 2, 1.5
    boxes = np.array([[0, 16, 0, 16], [0, 16, 16, 32]])
    counts = features.region_features(predictions, entropies, boxes, 3, RELEASE)
    assert counts.shape == (2, 4 + 192) and counts[0, :4] == pytest.approx([192, 1e-7, 64, 1e-7])
    shares = features.region_features(predictions, entropies, boxes, 3, features.Form())
    assert shares[0, :4] == pytest.approx([0.75, 0, 0.25, 0], abs=1e-6)
    for found in (counts, shares):
        lowest, mean, highest = found[0, 4:].reshape(3, 64)
        assert (lowest[0], mean[0], highest[0]) == pytest.approx((0, 1.5 / 4, 1.5)) and found[1, 4:].max() == 0


def test_parts_that_are_left_out_are_zero_and_the_rest_stays():
    entropies, boxes = seeded().random((16, 16)), np.array([[0, 16, 0, 16]])
    whole = features.region_features(np.zeros((16, 16), dtype=int), entropies, boxes, 3, features.Form())
    for parts, kept in (("3H", 3), ("1H", 1)):
        form = features.Form(parts=parts)
        found = features.region_features(np.zeros((16, 16), dtype=int), entropies, boxes, 3, form)
        assert np.array_equal(found[:, :4], whole[:, :4]) and np.array_equal(
            found[:, -64 * kept :], whole[:, -64 * kept :]
        )
        assert not found[:, 4 : -64 * kept].any() and found.shape == whole.shape
        assert not features.unlikeness(whole[:, :4], whole[:, :4], form).any()
    assert features.unlikeness(whole[:, :4], whole[:, :4], features.Form()).sum() == pytest.approx(1)


def test_every_variant_of_the_mended_recipe_differs_in_one_point():
    def points(recipe):
        return vars(recipe) | vars(recipe.form)

    release, mended = points(RECIPES["faithful"]), points(RECIPES["mended"])
    changed = {name: {key for key, value in points(recipe).items() if value != mended[key]} - {"form"}
               for name, recipe in RECIPES.items() if name not in ("faithful", "text", "mended")}  # fmt: skip
    assert changed == {
        "whole-reward": {"relative"}, "step-decay": {"decay_each"}, "counts": {"counts"},
        "whole-steps": {"whole_steps"}, "own-bins": {"own_bins"}, "3h": {"parts"}, "1h": {"parts"},
    }  # fmt: skip
    for name, (point,) in changed.items():
        assert point == "parts" or points(RECIPES[name])[point] == release[point], "as in the release"


def test_pooling_by_whole_steps_needs_sizes_that_give_eight_cells():
    paper, odd = seeded().random((90, 80)), seeded().random((45, 40))
    lowest, mean, highest = features.pooled_entropies(paper, whole_steps=True).reshape(3, 8, 8)
    first = paper[:11, :10].astype(np.float32)
    assert (lowest[0, 0], mean[0, 0], highest[0, 0]) == pytest.approx(
        (first.min(), first.mean(), first.max()), abs=1e-6
    )
    with pytest.raises(ConfigError, match=r"45 x 40 pixels is pooled to 9 x 8 cells.*mended"):
        features.pooled_entropies(odd, whole_steps=True)
    assert features.pooled_entropies(odd, whole_steps=False).shape == (192,)


def test_true_shares_count_void_as_a_class_of_its_own():
    labels = np.array([[0, 0, 255, 1]], dtype=np.uint8)
    assert features.true_shares(labels, np.array([[0, 1, 0, 4]]), 2).tolist() == [[2, 1, 1]]


@pytest.mark.parametrize(("classes", "regions", "weights"), [(11, 240, 390_356), (19, 1280, 531_732)])
def test_the_query_network_has_the_weights_of_the_release(classes, regions, weights):
    network = QueryNetwork(classes + 1 + 192, regions)
    assert sum(w.numel() for w in network.parameters()) == weights - 257, "less the release's unused layer"


def test_the_value_of_a_region_depends_on_no_other_candidate():
    generator = torch.Generator().manual_seed(0)
    network = new_network(states(), 6, generator).eval()
    state = torch.randn(1, 6, 196, generator=generator)
    regions = torch.randn(1, 5, 260, generator=generator)
    with torch.no_grad():
        whole = network(state, regions)
        assert torch.allclose(network(state, regions[:, [3]]), whole[:, [3]], atol=1e-6)
        assert not torch.equal(network(state.flip(1), regions), whole), "the order of the state set counts"
        far = regions.clone()
        far[..., 196:] += 5
        assert not torch.allclose(network(state, far), whole)


def learning(recipe, network=None):
    return DeepQ(network or new_network(states(), 6, torch.Generator().manual_seed(0)), recipe, seeded())


def transition(reward=1.0, following=True, seed=0):
    rng = seeded(seed)
    state, pool = rng.normal(size=(6, 196)).astype(np.float32), rng.normal(size=(4, 260)).astype(np.float32)
    return Transition(state, pool, 1, reward, *((state, pool[::-1].copy()) if following else (None, None)))


@pytest.mark.parametrize("name", ["faithful", "text"])
def test_targets_are_the_reward_plus_the_discounted_value(name):
    recipe = RECIPES[name]
    deep = learning(recipe)
    deep._target = new_network(states(), 6, torch.Generator().manual_seed(9)).eval()
    batch = [transition(1.0, seed=1), transition(2.0, seed=2), transition(3.0, following=False)]
    found = deep._targets(batch)
    assert found[2] == 3, "nothing follows the last step"
    states_, pools = (
        torch.from_numpy(np.stack([getattr(t, n) for t in batch[:2]])) for n in ("next_state", "next_pool")
    )
    with torch.no_grad():
        own, other = deep.policy.train()(states_, pools), deep._target(states_, pools)
    for k in range(2):
        value = other[k, own[k].argmax()] if name == "faithful" else own[k, other[k].argmax()]
        assert float(found[k]) == pytest.approx(batch[k].reward + 0.999 * float(value), abs=1e-5)
    alone = deep._targets([batch[0], batch[2]])
    assert alone[0] != batch[0].reward and alone[1] == 3, "a single one is valued too"


def test_learning_brings_the_value_to_the_reward():
    recipe = dataclasses.replace(RECIPES["mended"], batch=8, rate=1e-2)
    deep = learning(recipe)
    ended = [transition(2.0, following=False, seed=k) for k in range(16)]
    losses = [deep.learn(ended if k == 0 else []) for k in range(150)]
    assert losses[0] > 0.5 and np.mean(losses[-20:]) < 0.1 * losses[0]


def test_before_there_is_a_batch_nothing_is_learned():
    deep = learning(RECIPES["mended"])
    before = [w.clone() for w in deep.policy.parameters()]
    assert deep.learn([transition()]) is None
    deep.end_episode()
    assert all(torch.equal(a, b) for a, b in zip(before, deep.policy.parameters(), strict=True))
    assert deep.rate == deep.recipe.rate, "nothing falls before there is something to learn"


def test_one_coin_for_all_pools_and_chance_falls():
    deep = learning(RECIPES["faithful"])
    assert deep.epsilon == pytest.approx(0.9)
    deep.steps = 20
    assert deep.epsilon == pytest.approx(0.165, abs=1e-3)
    deep.steps = 10**6
    state, pools = transition().state, np.stack([transition(seed=k).pool for k in range(3)])
    deep._rng = np.random.default_rng(4)
    greedy = deep.choose(state, pools)
    with torch.no_grad():
        best = [
            int(deep.policy.eval()(torch.from_numpy(state)[None], torch.from_numpy(p)[None]).argmax()) for p in pools
        ]
    assert greedy.tolist() == best


def test_the_faithful_rate_collapses_and_the_mended_one_does_not():
    rates = {}
    for name in ("faithful", "mended"):
        deep = learning(dataclasses.replace(RECIPES[name], batch=4))
        for episode in range(2):
            for step in range(20):
                deep.learn([transition(seed=k) for k in range(4)] if episode + step == 0 else [])
            deep.end_episode()
        rates[name] = deep.rate
    assert rates["faithful"] == pytest.approx(1e-3 * 0.97**40) and rates["mended"] == pytest.approx(1e-3 * 0.97**2)


def states(ids=("a", "b"), **changes):
    values = {"checksum": "0", "classes": ("road", "sky", "car"), "cell": (8, 8), "form": features.Form()} | changes
    return StateSet(tuple(ids), **values)


def test_a_policy_comes_back_from_disk_and_a_damaged_one_does_not(tmp_path):
    made = states(known=("a", "b", "c"))
    network = new_network(made, 6, torch.Generator().manual_seed(1))
    file = tmp_path / "policy.safetensors"
    write_tensors(file, dict(network.state_dict()), **made.metadata())
    read = read_policy(file)
    assert read.states == made
    rng = seeded()
    state, some = rng.random((6, 196), dtype=np.float32), rng.random((3, 260), dtype=np.float32)
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(state)[None], torch.from_numpy(some)[None])[0]
    assert read.values(state, some) == pytest.approx(expected.numpy(), abs=1e-6)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointMismatch, match="delete it to have it made again"):
        read_policy(file)
    write_tensors(file, dict(network.state_dict()))
    with pytest.raises(CheckpointMismatch, match="holds no policy"):
        read_policy(file)


def test_a_policy_is_refused_where_its_images_classes_or_pixels_are_others(frames):
    ids = frames.ids[1], frames.ids[0]
    held = checksum(frames, [1, 0])
    fits = states(ids, checksum=held, classes=frames.classes.names)
    assert fits.positions(frames) == [1, 0] and checksum(frames, [0, 1]) != held
    with pytest.raises(CheckpointMismatch, match="of which elsewhere are not in this split"):
        states(("elsewhere",)).positions(frames)
    for wrong in (states(ids, checksum=held), states(ids[::-1], checksum=held, classes=frames.classes.names)):
        with pytest.raises(CheckpointMismatch, match="train a policy on this data set"):
            wrong.positions(frames)


def test_the_state_set_is_the_most_alike_of_the_draws():
    labels = torch.zeros(8, 4, 4, dtype=torch.uint8)
    labels[4:] = 1  # half of the images are of another class
    chosen = state_set(labels, 4, 2, seeded())
    assert len(set(chosen)) == 4 and sum(k >= 4 for k in chosen) == 2
    assert state_set(labels, 4, 2, seeded()) == chosen


def test_a_state_set_may_lack_a_class():
    labels = torch.zeros(5, 4, 4, dtype=torch.uint8)
    labels[2] = 2  # one image alone holds it, and no image class 1
    labels[4] = 255  # nothing is known of this one
    assert 4 not in state_set(labels, 3, 3, seeded()), "an image without labels is unlike the others"
    for count in (1, 4):
        assert len(state_set(labels, count, 3, seeded())) == count
