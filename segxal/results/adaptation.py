"""What another world, machines and people are worth: every method of adaptation beside its control."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from segxal.core.labels import CITYSCAPES
from segxal.data.synthia import PROTOCOL_13, PROTOCOL_16
from segxal.results.comparison import p_words, with_holm
from segxal.results.statistics import paired_test, spread
from segxal.results.tables import last_cycles, main_runs

# Method -> what it is held against: the same without the part that it is named for.
CONTROLS = {
    "minent": "source-only",
    "advent": "source-only",
    "bdl": "advent",
    "esl": "advent",
    "esl-eem": "esl",
    "esl-pae": "esl",
    "ripu": "ripu-random",
    "ripu-eem": "ripu",
    "ripu-pixels": "ripu-random",
    "eem-esl": "ripu-eem",
    "stal": "stal-random",
    "stal-eem": "stal",
}
COLUMNS = [
    "method", "images", "pixels", "clicks", "seeds", "mIoU", "near mIoU", "control", "difference", "95 % interval",
    "Holm p",
]  # fmt: skip


def adaptation_table(records: pd.DataFrame) -> pd.DataFrame:
    """The last stage of every method of a study with a source, and of full supervision, seed by seed.

    Args:
        records: of :func:`segxal.results.tables.read_records`.

    Returns:
        One row per method: what people were asked for, mIoU of everything and of what is near (mean ± standard
        deviation over seeds), and the difference from its control in points, paired over seeds, with its 95 % interval
        and p after Holm's correction over all controls.
    """
    last = last_cycles(main_runs(records))
    scores = {str(name): part.set_index("seed").miou for name, part in last.groupby("method")}
    pairs = [(name, control) for name, control in CONTROLS.items() if name in scores and control in scores]
    tests = {name: paired_test((scores[name] - scores[control]).dropna()) for name, control in pairs}
    adjusted = dict(zip(tests, with_holm([test.p for test in tests.values()]), strict=True))
    rows = []
    for name, part in last.groupby("method", sort=False):
        row: dict[str, Any] = {
            "method": name, **{unit: round(part[unit].mean()) for unit in ("images", "pixels", "clicks")},
            "seeds": part.seed.nunique(), "mIoU": spread(part.miou), "near mIoU": spread(part.near_miou),
        }  # fmt: skip
        if name in tests:
            test = tests[str(name)]
            row |= {
                "control": CONTROLS[str(name)], "difference": f"{test.difference:+.2f}" if test.seeds else "",
                "95 % interval": f"{test.low:+.2f} to {test.high:+.2f}" if np.isfinite(test.p) else "",
                "Holm p": p_words(adjusted[str(name)]),
            }  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS).fillna("")


def machine_table(machine: pd.DataFrame) -> pd.DataFrame:
    """How good the labels of a machine are in the last stage of each method that has one.

    Args:
        machine: the table ``machine`` of a study's records.

    Returns:
        One row per method: its ``confidence``, ``seeds``, and mean ± standard deviation over seeds of: the share of the
        pixels that were labelled (``coverage``), the share of these that are right, of those that were not labelled,
        all three as means over the classes, and the chance that a wrong pixel is doubted more than a right one.
    """
    rows = []
    for (method, confidence), part in last_cycles(machine).groupby(["method", "confidence"], sort=False):
        means = part.groupby("seed")[["coverage", "accuracy", "dropped_accuracy", "auroc"]].mean()
        rows.append({
            "method": method, "confidence": confidence, "seeds": len(means),
            "labelled (%)": spread(means.coverage), "of these right (%)": spread(means.accuracy),
            "right among the rest (%)": spread(means.dropped_accuracy), "AUROC (%)": spread(100 * means.auroc),
        })  # fmt: skip
    return pd.DataFrame(rows)


def protocols(class_iou: pd.DataFrame) -> pd.DataFrame:
    """Means over the 16 and the 13 classes that papers print for SYNTHIA to Cityscapes, after each method's last stage.

    Args:
        class_iou: the table ``class_iou`` of a study's records.

    Returns:
        Columns ``method``, ``seeds``, ``mIoU-16`` and ``mIoU-13`` (mean ± standard deviation over seeds); no row where
        the classes are not those of Cityscapes.
    """
    if not set(CITYSCAPES.names) <= set(class_iou["class"]):
        return pd.DataFrame(columns=["method", "seeds", "mIoU-16", "mIoU-13"])
    rows = []
    for method, part in last_cycles(class_iou[class_iou.ablation == "none"]).groupby("method", sort=False):
        wide = part.pivot(index="seed", columns="class", values="iou")
        means = {f"mIoU-{len(names)}": spread(wide[[*names]].mean(axis=1)) for names in (PROTOCOL_16, PROTOCOL_13)}
        rows.append({"method": method, "seeds": len(wide), **means})
    return pd.DataFrame(rows)


def class_gains(class_iou: pd.DataFrame, methods: Sequence[str] = (), base: str = "source-only") -> pd.DataFrame:
    """Gain of every class over the network of the source.

    Args:
        class_iou: the table ``class_iou`` of a study's records.
        methods: names wanted; empty = all.
        base: the method that others are held against.

    Returns:
        Index: methods; columns: classes, then ``mean``; points of IoU, means over the seeds that both have.
    """
    wide = last_cycles(class_iou[class_iou.ablation == "none"]).pivot_table(
        index=["method", "seed"], columns="class", values="iou", sort=False
    )
    ground, found = wide.loc[base], {}
    for name in methods or [m for m in wide.index.unique("method") if m != base]:
        gain = (wide.loc[name] - ground).dropna(how="all")
        found[name] = gain.mean()
    table = pd.DataFrame(found).T
    return table.assign(mean=table.mean(axis=1)).round(2)
