"""The checks of the workshop: every exercise, answered right, wrong, not at all and with something else."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from segxal.apps.workshop import part1, part2, part3, part5, part6
from segxal.apps.workshop.answers import Verdict, check_array, check_choice, check_number, kind_of
from segxal.core.faithfulness import Curve, Stage
from segxal.results import audit

PROBS = torch.tensor([0.5, 0.25, 0.25])
ENTROPY = 1.5 * math.log(2) / math.log(3)  # 0.5 ln 2 + 2 * 0.25 ln 4
BINS = (np.array([0.3, 0.9]), np.array([0.4, 0.7]), np.array([0.25, 0.75]))  # gaps -0.1 and 0.2
TEMPERATURES = {0.5: 0.2, 1: 0.1, 2: 0.03, 4: 0.05}
PARTS = part2.CamParts(
    activation=torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[4.0, 1.0], [1.0, 1.0]]]),
    gradient=torch.tensor([[[0.5, 0.5], [0.5, 0.5]], [[-1.0, -1.0], [0.0, 0.0]]]),
    map=np.zeros((4, 4)), predicted=np.zeros((4, 4), dtype=bool),
)  # weights 0.5 and -0.5  # fmt: skip
STAGES = [Stage(k, "", s, s) for k, s in enumerate([1.0, 0.8, 0.4, 0.1])]
CURVES = [
    Curve("deletion", "map", (0.0, 1.0), (1.0, 0.0), (1.0, 0.0)),
    Curve("deletion", "random", (0.0, 1.0), (1.0, 0.5), (1.0, 0.5)),
]  # areas 0.5 and 0.75
NEAR = np.array([0.0, 0.2, 0.4, 1.0])
SWEEP = {0.0: 0.5, 0.5: 0.7, 1.0: 0.8}
DIFFERENCES = [1.0, 2.0, 3.0]  # mean 2, standard deviation 1: t = 2 sqrt(3)
TABLE = audit.printed("segxal_table1")
CLASSES = np.array([0, 0, 0, 1, 1, 1])
DOUBTS = np.array([0.01, 0.03, 0.2, 0.99, 0.6, 0.3])  # medians 0.03 and 0.6, means 0.08 and 0.63
LABELLED, TRUE = np.array([True, True, True, False]), np.array([True, True, False, True])

# exercise -> check, right answer, and wrong answers with a word of their nudge
EXERCISES = {
    "1.1": (lambda x: part1.check_entropy(x, PROBS), ENTROPY, [
        (1.5 * math.log(2), "ln C"), (-ENTROPY, "sign"), (1.5 / math.log(3), "bits"), (0.1, "-p ln p")]),
    "1.2": (lambda x: part1.check_ece(x, BINS), 0.175, [(0.15, "plain mean"), (0.125, "cancel"), (9, "as much as")]),
    "1.3": (lambda x: part1.check_temperature(x, TEMPERATURES), 2, [(0.03, "not the ECE"), (1, "smallest")]),
    "2.1 weights": (lambda x: part2.check_weights(x, PARTS), torch.tensor([0.5, -0.5]), [
        (torch.tensor([2.0, -2.0]), "sum over positions"), (torch.tensor([2.5, 1.75]), "of the gradient"),
        (torch.ones(3), "shape"), ([0.5, 0.5], "last two")]),
    "2.1 map": (lambda x: part2.check_map(x, PARTS), torch.tensor([[0.0, 0.5], [1.0, 1.5]]), [
        (torch.tensor([[-1.5, 0.5], [1.0, 1.5]]), "relu"), (torch.tensor([[0.0, 0.25], [0.5, 0.75]]), "sums"),
        (torch.zeros(2, 2), "Multiply")]),
    "2.2": (lambda x: part2.check_stage(x, STAGES), 2, [(3, "first one"), (0.4, "Go down")]),
    "2.3": (lambda x: part2.check_gap(x, CURVES), 0.25, [(-0.25, "sign"), (0.75, "minus")]),
    "3.1": (lambda x: part3.check_attention(x, NEAR, 0.4), [0, 0.5, 1, 1], [
        ([0, 0.5, 1, 2.5], "minimum"), ([0, 0, 1, 1], "fades"), (NEAR, "at least as near")]),
    "3.2": (lambda x: part3.check_fusion(x, 0.2, 0.6, 1, 3), 0.5, [
        (2.0, "sum to 1"), (0.3, "swapped"), (0.4, "plain mean"), (0.9, "Divide")]),
    "3.3": (lambda x: part3.check_weight(x, SWEEP), 1.0, [(0.8, "not the AUROC"), (0.5, "highest point")]),
    "5.1": (lambda x: part5.check_t(x, DIFFERENCES), 2 * math.sqrt(3), [
        (6 / math.sqrt(2), "ddof=1"), (2.0, "sqrt(n)"), (-2 * math.sqrt(3), "sign"), (0.5, "Mean")]),
    "5.2": (lambda x: part5.check_seeds(x), 6, [(5, "two-sided"), (3, "Try n")]),
    "5.3": (lambda x: part5.check_row(x, TABLE), 61.71, [(65.11, "printed"), (0.617089, "share"), (50, "19 class")]),
    "6.1": (lambda x: part6.check_thresholds(x, CLASSES, DOUBTS), [0.1, 0.6], [
        ([0.03, 0.6], "maximum"), ([0.1, 0.63], "mean"), ([0.03, 0.1], "not min"), ([0.25, 0.25], "together"),
        ([0.5, 0.5], "larger one")]),
    "6.2 labels": (lambda x: part6.check_labelled(x, CLASSES, DOUBTS, np.array([0.1, 0.6])), [1, 1, 0, 0, 1, 1], [
        ([0, 0, 1, 1, 0, 0], "other way"), (DOUBTS, "Compare")]),
    "6.2 shares": (lambda x: part6.check_shares(x, LABELLED, TRUE), [3 / 4, 2 / 3], [
        ([2 / 3, 3 / 4], "swapped"), ([3 / 4, 3 / 4], "labelled pixels only"), ([3 / 4, 1 / 2], "divides by all"),
        ([0.1, 0.5], "among all")]),
    "6.3": (lambda x: part6.check_dice(x, CLASSES), 1.0, [(0.0, "no pixel"), (0.8, "differ")]),
}  # fmt: skip


def rows():
    return [(name, answer, word) for name, (_, _, wrong) in EXERCISES.items() for answer, word in wrong]


@pytest.mark.parametrize("name", EXERCISES)
def test_the_right_answer_is_right_in_every_form(name):
    check, right, _ = EXERCISES[name]
    array = np.asarray(right, dtype=float)
    for form in (right, array, torch.as_tensor(array), array.tolist()):
        assert check(form).state == "right", str(check(form))
        assert str(check(form)).startswith("✓ Right.")


@pytest.mark.parametrize(("name", "answer", "word"), rows())
def test_a_wrong_answer_gets_a_nudge_and_is_not_told_the_right_one(name, answer, word):
    check, right, _ = EXERCISES[name]
    verdict = check(answer)
    assert verdict.state == "not yet" and word in verdict.text, verdict.text
    assert "You gave" in verdict.text and str(verdict).startswith("✗ Not yet.")
    assert check(right).text not in verdict.text


@pytest.mark.parametrize("name", EXERCISES)
def test_a_blank_is_no_error(name):
    for given in (..., [..., 1]):
        verdict = EXERCISES[name][0](given)
        assert verdict.state == "blank" and str(verdict).startswith("… Not yet: still blank.")


@pytest.mark.parametrize(
    "given", [None, "0.5", True, [[1, 2], [3]], ["a"], {"a": 1}, float("nan"), np.nan, len, object()]
)
@pytest.mark.parametrize("name", EXERCISES)
def test_anything_else_is_no_error_either(name, given):
    verdict = EXERCISES[name][0](given)
    assert verdict.state == "not yet" and "expected" in verdict.text


def test_other_temperatures_and_areas_read_off_the_print_are_taken():
    assert "T = 1.8" in part1.check_temperature(1.8, {1.5: 0.09, 1.8: 0.05}).text, "T = 1 need not be among them"
    areas = {"map": 0.80496, "random": 0.85551}  # printed 0.805 and 0.856, which are 0.051 apart
    curves = [Curve("deletion", order, (0.0, 1.0), (area, area), (area, area)) for order, area in areas.items()]
    assert part2.check_gap(0.856 - 0.805, curves).state == "right"


def test_what_was_given_is_said_in_words():
    assert kind_of(None) == "nothing (None)" and kind_of("abc") == "the text 'abc'" and kind_of([1, 2]) == "a list of 2"
    assert kind_of(np.zeros((2, 3))) == "an array of shape (2, 3)" and "brackets" in kind_of(len)
    assert "nan" in kind_of(float("nan")) and kind_of(True).startswith("True")


def test_numbers_arrays_and_choices_in_closed_form():
    def number(given):
        return check_number(given, 0.5, "a share", "Half.", "Yes.", {"Turned round.": -0.5}).state

    assert [number(x) for x in (0.5, 0.5004, np.float32(0.5), torch.tensor(0.5), [0.5])] == ["right"] * 5
    assert [number(x) for x in (0.51, -0.5, [0.5, 0.5], math.inf)] == ["not yet"] * 4
    assert check_array([[1, 2]], np.array([1.0, 2.0]), "two", "", "").state == "not yet"
    options = {"a": "Not a.", "b": "Not b."}
    assert check_choice(" B ", "b", options, "Yes.") == Verdict("right", "Yes.")
    assert "Not a." in check_choice("a", "b", options, "").text
    assert "'a', 'b'" in check_choice(3, "b", options, "").text and "'c'" in check_choice("c", "b", options, "").text
    assert check_choice(..., "b", options, "").state == "blank"


def test_tempered_probabilities_keep_the_winner_and_become_softer():
    soft, same, sharp = (part1.tempered(PROBS.view(1, 3, 1, 1), t).flatten() for t in (2.0, 1.0, 0.5))
    torch.testing.assert_close(same, PROBS)
    torch.testing.assert_close(sharp, torch.tensor([4.0, 1.0, 1.0]) / 6)
    assert soft.argmax() == PROBS.argmax() and soft.max() < PROBS.max() < sharp.max()


def test_bins_give_the_error_of_the_package():
    probs = torch.rand(2, 4, 8, 8, generator=torch.Generator().manual_seed(0)).softmax(1)
    labels = torch.randint(0, 4, (2, 8, 8), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    confidence, accuracy, share = part1.bins_of(probs, labels)
    assert share.sum() == pytest.approx(1) and len(confidence) == len(accuracy) == len(share)
    assert (share * accuracy).sum() == pytest.approx(float((probs.argmax(1) == labels).double().mean()))
    from segxal.core.metrics import CalibrationBins

    counted = CalibrationBins()
    counted.update(probs, labels)
    assert (share * abs(confidence - accuracy)).sum() == pytest.approx(counted.ece) == part1.ece_of(probs, labels)


def test_boundaries_in_closed_form():
    labels = torch.zeros(1, 3, 6, dtype=torch.uint8)
    labels[..., 3:] = 1
    assert part1.beside_boundary(labels)[0, 0].tolist() == [False, False, True, True, False, False]


def test_the_weighted_channels_are_the_packages_grad_cam(unet, frames):
    from segxal.core.gradcam import unit_range

    category = int(unet(frames.images[:1].float() / 255).argmax(1).mode().values.mode().values[0])
    parts = part2.cam_parts(unet, "bottleneck", frames.images[0], category)
    grown = torch.nn.functional.interpolate(parts.cam[None, None], parts.map.shape, mode="bilinear")[0]
    np.testing.assert_allclose(unit_range(grown)[0].numpy(), parts.map, atol=1e-4)
    assert parts.peak == float(parts.cam.max()) > 0 and 0 <= parts.inside <= 1


def test_no_false_alarm_without_a_test_and_five_percent_with_one():
    rates = part5.false_alarms((1, 10), 3, 4000, np.random.default_rng(0))
    assert rates["no correction"][0] == pytest.approx(0.05, abs=0.012) == rates["Holm"][0]
    assert rates["no correction"][1] > 0.15 and rates["Holm"][1] < 0.06


def test_only_shown_differences_are_named():
    def one(name, holm, low, high):
        return SimpleNamespace(method=name, holm=holm, test=SimpleNamespace(low=low, high=high))

    found = [one("a", 0.01, 1, 2), one("b", 0.2, 1, 2), one("c", 0.01, -1, 2), one("d", math.nan, 1, 2)]
    assert part5.shown(found) == ["a"] and part5.critical_t(3) == pytest.approx(4.303, abs=1e-3)
