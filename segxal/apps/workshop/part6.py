"""Part 6, labels from nobody: thresholds of doubt, what a machine labels and how right it is, and the checks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from segxal.acquisition.machine import Written
from segxal.acquisition.oracles.pseudo import Labeller
from segxal.apps.workshop.answers import Verdict, check_array, check_choice, check_number
from segxal.core.gate import dice_agreement
from segxal.core.labels import VOID

FLOOR = 0.1  # of ESL: doubt that is always small enough
HELPS = {
    "stricter": "A smaller threshold keeps fewer labels. The machine agrees with these as well: they are its own.",
    "more images": "On every further image the machine agrees with itself as well.",
    "another labeller": "",
}


def check_thresholds(given: Any, prediction: np.ndarray, doubt: np.ndarray) -> Verdict:
    """Exercise 6.1: one threshold for each class, by ESL's rule.

    Args:
        given: the answer.
        prediction: (P,) ids of the classes 0 to C - 1, each predicted at least once.
        doubt: (P,) in [0, 1].
    """
    classes = range(int(prediction.max()) + 1)
    medians, means = (np.array([of(doubt[prediction == c]) for c in classes]) for of in (np.median, np.mean))
    wanted = np.maximum(medians, FLOOR)
    return check_array(
        given, wanted, "one threshold for each class",
        "Take the doubts of one class, then their median, then the larger one of that and 0.1.",
        f"The thresholds are {', '.join(f'{value:.2f}' for value in wanted)}. A class in doubt gets a higher one.",
        {
            "A threshold is at least 0.1: take the maximum.": medians,
            "That is the mean; one large doubt moves it. Take the median.": np.maximum(means, FLOOR),
            "That cuts off above 0.1; it must be at least 0.1: max, not min.": np.minimum(medians, FLOOR),
            "These are the doubts of all classes together; take those of one class.":
                np.full(len(classes), max(float(np.median(doubt)), FLOOR)),
        },
    )  # fmt: skip


def check_labelled(given: Any, prediction: np.ndarray, doubt: np.ndarray, thresholds: np.ndarray) -> Verdict:
    """Exercise 6.2: which pixels the machine labels.

    Args:
        given: the answer.
        prediction: (..., H, W) train ids.
        doubt: of the same shape.
        thresholds: (C,) doubt up to which a class is labelled.
    """
    wanted = doubt <= thresholds[prediction]
    return check_array(
        given, wanted.astype(float), "True or False for each pixel",
        "Compare each doubt with the threshold of the class that is predicted there.",
        f"The machine labels {wanted.mean():.0%} of the pixels.",
        {"That is the other way round: keep where the doubt is small.": (~wanted).astype(float)},
    )  # fmt: skip


def check_shares(given: Any, labelled: np.ndarray, right: np.ndarray) -> Verdict:
    """Exercise 6.2: coverage and accuracy of labels.

    Args:
        given: the answer, both as shares.
        labelled: (..., H, W) bool, the pixels with a label.
        right: of the same shape, the pixels whose prediction is true.
    """
    coverage, accuracy = float(labelled.mean()), float(right[labelled].mean())
    return check_array(
        given, np.array([coverage, accuracy]), "two shares from 0 to 1, coverage and accuracy",
        "Coverage counts among all pixels, accuracy only among the labelled ones.",
        f"Coverage {coverage:.0%}, accuracy {accuracy:.0%}; of all predictions {right.mean():.0%} are right.",
        {
            "The two are swapped: coverage first.": np.array([accuracy, coverage]),
            "The accuracy counts among labelled pixels only: index with `labelled`.":
                np.array([coverage, float(right.mean())]),
            "That divides by all pixels; divide by the labelled ones.":
                np.array([coverage, float((labelled & right).mean())]),
        },
    )  # fmt: skip


def check_dice(given: Any, prediction: np.ndarray) -> Verdict:
    """Exercise 6.3: Dice of a prediction with the labels that the same network gives.

    Args:
        given: the answer.
        prediction: (H, W) uint8 train ids.
    """
    return check_number(
        given, dice_agreement(prediction, prediction), "a share from 0 to 1",
        "Both maps are the argmax of the same probabilities. Where can they differ?",
        "Dice 1 on every image, however wrong it is: the gate is open to all.",
        {"Dice 0 would mean that no pixel agrees.": 0.0},
    )  # fmt: skip


def check_help(given: Any) -> Verdict:
    """Exercise 6.3: what makes the gate say something?"""
    right = "Only somebody who can disagree can find a mistake: another network, a person."
    return check_choice(given, "another labeller", HELPS, right)


def labelled_by(written: Mapping[Any, Written]) -> dict[str, np.ndarray]:
    """Kind of doubt -> (N, H, W) bool, the pixels that the machine labels."""
    return {name: (w.labels.labels != VOID).numpy() for name, w in written.items()}


def objections(labellers: Mapping[str, Labeller], images: Tensor, prediction: np.ndarray) -> dict[str, np.ndarray]:
    """Where labellers disagree with a prediction.

    Args:
        labellers: name -> images to probabilities.
        images: (N, 3, H, W) uint8.
        prediction: (N, H, W) uint8 train ids.

    Returns:
        Name -> (N, H, W) bool.
    """
    return {name: label(images).argmax(1).cpu().numpy() != prediction for name, label in labellers.items()}


def hits(objection: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """How good an objection is: share of the wrong pixels that it hits, and of the right ones.

    Args:
        objection: (N, H, W) bool.
        right: (N, H, W) bool.
    """
    return float(objection[~right].mean()), float(objection[right].mean())
