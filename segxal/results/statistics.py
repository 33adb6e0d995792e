"""Scores against what they cost: area under the budget curve, budget to a score, beta, and the paired tests on them.

Records are data frames with the columns of ``results.csv``: one row per method, seed and cycle, ``miou`` in percent.
Keep the rows of one ablation and one depth provider. ``budget`` names a column that never falls from cycle to cycle:
``images``, ``pixels`` or ``clicks``. ``supervised`` is not a curve but the score that others are measured against.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segxal.core.errors import ConfigError, DataInvalid, ShapeError
from segxal.methods.supervised import SUPERVISED

ALPHA = 0.05
SHARE = 0.95  # of a run's own fully supervised score
STEEPEST = 50.0  # bound of beta times the range of the budget
CLOSED = 1e-4  # a gap that shrinks to this share counts as closed: a steeper curve would fit equally well
DIGITS = 9  # decimals of a point; smaller differences are rounding
NAN = float("nan")
Points = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class PairedTest:
    """Paired differences over seeds, in points of mIoU. Without a test, all fields after ``difference`` are NaN.

    Attributes:
        seeds: number of pairs.
        difference: mean difference; NaN without pairs.
        low: lower end of the 95 % confidence interval of the mean difference (t distribution, this pair alone).
        high: its upper end.
        p: two-sided paired t-test.
        d_z: Cohen's d of paired differences: mean / standard deviation (n - 1).
        g_z: ``d_z`` without its small-sample bias (Hedges); NaN with two seeds, where it has no finite expectation.
        wilcoxon: exact two-sided signed-rank test; differences of 0 are dropped.
        floor: the smallest p that Wilcoxon's test can reach with so many seeds: 2 / 2^n.
    """

    seeds: int
    difference: float
    low: float = NAN
    high: float = NAN
    p: float = NAN
    d_z: float = NAN
    g_z: float = NAN
    wilcoxon: float = NAN
    floor: float = NAN


def budget_curve(x: Any, y: Any) -> Points:
    """A curve whose budgets grow: the score of a cycle that bought nothing replaces the score before it.

    Args:
        x: (cycles,) budgets that never fall.
        y: (cycles,) scores.

    Raises:
        ShapeError: if there is no point, or not one score per budget.
        DataInvalid: if a budget falls, or a number is not finite.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise ShapeError(f"budgets are {x.shape} and scores {y.shape}; give one score per budget, at least one")
    if not np.isfinite([x, y]).all() or (np.diff(x) < 0).any():
        raise DataInvalid(
            f"budgets {x.tolist()}, scores {y.tolist()}: give finite numbers, budgets that never decrease"
        )
    last = np.append(np.diff(x) > 0, True)
    return x[last], y[last]


def curves(records: pd.DataFrame, budget: str) -> dict[str, dict[int, Points]]:
    """The budget curve of each method and seed, see :func:`budget_curve`; ``supervised`` is left out.

    Raises:
        ConfigError: if a column is missing.
        DataInvalid: if a method has a cycle twice in a seed, or :func:`budget_curve` refuses a curve.
    """
    missing = [name for name in ("method", "seed", "cycle", "miou", budget) if name not in records]
    if missing:
        raise ConfigError(f"records have no column {', '.join(missing)}; they have {', '.join(map(str, records))}")
    rows = records[records.method != SUPERVISED.name].sort_values("cycle", kind="stable")
    if rows.duplicated(["method", "seed", "cycle"]).any():
        raise DataInvalid("a method has the same seed and cycle twice; keep one ablation and one depth provider")
    found: dict[str, dict[int, Points]] = {}
    for (method, seed), part in rows.groupby(["method", "seed"], sort=False):
        try:
            found.setdefault(str(method), {})[int(seed)] = budget_curve(part[budget], part.miou)
        except DataInvalid as error:
            raise DataInvalid(f"{method}, seed {seed}, {budget}: {error}") from error
    return found


def shared_range(parts: Iterable[Points]) -> tuple[float, float]:
    """The range that all curves cover: from the largest first budget to the smallest last budget.

    Curves of a single budget (a method that never buys) have no area and do not count.

    Returns:
        Start and end; NaN, NaN where the curves have no range in common.
    """
    ends = [(x[0], x[-1]) for x, _ in parts if len(x) > 1]
    start, end = max((first for first, _ in ends), default=NAN), min((last for _, last in ends), default=NAN)
    return (float(start), float(end)) if start < end else (NAN, NAN)


