"""Settings of a run: everything its result depends on but the code and the data."""

import dataclasses
import typing
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from segxal.acquisition.settings import MachineConfig, OracleConfig, PolicyConfig, StrategyConfig
from segxal.core.errors import ConfigError
from segxal.core.ranges import require, require_count, require_most, require_share
from segxal.data.division import division_names
from segxal.data.settings import DataConfig
from segxal.models.settings import MaskConfig, ModelConfig
from segxal.training.objectives import OBJECTIVES
from segxal.training.settings import TrainConfig


@dataclass(frozen=True)
class PoolConfig:
    """How the labelled pool grows (paper sections 3.1 and 4)."""

    start: float = 0.1  # share of the training images labelled before the first cycle
    division: str = ""  # a published division of the data set, which names the images of the start in place of `start`
    start_pixels: int = 0  # pixels annotated in each image of the start, drawn at random; 0 = the whole image
    step: float = 0.06  # share of the training images queried in each cycle
    region_step: float = 0.006  # region methods: share of all training pixels asked for in each cycle
    rounds: int = 1  # region methods: parts a cycle's budget is spent in, the network is updated between them
    pixels: int = 10  # pixel methods: pixels asked for in each image and cycle
    pixels_by_cycle: tuple[int, ...] = ()  # the same, cycle by cycle; empty = ``pixels`` in all of them
    cycles: int = 5
    subset: float = 0.5  # share of the unlabelled pool, drawn at random, that is scored

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("start", "step", "subset", "region_step"):
            require_share(name, getattr(self, name), 1e-6)
        require(self.cycles >= 1, f"cycles = {self.cycles}; a study needs at least one cycle")
        require_most("cycles", self.cycles, 1000)
        require_count("pixels", self.pixels, high=10**9)
        require_count("rounds", self.rounds, high=10_000)
        require(
            len(self.pixels_by_cycle) in (0, self.cycles) and min(self.pixels_by_cycle, default=1) >= 1,
            f"pixels_by_cycle = {list(self.pixels_by_cycle)}; give a number of at least 1 for each of the "
            f"{self.cycles} cycles, or none",
        )
        require(
            not self.division or self.division in division_names(),
            f"division = {self.division!r}; choose one of {', '.join(division_names())}, or leave it out",
        )
        require(self.start_pixels >= 0, f"start_pixels = {self.start_pixels}; give 0 (whole images) or more")
        total = self.start + self.step * self.cycles
        require(
            total <= 1 + 1e-9,
            f"budget larger than the pool: start {self.start} + {self.cycles} cycles x step {self.step} = "
            f"{total:.3f} of the training images; lower start, step or cycles so that the sum is at most 1",
        )

    @property
    def asked_pixels(self) -> dict[str, int]:
        """By setting, the most pixels that people are asked for in one image and cycle; none by whole images."""
        every = {"pixels_by_cycle": max(self.pixels_by_cycle)} if self.pixels_by_cycle else {"pixels": self.pixels}
        return {"start_pixels": self.start_pixels} | every

    def pixels_in(self, cycle: int) -> int:
        """Pixels that pixel methods ask for in each image in a cycle, from 1 on."""
        return self.pixels_by_cycle[cycle - 1] if self.pixels_by_cycle else self.pixels


@dataclass(frozen=True)
class GateConfig:
    """The Dice gate: what joins the labelled pool (paper section 3.4)."""

    tau: float = 0.8  # threshold of the Dice agreement
    accept: Literal["high", "low", "all"] = "high"  # which side of tau joins the labelled pool

    def __post_init__(self) -> None:
        """Check ranges."""
        require_share("tau", self.tau)


LATER = ("policy", "machine")  # parts that came after the first records: at their defaults they leave no trace either
Settings = TypeVar("Settings", bound="RunSettings")


