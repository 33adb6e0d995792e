"""Scores: closed forms, then equality to torchmetrics and to cityscapesScripts' evaluation."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from segxal.core.errors import ConfigError, SegxalError, ShapeError
from segxal.core.labels import CITYSCAPES_TRAIN_IDS
from segxal.core.metrics import CalibrationBins, Confusion

C = 19


@pytest.fixture
def maps():
    """Prediction and truth with void and with two classes (17, 18) absent from both."""
    gen = torch.Generator().manual_seed(3)
    truth = torch.randint(0, 17, (3, 32, 48), generator=gen)
    noise = torch.randint(0, 17, truth.shape, generator=gen)
    pred = torch.where(torch.rand(truth.shape, generator=gen) < 0.7, truth, noise)
    truth[torch.rand(truth.shape, generator=gen) < 0.1] = 255
    return pred, truth


@pytest.fixture
def probs():
    gen = torch.Generator().manual_seed(4)
    return (3 * torch.randn(3, C, 32, 48, generator=gen)).softmax(1)


def filled(pred, truth, classes=C):
    matrix = Confusion(classes)
    matrix.update(pred, truth)
    return matrix


def test_perfect_prediction_scores_one():
    truth = torch.tensor([[0, 1], [2, 255]])
    matrix = filled(truth.clamp(max=2), truth, 3)
    assert matrix.miou == matrix.mean_dice == matrix.accuracy == 1.0
    assert matrix.pixels == 3


def test_closed_form_of_two_classes():
    # truth 0 0 0 1, prediction 0 0 1 1: IoU 2/3 and 1/2, Dice 4/5 and 2/3
    matrix = filled(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 0, 1]), 2)
    assert matrix.to_list() == [[2, 1], [0, 1]]
    assert matrix.iou.tolist() == pytest.approx([2 / 3, 1 / 2])
    assert matrix.dice.tolist() == pytest.approx([4 / 5, 2 / 3])
    assert matrix.miou == pytest.approx(7 / 12)
    assert matrix.mean_dice == pytest.approx(11 / 15)
    assert matrix.accuracy == 0.75


def test_class_absent_from_both_is_nan_and_left_out_of_the_mean():
    matrix = filled(torch.tensor([0, 1]), torch.tensor([0, 1]), 3)
    assert math.isnan(matrix.iou[2]) and math.isnan(matrix.dice[2])
    assert matrix.miou == 1.0


def test_class_only_predicted_scores_zero():
    matrix = filled(torch.tensor([0, 2]), torch.tensor([0, 0]), 3)
    assert matrix.iou.tolist()[0] == 0.5
    assert matrix.iou.tolist()[2] == 0.0


def test_all_void_changes_nothing_and_scores_nan():
    matrix = filled(torch.zeros(4, 4, dtype=torch.uint8), torch.full((4, 4), 255, dtype=torch.uint8))
    assert matrix.pixels == 0
    assert math.isnan(matrix.miou) and math.isnan(matrix.mean_dice) and math.isnan(matrix.accuracy)


def test_any_prediction_may_stand_where_the_truth_is_void():
    assert filled(torch.tensor([0, 255]), torch.tensor([0, 255])).pixels == 1


def test_uint8_ids_do_not_overflow():
    matrix = filled(torch.full((5,), 18, dtype=torch.uint8), torch.full((5,), 18, dtype=torch.uint8))
    assert matrix.counts[18, 18] == 5


def test_batches_add_up_to_the_whole(maps):
    pred, truth = maps
    whole = filled(pred, truth)
    parts = filled(pred[:1], truth[:1]) + filled(pred[1:], truth[1:])
    running = Confusion(C)
    for p, t in zip(pred, truth, strict=True):
        running.update(p, t)
    assert torch.equal(whole.counts, parts.counts) and torch.equal(whole.counts, running.counts)


def test_adding_changes_neither_part(maps):
    one, two = filled(*maps), filled(*maps)
    before = one.counts.clone()
    _ = one + two
    assert torch.equal(one.counts, before) and torch.equal(two.counts, before)


def test_inputs_are_not_changed(maps, probs):
    pred, truth = maps
    copies = pred.clone(), truth.clone(), probs.clone()
    filled(pred, truth)
    CalibrationBins().update(probs, truth)
    assert torch.equal(pred, copies[0]) and torch.equal(truth, copies[1]) and torch.equal(probs, copies[2])


def test_json_round_trip(maps):
    matrix = filled(*maps)
    again = Confusion.from_list(json.loads(json.dumps(matrix.to_list())))
    assert torch.equal(again.counts, matrix.counts) and again.counts.dtype == torch.int64


@pytest.mark.parametrize("rows", [[], [[1, 2]], [[1, 2], [3]], [[1.5]], [[-1]], [["a"]]])
def test_bad_lists_are_refused(rows):
    with pytest.raises(ShapeError, match="C rows of C integers"):
        Confusion.from_list(rows)


@pytest.mark.parametrize(
    ("pred", "truth", "error", "message"),
    [
        (torch.zeros(2, 3).long(), torch.zeros(3, 2).long(), ShapeError, r"pred is \(2, 3\) and truth is \(3, 2\)"),
        (torch.zeros(2, 3), torch.zeros(2, 3).long(), ShapeError, r"pred is torch.float32, expected integer"),
        (torch.zeros(2).long(), torch.zeros(2).bool(), ShapeError, r"truth is torch.bool, expected integer"),
        (torch.tensor([19]), torch.tensor([0]), ConfigError, r"pred holds class ids 19..19, expected 0..18"),
        (torch.tensor([255]), torch.tensor([0]), ConfigError, r"pred holds class ids 255..255"),
        (torch.tensor([0]), torch.tensor([-1]), ConfigError, r"truth holds class ids -1..-1"),
        (torch.tensor([0, 0]), torch.tensor([4, 30]), ConfigError, r"truth holds class ids 4..30"),
    ],
)
def test_bad_maps_are_refused_and_nothing_is_counted(pred, truth, error, message):
    matrix = Confusion(C)
    with pytest.raises(error, match=message):
        matrix.update(pred, truth)
    assert matrix.pixels == 0


@pytest.mark.parametrize("classes", [0, -1, 256])
def test_number_of_classes_is_checked(classes):
    with pytest.raises(ConfigError, match="expected 1 to 255"):
        Confusion(classes)


def test_matrices_of_different_size_do_not_add():
    with pytest.raises(ShapeError, match="cannot add"):
        Confusion(3) + Confusion(4)


def test_calibration_closed_form():
    # confidence 0.8 everywhere, half of the pixels right: the gap is 0.3
    probs = torch.tensor([0.8, 0.2]).view(1, 2, 1, 1).expand(1, 2, 2, 2)
    bins = CalibrationBins()
    bins.update(probs, torch.tensor([[[0, 0], [1, 1]]]))
    assert bins.ece == pytest.approx(0.3, abs=1e-6)
    assert bins.count.sum() == 4 and bins.correct.sum() == 2


def test_right_and_certain_is_calibrated():
    bins = CalibrationBins()
    bins.update(torch.tensor([[[1.0]], [[0.0]]]).view(1, 2, 1, 1), torch.tensor([[[0]]]))
    assert bins.ece == 0.0 and bins.count[-1] == 1


def test_calibration_ignores_void(probs):
    bins = CalibrationBins()
    bins.update(probs, torch.full((3, 32, 48), 255))
    assert bins.count.sum() == 0 and math.isnan(bins.ece)


def test_calibration_takes_half_precision(probs, maps):
    full, half = CalibrationBins(), CalibrationBins()
    full.update(probs, maps[1])
    half.update(probs.bfloat16(), maps[1])
    assert half.ece == pytest.approx(full.ece, abs=0.01)


@pytest.mark.parametrize(
    ("probs", "truth", "error", "message"),
    [
        (torch.rand(2, 3, 4, 4), torch.zeros(2, 4, 5).long(), ShapeError, r"expected \(N, C, ...\) and \(N, ...\)"),
        (torch.ones(2, 3, 4, 4).long(), torch.zeros(2, 4, 4).long(), ShapeError, "probs is torch.int64"),
        (torch.rand(2, 3, 4, 4), torch.zeros(2, 4, 4), ShapeError, "truth is torch.float32"),
        (torch.rand(1, 3, 4, 4) + 2, torch.zeros(1, 4, 4).long(), ConfigError, "pass softmax"),
        (torch.full((1, 3, 4, 4), math.nan), torch.zeros(1, 4, 4).long(), ConfigError, "or NaN"),
        (torch.rand(1, 3, 4, 4), torch.full((1, 4, 4), 3), ConfigError, "truth holds class ids 3..3"),
    ],
)
def test_bad_probabilities_are_refused(probs, truth, error, message):
    bins = CalibrationBins()
    with pytest.raises(error, match=message):
        bins.update(probs, truth)
    assert bins.count.sum() == 0


def test_number_of_bins_is_checked():
    with pytest.raises(SegxalError, match="at least 1"):
        CalibrationBins(0)


def test_equal_to_torchmetrics_iou_accuracy_and_dice(maps):
    classification = pytest.importorskip("torchmetrics.classification")
    pred, truth = maps
    matrix = filled(pred, truth)
    options = {"num_classes": C, "average": "none", "ignore_index": 255}
    iou = classification.MulticlassJaccardIndex(**options)(pred, truth)
    dice = classification.MulticlassF1Score(**options)(pred, truth)
    accuracy = classification.MulticlassAccuracy(num_classes=C, average="micro", ignore_index=255)(pred, truth)
    # torchmetrics gives a class that is absent from both 0 where we give NaN
    assert torch.allclose(matrix.iou.nan_to_num(0).float(), iou, atol=1e-6)
    assert torch.allclose(matrix.dice.nan_to_num(0).float(), dice, atol=1e-6)
    assert matrix.accuracy == pytest.approx(float(accuracy), abs=1e-6)


def test_equal_to_torchmetrics_mean_iou(maps):
    classification = pytest.importorskip("torchmetrics.classification")
    pred, truth = maps
    macro = classification.MulticlassJaccardIndex(num_classes=C, average="macro", ignore_index=255)
    assert filled(pred, truth).miou == pytest.approx(float(macro(pred, truth)), abs=1e-6)


@pytest.mark.parametrize("sharpness", [1, 30], ids=["soft", "saturated"])
def test_equal_to_torchmetrics_calibration(maps, probs, sharpness):
    classification = pytest.importorskip("torchmetrics.classification")
    sharp = (probs.log() * sharpness).softmax(1)
    assert (sharp.max(1).values == 1).any() == (sharpness == 30)
    truth = maps[1]
    metric = classification.MulticlassCalibrationError(num_classes=C, n_bins=15, norm="l1", ignore_index=255)
    bins = CalibrationBins()
    for p, t in zip(sharp.split(1), truth.split(1), strict=True):
        metric.update(p, t)
        bins.update(p, t)
    assert bins.ece == pytest.approx(float(metric.compute()), abs=1e-6)


def test_equal_to_the_evaluation_of_cityscapes(maps):
    evaluation = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    pred, truth = (m.numpy() for m in maps)
    label_id = np.zeros(256, dtype=np.int64)  # void pixels get label id 0, which the evaluation ignores
    for label, train in CITYSCAPES_TRAIN_IDS.items():
        label_id[train] = label
    args = SimpleNamespace(evalLabels=[0, *CITYSCAPES_TRAIN_IDS])
    counts = evaluation.generateMatrix(args)
    np.add.at(counts, (label_id[truth.ravel()], label_id[pred.ravel()]), 1)
    theirs = np.array([evaluation.getIouScoreForLabel(label, counts, args) for label in CITYSCAPES_TRAIN_IDS])
    ours = filled(*maps).iou.numpy()
    assert np.isnan(ours).sum() == 2
    np.testing.assert_allclose(ours, theirs, atol=1e-6, equal_nan=True)


@pytest.mark.gpu
def test_same_counts_on_cuda(maps, probs):
    pred, truth = maps
    on_gpu = filled(pred.cuda(), truth.cuda())
    assert torch.equal(on_gpu.counts, filled(pred, truth).counts)
    cpu, gpu = CalibrationBins(), CalibrationBins()
    cpu.update(probs, truth)
    gpu.update(probs.cuda(), truth.cuda())
    assert gpu.ece == pytest.approx(cpu.ece, abs=1e-6)
