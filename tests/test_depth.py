"""Depth providers: closed forms of the ground plane, and how well it ranks the exact depth of streets."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from segxal.core.errors import ConfigError, DataMissing
from segxal.core.labels import CITYSCAPES, VOID
from segxal.data import open_dataset
from segxal.models.depth import depth_from_dataset, depth_from_geometry, get_depth

UNSEEN = torch.empty(0)  # neither provider looks at the images
ROAD, BUILDING, SKY, CAR = (CITYSCAPES.index(name) for name in ("road", "building", "sky", "car"))


def geometry(labels):
    return depth_from_geometry(UNSEEN, torch.as_tensor(np.asarray(labels, np.uint8))[None], CITYSCAPES, None)[0].numpy()


def street(height=20, width=40, first_road_row=10):
    labels = np.full((height, width), SKY)
    labels[first_road_row:] = ROAD
    return labels


def test_the_road_grows_in_proportion_to_the_rows_below_the_horizon():
    near = geometry(street())
    assert (near[:10] == 0).all()
    expected = (np.arange(10, 20) - 9) / 10  # horizon = row 9, bottom row = 1
    np.testing.assert_allclose(near[10:], np.repeat(expected[:, None], 40, 1), atol=1e-6)


def test_a_standing_car_takes_the_value_of_its_contact_row():
    labels = street()
    labels[7:15, 5:12] = CAR
    np.testing.assert_allclose(geometry(labels)[7:15, 5:12], (14 - 9) / 10, atol=1e-6)


def test_two_cars_stand_where_each_of_them_stands():
    labels = street()
    labels[8:12, 2:8] = CAR
    labels[9:18, 20:30] = CAR
    near = geometry(labels)
    assert near[9, 4] == pytest.approx(0.2) and near[9, 25] == pytest.approx(0.8)


def test_a_wide_facade_is_taken_column_by_column():
    labels = street(first_road_row=10)
    for x in range(40):  # its foot falls from row 10 to row 19
        labels[5 : 11 + x // 4, x] = BUILDING
    near = geometry(labels)
    top = near[5]
    assert (np.diff(top) >= 0).all() and top[0] < 0.5 and top[-1] == 1


def test_a_piece_above_the_horizon_and_the_sky_are_far():
    labels = street()
    labels[2:4, 3:5] = CAR
    assert (geometry(labels)[:10] == 0).all()


def test_no_ground_takes_the_usual_horizon():
    labels = np.full((20, 40), SKY)
    labels[10:20, 4:10] = CAR
    near = geometry(labels)
    assert (near[labels == CAR] == 1).all() and (near[labels == SKY] == 0).all()


@pytest.mark.parametrize(("category", "expected"), [(SKY, 0), (BUILDING, 1), (VOID, 1)])
def test_one_class_images(category, expected):
    assert (geometry(np.full((8, 12), category)) == expected).all()


def test_ground_everywhere_goes_from_far_to_near():
    near = geometry(np.full((8, 12), ROAD))
    np.testing.assert_allclose(near[:, 0], (np.arange(8) + 1) / 8)


def test_ground_in_the_last_row_alone_and_a_stray_pixel():
    labels = np.full((10, 100), SKY)
    labels[9] = ROAD
    assert (geometry(labels)[9] == 1).all()
    labels[2, 50] = ROAD  # one pixel in a hundred is no horizon
    assert (geometry(labels)[9] == 1).all() and geometry(labels)[2, 50] == 0


def test_a_batch_equals_its_images_and_keeps_the_input():
    maps = torch.from_numpy(np.random.default_rng(0).integers(0, 19, (3, 12, 16), np.uint8))
    before = maps.clone()
    together = depth_from_geometry(UNSEEN, maps, CITYSCAPES, None)
    assert together.shape == (3, 12, 16) and together.dtype == torch.float32
    assert all(np.array_equal(together[i].numpy(), geometry(maps[i])) for i in range(3))
    assert torch.equal(maps, before) and 0 <= together.min() and together.max() <= 1


def test_the_data_sets_own_depth_with_holes():
    measured = torch.tensor([[[0.5, math.nan]]])
    assert depth_from_dataset(UNSEEN, torch.zeros(1, 1, 2), CITYSCAPES, measured).tolist() == [[[0.5, 0]]]
    assert math.isnan(measured[0, 0, 1])  # not changed in place


def test_missing_depth_and_unknown_provider_say_what_to_do():
    with pytest.raises(DataMissing, match=r"no depth for its 2 images; set mask\.depth to geometry"):
        depth_from_dataset(UNSEEN, torch.zeros(2, 1, 1), CITYSCAPES, None)
    names = "dataset, geometry, streets-net, midas, dinov2, depth-anything"
    with pytest.raises(ConfigError, match=f"no depth provider 'zoe'; choose one of {names}"):
        get_depth("zoe")
    with pytest.raises(ConfigError, match="geometry takes no weights, but was given 'owner/name'"):
        get_depth("geometry", "owner/name")
    assert get_depth("geometry") is depth_from_geometry


def test_geometry_ranks_streets_like_its_exact_depth():
    images = open_dataset("streets", "train", (64, 128), count=12, seed=0)
    scores = []
    for sample in (images[i] for i in (0, 5, 11)):
        solid = (sample.labels != CITYSCAPES.sky_id) & (sample.labels != VOID)
        assert spearmanr(geometry(sample.labels).ravel(), sample.depth.ravel()).statistic > 0.6
        scores.append(spearmanr(geometry(sample.labels)[solid], sample.depth[solid]).statistic)
    assert np.mean(scores) > 0.6  # also without the sky, which is easy
