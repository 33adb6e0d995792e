"""The button of "What if?": one cycle in the background, with a progress bar."""

import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from segxal.apps.explore import page
from segxal.apps.explore.mask import words
from segxal.apps.explore.mask.maps import Setting
from segxal.apps.explore.mask.what_if import NAMES, Gain, prepare
from segxal.core.errors import SegxalError
from segxal.storage.files import read_json
from segxal.storage.paths import ROOT
from segxal.study.state import Cycle

# What the other process says on standard error: the bar of segxal.training.engine, and how many cycles are done.
TRAINING, CYCLES = re.compile(r"training:\s+(\d+)%"), re.compile(r"cycles: (\d+) of")
NOTE = "asks, annotates, retrains and scores one cycle, beside the study's records"


class WhatIf(widgets.VBox):
    """Applies a setting to one cycle of the loop in another process, so that the sliders stay quick.

    Args:
        question: gives the study's cycle that would ask, the setting, and the share of the image it asks for.
        data_root: folder that holds the data sets.

    Attributes:
        start: the button.
        bar: progress of the two cycles (the study's own is read from its records where it is there).
        answer: what came out.
        thread: the one that waits for the other process; None before the first question.
    """

    def __init__(self, question: Callable[[], tuple[Cycle, Setting, float]], data_root: str = "") -> None:
        self._question, self._data_root = question, data_root
        self.thread: threading.Thread | None = None
        self.start = widgets.Button(
            description="What if this setting had asked?", tooltip=NOTE, layout={"width": "auto"}
        )
        self.bar = widgets.IntProgress(0, 0, 100, description="one cycle", layout={"width": "260px"})
        self.bar.layout.visibility = "hidden"
        self.answer = widgets.HTML(f"<i>{NOTE}</i>")
        self.start.on_click(lambda _button: self.begin())
        head = widgets.HBox([self.start, self.bar], layout={"flex_flow": "row wrap"})
        super().__init__([head, self.answer])

    def begin(self) -> None:
        """Start the other process; the button is back when the answer is there."""
        scratch = tempfile.TemporaryDirectory(prefix="segxal-what-if-")
        try:
            cycle, setting, share = self._question()
            plan = prepare(cycle, setting, share, Path(scratch.name), self._data_root)
        except SegxalError as error:
            scratch.cleanup()
            self.answer.value = page.status_text(str(error))
            return
        self.start.disabled, self.bar.value = True, 0
        self.bar.layout.visibility = "visible"
        self.answer.value = "<i>asking, annotating, retraining ...</i>"
        self.thread = threading.Thread(target=self._wait, args=(plan, scratch, setting), daemon=True)
        self.thread.start()

    def _wait(self, plan: Path, scratch: tempfile.TemporaryDirectory, setting: Setting) -> None:
        try:
            self.answer.value = _answer(self._run(plan), setting)
        finally:
            scratch.cleanup()
            self.start.disabled = False
            self.bar.layout.visibility = "hidden"

    def _run(self, plan: Path) -> dict[str, Gain] | str:
        """Two gains, or why there are none."""
        message, done = "", 0
        with subprocess.Popen(
            [sys.executable, "-m", "segxal.apps.explore.mask.what_if", str(plan)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            for line in process.stderr or ():  # universal newlines: the bar's carriage returns end lines too
                training, finished = TRAINING.search(line), CYCLES.search(line)
                done = int(finished.group(1)) if finished else done
                if training or finished:
                    share = int(training.group(1)) / 100 if training else 0.0
                    self.bar.value = max(self.bar.value, round(100 * (done + share) / len(NAMES)))
                elif line.strip():
                    message = line.strip()
        if process.returncode:
            return message or f"the other process ended with {process.returncode}"
        return {name: Gain(**values) for name, values in read_json(plan.parent / "gains.json").items()}


def _answer(gains: dict[str, Gain] | str, setting: Setting) -> str:
    if isinstance(gains, str):
        return page.status_text(gains)
    return words.gains_text(gains, setting.category is not None, setting.level is not None)