def aubc(x: Any, y: Any, start: float | None = None, end: float | None = None) -> float:
    """Area under the budget curve over the real budget axis, divided by its range: a mean score in points.

    Args:
        x: (cycles,) budgets that never fall; see :func:`budget_curve` for repeated ones.
        y: (cycles,) scores.
        start: budget where the area begins, by default the first; linear interpolation between cycles.
        end: budget where it ends, by default the last.

    Returns:
        Trapezoids over ``start..end`` divided by ``end - start``. NaN where there is no area: a single budget, or a
        range that is empty, NaN, or not wholly inside the curve (nothing is extrapolated).

    Source: Zhan et al. 2021 (IJCAI, A Comparative Survey), area under the budget curve.
    Departure: budgets as spent, not evenly spaced cycles, which buy unequal amounts here.
    """
    x, y = budget_curve(x, y)
    start, end = float(x[0] if start is None else start), float(x[-1] if end is None else end)
    if not x[0] <= start < end <= x[-1]:
        return NAN
    grid = np.concatenate([[start], x[(x > start) & (x < end)], [end]])
    return float(np.trapezoid(np.interp(grid, x, y), grid) / (end - start))


def paired_ranges(own: dict[int, Points], other: dict[int, Points]) -> dict[int, tuple[float, float]]:
    """For each seed that two methods share, the range that both cover; seeds without such a range are left out."""
    ranges = {seed: shared_range([own[seed], other[seed]]) for seed in sorted(own.keys() & other.keys())}
    return {
        seed: span
        for seed, span in ranges.items()
        if np.isfinite([aubc(*own[seed], *span), aubc(*other[seed], *span)]).all()
    }


def budget_to(x: Any, y: Any, target: float) -> float:
    """The budget at which a curve first reaches a score, by linear interpolation; NaN if never.

    A curve that starts at the score or above gives its first budget.
    """
    x, y = budget_curve(x, y)
    reached = np.flatnonzero(y >= target)
    if not len(reached):
        return NAN
    k = reached[0]
    return float(x[0]) if k == 0 else float(x[k - 1] + (target - y[k - 1]) / (y[k] - y[k - 1]) * (x[k] - x[k - 1]))


def beta(x: Any, y: Any, full: float) -> float:
    """Label efficiency: how fast a curve closes its gap to the fully supervised score.

    The exponent b of  score(x) = full - (full - score(x0)) exp(-b (x - x0)),  x0 the first budget, by least squares;
    only b is fitted. Half of the gap is closed after ln 2 / b units of budget; with b < 0 the curve falls.

    Returns:
        In 1 / unit of ``x``. NaN for a single budget, without ``full``, for a start at ``full`` or above, and where
        the fit does not settle (the curve jumps to ``full`` or above at once).

    Source: nnActive (arXiv 2511.19183), beta. Departure: one fit per seed from that seed's own start, so that it has
    a spread; there, all seeds in one fit.
    """
    from scipy.optimize import curve_fit

    x, y = budget_curve(x, y)
    gap = full - y[0]
    if len(x) < 2 or not gap > 0:
        return NAN
    span = x[-1] - x[0]

    def score(share: np.ndarray, b: float) -> np.ndarray:
        return full - gap * np.exp(-b * share)

    b = float(curve_fit(score, (x - x[0]) / span, y, p0=1.0, bounds=(-STEEPEST, STEEPEST))[0][0])
    settled = abs(b) < 0.99 * STEEPEST and np.exp(-b * (x[1] - x[0]) / span) > CLOSED
    return float(b / span) if settled else NAN


