"""What people annotated: read from an export of Label Studio, kept in the project's folder."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from segxal.apps.annotate.project import read_project
from segxal.core.errors import AnnotationError
from segxal.core.labels import VOID
from segxal.storage.files import read_arrays, read_json, write_arrays, write_json

ARRAYS, NUMBERS = "answers.npz", "answers.json"


@dataclass(frozen=True)
class Answers:
    """What people answered, by image.

    Attributes:
        labels: (H, W) uint8 train ids, 255 = not annotated or undecided.
        undecided: (H, W) bool, what people looked at and could not tell.
        lead_time: seconds people spent, as Label Studio measured them; every image that was answered or skipped.
        agreement: where several people annotated an image: the share of the pixels at least two of them annotated
            on which all of these say the same; NaN where there is no such pixel.
        problems: tasks that were left out, and why.
    """

    labels: dict[str, np.ndarray] = field(default_factory=dict)
    undecided: dict[str, np.ndarray] = field(default_factory=dict)
    lead_time: dict[str, float] = field(default_factory=dict)
    agreement: dict[str, float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def skipped(self) -> list[str]:
        """Images that people skipped: they count as not annotated."""
        return sorted(self.lead_time.keys() - self.labels.keys())

    def left(self, ids: Iterable[str]) -> list[str]:
        """Those of the images that nobody has answered or skipped yet."""
        return [name for name in ids if name not in self.lead_time]

    def merged(self, newer: "Answers") -> "Answers":
        """These answers with newer ones in their place, image by image."""
        kept = {name for name in self.lead_time if name not in newer.lead_time}
        return Answers(
            {n: v for n, v in self.labels.items() if n in kept} | newer.labels,
            {n: v for n, v in self.undecided.items() if n in kept} | newer.undecided,
            self.lead_time | newer.lead_time,
            {n: v for n, v in self.agreement.items() if n in kept} | newer.agreement,
            newer.problems,
        )


def read_answers(folder: Path) -> Answers:
    """What was imported into a project so far; having no answers yet is not an error.

    Raises:
        AnnotationError: if what lies there does not match the project.
    """
    if not (folder / NUMBERS).is_file():
        return Answers()
    project, numbers = read_project(folder), read_json(folder / NUMBERS)
    arrays = read_arrays(folder / ARRAYS) if (folder / ARRAYS).is_file() else {}
    answered = [name for name, entry in numbers.items() if not entry["skipped"]]
    parts = [(arrays.get(f"labels/{name}"), arrays.get(f"undecided/{name}")) for name in answered]
    fits = all(part is not None and part.shape == project.size for pair in parts for part in pair)
    if not fits or set(numbers) - set(project.ids):
        raise AnnotationError(f"{folder / ARRAYS} does not match its project; delete both answer files, import again")
    return Answers(
        {name: arrays[f"labels/{name}"] for name in answered},
        {name: arrays[f"undecided/{name}"].astype(bool) for name in answered},
        {name: float(entry["lead_time"]) for name, entry in numbers.items()},
        {name: _number(entry["agreement"]) for name, entry in numbers.items() if "agreement" in entry},
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def save_answers(folder: Path, answers: Answers) -> Answers:
    """Add answers to a project; what was imported before stays, and is replaced where an image was answered again.

    Args:
        folder: of the project.
        answers: the new ones.

    Returns:
        All answers of the project.

    Raises:
        AnnotationError: if one is of another size, or of an image that the project does not ask for.
    """
    project = read_project(folder)
    for name, labels in answers.labels.items():
        if name not in project.ids or labels.shape != project.size or labels.dtype != np.uint8:
            given = f"{labels.shape} {labels.dtype}"
            raise AnnotationError(f"the answer for {name} is {given}, expected {project.size} uint8 of an asked image")
    everything = read_answers(folder).merged(answers)
    arrays = {f"labels/{name}": part for name, part in everything.labels.items()}
    arrays |= {f"undecided/{name}": part.astype(np.uint8) for name, part in everything.undecided.items()}
    numbers = {name: _entry(everything, name) for name in project.ids if name in everything.lead_time}
    write_arrays(folder / ARRAYS, **arrays)  # first: what is in the numbers is in the arrays, also after a crash
    write_json(folder / NUMBERS, numbers)
    return everything


def _entry(answers: Answers, name: str) -> dict[str, float | bool | None]:
    entry: dict[str, float | bool | None] = {
        "skipped": name not in answers.labels,
        "lead_time": answers.lead_time[name],
    }
    if name in answers.agreement:
        agreement = answers.agreement[name]
        entry["agreement"] = None if math.isnan(agreement) else agreement
    return entry


def majority(maps: list[np.ndarray], undecided: int, nothing: int) -> tuple[np.ndarray, np.ndarray, float]:
    """One answer from those of several people.

    Per pixel everybody who annotated it has a vote; the most frequent label counts, and of equally frequent ones none:
    the pixel is undecided.

    Args:
        maps: per person (H, W) int train ids, ``undecided`` or ``nothing``.
        undecided: number that stands for void.
        nothing: number that stands for "not annotated", which is no vote.

    Returns:
        labels (H, W) uint8 with 255 = not annotated or undecided; undecided (H, W) bool; the agreement, see
        :class:`Answers`.
    """
    stacked = np.stack(maps)
    counts = np.stack([(stacked == value).sum(0) for value in range(nothing)])
    most, votes = counts.max(0), counts.sum(0)
    tied = (counts == most).sum(0) > 1
    best = counts.argmax(0)
    unsure = (votes > 0) & (tied | (best == undecided))
    labels = np.where((votes > 0) & ~unsure, best, VOID).astype(np.uint8)
    several = votes > 1
    return labels, unsure, float((most == votes)[several].mean()) if several.any() else math.nan
