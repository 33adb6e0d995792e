"""Does the ranking of methods by mean AUBC hold when a seed is left out?

All methods are ranked over the range of budget that all of them cover, so a further method may change it.
"""

import itertools

import pandas as pd

from segxal.results.statistics import DIGITS, NAN, count_of_seeds


def complete(aubcs: pd.DataFrame) -> pd.DataFrame:
    """What can be ranked: methods that have an AUBC at all, and the seeds in which all of these have one."""
    return aubcs.dropna(axis=1, how="all").dropna(axis=0).round(DIGITS)


def rank_stability(aubcs: pd.DataFrame) -> pd.DataFrame:
    """Does the ranking by mean AUBC hold when a seed is left out?

    Args:
        aubcs: of :func:`segxal.results.statistics.aubc_table`; only what is :func:`complete` is ranked.

    Returns:
        First the ranking with all seeds (``left out``: none), then one row per seed left out: ``ranking`` (best
        first), ``flips`` (pairs of methods whose order is reversed) and ``tau`` (Kendall's tau-b with the first
        ranking; NaN with fewer than two methods). With one seed there is only the first row.
    """
    from scipy.stats import kendalltau

    table = complete(aubcs)
    whole = table.mean().round(DIGITS)
    rows = [("none", _ranking(whole), 0, 1.0 if len(whole) > 1 else NAN)]
    for seed in table.index if len(table) > 1 else []:
        part = table.drop(index=seed).mean().round(DIGITS)
        flips = sum((whole[a] - whole[b]) * (part[a] - part[b]) < 0 for a, b in itertools.combinations(whole.index, 2))
        tau = float(kendalltau(whole, part).statistic) if len(whole) > 1 else NAN
        rows.append((str(seed), _ranking(part), int(flips), tau))
    return pd.DataFrame(rows, columns=["left out", "ranking", "flips", "tau"])


def _ranking(means: pd.Series) -> str:
    return " > ".join(means.sort_values(ascending=False, kind="stable").index)


def stability_line(aubcs: pd.DataFrame) -> str:
    """What :func:`rank_stability` finds, in plain sentences; methods that cannot be ranked are named."""
    stability, seeds = rank_stability(aubcs), len(complete(aubcs))
    left, ranking = stability.iloc[1:], stability.ranking.iloc[0]
    absent = ", ".join(aubcs.columns[aubcs.isna().all()])
    note = f" Not ranked, no AUBC: {absent}." if absent else ""
    if not ranking or not seeds:
        return f"No seed has an AUBC of every method: there is no ranking.{note}"
    start = f"Ranking over {seeds} of {count_of_seeds(len(aubcs))}: {ranking}."
    if left.empty:
        return f"{start} One seed cannot be left out: whether the ranking is stable is not known.{note}"
    changed = left[left.flips > 0]
    if changed.empty:
        return f"{start} No two methods change places, whichever of these seeds is left out.{note}"
    return (
        f"{start} It changes when a seed is left out, in {len(changed)} of {seeds} cases "
        f"(pairs reversed: {changed.flips.sum()}, smallest Kendall tau {left.tau.min():.2f}).{note}"
    )
