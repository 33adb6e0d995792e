"""Maps as pictures: the colours of matplotlib's tables without its figures, PNGs that give back every pixel."""

import matplotlib
import numpy as np
import pytest

from segxal.apps.explore import picture
from segxal.core.errors import ConfigError, ShapeError
from segxal.core.labels import CITYSCAPES, VOID
from segxal.results.figures.base import COLOUR_TABLES, colour_table


@pytest.mark.parametrize("table", COLOUR_TABLES)
def test_heat_has_the_colours_of_matplotlib(table):
    values = np.random.default_rng(0).random((7, 9)).astype(np.float32)
    values[0, :3] = 0, 1, 0.5
    expected = matplotlib.colormaps[table](values, bytes=True)[..., :3]
    assert np.array_equal(picture.heat(values, table=table), expected)


def test_heat_clips_scales_and_shows_what_is_not_known():
    seen = picture.heat(np.array([[-5.0, 10.0, 15.0, 20.0, 99.0, np.nan]]), 10, 20)[0]
    table = colour_table("magma")
    expected = [table[0], table[0], table[128], table[255], table[255], picture.UNKNOWN]
    assert np.array_equal(seen, expected)


def test_tables_grow_lighter_step_by_step():
    for name in COLOUR_TABLES:
        linear = (colour_table(name) / 255) ** 2.2 @ [0.2126, 0.7152, 0.0722]
        assert (np.diff(linear) > -2e-3).all() and linear[-1] - linear[0] > 0.5, name
    with pytest.raises(ConfigError, match="no colour table 'jet'; choose one of magma, cividis, viridis"):
        colour_table("jet")


def test_labels_have_the_colours_of_their_classes():
    seen = picture.label_picture(np.array([[0, 13, VOID]], dtype=np.uint8), CITYSCAPES)
    assert seen.tolist() == [[list(CITYSCAPES.colours[0]), list(CITYSCAPES.colours[13]), [255, 255, 255]]]


def test_errors_are_told_from_right_and_void():
    prediction, truth = np.array([[1, 2, 3]], dtype=np.uint8), np.array([[1, 1, VOID]], dtype=np.uint8)
    seen = picture.error_picture(prediction, truth)[0].tolist()
    assert seen == [list(picture.WHITE), list(picture.WRONG), list(picture.UNKNOWN)]


def test_overlay_mixes_by_opacity():
    dark, light = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 201, np.uint8)
    assert np.array_equal(picture.overlay(dark, light, 0), dark)
    assert np.array_equal(picture.overlay(dark, light, 1), light)
    assert (picture.overlay(dark, light, 0.5) == 101).all()  # 100.5, rounded
    with pytest.raises(ConfigError, match="opacity = 2"):
        picture.overlay(dark, light, 2)
    with pytest.raises(ShapeError, match="the same size"):
        picture.overlay(dark, light[:1], 0.5)


def test_the_edge_of_a_square_is_its_ring_and_borders_of_the_picture_are_none():
    inside = np.zeros((5, 6), dtype=bool)
    inside[1:4, 1:4] = True
    assert picture.edge(inside).sum() == 8 and not picture.edge(inside)[2, 2]
    half = np.zeros((4, 6), dtype=bool)
    half[:, :3] = True
    assert np.array_equal(picture.edge(half), np.indices(half.shape)[1] == 2)
    assert not picture.edge(np.ones((3, 3), dtype=bool)).any()


def test_outline_is_white_inside_and_black_outside_and_changes_nothing_else():
    ground = np.full((8, 12, 3), 90, np.uint8)
    inside = np.zeros((4, 6), dtype=bool)
    inside[:, :3] = True
    drawn = picture.outline(ground, inside)
    assert (drawn[:, 5] == 255).all() and (drawn[:, 6] == 0).all()
    assert (np.delete(drawn, (5, 6), axis=1) == 90).all() and (ground == 90).all()
    with pytest.raises(ShapeError, match="one factor"):
        picture.outline(ground[:7], inside)


def test_the_frame_leaves_its_pixel_alone():
    ground = np.full((12, 12, 3), 90, np.uint8)
    drawn = picture.framed(ground, 1, 1, 4)
    assert (drawn[4:8, 4:8] == 90).all() and (drawn[3, 3:9] == 255).all() and (drawn[2, 2:10] == 0).all()
    corner = picture.framed(ground, 0, 0, 4)
    assert (corner[:4, :4] == 90).all() and (corner[4, :5] == 255).all()


def test_enlarged_pixels_are_squares():
    small = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert np.array_equal(picture.enlarge(small, 3)[::3, ::3], small)
    assert picture.factor_for((32, 64), 640) == 10 and picture.factor_for((480, 720), 640) == 1
    with pytest.raises(ConfigError, match="whole number of at least 1"):
        picture.enlarge(small, 0)


def test_a_png_gives_back_every_pixel_and_is_the_same_every_time():
    random = np.random.default_rng(1).integers(0, 256, (11, 5, 3), dtype=np.uint8)
    data = picture.png(random)
    assert data == picture.png(random) and data.startswith(b"\x89PNG")
    assert np.array_equal(picture.from_png(data), random)
    with pytest.raises(ShapeError, match=r"\(H, W, 3\) uint8"):
        picture.png(random.astype(float))


def test_small_pngs_show_what_the_large_ones_show():
    values = np.random.default_rng(2).random((6, 8)).astype(np.float32)
    assert np.array_equal(picture.from_png(picture.heat_png(values)), picture.heat(values))
    inside = values > 0.5
    lines = picture.outline_png(inside, 3)
    drawn = picture.outline(np.full((18, 24, 3), picture.UNKNOWN, np.uint8), inside)
    assert np.array_equal(picture.from_png(lines), drawn), "on the grey of its transparent colour"


def test_bars_and_legends_fit_their_width():
    bar = picture.colour_bar(200, "entropy / ln C")
    assert bar.shape[1] == 200
    assert np.array_equal(bar[0], picture.heat(np.linspace(0, 1, 200)[None])[0])
    assert (bar[picture.STRIP :] < 128).any(), "numbers and unit are written under it"
    one, many = (picture.class_legend(CITYSCAPES, range(n), 200) for n in (1, 19))
    assert one.shape[1] == many.shape[1] == 200 and many.shape[0] > one.shape[0]
    assert (many.reshape(-1, 3) == CITYSCAPES.colours[13]).all(1).any()


def test_maps_are_of_one_image():
    for draw in (picture.heat, picture.edge, picture.mask_picture):
        with pytest.raises(ShapeError, match="one image"):
            draw(np.zeros((1, 4, 4)))
    with pytest.raises(ConfigError, match="above the lower"):
        picture.heat(np.zeros((2, 2)), 1, 1)
