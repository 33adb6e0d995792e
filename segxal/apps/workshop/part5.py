"""Part 5, what may be concluded: seeds, paired tests, false alarms, the audit of a table, and the checks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from segxal.apps.workshop.answers import Verdict, check_number
from segxal.results import audit
from segxal.results.comparison import Comparison
from segxal.results.statistics import ALPHA

ROW = "Ours (Manual-D)"


def check_t(given: Any, differences: Sequence[float]) -> Verdict:
    """Exercise 5.1: the t value of paired differences: mean / (standard deviation / sqrt(n)), n - 1 below the sum."""
    d = np.asarray(differences)
    wanted, plain = (float(d.mean() / (d.std(ddof=ddof) / np.sqrt(len(d)))) for ddof in (1, 0))
    return check_number(
        given, wanted, "a number without a unit",
        "Mean of the differences, divided by their standard deviation (ddof=1) over the root of their number.",
        f"t = {wanted:.2f}. With {len(d)} seeds |t| must pass {critical_t(len(d)):.2f} for p < 0.05.",
        {
            "That is with n below the sum; a sample of seeds needs n - 1: `ddof=1`.": plain,
            "The standard deviation of the mean is smaller than that of one seed: divide it by sqrt(n).":
                float(d.mean() / d.std(ddof=1)),
            "The sign is reversed: method minus random.": -wanted,
        },
    )  # fmt: skip


def critical_t(seeds: int) -> float:
    """Absolute t that a two-sided paired t-test over so many seeds must pass for p < 0.05."""
    from scipy.stats import t

    return float(t.ppf(1 - ALPHA / 2, seeds - 1))


def check_seeds(given: Any) -> Verdict:
    """Exercise 5.2: how many seeds does Wilcoxon's signed-rank test need to be able to say p < 0.05?"""
    wanted = next(n for n in range(1, 20) if 2 / 2**n < ALPHA)
    return check_number(
        given, wanted, "a whole number of seeds", "The smallest p there can be is 2 / 2^n. Try n = 3, 4, 5, ...",
        f"{wanted} seeds: 2 / 2^{wanted} = {2 / 2**wanted:.3f}. With five the best p is {2 / 2**5:.4f}.",
        {"That is the one-sided test; two-sided it is 2 / 2^n.": wanted - 1},
    )  # fmt: skip


def false_alarms(
    counts: Sequence[int], seeds: int, studies: int, rng: np.random.Generator
) -> dict[str, list[float]]:  # fmt: skip
    """How often methods that are all equal give a study with at least one "significant" difference.

    Args:
        counts: numbers of methods compared with one reference.
        seeds: runs per method; scores are normal and independent.
        studies: simulated studies per count.
        rng: source of the scores.

    Returns:
        ``no correction`` and ``Holm`` -> share of the studies with a false alarm, 0..1, per count.
    """
    from scipy.stats import ttest_1samp

    rates: dict[str, list[float]] = {"no correction": [], "Holm": []}
    for count in counts:
        scores = rng.normal(size=(studies, count + 1, seeds))
        smallest = ttest_1samp(scores[:, 1:] - scores[:, :1], 0.0, axis=2).pvalue.min(axis=1)
        rates["no correction"].append(float((smallest < ALPHA).mean()))
        rates["Holm"].append(float((smallest * count < ALPHA).mean()))  # Holm's first step decides about any alarm
    return rates


def check_row(given: Any, table: pd.DataFrame) -> Verdict:
    """Exercise 5.3: the mIoU of the row ``Ours (Manual-D)``, recomputed from its class IoUs.

    Args:
        given: the answer, in percent.
        table: SegXAL's Table 1, cells as printed.
    """
    row = table.set_index("method").loc[ROW]
    cells, printed = row[audit.NAMES].astype(float), float(row["mIoU"])
    wanted = float(cells.mean())
    return check_number(
        given, wanted, "a percentage", "The mean of the 19 class columns of the row.",
        f"The cells give {wanted:.2f}, the table prints {printed:.2f}: {printed - wanted:.2f} points more.",
        {
            "That is the printed mIoU; recompute it from the class columns.": printed,
            "That is a share; the table is in percent.": wanted / 100,
            "That is the median of the classes; the mIoU is their mean.": float(cells.median()),
        },
        tolerance=1e-4,
    )  # fmt: skip


def shown(comparisons: Sequence[Comparison]) -> list[str]:
    """The methods of which a difference to the reference is shown: Holm's p below 0.05 and 0 outside the interval."""
    return [c.method for c in comparisons if c.holm < ALPHA and (c.test.low > 0 or c.test.high < 0)]
