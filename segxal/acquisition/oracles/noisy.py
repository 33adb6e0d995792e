"""People who err: noise on the answers of any simulated person."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from segxal.acquisition.oracles.base import Annotation, Oracle, Query
from segxal.core.labels import VOID

REACH = 2  # pixels from a boundary within which a person may take the class on its other side
# Steps to the pixels within reach, the nearest first.
STEPS = sorted(
    ((y, x) for y in range(-REACH, REACH + 1) for x in range(-REACH, REACH + 1) if 0 < y * y + x * x <= REACH**2),
    key=lambda step: step[0] ** 2 + step[1] ** 2,
)


class NoisyOracle:
    """Another oracle's answers with errors a person makes; the price does not change.

    Two kinds of errors: pixels beside a class boundary get the class on the other side, each for itself; and whole
    pieces get a wrong class. Boundaries and pieces are those of the answer without noise, and a piece that gets a wrong
    class gets it everywhere. What has no label stays without one.

    Args:
        oracle: who answers; never the machine, which makes errors of its own.
        boundary: share of the annotated pixels within two pixels of a class boundary that flip across it.
        wrong: share of the pieces (connected, of one class) that get another class of the same image, drawn uniformly;
            an image of one class has no other.
        rng: source of the errors; every answer draws from it.

    Departure: the paper's people are right everywhere.
    """

    def __init__(self, oracle: Oracle, boundary: float, wrong: float, rng: np.random.Generator) -> None:
        self.oracle, self.boundary, self.wrong, self.rng = oracle, boundary, wrong, rng

    def annotate(self, query: Query) -> Annotation:
        """The oracle's answer with errors."""
        answer = self.oracle.annotate(query)
        # Beyond the asked part the person sees the scene; a single pixel would have no boundary otherwise.
        seen = np.where(answer.labels != VOID, answer.labels, query.truth)
        flipped = flip_across(answer.labels, seen, self.boundary, self.rng)
        labels = confuse_pieces(answer.labels, np.setdiff1d(seen, VOID), self.wrong, self.rng)
        return replace(answer, labels=np.where(labels != answer.labels, labels, flipped))


def flip_across(labels: np.ndarray, seen: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Give a share of the labelled pixels beside a class boundary the class on its other side.

    Args:
        labels: (H, W) uint8 train ids, 255 = not annotated.
        seen: (H, W) uint8 train ids the boundaries are taken from, the same as ``labels`` where these are given.
        share: of the pixels that flip, in [0, 1].
        rng: decides pixel by pixel.

    Returns:
        (H, W) uint8.
    """
    other = across(seen)
    flips = (rng.random(labels.shape) < share) & (labels != VOID) & (other != VOID)
    return np.where(flips, other, labels)


def across(labels: np.ndarray) -> np.ndarray:
    """For each pixel the nearest other class within two pixels.

    Args:
        labels: (H, W) uint8 train ids, 255 = void, which is not a class.

    Returns:
        (H, W) uint8, 255 for void and where no other class is near; of equally near classes one, always the same.
    """
    height, width = labels.shape
    padded = np.pad(labels, REACH, constant_values=VOID)
    found = np.full_like(labels, VOID)
    for y, x in STEPS:
        near = padded[REACH + y : REACH + y + height, REACH + x : REACH + x + width]
        found = np.where((found == VOID) & (near != VOID) & (near != labels), near, found)
    return np.where(labels == VOID, np.uint8(VOID), found)


def confuse_pieces(labels: np.ndarray, classes: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Give a share of the connected pieces another class.

    Args:
        labels: (H, W) uint8 train ids, 255 = not annotated.
        classes: (K,) train ids to draw from, each once.
        share: of the pieces, in [0, 1].
        rng: decides piece by piece.

    Returns:
        (H, W) uint8.
    """
    confused = labels.copy()
    for category in np.setdiff1d(labels, VOID):
        others = np.setdiff1d(classes, category)
        pieces, count = ndimage.label(labels == category)
        wrong = np.flatnonzero(rng.random(count) < share) + 1
        if len(others) and len(wrong):
            drawn = np.full(count + 1, category)
            drawn[wrong] = rng.choice(others, len(wrong))
            confused = np.where(pieces > 0, drawn[pieces], confused)
    return confused