@dataclass(frozen=True)
class RunSettings:
    """The settings that a method reads, one part for each room that reads them."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=lambda: TrainConfig(steps=1, cycle_steps=1))
    mask: MaskConfig = field(default_factory=MaskConfig)
    pool: PoolConfig = field(default_factory=PoolConfig)
    strategy: StrategyConfig = field(default_factory=StrategyConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    machine: MachineConfig = field(default_factory=MachineConfig)
    oracle: OracleConfig = field(default_factory=OracleConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    threads: int = 1  # CPU threads of one job; part of the settings because it changes the last bits

    def __post_init__(self) -> None:
        """Check ranges."""
        objective = self.train.objective
        require(objective in OBJECTIVES, f"train.objective = {objective!r}; choose one of {', '.join(OBJECTIVES)}")
        changed = self.train.crop < 1 or self.train.jitter > 0
        require(
            not (self.model.frozen and changed),
            f"train.crop = {self.train.crop}, train.jitter = {self.train.jitter} with model.frozen; a frozen encoder "
            "sees each image and its mirror image once: set crop: 1 and jitter: 0, or frozen: false",
        )
        require(self.threads >= 1, f"threads = {self.threads}; a job needs at least one thread")
        require_most("threads", self.threads, 1024)
        there = self.data.height * self.data.width
        for name, asked in self.pool.asked_pixels.items():
            require(
                asked <= there,
                f"pool.{name} = {asked}; an image of {self.data.height} x {self.data.width} has {there} pixels",
            )

    def with_changes(self: Settings, **changes: dict[str, Any]) -> Settings:
        """A copy with fields of its parts replaced, for example ``pool={"start": 0.4}``.

        Raises:
            ConfigError: if a part or field is unknown, or a value is of the wrong kind or range.
        """
        parts = [f.name for f in dataclasses.fields(self) if dataclasses.is_dataclass(getattr(self, f.name))]
        unknown = sorted(set(changes) - set(parts))
        require(not unknown, f"unknown part {', '.join(unknown)}; choose from {', '.join(parts)}")
        changed = {part: vars(getattr(self, part)) | fields for part, fields in changes.items()}
        return replace(self, **{part: build(type(getattr(self, part)), v, part) for part, v in changed.items()})

    def changes(self) -> dict[str, dict[str, Any]]:
        """Per part the settings that are not at their default; a setting that comes later does not show."""
        parts = {name: part for name, part in vars(self).items() if dataclasses.is_dataclass(part)}
        found = {
            name: {f.name: vars(part)[f.name] for f in dataclasses.fields(part) if vars(part)[f.name] != f.default}
            for name, part in parts.items()
        }
        return {name: changed for name, changed in found.items() if changed or name not in LATER}


def build(kind: type, values: Any, where: str) -> Any:
    """A frozen dataclass of settings from plain values, nested ones included.

    Args:
        kind: the dataclass.
        values: field -> value, as read from YAML.
        where: the file or part to name in an error.

    Raises:
        ConfigError: if a field is unknown, or a value is of the wrong kind or range.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected settings as `key: value`, got {values!r}")
    hints = typing.get_type_hints(kind)
    unknown = sorted(str(key) for key in set(values) - set(hints))
    if unknown:
        raise ConfigError(f"{where}: unknown {', '.join(unknown)}; choose from {', '.join(hints)}")
    fields = {key: _convert(hints[key], value, f"{where}: {key}") for key, value in values.items()}
    try:
        return kind(**fields)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), value, where)
    if typing.get_origin(hint) is Literal:
        require(value in typing.get_args(hint), f"{where} = {value!r}; choose one of {typing.get_args(hint)}")
        return value
    if typing.get_origin(hint) is tuple:
        require(isinstance(value, (list, tuple)), f"{where} = {value!r}; expected a list")
        inner, *rest = typing.get_args(hint)
        length_ok = Ellipsis in rest or len(value) == 1 + len(rest)
        require(length_ok, f"{where} = {value!r}; expected a list of {1 + len(rest)}")
        return tuple(_convert(inner, item, where) for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    kind_ok = isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
    require(kind_ok, f"{where} = {value!r}; expected {hint.__name__}")
    return value
