"""How quick the explorer follows: from a move to new pictures, and from a key to new pixels in a real browser."""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import browser
from scene import Sizes
from timer import Row, seconds

from segxal.apps.explore.labels.doubted import doubted
from segxal.apps.explore.labels.explorer import LabelsExplorer
from segxal.apps.explore.mask.explorer import Explorer
from segxal.apps.explore.mask.maps import MapStore
from segxal.data.splits import open_splits
from segxal.methods.learner import learner_of
from segxal.storage.paths import NOTEBOOKS
from segxal.study.grid import run_cycles, run_of
from segxal.study.settings import Preset, load_preset
from segxal.study.state import Cycle

WEIGHT, LAYER = 60.0, 400.0  # milliseconds a move may take
BOOK = NOTEBOOKS / "explore_eem.ipynb"
KEYS = 21  # pressed in the browser
# Milliseconds from a key to the moment the picture has been decoded: the key goes to the slider, the value to the
# kernel, the picture back.
WATCH = """(selector) => {
  const picture = document.querySelector(selector), times = (window.times = []);
  let pressed = 0;
  document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
  picture.addEventListener("load", () => { if (pressed) times.push(performance.now() - pressed); pressed = 0; });
}"""


def rows(sizes: Sizes, repeats: int) -> list[Row]:
    """Moves in this process, then keys in a browser where there is one."""
    with tempfile.TemporaryDirectory() as name:
        run = _run(sizes, Path(name))
        found = [*_moves(Explorer(run), repeats), _share(run[-1], repeats)]
    return found + (_keys() if sizes.browser else [])


def _run(sizes: Sizes, runs: Path) -> list[Cycle]:
    """A short study at the bench's larger size."""
    height, width = sizes.images[0]
    base: Preset = load_preset("smoke")
    preset = base.with_changes(
        data={"height": height, "width": width, "counts": (12, 2, 2)}, model={"base": sizes.base, "depth": 4},
        train={"steps": min(40, sizes.steps), "cycle_steps": 2, "evaluations": 1, "amp": "off"}, pool={"cycles": 1},
    )  # fmt: skip
    return run_cycles(run_of(replace(preset, name="bench"), "segxal-human", 0, runs=runs)[:2])


def _moves(explorer: Explorer, repeats: int) -> list[Row]:
    one, where = explorer.controls, "{}x{}".format(*explorer.shape)
    classes = [-1, *sorted({*explorer.maps.prediction.ravel().tolist()})]
    layers = [value for _, value in one.layer.options]
    explorer.store = MapStore(kept=3)  # one of each stage: no class or layer is found again
    explorer._later = lambda act: None  # one waits for the picture; numbers come when one rests
    cases: dict[str, tuple[Callable[[int], None], float | None]] = {
        "a weight is moved": (lambda k: _set(one.w_ebu, 0.05 * (k % 19 + 1)), WEIGHT),
        "the share asked is moved": (lambda k: _set(one.area, 0.01 * (k % 50 + 1)), WEIGHT),
        "opacity is moved": (lambda k: _set(one.opacity, 0.05 * (k % 20)), WEIGHT),
        "the depth threshold is moved": (lambda k: _set(one.quantile, 0.005 * (k % 190)), LAYER),
        "another class": (lambda k: _set(one.category, classes[k % len(classes)]), LAYER),
        "another target layer": (lambda k: _set(one.layer, layers[k % len(layers)]), LAYER),
        "price and AUROC, when one rests": (lambda k: explorer._say_numbers(), None),
    }
    return [_row(f"explorer: {name}", where, act, repeats, target) for name, (act, target) in cases.items()]


def _share(cycle: Cycle, repeats: int) -> Row:
    """Another share of every class in the view of a machine's labels: thresholds, labels and errors of six images."""
    frames = open_splits(cycle.settings.data, "", cycle.study / "cache").train.select(range(6))
    one = LabelsExplorer(doubted(learner_of(cycle, cycle.settings), frames))
    where = f"{frames.images.shape[-2]}x{frames.images.shape[-1]}"
    return _row("labels of a machine: a share is moved", where, lambda k: _set(one.every, k % 99 + 1), repeats, WEIGHT)


def _set(control: Any, value: Any) -> None:
    control.value = value


def _row(name: str, where: str, act: Callable[[int], None], repeats: int, target: float | None) -> Row:
    act(0)
    times, walls = [], []
    for k in range(1, 3 * repeats + 1):
        started = time.perf_counter()
        times.append(1000 * seconds(lambda k=k: act(k)))
        walls.append(1000 * (time.perf_counter() - started))
    note = f"wall time {statistics.median(walls):.0f} ms on this machine as it was"
    return Row(name, where, statistics.median(times), None, None, target, "ms", note)


def _keys() -> list[Row]:
    try:
        import playwright  # noqa: F401
    except ImportError:
        return []
    if not browser.chromium():
        return []
    with tempfile.TemporaryDirectory() as name, browser.lab(BOOK, Path(name)) as url, browser.page() as page:
        browser.run_all(page, url, "img.segxal-asked")
        page.wait_for_timeout(3000)
        page.evaluate(WATCH, "img.segxal-eem")
        browser.slider(page, "w_EBU").focus()
        for k in range(KEYS):
            page.keyboard.press("ArrowRight" if k % 2 else "ArrowLeft")
            page.wait_for_timeout(400)
        times = page.evaluate("window.times")
    note = "JupyterLab and Chromium on this machine, preset smoke (32x64); wall time, so a busy machine shows"
    return [Row("explorer: key to new pixels", "browser", statistics.median(times), None, None, None, "ms", note)]
