"""The audit: do printed tables, the papers' and our own, agree with themselves? All scores are in percent."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segxal.core.errors import ConfigError, DataInvalid
from segxal.core.labels import CITYSCAPES
from segxal.storage import paths

NAMES = list(CITYSCAPES.names)
SEGXAL_ROWS = ["Ours (Pseudolabels)", "Ours (Manual-M)", "Ours (Manual-D)"]  # SegXAL's rows in its Table 1
MODES = dict(zip(("Pseudolabel", "Manual-M", "Manual-D"), SEGXAL_ROWS, strict=True))  # Tables 2 and 3 -> Table 1
BETTER = ["road", "building", "wall", "traffic light", "traffic sign", "vegetation", "terrain", "sky", "rider", "car",
          "truck"]  # the classes on which section 5.1 calls SegXAL better  # fmt: skip
KEY = ["method", "ablation", "depth", "seed", "cycle"]
SLACK = 1e-9  # 0.005 + 0.005 in binary


@dataclass(frozen=True)
class Finding:
    """One result: what is printed, the numbers, what a reader can learn from it, and how our tables avoid it."""

    name: str
    statement: str
    computation: str
    consequence: str
    avoided: str

    def __str__(self) -> str:
        parts = [f"{part}: {text}" for part, text in vars(self).items() if part != "name"]
        return "\n".join([self.name, *(textwrap.fill(part, 112, subsequent_indent="    ") for part in parts)])


def printed(name: str) -> pd.DataFrame:
    """A table of ``segxal/results/published`` with every cell as it is printed, as text: "61.00" keeps its decimals.

    Raises:
        ConfigError: if there is no such table; the message lists them.
    """
    file = paths.PUBLISHED / f"{name}.csv"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in paths.PUBLISHED.glob("*.csv")))
        raise ConfigError(f"no published table {name!r}; choose one of {known}")
    return pd.read_csv(file, dtype=str, keep_default_na=False)


def number(cell: str) -> tuple[float, float]:
    """A printed number and half a unit in its last place: "61.20" or "61.20 ± 0.40" is 61.2 within 0.005.

    An empty cell or "nan" is a class without a value: NaN, 0.

    Raises:
        DataInvalid: if the cell is neither.
    """
    text = str(cell).split("±")[0].strip().replace("−", "-")
    if text.lower() in ("", "nan"):
        return float("nan"), 0.0
    if not re.fullmatch(r"-?\d+(\.\d+)?", text):
        raise DataInvalid(f"{cell!r} is not a printed number; expected digits such as 61.20 or 61.20 ± 0.40")
    return float(text), 0.5 * 10.0 ** -len(text.partition(".")[2])


def numbers(cells: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Values and half units of a block of printed cells, both (rows, columns) float."""
    pairs = np.array([[number(cell) for cell in row] for row in cells.to_numpy()]).reshape(*cells.shape, 2)
    return pairs[..., 0], pairs[..., 1]


def mean_check(
    table: pd.DataFrame, classes: Sequence[str] = NAMES, miou: str = "mIoU", labels: Sequence[str] = ("method",)
) -> pd.DataFrame:
    """Is each printed mIoU the mean of the class IoUs printed in its row?

    Args:
        table: printed cells as text, one row per method.
        classes: names of the class columns; an empty cell is left out of the mean.
        miou: name of the mIoU column.
        labels: columns that name a row.

    Returns:
        The labels, ``printed``, ``recomputed``, ``difference`` (printed minus recomputed), ``tolerance`` (the most that
        rounding can explain: the mean half unit of the class cells and that of the mIoU) and ``agrees``.
    """
    values, halves = numbers(table[list(classes)])
    stated, half = (block[:, 0] for block in numbers(table[[miou]]))
    mean = np.nanmean(values, axis=1)
    tolerance = np.nanmean(np.where(np.isnan(values), np.nan, halves), axis=1) + half
    result = table[list(labels)].assign(printed=stated, recomputed=mean, difference=stated - mean, tolerance=tolerance)
    return result.assign(agrees=np.abs(stated - mean) <= tolerance + SLACK)


