"""The rendered streets: exact labels and depth, rides, imbalance, determinism."""

from itertools import pairwise

import numpy as np
import pytest

from segxal.core.errors import ConfigError
from segxal.core.labels import CITYSCAPES
from segxal.data.base import check_sample
from segxal.data.streets import Streets
from segxal.data.streets.develop import camera_of
from segxal.data.streets.paint import SKY, Canvas
from segxal.data.streets.sprites import Stencil

SIZE = (64, 128)


@pytest.fixture(scope="module")
def pool():
    dataset = Streets("train", SIZE, 160)
    return dataset, [dataset[i] for i in range(len(dataset))]


def agreement(one, other):
    return np.mean(one.labels == other.labels)


def test_same_bytes_in_any_order(pool):
    _, samples = pool
    again = Streets("train", SIZE, 160)
    for index in (97, 3, 159, 4, 0):
        for part in ("image", "labels", "depth"):
            assert getattr(again[index], part).tobytes() == getattr(samples[index], part).tobytes()


def test_smaller_split_is_the_beginning_of_a_larger_one(pool):
    dataset, samples = pool
    small = Streets("train", SIZE, 7)
    assert small.ids == dataset.ids[:7]
    assert np.array_equal(small[6].image, samples[6].image)


def test_samples_have_the_one_form(pool):
    dataset, samples = pool
    assert len(set(dataset.ids)) == len(dataset) == 160
    for name, sample in zip(dataset.ids, samples, strict=True):
        check_sample(sample, CITYSCAPES, name)
        assert sample.id == name and sample.sequence == name.rsplit("_", 1)[0]
        assert sample.image.shape == (*SIZE, 3) and sample.depth.dtype == np.float32
        assert sample.labels.max() < len(CITYSCAPES)  # nothing is void


def test_all_classes_occur_and_are_imbalanced(pool):
    _, samples = pool
    counts = np.sum([np.bincount(sample.labels.ravel(), minlength=19) for sample in samples], axis=0)
    share = counts / counts.sum()
    assert (counts > 0).all()
    assert share[[CITYSCAPES.index(name) for name in ("road", "building", "vegetation", "sky")]].sum() > 0.6
    assert share.min() < 0.01
    seen = np.array([np.bincount(sample.labels.ravel(), minlength=19) > 0 for sample in samples]).sum(axis=0)
    assert seen[CITYSCAPES.index("train")] < 50 and seen[CITYSCAPES.index("motorcycle")] < 80


def test_depth_is_zero_in_the_sky_and_nowhere_else(pool):
    for sample in pool[1]:
        assert np.array_equal(sample.depth == 0, sample.labels == CITYSCAPES.sky_id)


def test_depth_of_the_ground_is_a_line_in_the_row(pool):
    # 1 / z = (row - horizon) / (focal * height): equal steps from row to row, larger below
    ground = np.array(CITYSCAPES.ground_ids)
    for sample in pool[1][::9]:
        rows = np.array(
            [
                np.median(row[np.isin(kind, ground)])
                for row, kind in zip(sample.depth[-16:], sample.labels[-16:], strict=True)
            ]
        )
        steps = np.diff(rows)
        assert (steps > 0).all()
        assert np.allclose(steps, steps[0], rtol=1e-3)
        horizon = SIZE[0] - 16 - rows[0] / steps[0]
        assert 0.35 * SIZE[0] < horizon < 0.52 * SIZE[0]


def test_every_ground_pixel_of_a_row_is_equally_far(pool):
    ground = np.array(CITYSCAPES.ground_ids)
    for sample in pool[1][::9]:
        for row, kind in zip(sample.depth[-20:], sample.labels[-20:], strict=True):
            assert len(np.unique(row[np.isin(kind, ground)])) <= 1


def board(width, height):
    pen = Stencil(width, height, 10)
    pen.rect(1, 0, 0, width, height)
    return pen.sprite()


