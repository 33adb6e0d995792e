"""What a check says about an answer: what was given, what was expected, a nudge; never a traceback for a blank."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Literal

import numpy as np
from torch import Tensor

SIGNS = {"right": "✓ Right.", "not yet": "✗ Not yet.", "blank": "… Not yet: still blank."}
BLANK = "Put your answer in place of the three dots and run the cell again. The hint above helps."
TOLERANCE = 1e-3  # relative and absolute; answers are computed, so rounding by hand to 3 digits is welcome


@dataclass(frozen=True)
class Verdict:
    """What a check says about one answer; ``print`` shows it.

    Attributes:
        state: ``blank`` (three dots still stand there), ``not yet`` or ``right``.
        text: what was given, what was expected and a nudge, or what the right answer shows.
    """

    state: Literal["blank", "not yet", "right"]
    text: str

    def __str__(self) -> str:
        return f"{SIGNS[self.state]} {self.text}"


def blank(given: Any) -> bool:
    """Whether an answer, or a part of it, is still the three dots."""
    parts = given if isinstance(given, (list, tuple)) else [given]
    return any(isinstance(part, EllipsisType) for part in parts)


def check_number(
    given: Any, wanted: float, expected: str, nudge: str, right: str, mistakes: Mapping[str, float] | None = None,
    tolerance: float = TOLERANCE,
) -> Verdict:  # fmt: skip
    """Check one number.

    Args:
        given: the answer: a number of Python, NumPy or torch, or three dots.
        wanted: the right number.
        expected: what kind of number it is, without giving it away, for example ``a share from 0 to 1``.
        nudge: where to look when it is wrong.
        right: what the right answer shows.
        mistakes: nudge -> the number that this known mistake gives; the first that fits replaces ``nudge``.
        tolerance: relative and absolute.
    """
    if blank(given):
        return Verdict("blank", BLANK)
    number = _number(given)
    if number is None:
        return Verdict("not yet", f"You gave {kind_of(given)}, expected {expected}. {nudge}")
    if _close(number, wanted, tolerance):
        return Verdict("right", right)
    found = (words for words, value in (mistakes or {}).items() if _close(number, value, tolerance))
    return Verdict("not yet", f"You gave {number:.4g}, expected {expected}. {next(found, nudge)}")


def check_array(
    given: Any, wanted: np.ndarray, expected: str, nudge: str, right: str,
    mistakes: Mapping[str, np.ndarray] | None = None, tolerance: float = TOLERANCE,
) -> Verdict:  # fmt: skip
    """Check an array of numbers: NumPy, torch, or a list of numbers; see :func:`check_number`."""
    if blank(given):
        return Verdict("blank", BLANK)
    array = _array(given)
    if array is None:
        return Verdict("not yet", f"You gave {kind_of(given)}, expected {expected}. {nudge}")
    if array.shape != wanted.shape:
        shapes = f"of shape {array.shape}, expected {expected}, shape {wanted.shape}"
        return Verdict("not yet", f"You gave an array {shapes}. {nudge}")
    if np.allclose(array, wanted, rtol=tolerance, atol=tolerance):
        return Verdict("right", right)
    found = (
        words for words, value in (mistakes or {}).items()
        if value.shape == array.shape and np.allclose(array, value, rtol=tolerance, atol=tolerance)
    )  # fmt: skip
    told = f"{int((~np.isclose(array, wanted, rtol=tolerance, atol=tolerance)).sum())} of {wanted.size} numbers differ"
    return Verdict("not yet", f"You gave an array of the right shape; {told}. {next(found, nudge)}")


def check_choice(given: Any, wanted: str, options: Mapping[str, str], right: str) -> Verdict:
    """Check a choice among words.

    Args:
        given: the answer: one of the words, or three dots.
        wanted: the right word.
        options: word -> the nudge for who chose it.
        right: what the right answer shows.
    """
    if blank(given):
        return Verdict("blank", f"Choose one of {_listed(options)} and run the cell again.")
    word = given.strip().lower() if isinstance(given, str) else ""
    if word not in options:
        shown = repr(given) if word else kind_of(given)
        return Verdict("not yet", f"You gave {shown}, expected one of {_listed(options)}, in quotes.")
    if word == wanted:
        return Verdict("right", right)
    return Verdict("not yet", f"You gave {word!r}. {options[word]}")


def kind_of(given: Any) -> str:
    """What an answer is, in words for a person: ``the text 'abc'``, ``a list of 3``, ``nothing (None)``."""
    if given is None:
        return "nothing (None)"
    if isinstance(given, str):
        return f"the text {given[:20]!r}"
    if isinstance(given, bool):
        return f"{given}, a truth value"
    if isinstance(given, (Tensor, np.ndarray)):
        return f"an array of shape {tuple(given.shape)}"
    if isinstance(given, Sequence):
        return f"a {type(given).__name__} of {len(given)}"
    if callable(given):
        return "a function (was it called, with brackets?)"
    return f"the number {given}" if isinstance(given, (int, float)) else f"a {type(given).__name__}"


def _listed(options: Mapping[str, str]) -> str:
    return ", ".join(repr(option) for option in options)


def _close(one: float, other: float, tolerance: float) -> bool:
    return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)


def _number(given: Any) -> float | None:
    """A finite number, or None for anything else; an array of a single number counts."""
    array = _array(given)
    return float(array.reshape(())) if array is not None and array.size == 1 else None


def _array(given: Any) -> np.ndarray | None:
    """A float64 array without NaN, or None for what is not an array of numbers."""
    if isinstance(given, Tensor):
        given = given.detach().cpu().numpy()
    if isinstance(given, bool) or not isinstance(given, (int, float, list, tuple, np.ndarray, np.number)):
        return None
    try:
        array = np.asarray(given, dtype=float)
    except (TypeError, ValueError):  # a list that holds words, or rows of unequal length
        return None
    return array if np.isfinite(array).all() else None
