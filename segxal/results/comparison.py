"""Which method is better, and can these seeds show it? Comparisons with Holm, penalty matrix, conclusions.

Records as in :mod:`segxal.results.statistics`. Two methods are compared over the range of budget that both cover, seed
by seed, so that a third method changes nothing; only a ranking (:mod:`segxal.results.stability`) needs the range that
all of them cover.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from segxal.core.errors import ConfigError
from segxal.results.stability import complete
from segxal.results.statistics import (
    ALPHA,
    NAN,
    SHARE,
    PairedTest,
    Points,
    aubc,
    aubc_table,
    count_of_seeds,
    curves,
    efficiency,
    paired_ranges,
    paired_test,
    spread,
)


@dataclass(frozen=True)
class Comparison:
    """AUBC of a method beside that of another, over the range of budget that both cover in a seed.

    Attributes:
        method: the first method; differences are its AUBC minus that of ``reference``.
        reference: the second.
        budget: name of the budget.
        seeds: the seeds compared, growing.
        left_out: number of seeds that lack one of the two methods or a range that both cover.
        start: budget from which the area is taken, mean over seeds.
        end: budget up to which it is taken, mean over seeds.
        scores: AUBC of ``method`` per seed, in points of mIoU.
        reference_scores: AUBC of ``reference`` per seed.
        test: of the differences.
        holm: ``test.p`` after Holm's correction over ``family`` comparisons.
        family: how many comparisons with a test were made together; those without a test do not count.
    """

    method: str
    reference: str
    budget: str
    seeds: tuple[int, ...]
    left_out: int
    start: float
    end: float
    scores: tuple[float, ...]
    reference_scores: tuple[float, ...]
    test: PairedTest
    holm: float = NAN
    family: int = 0


def compare_with(records: pd.DataFrame, reference: str, budget: str) -> list[Comparison]:
    """Every other method beside ``reference``, Holm over the methods.

    Raises:
        ConfigError: if ``reference`` is not a method in the records, or a column is missing.
        DataInvalid: see :func:`segxal.results.statistics.curves`.
    """
    found = curves(records, budget)
    if reference not in found:
        raise ConfigError(f"no method {reference!r} in the records; choose one of {', '.join(found)}")
    return compare_pairs(records, [(name, reference) for name in found if name != reference], budget)


def compare_pairs(records: pd.DataFrame, pairs: Sequence[tuple[str, str]], budget: str) -> list[Comparison]:
    """Each pair of method and reference, Holm over the pairs; raises as :func:`compare_with`."""
    found = curves(records, budget)
    return _holm([_compare(found, method, reference, budget) for method, reference in pairs])


def _compare(found: dict[str, dict[int, Points]], method: str, reference: str, budget: str) -> Comparison:
    own, other = found[method], found[reference]
    ranges = paired_ranges(own, other)
    start, end = np.mean(list(ranges.values()), axis=0).tolist() if ranges else (NAN, NAN)
    scores = tuple(aubc(*own[seed], *span) for seed, span in ranges.items())
    others = tuple(aubc(*other[seed], *span) for seed, span in ranges.items())
    left_out = len(own.keys() | other.keys()) - len(ranges)
    test = paired_test(np.subtract(scores, others))
    return Comparison(method, reference, budget, tuple(ranges), left_out, start, end, scores, others, test)


def _holm(comparisons: list[Comparison]) -> list[Comparison]:
    adjusted = with_holm([c.test.p for c in comparisons])
    family = sum(np.isfinite(p) for p in adjusted)
    return [
        replace(c, holm=p, family=family) if np.isfinite(p) else c for c, p in zip(comparisons, adjusted, strict=True)
    ]


def with_holm(values: Sequence[float]) -> list[float]:
    """P values after Holm's correction over those that are there; NaN, where no test was possible, stays NaN."""
    from statsmodels.stats.multitest import multipletests  # a second of import that only this needs

    found = np.array(values, dtype=float)
    tested = np.isfinite(found)
    if tested.any():
        found[tested] = multipletests(found[tested], alpha=ALPHA, method="holm")[1]
    return found.tolist()


