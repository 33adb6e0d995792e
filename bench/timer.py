"""Times of peers in one run: interleaved repeats, medians, ratios."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

LESS_IS_BETTER = ("MiB", "ms")  # units of values with a target of their own


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: what is compared, ours / peer.
        size: image size or network.
        ours: our median, in ``unit``.
        peer: the peer's median, in ``unit``; None where there is no peer.
        ratio: how many times faster ours is; for rows without a peer the value against its target.
        target: the ratio or value that is asked for, None where the row only informs.
        unit: of ``ours`` and ``peer``.
        note: what one should know when reading the row.
    """

    name: str
    size: str
    ours: float
    peer: float | None
    ratio: float | None
    target: float | None
    unit: str
    note: str = ""

    @property
    def verdict(self) -> str:
        """``met``, ``MISSED``, or nothing when there is no target."""
        if self.target is None:
            return ""
        value = self.ours if self.ratio is None else self.ratio
        good = value <= self.target if self.unit in LESS_IS_BETTER else value >= self.target
        return "met" if good else "MISSED"


def medians(cases: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median seconds of each case; every repeat runs all cases once, in turn, so that a busy moment hits all.

    Args:
        cases: name -> what is timed; each runs once before the clock starts.
        repeats: timed runs per case.
    """
    times: dict[str, list[float]] = {name: [] for name in cases}
    for act in cases.values():
        act()
    names = list(cases)
    for repeat in range(repeats):
        for name in names if repeat % 2 == 0 else reversed(names):
            times[name].append(seconds(cases[name]))
    return {name: statistics.median(values) for name, values in times.items()}


def clock() -> Callable[[], float]:
    """CPU time of this process when one CPU thread does all the work, wall time otherwise.

    On a quiet machine both are the same for one thread; on a busy one CPU time leaves out what others took.
    """
    alone = torch.get_num_threads() == 1 and not torch.cuda.is_available()
    return time.process_time if alone else time.perf_counter


def seconds(act: Callable[[], Any]) -> float:
    """Seconds of one run by :func:`clock`, with the device's queue empty before and after."""
    now = clock()
    wait()
    started = now()
    act()
    wait()
    return now() - started


def wait() -> None:
    """Wait for CUDA, when there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def table(rows: list[Row]) -> str:
    """The rows as aligned text."""
    head = ("what (ours against peer)", "size", "ours", "peer", "unit", "ratio", "target", "")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    notes = [f"{row.name}, {row.size}: {row.note}" for row in rows if row.note]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:], "", *notes])


def _cells(row: Row) -> tuple[str, ...]:
    numbers = [f"{v:.3g}" if v is not None else "-" for v in (row.ours, row.peer)]
    ratio = f"{row.ratio:.2f}x" if row.ratio is not None else "-"
    sign = "<=" if row.unit in LESS_IS_BETTER else ">="
    target = f"{sign} {row.target:g}" if row.target is not None else ""
    return (row.name, row.size, *numbers, row.unit, ratio, target, row.verdict)
