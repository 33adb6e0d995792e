"""Which doubt of a machine writes the better labels: softmax, entropy or the error mask, on one network."""

from dataclasses import replace

import numpy as np
import pandas as pd

from segxal.acquisition.machine import SAMPLE, Written, doubts, write_labels
from segxal.acquisition.settings import MachineConfig
from segxal.acquisition.strategies.base import Learner
from segxal.core.label_store import LabelStore
from segxal.core.labels import VOID
from segxal.data.base import Frames

CONFIDENCES = ("softmax", "entropy", "eem")
POINTS = 50  # of a curve


def written_by_each(learner: Learner, frames: Frames, config: MachineConfig) -> dict[str, Written]:
    """What a network labels by each kind of doubt; without a floor, so that all label the same share of every class.

    Args:
        learner: the network.
        frames: the images; nobody has labelled any.
        config: the share of every class.
    """
    empty, alike = LabelStore.empty(*frames.labels.shape[1:]), replace(config, floor=0.0)
    return {name: write_labels(learner, frames, name, alike, lambda _: empty) for name in CONFIDENCES}


def written_table(written: dict[str, Written]) -> pd.DataFrame:
    """One row for each kind of doubt: shares in percent as means over the classes, and the AUROC in percent."""
    rows = [
        {"confidence": name, "labelled (%)": 100 * np.nanmean(w.coverage),
         "of these right (%)": 100 * np.nanmean(w.accuracy),
         "right among the rest (%)": 100 * np.nanmean(w.dropped_accuracy), "AUROC (%)": 100 * w.auroc}
        for name, w in written.items()
    ]  # fmt: skip
    return pd.DataFrame(rows).round(2)


def coverage_curves(learner: Learner, frames: Frames) -> pd.DataFrame:
    """How right the labels would be if more or fewer pixels were labelled, whatever their class.

    Args:
        learner: the network.
        frames: images with ground truth; void is left out, every 16th pixel is looked at.

    Returns:
        Columns ``confidence``, ``coverage`` and ``accuracy``, both in percent.
    """
    parts = []
    for name in CONFIDENCES:
        values, right, start = [], [], 0
        for said in doubts(learner, frames, name):
            truth = frames.labels[start : start + len(said.prediction)].numpy()
            start += len(said.prediction)
            known = (truth != VOID).ravel()[::SAMPLE]
            values.append(said.doubt.ravel()[::SAMPLE][known])
            right.append((said.prediction == truth).ravel()[::SAMPLE][known])
        order = np.argsort(np.concatenate(values), kind="stable")
        shares = np.concatenate(right)[order].cumsum() / np.arange(1, len(order) + 1)
        ends = np.linspace(len(order) / POINTS, len(order), POINTS).round().astype(int)
        parts.append(pd.DataFrame({
            "confidence": name, "coverage": 100 * ends / len(order), "accuracy": 100 * shares[ends - 1],
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)
