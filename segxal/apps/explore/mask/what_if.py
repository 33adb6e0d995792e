"""What if the study had asked with this setting? One cycle of the loop, beside the study's own records.

    python -m segxal.apps.explore.mask.what_if SCRATCH/what_if.json

computes the two cycles that :func:`prepare` has described, which is what the explorer starts in the background.
"""

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from segxal.apps.explore.mask.maps import Setting
from segxal.core.errors import ConfigError, SegxalError
from segxal.methods.settings import build
from segxal.storage.files import read_json, write_json
from segxal.study.loop import run_cycle
from segxal.study.settings import Preset
from segxal.study.state import MANIFEST, Cycle

PLAN = "what_if.json"
SETTINGS = "what_if_preset.json"
NAMES = ("default", "changed")


@dataclass(frozen=True)
class Gain:
    """What one cycle changed.

    Attributes:
        before: mIoU of the network before it on the reported split, 0..1.
        after: mIoU after it, 0..1.
        pixels: pixels people annotated in it.
        clicks: clicks that took.
        accepted: images the gate let in, of ``queried``.
        queried: images or parts of images that were asked for.
    """

    before: float
    after: float
    pixels: int
    clicks: int
    accepted: int
    queried: int

    @property
    def gain(self) -> float:
        """Points of mIoU."""
        return 100 * (self.after - self.before)


def next_cycle(run_end: Cycle, number: int | None) -> Cycle:
    """The cycle that a network's own study computes after it.

    Args:
        run_end: a cycle of the run, which says method, ablation and seed.
        number: of the cycle whose network asks; None for a network that belongs to no cycle.

    Raises:
        ConfigError: if nothing is asked after it.
    """
    if number is None:
        raise ConfigError(
            "this network belongs to no cycle of the run, so there is none to repeat with your setting; choose one "
            "after one of the run's cycles"
        )
    if run_end.number == 0 or number >= run_end.preset.pool.cycles:
        raise ConfigError(
            f"nothing is asked after cycle {number} of {run_end.method} in this study; choose an earlier network"
        )
    return replace(run_end, number=number + 1)


def changed_preset(preset: Preset, setting: Setting, share: float) -> Preset:
    """The study with the mask of a setting.

    Args:
        preset: the study's settings.
        setting: of the explorer. A single class has no place in the loop, which explains all predicted classes.
        share: of the image the setting asks for; stands in for ``setting.level``, which the loop does not know.
    """
    area = setting.mask.area if setting.level is None else max(share, 1e-4)
    mask = vars(replace(setting.mask, area=area, fusion="fixed"))
    return preset.with_changes(mask=mask, model={"target_layer": setting.layer or preset.model.target_layer})


def prepare(following: Cycle, setting: Setting, share: float, scratch: Path, data_root: str = "") -> Path:
    """Lay out two runs in a scratch folder: both compute one cycle, one as the study does, one as the setting does.

    What the cycles before it left is copied, with manifests that name the settings of the new run; nothing of the
    study is changed.

    Args:
        following: the study's cycle, see :func:`next_cycle`; the one before it is finished, it itself may be.
        setting: of the explorer.
        share: see :func:`changed_preset`.
        scratch: an empty folder.
        data_root: folder that holds the data sets.

    Returns:
        The plan, a JSON file; see :func:`carry_out`.
    """
    presets = {"default": following.preset, "changed": changed_preset(following.preset, setting, share)}
    for name, preset in presets.items():
        cycle = replace(following, preset=preset, runs=scratch / name)
        _copy_history(following, cycle)
        write_json(scratch / name / SETTINGS, asdict(preset))
    if following.is_done():
        shutil.copytree(following.folder, replace(following, runs=scratch / "default").folder)
    one = {name: getattr(following, name) for name in ("method", "seed", "number", "ablation")}
    write_json(scratch / PLAN, one | {"data_root": data_root})
    return scratch / PLAN


def _copy_history(source: Cycle, target: Cycle) -> None:
    """Everything before a cycle, as if it had been made with the target's settings."""
    earlier = [] if source.previous is None else source.previous.history
    taken = [] if target.previous is None else target.previous.history
    for old, new in zip(earlier, taken, strict=True):
        shutil.copytree(old.folder, new.folder)
        write_json(new.folder / MANIFEST, read_json(old.folder / MANIFEST) | {"digest": new.digest})
    if not (target.study / "cache").exists() and (source.study / "cache").is_dir():
        (target.study / "cache").symlink_to((source.study / "cache").resolve(), target_is_directory=True)


def carry_out(plan: Path, tell: Callable[[int], None] = lambda done: None) -> dict[str, Gain]:
    """Compute what a plan describes, or read it if it is already done.

    Args:
        plan: of :func:`prepare`.
        tell: is called after each cycle with the number of those that are done.

    Returns:
        ``default`` and ``changed``: what one cycle brings with the study's mask and with the setting's.
    """
    gains = {}
    for done, name in enumerate(NAMES, 1):
        gains[name] = gain_of(run_cycle(*_planned(plan, name)))
        tell(done)
    return gains


def _planned(plan: Path, name: str) -> tuple[Cycle, str]:
    values: dict[str, Any] = read_json(plan)
    preset = build(Preset, read_json(plan.parent / name / SETTINGS), SETTINGS)
    cycle = Cycle(
        preset, values["method"], values["seed"], values["number"], values["ablation"], plan.parent / name
    )  # fmt: skip
    return cycle, values["data_root"]


def gain_of(cycle: Cycle) -> Gain:
    """What a finished cycle changed.

    Raises:
        ConfigError: for cycle 0, before which there is none.
    """
    if cycle.previous is None:
        raise ConfigError(f"there is no cycle before cycle 0 of {cycle.method}; choose cycle 1 or later")
    now, before = cycle.metrics(), cycle.previous.metrics()
    spent = {unit: now["budget"][unit] - before["budget"][unit] for unit in ("pixels", "clicks")}
    return Gain(
        before["report"]["miou"], now["report"]["miou"], **spent, accepted=now["accepted"], queried=now["queried"]
    )


def main(arguments: Sequence[str]) -> int:
    """Carry out the plan that is named; progress goes to standard error, the result to ``gains.json`` beside it."""
    plan = Path(arguments[0])
    try:
        gains = carry_out(plan, lambda done: print(f"cycles: {done} of {len(NAMES)}", file=sys.stderr, flush=True))
    except SegxalError as error:
        print(f"segxal: {error}", file=sys.stderr)
        return 1
    write_json(plan.parent / "gains.json", {name: asdict(gain) for name, gain in gains.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