def conclusion(comparison: Comparison) -> str:
    """What a comparison does and does not show, in plain sentences.

    A difference counts as shown when the 95 % interval leaves out 0 and Holm's p is below 0.05; otherwise the text
    says that none is shown, which is not the same as equal methods.
    """
    c, t = comparison, comparison.test
    pair, on = f"{c.method} and {c.reference}", f"AUBC over {c.start:.0f} to {c.end:.0f} {c.budget}"
    left = (
        f" {count_of_seeds(c.left_out)} left out: a method or a shared range of {c.budget} is missing."
        if c.left_out
        else ""
    )
    if not t.seeds:
        return f"No seed gives {pair} a shared range of {c.budget}: nothing can be compared.{left}"
    start = f"With {count_of_seeds(t.seeds)}, "
    if t.seeds == 1:
        return f"{start}{_distance(c)} on {on}. One seed allows no test: no difference is shown, nor equality.{left}"
    if np.isnan(t.p):
        return (
            f"{start}{_distance(c)} on {on} in every one of them. Without a spread over seeds no test is possible: "
            f"no difference is shown, nor equality; check that the seeds are independent runs.{left}"
        )
    holm = f"Holm p {p_words(c.holm, '= ')} ({c.family} comparison{'s' if c.family > 1 else ''})"
    if c.holm < ALPHA and (t.low > 0 or t.high < 0):
        low, high = sorted([abs(t.low), abs(t.high)])
        distance = _distance(c, f" (95 % CI {low:.2f} to {high:.2f})")
        return f"{start}{distance} on {on}; {holm}. {_wilcoxon(t)}{left}"
    return (
        f"{start}no difference between {pair} on {on} is shown: {t.difference:+.2f} points "
        f"(95 % CI {t.low:+.2f} to {t.high:+.2f}), {holm}. This does not show that they are equal.{left}"
    )


def conclusions(
    records: pd.DataFrame, reference: str, budgets: Iterable[str] = ("images", "pixels", "clicks")
) -> pd.DataFrame:
    """What may be concluded about every method over every budget: columns ``budget``, ``method``, ``conclusion``.

    Holm's correction is over the methods of one budget; budgets are views of the same runs.
    """
    rows = [(b, c.method, conclusion(c)) for b in budgets for c in compare_with(records, reference, b)]
    return pd.DataFrame(rows, columns=["budget", "method", "conclusion"])


def _distance(c: Comparison, interval: str = "") -> str:
    if c.test.difference == 0:
        return f"{c.method} is level with {c.reference}"
    side = "above" if c.test.difference > 0 else "below"
    return f"{c.method} is {abs(c.test.difference):.2f} points{interval} {side} {c.reference}"


def _wilcoxon(t: PairedTest) -> str:
    if t.floor >= ALPHA:
        return (
            f"Wilcoxon cannot go below {t.floor:.3g} with {count_of_seeds(t.seeds)}: "
            "the result rests on the t-test, which takes differences as normal."
        )
    return f"Wilcoxon p {p_words(t.wilcoxon, '= ')} {'agrees' if t.wilcoxon < ALPHA else 'does not confirm it'}."


def p_words(p: float, equals: str = "") -> str:
    """A p value with three digits, or that it is below 0.001; ``equals`` goes before a number. Empty for NaN."""
    if np.isnan(p):
        return ""
    return "< 0.001" if p < 0.001 else f"{equals}{p:.3g}"