def std_check(
    table: pd.DataFrame, over: Mapping[str, pd.DataFrame], column: str = "STD", labels: Sequence[str] = ("method",)
) -> pd.DataFrame:
    """Which standard deviation is printed: over what, and with n or n - 1 below the sum?

    Args:
        table: printed cells as text, one row per method.
        over: what the deviation may be taken over -> printed cells of the same rows, for example
            ``{"classes": table[names], "seeds": scores}``.
        column: name of the column with the standard deviation.
        labels: columns that name a row.

    Returns:
        The labels, ``printed``, one column per candidate, and ``is``: the candidates that agree within rounding, or
        ``none of these``. Rounding every cell by up to h moves the deviation by at most h (n) or h sqrt(n / (n - 1)).
    """
    stated, half = (block[:, 0] for block in numbers(table[[column]]))
    result = table[list(labels)].assign(printed=stated)
    fitting: list[list[str]] = [[] for _ in stated]
    for what, cells in over.items():
        values, halves = numbers(cells)
        count = (~np.isnan(values)).sum(1)
        for ddof, name in enumerate((f"over {what} (n)", f"over {what} (n - 1)")):
            result[name] = std = np.nanstd(values, axis=1, ddof=ddof)
            tolerance = halves.max(1) * np.sqrt(count / (count - ddof)) + half
            for row in np.flatnonzero(np.abs(stated - std) <= tolerance + SLACK):
                fitting[row].append(name)
    return result.assign(**{"is": [" or ".join(found) or "none of these" for found in fitting]})


def record_table(records: pd.DataFrame, class_iou: pd.DataFrame) -> pd.DataFrame:
    """Our own records as a printed table, as text with the four decimals that records keep.

    Args:
        records: ``results.csv`` of a study, one row per cycle.
        class_iou: ``class_iou.csv`` of the same study, which becomes one column per class.
    """
    wide = class_iou.pivot(index=KEY, columns="class", values="iou").reset_index()
    table = records[[*KEY, "miou"]].rename(columns={"miou": "mIoU"}).merge(wide, on=KEY, how="left")
    scores = table.columns.difference(KEY)
    return table.assign(**{name: table[name].map(lambda score: f"{score:.4f}") for name in scores})


def same_rows(left: pd.DataFrame, right: pd.DataFrame) -> dict[str, str]:
    """For each row on the left, the row on the right with the most equal class cells."""
    equal = (left[NAMES].to_numpy()[:, None] == right[NAMES].to_numpy()[None]).sum(-1)
    return dict(zip(left["method"], right["method"].to_numpy()[equal.argmax(1)], strict=True))


def cell_check(left: pd.DataFrame, right: pd.DataFrame, rows: Mapping[str, str]) -> pd.DataFrame:
    """Cells of two printed tables that differ; ``rows`` says which rows belong together, see :func:`same_rows`."""
    one, other = left.set_index("method"), right.set_index("method")
    columns = [*NAMES, "mIoU"]
    found = [(a, b, name, one.at[a, name], other.at[b, name]) for a, b in rows.items() for name in columns]
    differing = [cells for cells in found if cells[-2] != cells[-1]]
    return pd.DataFrame(differing, columns=["left row", "right row", "column", "left", "right"])


def ranking() -> pd.DataFrame:
    """SegXAL's Table 1 without full supervision, by printed and by recomputed mIoU, with both distances to DEAL."""
    table = mean_check(printed("segxal_table1"))[["method", "printed", "recomputed"]]
    table = table[table["method"] != "Fully-supervised"]
    deal = table.set_index("method").loc["DEAL"]
    for name in ("printed", "recomputed"):
        table[f"{name} rank"] = table[name].rank(ascending=False).astype(int)
        table[f"{name} - DEAL"] = table[name] - deal[name]
    return table.sort_values("printed rank", ignore_index=True)


