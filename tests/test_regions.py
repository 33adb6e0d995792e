"""Regions: every pixel in one piece, the same pieces every time, and the pixels a map puts first."""

import numpy as np
import pytest
from scipy import ndimage

from segxal.core.errors import ConfigError, ShapeError
from segxal.core.regions import GRANULARITIES, annotated_out, components, grid, regions_in, superpixels, top_pixels
from segxal.core.seeds import rng
from segxal.methods import METHODS


def free_of(shape):
    return np.ones(shape, bool)


def test_methods_know_no_other_granularity():
    assert {method.granularity for method in METHODS.values()} == set(GRANULARITIES)


# grid


def test_cells_are_numbered_row_by_row():
    assert grid(4, 4, 2).tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    assert grid(3, 5, 2).tolist() == [[0, 0, 1, 1, 2], [0, 0, 1, 1, 2], [3, 3, 4, 4, 5]]
    assert grid(2, 2, 1).tolist() == [[0, 1], [2, 3]]
    assert (grid(2, 2, 2) == 0).all() and grid(2, 2, 2).dtype == np.int32


@pytest.mark.parametrize(("cell", "words"), [(5, "5 x 5 pixels in an image of 4 x 9"), (0, "at least 1")])
def test_a_cell_fits_into_the_image(cell, words):
    with pytest.raises(ConfigError, match=f"{words}.*strategy.cell"):
        grid(4, 9, cell)


# superpixels


def halves(height=12, width=16):
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 2 :] = (255, 200, 0)
    return image


def test_superpixels_follow_the_colours():
    pieces = superpixels(halves(), 2)
    assert pieces.max() == 1
    assert (pieces[:, :8] == pieces[0, 0]).all() and (pieces[:, 8:] == pieces[0, 15]).all()


@pytest.mark.parametrize("wanted", [1, 16, 64])
def test_every_pixel_is_in_one_connected_superpixel(frames, wanted):
    for image in frames.images[:3].permute(0, 2, 3, 1).numpy():
        before = image.copy()
        pieces = superpixels(image, wanted)
        assert pieces.shape == image.shape[:2] and pieces.dtype == np.int32
        assert np.unique(pieces).tolist() == list(range(pieces.max() + 1)), "consecutive, none left out"
        assert all(ndimage.label(pieces == number)[1] == 1 for number in np.unique(pieces))
        assert wanted / 2 <= pieces.max() + 1 <= wanted
        assert np.array_equal(pieces, superpixels(image, wanted)) and np.array_equal(image, before)


@pytest.mark.parametrize("pieces", [0, 193])
def test_not_more_superpixels_than_pixels(pieces):
    with pytest.raises(ConfigError, match=f"{pieces} superpixels in an image of 192 pixels; give 1 to 192"):
        superpixels(halves(), pieces)


@pytest.mark.parametrize("image", [np.zeros((3, 8, 9), np.uint8), np.zeros((8, 9, 3)), np.zeros((8, 9), np.uint8)])
def test_superpixels_need_an_image(image):
    with pytest.raises(ShapeError, match=r"superpixels need \(H, W, 3\) uint8, channels last"):
        superpixels(image, 4)


# components


def test_pixels_that_touch_at_a_corner_are_one_component():
    chosen = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 0, 0]], bool)
    assert components(chosen).tolist() == [[0, -1, -1, 1], [-1, 0, -1, 1], [-1, -1, -1, -1], [2, 2, -1, -1]]
    assert components(chosen).dtype == np.int32


def test_components_cover_what_is_chosen_and_nothing_else():
    chosen = rng(0, "chosen").random((20, 30)) < 0.3
    pieces = components(chosen)
    assert np.array_equal(pieces >= 0, chosen)
    numbers, areas = regions_in(pieces)
    assert numbers.tolist() == list(range(len(numbers))) and areas.sum() == chosen.sum()
    assert (components(np.zeros((3, 3), bool)) == -1).all()


# what is left, and how large


def test_annotated_pixels_are_in_no_region():
    cells, annotated = grid(4, 4, 2), np.zeros((4, 4), bool)
    annotated[:, :2] = annotated[0, 2] = True
    left = annotated_out(cells, annotated)
    assert left.tolist() == [[-1, -1, -1, 1], [-1, -1, 1, 1], [-1, -1, 3, 3], [-1, -1, 3, 3]]
    assert left.dtype == np.int32 and (cells >= 0).all()
    assert [part.tolist() for part in regions_in(left)] == [[1, 3], [3, 4]]
    assert [part.tolist() for part in regions_in(cells)] == [[0, 1, 2, 3], [4, 4, 4, 4]]
    assert [part.tolist() for part in regions_in(np.full((2, 2), -1, np.int32))] == [[], []]


def test_a_partition_and_annotated_pixels_of_another_image_do_not_fit():
    with pytest.raises(ShapeError, match=r"a partition of \(4, 4\) and annotated pixels of \(1, 4\)"):
        annotated_out(grid(4, 4, 2), np.zeros((1, 4), bool))


# pixels


def test_the_highest_free_pixels_are_taken_and_ties_go_to_the_earlier():
    values = np.array([[5, 9, 1, 1], [7, 7, 7, 0]], float)
    free = np.array([[1, 0, 1, 1], [1, 1, 1, 1]], bool)
    assert top_pixels(values, free, 2).tolist() == [[False] * 4, [True, True, False, False]]
    assert top_pixels(values, free, 4).tolist() == [[True, False, False, False], [True, True, True, False]]
    assert np.array_equal(top_pixels(values, free, 99), free), "fewer when fewer are free"
    assert top_pixels(np.zeros((2, 4)), free, 3).tolist() == [[True, False, True, True], [False] * 4]


def test_pixels_are_drawn_from_the_top_twentieth():
    values = rng(0, "values").permutation(400.0 * np.arange(400)).reshape(20, 20)
    free = np.ones((20, 20), bool)
    free[values == values.max()] = False
    highest = top_pixels(values, free, 20)  # 5 % of 400
    draws = [top_pixels(values, free, 5, rng(seed, "pixels")) for seed in range(400)]
    assert all(draw.sum() == 5 and not (draw & ~highest).any() for draw in draws)
    shares = np.mean(draws, axis=0)[highest]
    assert 0.15 < shares.min() and shares.max() < 0.35, "each of the twenty comes in a quarter of the draws"
    assert np.array_equal(draws[7], top_pixels(values, free, 5, rng(7, "pixels")))


def test_more_pixels_than_the_top_twentieth_are_the_highest():
    values = rng(0, "values").random((20, 20))
    spread = top_pixels(values, free_of(values.shape), 50, rng(1, "pixels"))
    assert np.array_equal(spread, top_pixels(values, free_of(values.shape), 50))
    few = np.zeros((20, 20), bool)
    few[3, :4] = True
    assert np.array_equal(top_pixels(values, few, 9, rng(1, "pixels")), few)


def test_no_free_pixel_and_no_finite_score():
    with pytest.raises(ConfigError, match="no pixel is free"):
        top_pixels(np.zeros((2, 2)), np.zeros((2, 2), bool), 1)
    values = np.array([[0.0, np.nan]])
    with pytest.raises(ConfigError, match="a score is NaN"):
        top_pixels(values, free_of(values.shape), 1)
    assert top_pixels(values, np.array([[True, False]]), 1).tolist() == [[True, False]]