def penalty_matrix(records: pd.DataFrame, budget: str, alpha: float = ALPHA) -> pd.DataFrame:
    """Pairwise penalty matrix: the row's method beats the column's at which share of the budget points?

    At each budget point a two-sided paired t-test over seeds; entry (i, j) is the share of points, 0..1, at which i
    is higher with p < ``alpha``. Sums of rows: wins; sums of columns: penalties, lower is better. Not corrected for
    the number of tests: a description, not evidence (see :func:`compare_with`). Points at which all seeds differ by
    the same amount have no test and count as no win.

    Returns:
        Methods as rows and columns. NaN on the diagonal and for pairs with fewer than two common seeds.

    Source: Ash et al. 2020 (BADGE), section 4, pairwise comparisons, for one setting.
    Departure: methods spend unequal budgets here, so the points are evenly spaced over the range that both cover in a
    seed, as many as there are cycles, scores by linear interpolation. The start, which all methods of a seed share,
    is no point. Saturated budgets are not cut off.
    """
    found = curves(records, budget)
    matrix = pd.DataFrame(NAN, index=list(found), columns=list(found))
    shares = np.linspace(0, 1, int(records.cycle.max()) + 1)[1:]
    for a, b in itertools.permutations(found, 2):
        ranges = paired_ranges(found[a], found[b])
        if len(ranges) < 2:
            continue
        grids = {seed: start + shares * (end - start) for seed, (start, end) in ranges.items()}
        ahead = np.array([np.interp(x, *found[a][seed]) - np.interp(x, *found[b][seed]) for seed, x in grids.items()])
        tests = [paired_test(differences) for differences in ahead.T]
        matrix.loc[a, b] = np.mean([t.difference > 0 and t.p < alpha for t in tests])
    return matrix


def comparison_table(records: pd.DataFrame, reference: str, budget: str, share: float = SHARE) -> pd.DataFrame:
    """One row per method, ``reference`` first, ready for :func:`segxal.results.tables.save_table`.

    Returns:
        ``seeds``, ``from``, ``to`` and both AUBC (mean ± standard deviation over seeds) belong to the range that the
        row's method and the reference share, so rows may differ in it; the reference's own row has its whole range.
        ``difference``, CI, ``p`` ... ``Wilcoxon p``: see :class:`segxal.results.statistics.PairedTest`, Holm over the
        methods.
        ``mean rank``: 1 = best, over the range all methods share. ``<budget> to 95 %``: mean over seeds, only when all
        of them reach it; ``reached`` says how many do. ``beta``: mean over seeds. Empty: not defined.

    Raises:
        ConfigError: if ``reference`` is not a method in the records, or a column is missing.
        DataInvalid: see :func:`segxal.results.statistics.curves`.
    """
    comparisons = compare_with(records, reference, budget)
    itself = _compare(curves(records, budget), reference, reference, budget)
    ranks = complete(aubc_table(records, budget)).rank(axis=1, ascending=False).mean()
    needed = dict(list(efficiency(records, budget, share).groupby("method")))
    rows = []
    for c in [itself, *comparisons]:
        runs = needed[c.method]
        rows.append({
            **_row(c),
            "mean rank": ranks.get(c.method, NAN),
            f"{budget} to {100 * share:g} %": runs.reached.mean(skipna=False),
            "reached": f"{runs.reached.notna().sum()} of {len(runs)}",
            "beta": runs.beta.mean(skipna=False),
        })  # fmt: skip
    table = pd.DataFrame(rows).round(2).astype(object)
    return table.where(table.notna(), "")


def _row(c: Comparison) -> dict[str, Any]:
    t = c.test
    return {
        "method": c.method, "seeds": t.seeds, "from": c.start, "to": c.end, "AUBC": spread(c.scores),
        f"AUBC of {c.reference}": spread(c.reference_scores),
        "difference": t.difference if c.method != c.reference else NAN, "CI low": t.low, "CI high": t.high,
        "p": p_words(t.p), "Holm p": p_words(c.holm), "d_z": t.d_z, "g_z": t.g_z, "Wilcoxon p": p_words(t.wilcoxon),
    }  # fmt: skip