def text_check() -> pd.DataFrame:
    """Numbers in SegXAL's text against its own rows of the tables they refer to: the nearest number, and its row."""
    table1 = printed("segxal_table1").set_index("method").loc[SEGXAL_ROWS, [*NAMES, "mIoU"]].astype(float)
    cycles = printed("segxal_table2").pivot(index="mode", columns="cycle", values="miou").astype(float)
    masks = printed("segxal_table3").pivot(index="mode", columns="mask", values="miou").astype(float)
    known = {**dict(table1.items()), **{f"cycle {n}": cycles[n] for n in cycles}}
    known |= {f"drop {name}": masks["with EEM"] - masks[name] for name in masks}
    known["manual minus pseudo-label"] = table1.loc[SEGXAL_ROWS[1:], "mIoU"] - table1.at[SEGXAL_ROWS[0], "mIoU"]
    rows = []
    for claim in printed("segxal_text").itertuples():
        value, half = number(str(claim.value))
        found = known[str(claim.quantity)]
        found = found.loc[[claim.mode]] if claim.mode else found
        row = (found - value).abs().idxmin()
        agrees = abs(found[row] - value) <= half + SLACK
        rows.append((claim.source, claim.table, claim.quantity, value, found[row].round(2), row, agrees))
    return pd.DataFrame(rows, columns=["source", "table", "quantity", "text", "nearest", "row", "agrees"])


def ablation_check() -> pd.DataFrame:
    """Table 3 minus the whole mask, whose mIoU is taken as printed and as the mean of Table 1's class cells."""
    whole = mean_check(printed("segxal_table1")).set_index("method")
    table = printed("segxal_table3").astype({"miou": float})
    ends = {f"minus {name}": table["miou"] - table["mode"].map(MODES).map(whole[name])
            for name in ("printed", "recomputed")}  # fmt: skip
    return table[["mode", "mask"]].assign(printed=table["miou"], **ends)


def findings() -> list[Finding]:
    """Every finding, recomputed from the data files."""
    return [*_of_table1(), *_of_readme_and_text(), *_of_other_tables()]


def _of_table1() -> list[Finding]:
    table, order = printed("segxal_table1"), ranking().set_index("method")
    means = mean_check(table).set_index("method")
    stds = std_check(table, {"classes": table[NAMES]}).set_index("method")
    gaps, again = order.loc[SEGXAL_ROWS], order.sort_values("recomputed rank")
    cells = table.set_index("method")[BETTER].astype(float)
    better = cells.loc[SEGXAL_ROWS].max() - cells.loc[["Random", "Entropy", "Core-Set", "DEAL"]].max()
    return [
        Finding(
            "class means, Table 1",
            f"{means.agrees.sum()} of {len(means)} printed mIoUs are the mean of the 19 class IoUs in their row.",
            f"Printed minus recomputed: {_each(means.difference)}. Rounding explains {means.tolerance.max():.2f}.",
            "In the other rows the mIoU and the class IoUs differ; a comparison has to say which of them it uses.",
            "Our mIoU is computed from the class IoUs of its row; a test recomputes every committed record.",
        ),
        Finding(
            "ranking, and SegXAL against DEAL, Table 1",
            f"Printed order: {', '.join(order.index)}. By recomputed mIoU: {', '.join(again.index)}.",
            f"Minus DEAL, printed: {_each(gaps['printed - DEAL'])}; recomputed: {_each(gaps['recomputed - DEAL'])}.",
            "The printed lead over DEAL is in the mIoU column only; by the class cells these four rows are within "
            f"{np.ptp(again.recomputed.iloc[:4]):.2f} points, and no spread over runs is printed to judge that by.",
            "Every method runs in one loop, with the same network, seeds and budgets, and is compared seed by seed.",
        ),
        Finding(
            "what STD is, Table 1",
            f"{(stds['is'] == 'over classes (n)').sum()} of {len(stds)} STDs are the population standard deviation "
            f"over the classes of their row; {stds['is'].str.contains('n - 1', regex=False).sum()} fit n - 1.",
            f"Printed minus recomputed: {_each(stds.printed - stds['over classes (n)'], 4)}. Rounding explains 0.0100.",
            "Where it agrees, STD says how unequal the classes are; no spread over the five runs is printed.",
            "Both are printed and named: over classes (n), and over seeds (n - 1).",
        ),
        Finding(
            "classes called better, section 5.1",
            f"On {(better > 0).sum()} of {len(BETTER)} named classes the best SegXAL cell is above every baseline's.",
            f"Best SegXAL cell minus best baseline cell: {_each(better)}.",
            f"Not on {', '.join(better.index[better <= 0])}. The best of three rows is no method's row.",
            "Class IoUs are printed per method, as mean and standard deviation over seeds.",
        ),
    ]  # fmt: skip


