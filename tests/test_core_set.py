"""Core-Set: greedy picks in closed form and as elsewhere, features, centres, memory."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch.nn import functional as F

from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies.base import Learner, Units, whole_images
from segxal.acquisition.strategies.core_set import (
    FARTHEST,
    activations,
    core_set_scores,
    image_feature,
    k_center_greedy,
    region_means,
)
from segxal.core.errors import ConfigError
from segxal.core.seeds import rng
from segxal.models.settings import MaskConfig
from segxal.training.settings import TrainConfig

PIXELS = 32 * 64
CELLS = np.arange(32, dtype=np.int32).reshape(4, 8).repeat(8, 0).repeat(8, 1)  # of an image of 32x64


@pytest.fixture
def learner(unet, frames):
    return Learner(
        unet, MaskConfig(batch=2), StrategyConfig(cell=8),
        TrainConfig(steps=1, cycle_steps=1, amp="off"),
        (0, 3), frames.labels[[0, 3]],
    )  # fmt: skip


def line(*values):
    return np.array(values, dtype=np.float32)[:, None]


def points(count, width, seed=0):
    return rng(seed).standard_normal((count, width), dtype=np.float32)


def test_greedy_closed_form():
    order, distances = k_center_greedy(line(1, 9, 5, 10, 4), line(0), 3)
    assert order == [3, 2, 0]  # 10 lies 10 away, then 5 lies 5 away, then 1, 9 and 4 all lie 1 away
    assert distances.tolist() == [1, 1, 5, 10, 1]


def test_ties_go_to_the_earlier():
    order, distances = k_center_greedy(line(3, -3, 3), line(0), 3)
    assert order == [0, 1, 2] and distances.tolist() == [3, 3, 0]


def test_identical_features_are_picked_once_each():
    order, distances = k_center_greedy(np.ones((5, 3), np.float32), np.ones((2, 3), np.float32), 4)
    assert order == [0, 1, 2, 3] and distances.tolist() == [0] * 5


def test_without_centres_the_first_is_picked_first():
    order, distances = k_center_greedy(line(4, 0, 10), np.empty((0, 1), np.float32), 2)
    assert order == [0, 2] and distances.tolist() == [np.inf, 4, 6]


def test_pixels_are_spent_until_the_next_pick_does_not_fit():
    features, sizes = line(10, 9, 4, 1), np.array([5, 1, 3, 1])
    assert k_center_greedy(features, line(0), 8, sizes)[0] == [0, 2]
    assert k_center_greedy(features, line(0), 7, sizes)[0] == [0]  # 4 does not fit; nothing after it is tried
    assert k_center_greedy(features, line(0), 1, sizes)[0] == [0]


@pytest.mark.parametrize("centres", [1, 7])
def test_greedy_against_all_distances(centres):
    features, known = points(60, 5), points(centres, 5, seed=1)
    order, distances = k_center_greedy(features, known, 20)
    chosen = []
    for _ in range(20):
        nearest = cdist(features, np.concatenate([known, features[chosen]])).min(1)
        assert nearest[order[len(chosen)]] == pytest.approx(distances[order[len(chosen)]], abs=1e-5)
        chosen.append(int(nearest.argmax()))
    assert order == chosen
    rest = np.delete(np.arange(60), order)
    nearest = cdist(features[rest], np.concatenate([known, features[order]])).min(1)
    np.testing.assert_allclose(distances[rest], nearest, atol=1e-5)


@pytest.mark.parametrize("shift", [0, 1000])  # far from the origin a product of vectors loses all digits of a distance
def test_only_differences_decide_to_the_bit(shift):
    features = points(400, 33) + np.float32(shift)
    features[50:60] = features[0]
    order, distances = k_center_greedy(features, features[:0], 400)
    nearest, expected = np.full(400, np.inf), np.full(400, np.nan)
    for position in order:
        assert position == nearest.argmax()
        expected[position] = nearest[position]
        nearest = np.minimum(nearest, np.square(features - features[position]).sum(1))
        nearest[position] = -1
    assert np.array_equal(distances, np.sqrt(expected))


def test_greedy_as_in_scikit_activeml():
    pool = pytest.importorskip("skactiveml.pool", reason="scikit-activeml is only a reference")
    features, known = points(80, 6), points(4, 6, seed=1)
    data = np.concatenate([features, known])
    labels = np.r_[np.full(80, np.nan), np.zeros(4)]
    expected = pool.CoreSet(random_state=0).query(X=data, y=labels, batch_size=15)
    assert k_center_greedy(features, known, 15)[0] == expected.tolist()


def test_memory_stays_near_that_of_the_features():
    features, known = points(40_000, 200), points(500, 200, seed=1)  # 32 MB
    tracemalloc.start()
    order, _ = k_center_greedy(features, known, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(order)) == 3 and peak < 20e6  # all distances at once would be 80 MB


def test_activations_are_those_of_the_target_layer(learner, frames):
    found = torch.stack(list(activations(learner, frames, [5, 2, 7])))
    outputs = []
    handle = learner.model.bottleneck.register_forward_hook(lambda *args: outputs.append(args[2].clone()))
    with torch.no_grad():
        learner.model(learner.model.prepare(frames.images[[5, 2, 7]]))
    handle.remove()
    assert found.shape == (3, 16, 8, 16) and torch.allclose(found, outputs[0], atol=1e-5)


def test_feature_of_an_image_closed_form():
    activation = torch.arange(8.0).reshape(1, 2, 4).repeat_interleave(3, 1).repeat_interleave(5, 2)
    expected = np.arange(8) / np.sqrt(140)
    np.testing.assert_allclose(image_feature(activation)[0], expected, rtol=1e-6)


def test_features_of_regions_are_means_over_their_pixels():
    activation = torch.rand(3, 4, 6, generator=torch.Generator().manual_seed(0))
    partition = rng(0).integers(-1, 5, (16, 24))
    partition[partition == 2] = 3  # a number nobody asks for
    dense = F.interpolate(activation.unsqueeze(0), (16, 24), mode="nearest")[0].numpy()
    wanted = np.array([0, 1, 4])
    means = np.stack([dense[:, partition == region].mean(1) for region in wanted])
    expected = means / np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(region_means(activation, partition, wanted), expected, rtol=1e-5)


def test_copies_of_annotated_images_come_last(learner, frames):
    images = frames.images.clone()
    images[5], images[6] = images[0], images[3]
    copied = dataclasses.replace(frames, images=images)
    choice = core_set_scores(learner, copied, whole_images([1, 2, 5, 6, 7], PIXELS), 3 * PIXELS, rng(0))
    assert sorted(choice.order) == [0, 1, 4] and choice.scores[[2, 3]].max() < 1e-5
    assert choice.scores[choice.order].tolist() == sorted(choice.scores[choice.order], reverse=True)


def test_copies_of_annotated_cells_come_last(learner, frames):
    """Two cells of a candidate show what annotated cells show; only half of that image is annotated."""
    labels = learner.labels.clone()
    labels[0] = 255
    labels[0, 8:16, 24:48] = 1  # cells 11, 12, 13
    half = dataclasses.replace(learner, labelled=(0,), labels=labels[:1])
    images = frames.images.clone()
    images[5] = images[0]
    copied = dataclasses.replace(frames, images=images)
    units = Units(np.full(32, 5), np.arange(32), np.full(32, 64), lambda _index: CELLS)
    scores = core_set_scores(half, copied, units, 4 * 64, rng(0)).scores
    assert np.flatnonzero(scores < 1e-5).tolist() == [11, 12, 13]


def test_the_choice_is_the_greedy_order(learner, frames):
    units = Units(np.repeat([1, 4], 32), np.tile(np.arange(32), 2), np.full(64, 64), lambda _index: CELLS)
    choice = core_set_scores(learner, frames, units, 10 * 64, rng(0))
    found = torch.stack(list(activations(learner, frames, [0, 1, 3, 4])))
    cells = F.normalize(F.avg_pool2d(found, 2).flatten(2).transpose(1, 2), dim=2).numpy()  # 8x16 cells in 4x8 squares
    assert not (learner.labels == 255).flatten(1).all(1).any()
    order, distances = k_center_greedy(cells[[1, 3]].reshape(64, -1), cells[[0, 2]].reshape(64, -1), 10)
    assert choice.order == order
    np.testing.assert_allclose(choice.scores, distances, atol=1e-4)


def test_scores_are_finite_while_nothing_is_annotated(learner, frames):
    first = dataclasses.replace(learner, labelled=(), labels=frames.labels[:0])
    choice = core_set_scores(first, frames, whole_images([2, 4, 6], PIXELS), 2 * PIXELS, rng(0))
    assert choice.order[0] == 0 and choice.scores[0] == FARTHEST and choice.scores.max() == FARTHEST


def test_a_layer_that_gives_no_map_is_refused(learner, frames):
    learner.model.unused = torch.nn.Conv2d(3, 3, 1)
    learner.model.explained = "unused"
    with pytest.raises(ConfigError, match="did not run in the forward pass"):
        core_set_scores(learner, frames, whole_images([2, 4], PIXELS), PIXELS, rng(0))
