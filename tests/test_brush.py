"""Brush strokes: exact both ways, smoothed edges, and nothing decoded that is not sound."""

import time
import tracemalloc

import numpy as np
import pytest
from label_studio_sdk.converter.brush import encode_rle

from segxal.apps.annotate.brush import DRAWN, decode, encode
from segxal.core.errors import AnnotationError, ShapeError


def test_300_random_masks_come_back_exactly():
    rng = np.random.default_rng(0)
    for _ in range(300):
        height, width = (int(v) for v in rng.integers(1, 40, 2))
        mask = rng.random((height, width)) < rng.random()
        assert np.array_equal(decode(encode(mask), height, width), mask)


@pytest.mark.parametrize("full", [False, True])
def test_empty_and_full_masks(full):
    mask = np.full((300, 300), full)  # longer than the longest run
    assert np.array_equal(decode(encode(mask), 300, 300), mask)


def strokes(alpha, colour=77):
    """Strokes as a browser stores them: a colour everywhere, and any alpha."""
    pixels = np.full((*alpha.shape, 4), colour, dtype=np.uint8)
    pixels[:, :, 3] = alpha
    return encode_rle(pixels.ravel())


def test_a_smoothed_edge_counts_from_half_on():
    alpha = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(decode(strokes(alpha), 16, 16), alpha >= 128) and DRAWN == 128
    rng = np.random.default_rng(1)
    values = np.array([0, 7, 8, 9, 11, 127, 128, 200, 254, 255], dtype=np.uint8)  # seen in a browser
    for _ in range(20):
        alpha = rng.choice(values, (9, 14))
        assert np.array_equal(decode(strokes(alpha), 9, 14), alpha >= 128)


def test_every_cut_is_noticed():
    mask = np.random.default_rng(2).random((6, 7)) < 0.5
    mask[-1, -1] = True
    rle = encode(mask)
    while rle[-1] == 0:  # the encoder fills up with zero bits
        rle = rle[:-1]
    for length in range(len(rle)):
        with pytest.raises(AnnotationError):
            decode(rle[:length], 6, 7)


@pytest.mark.parametrize(
    ("rle", "words"),
    [
        ([1, 2, 3], "cut off or damaged"),
        ([], "cut off or damaged"),
        ([1, 2, 3, 4, 5, 6, 7], "state 16909060 values, an image of 6 x 4 has 96"),
        (None, "not a list of bytes"),
        ("rle", "not a list of bytes"),
        ([0, 0, 0, 256, 1, 1, 1], "not a list of bytes"),
        ([0.5] * 9, "not a list of bytes"),
        ([255] * 40, "state 4294967295 values"),
        ([0, 0, 0, 96, *[255] * 9], "values of 32 bits"),
        ([0, 0, 0, 96, 57, 27, 0, 0], "cut off or damaged"),
        ([0, 0, 0, 96, 57, *[0] * 100_000], "far too many"),
    ],
)
def test_what_is_no_stroke_is_refused(rle, words):
    with pytest.raises(AnnotationError, match=words):
        decode(rle, 4, 6)


def test_absurd_sizes_cost_neither_memory_nor_time():
    tracemalloc.start()
    began = time.perf_counter()
    for rle in ([255, 255, 255, 255, 57, *[0] * 1000], [0] * 5_000_000):
        with pytest.raises(AnnotationError):
            decode(rle, 10, 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000 and time.perf_counter() - began < 5


def test_random_bytes_never_crash():
    rng = np.random.default_rng(3)
    for _ in range(300):
        body = rng.integers(0, 256, int(rng.integers(0, 60))).tolist()
        try:
            assert decode([0, 0, 0, 96, 57, *body], 4, 6).shape == (4, 6)
        except AnnotationError as error:
            assert "brush strokes" in str(error)


@pytest.mark.parametrize("mask", [np.zeros((3, 3)), np.zeros(3, bool), np.zeros((3, 3, 1), bool)])
def test_only_masks_are_encoded(mask):
    with pytest.raises(ShapeError, match=r"brush strokes need \(H, W\) bool"):
        encode(mask)
