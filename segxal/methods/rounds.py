"""What a cycle buys, round by round: an image that is asked about in several rounds counts once."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from segxal.acquisition.oracles.base import Annotation
from segxal.acquisition.query import Ask
from segxal.core.labels import VOID


@dataclass
class Bought:
    """The questions and answers of a cycle up to now.

    Attributes:
        answers: answer by image; those of several rounds together.
        queries: row of ``queries.json`` by image.
        asked: (H, W) bool by image, what was asked for.
    """

    answers: dict[str, Annotation] = field(default_factory=dict)
    queries: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def annotations(self) -> dict[str, np.ndarray]:
        """(H, W) uint8 labels by image, 255 = not annotated."""
        return {name: answer.labels for name, answer in self.answers.items()}

    def add(self, ask: Ask, answer: Annotation, row: dict[str, Any]) -> None:
        """One more question with its answer and its row."""
        name = ask.query.id
        if name in self.answers:
            answer, row = _both(self.answers[name], answer), _joined(self.queries[name], row)
        self.answers[name], self.queries[name] = answer, row
        self.asked[name] = self.asked.get(name, False) | ask.query.asked


def _both(first: Annotation, second: Annotation) -> Annotation:
    """Two answers about different parts of one image."""
    labels = np.where(second.labels != VOID, second.labels, first.labels)
    return Annotation(
        labels, first.undecided | second.undecided, first.pixels + second.pixels, first.clicks + second.clicks,
        first.lead_time + second.lead_time,
    )  # fmt: skip


def _joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two rows about one image: the best score, the latest Dice, prices added up."""
    summed = {key: first[key] + second[key] for key in ("pixels", "clicks", "lead_time") if key in first}
    best = {"score": max(first["score"], second["score"]), "accepted": first["accepted"] or second["accepted"]}
    return second | best | summed