def efficiency(records: pd.DataFrame, budget: str, share: float = SHARE) -> pd.DataFrame:
    """What each run needed: the budget to reach a share of its own fully supervised score, and beta.

    Fully supervised is the ``supervised`` run of the same seed; without one, the mean over all such runs; else NaN.

    Returns:
        One row per method and seed: ``full`` (mIoU of ``supervised``), ``reached`` (see :func:`budget_to`; in units
        of the budget) and ``beta`` (see :func:`beta`; the budget as a share of what ``supervised`` spent).
    """
    found = curves(records, budget)
    seeds = sorted({seed for parts in found.values() for seed in parts})
    own = records[records.method == SUPERVISED.name].groupby("seed")[["miou", budget]].mean()
    own = own.reindex(seeds).fillna(own.mean())
    rows = []
    for method, parts in found.items():
        for seed, (x, y) in sorted(parts.items()):
            full, price = own.loc[seed, "miou"], own.loc[seed, budget]
            reached = budget_to(x, y, share * full)
            rows.append((method, seed, full, reached, beta(x, y, full) * price))
    return pd.DataFrame(rows, columns=["method", "seed", "full", "reached", "beta"])


def aubc_table(records: pd.DataFrame, budget: str) -> pd.DataFrame:
    """AUBC of every run, for rankings: in each seed, over the range that all methods of the seed cover.

    Returns:
        Seeds as rows, methods as columns. NaN: no run, or no area (see :func:`aubc`).
    """
    found = curves(records, budget)
    rows: dict[int, dict[str, float]] = {}
    for seed in sorted({seed for parts in found.values() for seed in parts}):
        here = {method: parts[seed] for method, parts in found.items() if seed in parts}
        start, end = shared_range(here.values())
        rows[seed] = {method: aubc(x, y, start, end) for method, (x, y) in here.items()}
    return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=list(found)).rename_axis("seed")


def wilcoxon_exact(differences: np.ndarray) -> float:
    """Two-sided signed-rank test from all 2^n signs, exact with ties too; differences of 0 are dropped (1 if all are).

    Source: Wilcoxon 1945; with ties the distribution is that of the ranks at hand.
    """
    from scipy.stats import rankdata

    kept = differences[differences != 0]
    ranks = (2 * rankdata(np.abs(kept))).astype(int)  # twice the rank: whole numbers with ties
    ways: np.ndarray = np.ones(1)  # ways[w]: share of the signs for which the positive ranks sum to w
    for rank in ranks:
        ways = (np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))) / 2
    positive = int(ranks[kept > 0].sum())
    return float(min(1.0, 2 * min(ways[: positive + 1].sum(), ways[positive:].sum())))


def paired_test(differences: Any) -> PairedTest:
    """Is the mean of paired differences other than 0?

    Args:
        differences: (seeds,) in points.

    Returns:
        No test, hence NaN, with fewer than two seeds or if all differences are equal (even all 0): without a spread
        there is no t, and runs that differ by a constant are hardly independent.

    Source: Student 1908; Lakens 2013 for d_z; Hedges 1981 for the factor of ``g_z``, here exact.
    """
    from scipy.special import gammaln
    from scipy.stats import ttest_1samp

    d = np.round(np.asarray(differences, dtype=float), DIGITS)
    n = len(d)
    if n < 2 or np.ptp(d) <= 10.0**-DIGITS:
        return PairedTest(n, float(d.mean()) if n else NAN)
    result = ttest_1samp(d, 0.0)
    interval = result.confidence_interval(1 - ALPHA)
    df, size = n - 1, float(d.mean() / d.std(ddof=1))
    factor = float(np.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) / np.sqrt(df / 2)) if df > 1 else NAN
    return PairedTest(
        n, float(d.mean()), float(interval.low), float(interval.high), float(result.pvalue),
        size, factor * size, wilcoxon_exact(d), 2.0 / 2**n,
    )  # fmt: skip


def shared_seeds(records: pd.DataFrame) -> pd.DataFrame:
    """The records of the seeds that all ablations of a method have; other seeds cannot be compared."""
    found = records.groupby(["method", "seed"]).ablation.transform("nunique")
    return records[found == records.groupby("method").ablation.transform("nunique")]


def count_of_seeds(count: int) -> str:
    """``1 seed``, ``5 seeds``."""
    return f"{count} seed{'' if count == 1 else 's'}"


def spread(values: Sequence[float] | pd.Series) -> str:
    """Mean and standard deviation (n - 1) over seeds; the bare value for a single seed, empty for none."""
    if not len(values):
        return ""
    mean = f"{np.mean(values):.2f}"
    return mean if len(values) < 2 else f"{mean} ± {np.std(values, ddof=1):.2f}"
