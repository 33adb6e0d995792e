"""Pictures put together: sizes add up, nothing is moved or repainted, changes have their colours."""

import numpy as np
import pytest

from segxal.apps.explore.picture import RIGHT, UNKNOWN, WHITE, WRONG
from segxal.apps.explore.tiles import (
    GAP,
    LINE,
    asked_picture,
    change_picture,
    change_shares,
    in_column,
    in_row,
    ruled,
    titled,
    with_borders,
)
from segxal.core.errors import ShapeError
from segxal.core.labels import VOID

RED, BLUE = (200, 0, 0), (0, 0, 200)


def plain(height, width, colour):
    return np.full((height, width, 3), colour, dtype=np.uint8)


def test_a_row_keeps_every_picture_and_fills_with_white():
    row = in_row([plain(4, 3, RED), plain(2, 5, BLUE)])
    assert row.shape == (4, 3 + GAP + 5, 3)
    assert (row[:, :3] == RED).all() and (row[:2, 3 + GAP :] == BLUE).all()
    assert (row[:, 3 : 3 + GAP] == WHITE).all() and (row[2:, 3 + GAP :] == WHITE).all()


def test_a_column_is_a_turned_row():
    column = in_column([plain(4, 3, RED), plain(2, 5, BLUE)], 1)
    assert column.shape == (4 + 1 + 2, 5, 3)
    assert (column[:4, :3] == RED).all() and (column[5:] == BLUE).all() and (column[4] == WHITE).all()


@pytest.mark.parametrize(("note", "lines"), [("", 1), ("mean 0.5", 2)])
def test_a_title_stands_above_and_leaves_the_picture_alone(note, lines):
    shown = titled(plain(6, 80, RED), "entropy", note)
    assert shown.shape == (6 + lines * LINE, 80, 3)
    assert (shown[-6:] == RED).all() and (shown[:LINE] < 128).any(), "dark letters on white"


def test_borders_run_between_regions_only():
    partition = np.array([[0, 1], [0, 1]], dtype=np.int32)
    drawn = with_borders(plain(4, 4, WHITE), partition)
    assert (drawn[:, [0, 1, 3]] == WHITE).all() and (drawn[:, 2] < 255).all()
    with pytest.raises(ShapeError, match="one whole factor"):
        with_borders(plain(5, 4, WHITE), partition)


def test_what_is_asked_for_keeps_its_colours():
    image = plain(6, 12, RED)
    asked = np.zeros((6, 12), dtype=bool)
    asked[:, 6:] = True
    shown = asked_picture(image, asked, 4)
    assert shown.shape == (24, 48, 3)
    assert (shown[:, 30:] == RED).all() and (shown[:, :20].mean() > 150)
    assert (asked_picture(image, np.ones_like(asked), 2) == RED).all(), "no outline around everything"


def test_change_by_hand():
    truth = np.array([[0, 0, 0, 0, VOID]], dtype=np.uint8)
    before, after = np.array([[0, 1, 0, 1, 1]], dtype=np.uint8), np.array([[0, 0, 1, 2, 0]], dtype=np.uint8)
    assert change_picture(before, after, truth)[0].tolist() == [[255] * 3, [*RIGHT], [*WRONG], [255] * 3, [*UNKNOWN]]
    assert change_shares(before, after, truth) == (0.25, 0.25)
    assert all(np.isnan(share) for share in change_shares(before, after, np.full_like(truth, VOID)))


def test_a_frame_replaces_the_outermost_pixels_of_a_copy():
    picture = plain(4, 5, WHITE)
    framed = ruled(picture)
    assert (framed[1:-1, 1:-1] == WHITE).all() and (framed[0] == UNKNOWN).all() and (framed[:, -1] == UNKNOWN).all()
    assert (picture == WHITE).all()