def _of_readme_and_text() -> list[Finding]:
    readme, text = printed("segxal_readme"), text_check()
    rows = same_rows(readme, printed("segxal_table1"))
    cells = cell_check(readme, printed("segxal_table1"), rows)
    means, wrong = mean_check(readme).set_index("method"), text[~text.agrees]
    heads = (cells.column == "mIoU").sum()
    listed = "; ".join(f"{c[1]} {c[3]} {c[4]} / {c[5]}" for c in cells.itertuples())
    missed = "; ".join(f"{c.quantity}: text {c.text:g}, nearest {c.nearest:g} ({c.row})" for c in wrong.itertuples())
    return [
        Finding(
            "README and Table 1",
            f"{len(cells) - heads} of {19 * len(readme)} class cells and {heads} of {len(readme)} mIoUs differ; "
            f"{means.agrees.sum()} of {len(readme)} mIoUs are the mean of their row. Most cells of the README's row "
            f"Ours (GT) are those of {rows['Ours (GT)']}; DEAL's mIoU is {means.printed['DEAL']}, as Core-Set's.",
            f"README / Table 1: {listed}. README, printed minus recomputed mIoU: {_each(means.difference)}.",
            "A number needs its source beside it; one row is named after ground truth here, after pseudo-labels there.",
            "The README prints the committed tables; a test compares them.",
        ),
        Finding(
            "text and tables",
            f"{text.agrees.sum()} of {len(text)} numbers of the text agree with the tables they refer to.",
            f"{missed}.",
            "Where they differ we quote the tables.",
            "Numbers in our text are printed by a cell of a notebook, or are part of a committed table.",
        ),
    ]  # fmt: skip


def _of_other_tables() -> list[Finding]:
    ends = {"table2": "cycle == '5'", "table3": "mask == 'with EEM'", "fig7": "split_percent == '40'"}
    last = pd.concat([printed(f"segxal_{name}").query(rows) for name, rows in ends.items()])
    same = last.miou == last["mode"].map(MODES).map(printed("segxal_table1").set_index("method").mIoU)
    masks = ablation_check().query("mask != 'with EEM'")
    masks.index = pd.Index(masks["mode"] + " " + masks["mask"])
    ralis, runs = printed("ralis_table1"), printed("ralis_appendix_c").groupby("statistic")
    means, spread = mean_check(ralis).set_index("method"), runs.get_group("std over 5 runs").mIoU.astype(float)
    cells = cell_check(ralis, runs.get_group("mean over 5 runs"), {name: name for name in ralis.method})
    return [
        Finding(
            "cycles, ablation and splits",
            f"{same.sum()} of {len(same)} end points of Tables 2 and 3 and Fig. 7 repeat the printed mIoU of Table 1. "
            "Without class IoUs these tables cannot be recomputed.",
            f"Minus the whole mask, printed: {_each(masks['minus printed'])}; minus the mean of its class cells: "
            f"{_each(masks['minus recomputed'])}.",
            "What a part of the mask is worth depends on which mIoU the whole mask is given; with the mean of its "
            f"class cells, {(masks['minus recomputed'] > 0).sum()} of {len(masks)} rows without a part are above it.",
            "All our tables are cut from the same records, which hold the class IoUs of every cycle.",
        ),
        Finding(
            "RALIS, Table 1 and Appendix C",
            f"{means.agrees.sum()} of {len(means)} printed mIoUs are the mean of their row; {len(cells)} cells differ.",
            f"Printed minus recomputed: {_each(means.difference, 4)}. Standard deviation of the mIoU over five runs: "
            f"{spread.min():.2f} to {spread.max():.2f}.",
            "The table can be checked by its reader, and a difference can be held against the spread over runs.",
            "Ours have the same form: class IoUs, their mean, and the spread over seeds.",
        ),
    ]  # fmt: skip


def _each(values: pd.Series, digits: int = 2) -> str:
    return ", ".join(f"{name} {value:+.{digits}f}" for name, value in values.items())
