"""The record for few pixels: which share of its own fully supervised score a method reaches, with how much."""

import numpy as np
import pandas as pd

from segxal.methods import get_method
from segxal.methods.supervised import SUPERVISED
from segxal.results.statistics import count_of_seeds, paired_test

UNITS = ("pixels", "clicks")  # what is counted, per image of the training split
GOAL = {"pixels": 10, "share": 95.0, "low": 94.0}  # PixelPick's share with a sixth of its 60 pixels per image


def record_table(records: pd.DataFrame) -> pd.DataFrame:
    """Share of full supervision over the price per training image.

    Args:
        records: of :func:`segxal.results.tables.main_runs`.

    Returns:
        One row per method and cycle: ``pixels`` and ``clicks`` per image of the training split, ``seeds``, and the
        ``share`` of the fully supervised score in percent with its 95 % interval (``low``, ``high``; t distribution;
        NaN with one seed). Every run is divided by the ``supervised`` run of its own seed, seeds without one are left
        out: a study without ``supervised`` has no row.
    """
    full = records[records.method == SUPERVISED.name].set_index("seed")
    bought = records[records.method.map(lambda name: get_method(name).buys) & records.seed.isin(full.index)]
    own = full.loc[bought.seed]
    shares = bought.assign(
        share=100 * bought.miou.to_numpy() / own.miou.to_numpy(),
        **{unit: bought[unit].to_numpy() / own["images"].to_numpy() for unit in UNITS},
    )
    rows = []
    for (method, cycle), part in shares.groupby(["method", "cycle"], sort=False):
        test, prices = paired_test(part.share), {unit: part[unit].mean() for unit in UNITS}
        rows.append((method, cycle, *prices.values(), test.seeds, test.difference, test.low, test.high))
    return pd.DataFrame(rows, columns=["method", "cycle", *UNITS, "seeds", "share", "low", "high"])


def record_line(table: pd.DataFrame) -> str:
    """How far the goal is: the best method within its pixels, in one sentence.

    Args:
        table: of :func:`record_table`.
    """
    within = table[table.pixels <= GOAL["pixels"]]
    goal = f"the goal of {GOAL['share']:.0f} % with at most {GOAL['pixels']} pixels per image"
    if table.empty:
        return (
            f"No run of the study has a fully supervised one of its seed beside it: nothing can be said about {goal}."
        )
    if within.empty:
        return f"No method has a score within {GOAL['pixels']} pixels per image: nothing can be said about {goal}."
    best = within.loc[within.share.idxmax()]
    spread = f" (95 % CI {best.low:.1f} to {best.high:.1f})" if np.isfinite(best.low) else ""
    verdict = "reached" if best.share >= GOAL["share"] and best.low >= GOAL["low"] else "not reached"
    return (
        f"{best.method} reaches {best.share:.1f} %{spread} of full supervision with {best.pixels:.1f} pixels per "
        f"image, {count_of_seeds(best.seeds)}: {goal} is {verdict}."
    )