def canvas():
    return Canvas(camera_of((1.5, 0.5, 0.0, 0.0), SIZE))


def test_a_board_has_the_size_of_a_pinhole_camera():
    paper = canvas()
    paper.front(board(2, 1.5), 600, (0, 0, 10.0), (2, 1.5), False)
    hit = np.argwhere(paper.entry == 601)
    focal = paper.camera.focal
    assert np.ptp(hit[:, 1]) + 1 == pytest.approx(2 * focal / 10, abs=1)
    assert np.ptp(hit[:, 0]) + 1 == pytest.approx(1.5 * focal / 10, abs=1)
    assert hit[:, 0].min() == 32  # its top is as high as the camera: on the horizon
    assert np.unique(paper.near[paper.entry == 601]) == pytest.approx([0.1])


def test_the_nearer_thing_wins_in_either_order():
    far, near = (600, (0, 0, 20.0), (8, 3), False), (700, (0, 0, 10.0), (1, 1), False)
    one, other = canvas(), canvas()
    for paper, order in ((one, (far, near)), (other, (near, far))):
        for thing in order:
            paper.front(board(1, 1), *thing)
    assert np.array_equal(one.entry, other.entry) and np.array_equal(one.near, other.near)
    assert {SKY, 601, 701} == set(np.unique(one.entry))


def test_a_wall_along_the_road_comes_nearer_towards_the_edge():
    paper = canvas()
    paper.side(board(30, 3), 600, (4.0, 0, 5.0), (30, 3), False)
    row = paper.near[33]
    cols = np.flatnonzero(row)
    expected = (cols + 0.5 - 64) / (paper.camera.focal * 4.0)  # column = centre + focal * x / z
    assert np.allclose(row[cols], expected, rtol=1e-5)


def test_frames_of_a_ride_are_near_duplicates(pool):
    _, samples = pool
    pairs = list(pairwise(samples))
    within = [agreement(a, b) for a, b in pairs if a.sequence == b.sequence]
    across = [agreement(a, b) for a, b in zip(samples, samples[20:], strict=False)]
    assert np.mean(within) > np.mean(across) + 0.2
    lengths = np.unique([sample.sequence for sample in samples], return_counts=True)[1]
    assert set(lengths[:-1]) <= {2, 3}


def test_splits_and_seeds_are_different_rides():
    first = {
        key: Streets(key[0], SIZE, 3, key[1])[0].image.tobytes()
        for key in (("train", 0), ("val", 0), ("test", 0), ("train", 1))
    }
    assert len(set(first.values())) == 4
    prints = {
        Streets(*key).fingerprint
        for key in (("train", SIZE, 3), ("val", SIZE, 3), ("train", (32, 64), 3), ("train", SIZE, 4))
    }
    assert len(prints) == 4


@pytest.mark.parametrize("size", [(16, 16), (33, 71), (65, 64), (97, 40), (121, 243)])
def test_odd_sizes(size):
    dataset = Streets("val", size, 9)
    for index in range(9):
        sample = check_sample(dataset[index], CITYSCAPES, "odd")
        assert sample.image.shape[:2] == sample.depth.shape == size
        assert np.isfinite(sample.depth).all()


def test_the_scene_does_not_depend_on_the_size():
    small, large = Streets("val", (48, 96), 5), Streets("val", (144, 288), 5)
    for index in range(5):  # the middle of 3 x 3 pixels is the same point
        assert np.mean(small[index].labels == large[index].labels[1::3, 1::3]) > 0.97


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("dev", SIZE, 4), "no split 'dev'; use one of train, val, test"),
        (("train", (15, 64), 4), "at least 16 pixels"),
        (("train", SIZE, 0), "count = 0"),
        (("train", SIZE, 4, -1), "seed = -1"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Streets(*arguments)


def test_no_image_beyond_the_last():
    with pytest.raises(IndexError):
        Streets("train", SIZE, 3)[3]
