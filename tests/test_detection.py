"""Error detection: closed forms, parity with scikit-learn, and what a sample may change."""

import math
from dataclasses import astuple, replace

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from segxal.core.detection import detection_scores, errors_in_top
from segxal.core.eem import ErrorMask, fuse, top_area
from segxal.core.errors import ShapeError
from segxal.core.labels import VOID
from segxal.core.seeds import generator


def masks_of(prediction, pae, ebu, attention=None):
    empty = torch.zeros_like(pae)
    attention = torch.ones_like(pae) if attention is None else attention
    return ErrorMask(prediction, empty, empty, attention, ebu, pae, fuse(pae, ebu, 0.5, 0.5))


def scene(images=6, size=(20, 30), error=0.2, seed=0):
    """Random maps, about a fifth of the pixels wrong, some void, half of the pixels near."""
    draw = generator(seed, "scene")
    truth = torch.randint(3, (images, *size), generator=draw).to(torch.uint8)
    wrong = torch.rand(truth.shape, generator=draw) < error
    prediction = torch.where(wrong, (truth + 1) % 3, truth).to(torch.uint8)
    truth[:, :2] = VOID
    pae, ebu = torch.rand(truth.shape, generator=draw), torch.rand(truth.shape, generator=draw)
    attention = (torch.rand(truth.shape, generator=draw) * 2).clamp(max=1)
    return masks_of(prediction, pae, (ebu + 0.3 * wrong) / 1.3, attention), truth


def score(masks, truth, seed=0, **options):
    rows = detection_scores(masks, truth, generator(seed, "detection"), **options)
    return {(row.map, row.pixels): row for row in rows}


def test_a_perfect_map_finds_everything():
    masks, truth = scene(error=0.04)
    wrong = (masks.prediction != truth).float()
    found = score([replace(masks, ebu=wrong)], truth)
    for pixels in ("all", "near"):
        row = found["ebu", pixels]
        assert row.auroc == row.ap == 1
        assert row.top20 == 1
    assert found["ebu", "all"].error_rate == pytest.approx(wrong[truth != VOID].mean().item())


def test_the_opposite_of_a_perfect_map_finds_nothing():
    masks, truth = scene()
    row = score([replace(masks, ebu=(masks.prediction == truth).float())], truth)["ebu", "all"]
    assert (row.auroc, row.top5, row.top20) == (0, 0, 0)


def test_a_constant_map_is_chance():
    masks, truth = scene()
    found = score([replace(masks, pae=torch.full_like(masks.pae, 0.3))], truth)
    for pixels in ("all", "near"):
        row = found["pae", pixels]
        assert row.auroc == 0.5
        assert row.ap == pytest.approx(row.error_rate)
        assert astuple(row)[4:7] == pytest.approx((0.05, 0.1, 0.2))


def test_a_random_map_is_nearly_chance():
    masks, truth = scene(images=20, size=(40, 60))
    row = score([masks], truth)["random", "all"]
    assert row.auroc == pytest.approx(0.5, abs=0.02)
    assert row.ap == pytest.approx(row.error_rate, abs=0.02)
    assert row.top10 == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("pixels", ["all", "near"])
@pytest.mark.parametrize("name", ["eem", "ebu", "pae", "learned"])
def test_scores_equal_scikit_learn(name, pixels):
    masks, truth = scene()
    values = fuse(masks.pae, masks.ebu, 0.2, 0.8) if name == "learned" else getattr(masks, name)
    chosen = (truth != VOID) & (torch.ones_like(truth).bool() if pixels == "all" else masks.attention == 1)
    wrong = (masks.prediction != truth)[chosen].numpy()
    row = score([masks], truth, learned=(0.2, 0.8))[name, pixels]
    assert row.auroc == pytest.approx(roc_auc_score(wrong, values[chosen].numpy()), abs=1e-12)
    assert row.ap == pytest.approx(average_precision_score(wrong, values[chosen].numpy()), abs=1e-12)
    assert row.error_rate == pytest.approx(wrong.mean())


def test_top_shares_are_those_of_the_area_that_is_asked_for():
    masks, truth = scene()
    truth = truth.where(truth != VOID, torch.zeros_like(truth))
    wrong = masks.prediction != truth
    row = score([masks], truth)["eem", "all"]
    for area, found in ((0.05, row.top5), (0.1, row.top10), (0.2, row.top20)):
        assert found == pytest.approx(float(wrong[top_area(masks.eem, area)].sum() / wrong.sum()))


