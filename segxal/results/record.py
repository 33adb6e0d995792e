"""The record for few pixels: which share of its own fully supervised score a method reaches, with how much."""

import numpy as np
import pandas as pd
from scipy.stats import t as student

from segxal.core.errors import ConfigError
from segxal.methods import get_method
from segxal.methods.supervised import SUPERVISED
from segxal.results.statistics import ALPHA

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
        out.

    Raises:
        ConfigError: if no seed has a ``supervised`` run.
    """
    full = records[records.method == SUPERVISED.name].set_index("seed")
    if full.empty:
        raise ConfigError("the records have no supervised run to compare with; add supervised to the preset's methods")
    bought = records[records.method.map(lambda name: get_method(name).buys) & records.seed.isin(full.index)]
    own = full.loc[bought.seed]
    shares = bought.assign(
        share=100 * bought.miou.to_numpy() / own.miou.to_numpy(),
        **{unit: bought[unit].to_numpy() / own["images"].to_numpy() for unit in UNITS},
    )
    rows = [
        {"method": method, "cycle": cycle, **{unit: part[unit].mean() for unit in UNITS}, "seeds": len(part),
         "share": part.share.mean(), **_interval(part.share)}
        for (method, cycle), part in shares.groupby(["method", "cycle"], sort=False)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _interval(values: pd.Series) -> dict[str, float]:
    """The 95 % interval of a mean."""
    n = len(values)
    if n < 2:
        return {"low": np.nan, "high": np.nan}
    half = float(student.ppf(1 - ALPHA / 2, n - 1) * values.std() / np.sqrt(n))
    return {"low": values.mean() - half, "high": values.mean() + half}


def record_line(table: pd.DataFrame) -> str:
    """How far the goal is: the best method within its pixels, in one sentence.

    Args:
        table: of :func:`record_table`.
    """
    within = table[table.pixels <= GOAL["pixels"] + 0.5]
    goal = f"the goal of {GOAL['share']:.0f} % with at most {GOAL['pixels']} pixels per image"
    if within.empty:
        return f"No method has a score within {GOAL['pixels']} pixels per image: nothing can be said about {goal}."
    best = within.loc[within.share.idxmax()]
    spread = f" (95 % CI {best.low:.1f} to {best.high:.1f})" if np.isfinite(best.low) else ""
    verdict = "reached" if best.share >= GOAL["share"] and best.low >= GOAL["low"] else "not reached"
    return (
        f"{best.method} reaches {best.share:.1f} %{spread} of full supervision with {best.pixels:.1f} pixels per "
        f"image, {best.seeds} seed{'' if best.seeds == 1 else 's'}: {goal} is {verdict}."
    )
