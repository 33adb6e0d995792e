"""The grid of a study: its methods x seeds x ablations, and their cycles in order."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tqdm.auto import tqdm

from segxal.core.errors import ConfigError
from segxal.methods import get_method
from segxal.methods.ablations import POLICY_ABLATIONS, split_name
from segxal.models.depth import get_depth
from segxal.storage import paths
from segxal.study.loop import Annotators, run_cycle
from segxal.study.settings import POLICY_METHOD, Preset
from segxal.study.state import Cycle

MASK_ABLATIONS = ("without-ebu", "without-pae")  # Table 3
GATE_ABLATIONS = ("gate-low", "gate-all")
GATE_METHOD = "segxal-human"  # the gate's other sides are shown on the paper's main mode
NOISE_ABLATIONS = ("noise-boundary", "noise-class")


def run_of(preset: Preset, method: str, seed: int, ablation: str = "none", runs: Path = paths.RUNS) -> list[Cycle]:
    """The stages of one run, each after those it depends on; the shared first training included."""
    run: list[Cycle] = []
    for number in get_method(method).stages(preset):
        _add(Cycle(preset, method, seed, number, ablation, runs), run)
    return run


def _add(cycle: Cycle, run: list[Cycle]) -> None:
    for before in cycle.needs:
        _add(before, run)
    if cycle not in run:
        run.append(cycle)


def until(run: Sequence[Cycle], number: int) -> Sequence[Cycle]:
    """The cycles of a run up to one of them.

    Raises:
        ConfigError: if the run has no such cycle.
    """
    ends = {cycle.number: k for k, cycle in enumerate(run) if cycle.how.scored(cycle.number)}
    if number not in ends:
        raise ConfigError(
            f"cycle = {number}; {run[-1].method} has cycles 0..{max(ends)} in preset {run[-1].preset.name}"
        )
    return run[: ends[number] + 1]


def segxal_methods(preset: Preset) -> list[str]:
    """The SegXAL methods of a study whose ablations are run: not those that real people would annotate for."""
    return [m for m in preset.methods if get_method(m).family == "segxal" and not get_method(m).asks_people]


def noisy(preset: Preset) -> list[str]:
    """The methods of a study that are also run with people who err.

    Raises:
        ConfigError: if the preset names one that does not exist; the error lists the names.
    """
    for name in preset.noisy:
        get_method(name)
    return [name for name in preset.noisy if name in preset.methods]


def policies(preset: Preset) -> list[str]:
    """The ablations of a study that the policy of RALIS is also trained and used with.

    Raises:
        ConfigError: if the preset names one that does not exist; the error lists the names.
    """
    if unknown := [name for name in preset.policies if name not in POLICY_ABLATIONS]:
        raise ConfigError(f"policies: no ablation {unknown[0]!r}; choose from {', '.join(POLICY_ABLATIONS)}")
    return [name for name in preset.policies if POLICY_METHOD in preset.methods]


def split_ablations(preset: Preset) -> dict[float, str]:
    """Initial split -> ablation of Fig. 7; the split that ``grow`` starts from is the main run itself."""
    return {s: "none" if s == preset.pool.start else split_name(s) for s in sorted({*preset.splits, preset.pool.start})}


def ablations_of(preset: Preset) -> dict[str, list[str]]:
    """Every ablation of a study with the methods it is run for."""
    methods = segxal_methods(preset)
    splits = [name for name in split_ablations(preset).values() if name != "none"]
    gated = [GATE_METHOD] if GATE_METHOD in methods else []
    return {
        **{name: methods for name in (*MASK_ABLATIONS, *splits)},
        **{name: gated for name in GATE_ABLATIONS},
        **{name: noisy(preset) for name in NOISE_ABLATIONS},
        **{name: [POLICY_METHOD] for name in policies(preset)},
    }


def whole_grid(preset: Preset, runs: Path = paths.RUNS) -> list[list[Cycle]]:
    """Every run of the study, each once: methods x seeds, then ablations x methods x seeds."""
    cells = [(m, "none") for m in preset.methods]
    cells += [(m, name) for name, methods in ablations_of(preset).items() for m in methods]
    return [run_of(preset, m, seed, name, runs) for m, name in cells for seed in preset.seeds]


def check_depth(preset: Preset, methods: Iterable[str]) -> None:
    """Check that the depth that the error masks of these methods need is available.

    Raises:
        ConfigError: if there is no such provider.
        WeightsMissing: if it is a network whose weights are neither on this machine nor downloadable.
    """
    if any(get_method(method).masks for method in methods):
        get_depth(preset.mask.depth, preset.mask.depth_weights)


def run_cycles(cycles: Sequence[Cycle], data_root: str = "", annotators: Annotators | None = None) -> list[Cycle]:
    """Run cycles in order, with a progress bar; those that are done are left alone.

    Args:
        cycles: which ones.
        data_root: folder that holds the data sets.
        annotators: real people, see :func:`segxal.study.loop.run_cycle`.

    Raises:
        ConfigError, WeightsMissing: as :func:`check_depth`, before the first training; or as
            :func:`segxal.study.loop.run_cycle`.
    """
    missing = [cycle for cycle in cycles if not cycle.is_done()]
    if missing:
        check_depth(missing[0].preset, [cycle.method for cycle in missing])
    for cycle in tqdm(missing, desc="cycles", disable=not missing):
        run_cycle(cycle, data_root, annotators)
    return list(cycles)


def select(preset: Preset, seeds: Sequence[int] = (), methods: Sequence[str] = ()) -> Preset:
    """The preset with other seeds or methods; empty keeps its own.

    Raises:
        ConfigError: if a method is unknown or a seed negative.
    """
    for method in methods:
        get_method(method)
    if any(seed < 0 for seed in seeds):
        raise ConfigError(f"seeds {list(seeds)}; a seed must be 0 or larger")
    changes = {"seeds": tuple(seeds) or preset.seeds, "methods": tuple(methods) or preset.methods}
    return Preset(**{name: getattr(preset, name) for name in preset.__dataclass_fields__} | changes)
