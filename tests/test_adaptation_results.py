"""Tables and pictures of adaptation: differences by hand, means over classes, what the printed numbers are."""

import numpy as np
import pandas as pd
import pytest

from segxal.acquisition.settings import MachineConfig, StrategyConfig
from segxal.acquisition.strategies.base import Learner
from segxal.core.labels import CITYSCAPES
from segxal.methods import METHODS, names_of
from segxal.models.settings import MaskConfig
from segxal.results.adaptation import CONTROLS, adaptation_table, class_gains, machine_table, protocols
from segxal.results.comparison import with_holm
from segxal.results.figures.adaptation import coverage_sheet, gains_sheet, labels_sheet
from segxal.results.labellers import CONFIDENCES, coverage_curves, written_by_each, written_table
from segxal.results.tables import published
from segxal.training.settings import TrainConfig


def records(scores):
    """Rows of the last stage and one before: method -> mIoU of each seed."""
    rows = [
        {"method": name, "ablation": "none", "depth": "none", "seed": seed, "cycle": cycle, "images": 0,
         "pixels": 9 * cycle, "clicks": cycle, "miou": value if cycle else 1.0, "near_miou": 2 * value}
        for name, values in scores.items() for seed, value in enumerate(values) for cycle in (0, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_every_method_is_held_against_one_that_exists():
    assert set(CONTROLS) | {"source-only", "ripu-random", "stal-random"} == set(names_of("adaptation"))
    for name, control in CONTROLS.items():
        assert control in METHODS and control != name


def test_differences_are_paired_over_seeds_and_corrected_together():
    found = adaptation_table(records({
        "source-only": [30.0, 32.0, 31.0], "minent": [33.0, 36.0, 34.5], "advent": [30.5, 31.0, 31.5],
        "supervised": [50.0, 51.0, 52.0],
    })).set_index("method")  # fmt: skip
    assert found.loc["minent", "difference"] == "+3.50" and found.loc["advent", "difference"] == "+0.00"
    assert found.loc["source-only", "mIoU"] == "31.00 ± 1.00" and found.loc["minent", "near mIoU"] == "69.00 ± 3.00"
    assert found.loc["source-only", "control"] == found.loc["supervised", "difference"] == ""
    assert found.loc["minent", "pixels"] == 9 and found.loc["minent", "control"] == "source-only"
    low, high = (float(part) for part in found.loc["minent", "95 % interval"].split(" to "))
    assert low < 3.5 < high and (low + high) / 2 == pytest.approx(3.5, abs=0.01)


def test_without_a_second_seed_there_is_no_test():
    found = adaptation_table(records({"source-only": [30.0], "minent": [33.0]})).set_index("method")
    assert found.loc["minent", "difference"] == "+3.00" and found.loc["minent", "95 % interval"] == ""


def test_holm_leaves_out_what_was_not_tested():
    found = with_holm([0.01, float("nan"), 0.04, 0.03])
    assert found[0] == pytest.approx(0.03) and np.isnan(found[1]) and found[2] == found[3] == pytest.approx(0.06)
    assert np.isnan(with_holm([float("nan")])[0]) and with_holm([]) == []


def test_machine_labels_are_means_over_classes_then_over_seeds():
    rows = [
        {"method": "esl", "ablation": "none", "confidence": "entropy", "seed": seed, "cycle": 2, "class": name,
         "auroc": 0.8 + 0.1 * seed,
         "coverage": 50 + 10 * k, "accuracy": [90, np.nan][k], "dropped_accuracy": 40 + seed}
        for seed in (0, 1) for k, name in enumerate(("road", "car"))
    ]  # fmt: skip
    (found,) = machine_table(pd.DataFrame(rows)).to_dict("records")
    assert found["labelled (%)"] == "55.00 ± 0.00" and found["of these right (%)"] == "90.00 ± 0.00"
    assert found["right among the rest (%)"] == "40.50 ± 0.71" and found["AUROC (%)"] == "85.00 ± 7.07"


def test_gains_of_classes_are_against_the_source_of_the_same_seed():
    rows = [
        {"method": name, "ablation": "none", "seed": seed, "cycle": 1, "class": category, "iou": value + 10 * seed}
        for name, values in (("source-only", (1, 2)), ("esl", (4, 2)))
        for seed in (0, 1) for category, value in zip(("road", "car"), values, strict=True)
    ]  # fmt: skip
    found = class_gains(pd.DataFrame(rows))
    assert found.loc["esl"].to_dict() == {"road": 3, "car": 0, "mean": 1.5}
    assert len(gains_sheet(found).axes) == 1


def test_the_protocols_are_means_over_16_and_over_13_classes():
    rows = [
        {"method": "esl", "ablation": "none", "seed": seed, "cycle": 2, "class": name, "iou": float(k + seed)}
        for seed in (0, 2) for k, name in enumerate(CITYSCAPES.names)
    ]  # fmt: skip
    (found,) = protocols(pd.DataFrame(rows)).to_dict("records")
    sixteen = [k for k in range(19) if k not in (9, 14, 16)]  # terrain, truck, train
    thirteen = [k for k in sixteen if k not in (3, 4, 5)]  # wall, fence, pole
    assert found["mIoU-16"].startswith(f"{np.mean(sixteen) + 1:.2f} ± 1.41") and found["seeds"] == 2
    assert found["mIoU-13"].startswith(f"{np.mean(thirteen) + 1:.2f}")
    assert protocols(pd.DataFrame(rows[:5])).empty, "other classes have no protocol"


@pytest.fixture
def learner(unet):
    return Learner(unet, MaskConfig(depth="dataset"), StrategyConfig(), TrainConfig(steps=1, cycle_steps=1, amp="off"))


def test_all_kinds_of_doubt_label_the_same_share_and_end_equally_right(learner, frames):
    written = written_by_each(learner, frames, MachineConfig(share=0.4, exact=True))
    table = written_table(written)
    assert tuple(written) == CONFIDENCES and (table["labelled (%)"] >= 40).all()
    curves = coverage_curves(learner, frames)
    ends = curves.groupby("confidence").accuracy.last()
    assert ends.max() == pytest.approx(ends.min()) and curves.coverage.max() == 100
    assert len(labels_sheet(frames, written, [0, 5]).axes) == 2 * 5
    assert len(coverage_sheet(curves).axes[0].lines) == 3


def test_a_curve_of_coverage_is_the_accuracy_of_the_surest(learner, frames, monkeypatch):
    from segxal.acquisition.machine import Said
    from segxal.results import labellers

    truth = frames.labels[:2].numpy()
    right = np.arange(truth.size).reshape(truth.shape) < truth.size / 2
    prediction = np.where(right, truth, (truth + 1) % 19).astype(np.uint8)
    said = Said(prediction, np.where(right, 0.1, 0.9).astype(np.float32), np.full(truth.shape, 100, np.uint8))
    monkeypatch.setattr(labellers, "doubts", lambda *_: [said])
    curves = labellers.coverage_curves(learner, frames.select([0, 1]))
    known = (truth != 255).ravel()[::16]
    share = right.ravel()[::16][known].mean()
    first, last = curves.accuracy.iloc[0], curves.accuracy.iloc[-1]
    assert first == 100 and last == pytest.approx(100 * share)


def test_printed_numbers_name_their_source():
    found = published("adaptation")
    assert found.source.notna().all() and set(found.task) == {"GTA5", "SYNTHIA"}
    assert not found.method.str.contains("ESL").any(), "ESL's table could not be checked, so it is not quoted"
    assert found[["miou_19", "miou_16"]].notna().any(axis=1).all()