@pytest.mark.parametrize(
    ("values", "wrong", "area", "expected"),
    [
        ([4, 3, 2, 1], [1, 0, 0, 1], 0.25, 1),
        ([4, 3, 2, 1], [1, 0, 0, 1], 0.5, 1),
        ([4, 3, 2, 1], [1, 0, 0, 1], 1.0, 2),
        ([1, 1, 1, 1], [1, 0, 0, 1], 0.25, 0.5),
        ([2, 1, 1, 1], [0, 1, 1, 1], 0.5, 1),
        ([4, 3, 2, 1], [1, 1, 0, 0], 0.375, 1.5),
        ([], [], 0.2, 0),
    ],
)
def test_errors_in_top_by_hand(values, wrong, area, expected):
    assert errors_in_top(np.array(values, dtype=float), np.array(wrong, dtype=bool), area) == pytest.approx(expected)


def test_top_shares_take_each_image_on_its_own():
    """All errors lie in one image whose map is low: pooling the area over images would miss them."""
    truth = torch.zeros((2, 10, 10), dtype=torch.uint8)
    prediction = truth.clone()
    prediction[1, 0, :5] = 1
    ebu = torch.stack([torch.rand((10, 10), generator=generator(0, "map")) + 1, prediction[1] / 10])
    row = score([masks_of(prediction, torch.zeros_like(ebu), ebu)], truth)["ebu", "all"]
    assert row.top5 == 1
    assert row.auroc < 0.5


def test_near_pixels_are_those_with_full_attention():
    masks, truth = scene()
    far_wrong = (masks.prediction != truth) & (masks.attention < 1)
    found = score([replace(masks, prediction=masks.prediction.where(~far_wrong, truth))], truth)
    assert found["eem", "near"].error_rate > found["eem", "all"].error_rate > 0
    nothing_near = score([replace(masks, attention=masks.attention * 0.9)], truth)["eem", "near"]
    assert all(math.isnan(value) for value in astuple(nothing_near)[2:])


@pytest.mark.parametrize("all_wrong", [True, False])
def test_without_errors_or_without_hits_there_is_no_score(all_wrong):
    masks, truth = scene()
    prediction = (truth + 1) % 3 if all_wrong else truth
    for row in score([replace(masks, prediction=prediction)], truth).values():
        assert all(math.isnan(value) for value in astuple(row)[2:7])
        assert row.error_rate == float(all_wrong)


def test_all_void_has_no_score():
    masks, truth = scene()
    assert all(math.isnan(row.error_rate) for row in score([masks], torch.full_like(truth, VOID)).values())


def test_rows_come_in_a_fixed_order_and_learned_only_when_given():
    masks, truth = scene()
    names = ["eem", "ebu", "pae", "random"]
    assert list(score([masks], truth)) == [(n, p) for p in ("all", "near") for n in names]
    assert len(score([masks], truth, learned=(0.3, 0.7))) == 10


@pytest.mark.parametrize("cap", [10**9, 1000])
def test_the_same_seed_gives_the_same_scores_in_parts_of_any_size(cap):
    masks, truth = scene()
    parts = [ErrorMask(*(getattr(masks, name)[k : k + 4] for name in ErrorMask.__dataclass_fields__)) for k in (0, 4)]
    assert score([masks], truth, cap=cap) == score(parts, truth, cap=cap) == score(iter(parts), truth, cap=cap)
    assert score([masks], truth, seed=1)["random", "all"] != score([masks], truth)["random", "all"]


def test_a_sample_changes_the_ranking_scores_little_and_the_shares_not_at_all():
    masks, truth = scene(images=10, size=(40, 50))
    whole, sampled = score([masks], truth)["ebu", "all"], score([masks], truth, cap=5000)["ebu", "all"]
    assert sampled.auroc != whole.auroc
    assert sampled.auroc == pytest.approx(whole.auroc, abs=0.03)
    assert (sampled.top5, sampled.top20, sampled.error_rate) == (whole.top5, whole.top20, whole.error_rate)


def test_inputs_and_the_global_generator_stay_as_they_are():
    masks, truth = scene()
    before = [getattr(masks, name).clone() for name in ErrorMask.__dataclass_fields__]
    state, kept = torch.get_rng_state(), truth.clone()
    score([masks], truth, learned=(1.0, 0.0))
    assert torch.equal(truth, kept)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, getattr(masks, n)) for a, n in zip(before, ErrorMask.__dataclass_fields__, strict=True))


def test_masks_and_truth_of_other_images_are_refused():
    masks, truth = scene()
    with pytest.raises(ShapeError, match="truth there is"):
        score([masks], truth[:4])
    with pytest.raises(ShapeError, match="masks of 6 images and truth of 12"):
        score([masks], torch.cat([truth, truth]))
    with pytest.raises(ShapeError, match=r"\(6, 20, 30\)"):
        score([masks], truth[:, :10])
