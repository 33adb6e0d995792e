"""How good a depth map is where the exact depth is known; scores that do not depend on scale."""

from dataclasses import dataclass

import numpy as np

CAP = 80.0  # metres; what is farther is scored as order alone, as usual on street images


@dataclass(frozen=True)
class DepthScores:
    """Scores of one map against the exact depth.

    Attributes:
        abs_rel: mean of ``|d - d*| / d*`` over the pixels nearer than ``CAP``, after scale and shift of the inverse
            depth were fitted to the exact one; 0 = exact.
        delta: share of these pixels with ``max(d / d*, d* / d) < 1.25``, after the same fit; 1 = all.
        spearman: rank correlation with the exact inverse depth over the same pixels; NaN for a constant map.
        near: share of the nearest half of the image that the map also puts in its nearest half: what PAE looks at.
    """

    abs_rel: float
    delta: float
    spearman: float
    near: float


def depth_scores(guess: np.ndarray, exact: np.ndarray) -> DepthScores:
    """Score one map of relative inverse depth.

    Args:
        guess: (H, W) float relative inverse depth, larger = nearer, of any scale and shift.
        exact: (H, W) float inverse depth in 1 / metres, 0 = infinitely far; NaN = not known.

    Returns:
        The scores; all NaN when nothing is nearer than ``CAP``.

    Source: fit and scores as in Ranftl et al., "Towards robust monocular depth estimation" (MiDaS), TPAMI 2022.
    """
    known = np.isfinite(exact)
    solid = known & (np.where(known, exact, 0) > 1 / CAP)
    if not solid.any():
        return DepthScores(*[float("nan")] * 4)
    depth, true = 1 / aligned(guess[solid], exact[solid]).clip(1 / CAP), 1 / exact[solid].astype(float)
    ratio = np.maximum(depth / true, true / depth)
    return DepthScores(
        float(np.mean(np.abs(depth - true) / true)), float(np.mean(ratio < 1.25)),
        rank_agreement(guess[solid], exact[solid]), near_agreement(guess[known], exact[known]),
    )  # fmt: skip


def mean_scores(guesses: np.ndarray, exact: np.ndarray) -> dict[str, float]:
    """The scores of maps (N, H, W) against the exact ones by name: means over the images that have one."""
    scores = [vars(depth_scores(*pair)) for pair in zip(guesses, exact, strict=True)]
    return {name: mean([one[name] for one in scores]) for name in scores[0]}


def mean(values: list[float]) -> float:
    """Mean of the values that are not NaN; NaN when all are."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def aligned(guess: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """``guess`` (n,) with the scale and shift that fit ``exact`` (n,) best in least squares."""
    terms = np.stack([guess.astype(float), np.ones(len(guess))], axis=1)
    fitted, *_ = np.linalg.lstsq(terms, exact.astype(float), rcond=None)
    return terms @ fitted


def rank_agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation of two maps of one shape; NaN when one of them is constant."""
    from scipy.stats import rankdata  # a second of import

    ranks = [rankdata(values, axis=None) for values in (one, other)]
    if min(np.ptp(values) for values in ranks) == 0:
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def near_agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the nearest half of ``other`` that is also in the nearest half of ``one``; at random about 0.5."""
    halves = [values >= np.median(values) for values in (one, other)]
    return float((halves[0] & halves[1]).sum() / halves[1].sum())
