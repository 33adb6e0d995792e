"""Settings of a study: frozen dataclasses, checked when made, read from ``presets/<name>.yml``."""

import dataclasses
import re
import typing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from segxal.core.errors import ConfigError
from segxal.storage import paths


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


def _share(name: str, value: float, low: float = 0.0, high: float = 1.0) -> None:
    _require(low <= value <= high, f"{name} = {value} is not in [{low}, {high}]; give a share, for example 0.1")


@dataclass(frozen=True)
class DataConfig:
    """Which images, at what size."""

    name: Literal["streets", "camvid", "cityscapes", "folder"] = "streets"
    height: int = 64  # pixels, every image is resized to it
    width: int = 128  # pixels
    counts: tuple[int, int, int] = (160, 40, 80)  # streets only: images in train, val, test
    seed: int = 0  # streets only: seed of the rendered world; the same for all runs of a study
    report: Literal["val", "test"] = "test"  # the split whose scores are printed


@dataclass(frozen=True)
class ModelConfig:
    """Which segmentation network."""

    name: str = "unet"  # unet or one of torchvision's segmentation models
    base: int = 16  # U-Net: channels of the first level
    depth: int = 4  # U-Net: number of poolings
    weights: str = ""  # torchvision weights name, for example DEFAULT; empty = random start, offline
    target_layer: str = ""  # layer Grad-CAM looks at; empty = the model's default
    dropout: float = 0.0  # U-Net: share of the channels before the last convolution that are dropped in training

    def __post_init__(self) -> None:
        """Check ranges."""
        _share("dropout", self.dropout, 0.0, 0.9)


@dataclass(frozen=True)
class TrainConfig:
    """How the network is trained; ``steps`` or ``epochs`` says how long, the other is 0."""

    steps: int = 0  # optimiser steps of the first training
    cycle_steps: int = 0  # optimiser steps of the retraining in each cycle
    epochs: int = 0  # passes over the labelled images, for every training
    batch: int = 8
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    lr: float = 3e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-2
    schedule: Literal["one-cycle", "poly", "constant"] = "one-cycle"
    class_weights: Literal["none", "sqrt-frequency"] = "sqrt-frequency"
    crop: float = 0.5  # smallest share of the image area a random crop keeps; 1 = no crop
    flip: bool = True
    jitter: float = 0.3  # brightness, contrast and saturation change by up to this share
    amp: Literal["auto", "bf16", "fp16", "off"] = "auto"
    evaluations: int = 4  # how often the validation split is scored during one training
    retrain: Literal["previous", "scratch"] = "previous"  # weights a cycle starts from
    sampling: Literal["image", "sqrt-pixels"] = "image"  # sqrt-pixels: odds of an image = root of its annotated pixels
    semi: Literal["none", "s4al"] = "none"  # s4al: cycles also learn from unlabelled images (mean teacher, ClassMix)

    def __post_init__(self) -> None:
        """Check ranges."""
        in_steps = self.steps > 0 and self.cycle_steps > 0 and self.epochs == 0
        in_epochs = self.epochs > 0 and self.steps == 0 and self.cycle_steps == 0
        _require(
            in_steps or in_epochs,
            f"training length is unclear: steps = {self.steps}, cycle_steps = {self.cycle_steps}, epochs = "
            f"{self.epochs}; give both steps and cycle_steps, or epochs alone",
        )
        _require(self.batch >= 1, f"batch = {self.batch}; a batch holds at least one image")
        _require(self.lr > 0, f"lr = {self.lr}; the learning rate is positive")
        _require(self.evaluations >= 1, f"evaluations = {self.evaluations}; validation must run at least once")
        _share("crop", self.crop, 0.01)
        _share("jitter", self.jitter)


@dataclass(frozen=True)
class MaskConfig:
    """How the explainable error mask is made (paper section 3.2)."""

    w_pae: float = 0.5
    w_ebu: float = 0.5
    fusion: Literal["fixed", "learned"] = "fixed"  # learned: weights fitted on labelled images
    entropy: Literal["pixel", "patch"] = "pixel"  # patch: the release's 8x8 histogram entropy
    depth: Literal["dataset", "geometry", "streets-net", "midas", "dinov2", "depth-anything"] = (
        "geometry"  # says what is near
    )
    depth_weights: str = ""  # midas, dinov2, depth-anything: a folder or hub name; empty = the default checkpoint
    threshold: Literal["quantile", "otsu"] = "quantile"  # per-image rule for the proximity threshold
    quantile: float = 0.5  # of the proximity, when threshold = quantile
    cam: str = "gradcam"  # gradcam (ours) or a method of pytorch-grad-cam by name
    area: float = 0.2  # share of an image that is asked for: its pixels of highest EEM
    batch: int = 16

    def __post_init__(self) -> None:
        """Check ranges."""
        weights_ok = self.w_pae >= 0 and self.w_ebu >= 0 and self.w_pae + self.w_ebu > 0
        _require(weights_ok, f"w_pae = {self.w_pae}, w_ebu = {self.w_ebu}; weights are >= 0 and not both 0")
        networks = ("midas", "dinov2", "depth-anything")
        _require(
            not self.depth_weights or self.depth in networks,
            f"depth_weights = {self.depth_weights!r}, but depth is {self.depth}, which takes none; set depth to one of "
            f"{', '.join(networks)}, or leave depth_weights empty",
        )
        _share("quantile", self.quantile)
        _share("area", self.area)
        _require(self.batch >= 1, f"batch = {self.batch}; a batch holds at least one image")


@dataclass(frozen=True)
class LoopConfig:
    """How the labelled pool grows (paper sections 3.1, 3.4 and 4)."""

    start: float = 0.1  # share of the training images labelled before the first cycle
    step: float = 0.06  # share of the training images queried in each cycle
    cycles: int = 5
    subset: float = 0.5  # share of the unlabelled pool, drawn at random, that is scored
    tau: float = 0.8  # threshold of the Dice gate
    accept: Literal["high", "low", "all"] = "high"  # which side of tau joins the labelled pool
    labeller: Literal["flip-scale", "teacher"] = "flip-scale"  # who labels for the pseudo oracle
    confidence: float = 0.8  # probability below which the pseudo oracle gives no label
    patch: int = 8  # gt-patch oracle: side of a patch, pixels
    overlap: float = 0.25  # human oracle: share of an object inside the mask that makes it corrected
    region_step: float = 0.006  # region methods: share of all training pixels asked for in each cycle
    pixels: int = 10  # pixel methods: pixels asked for in each image and cycle
    cell: int = 16  # side of a grid cell, pixels
    pieces: int = 250  # SLIC superpixels per image, about
    passes: int = 20  # BALD and QBC: forward passes with dropout
    committee: int = 0  # QBC: networks trained for the committee; 0 = dropout passes vote
    noise_boundary: float = 0.0  # simulated people: share of the pixels beside a class boundary that flip across it
    noise_class: float = 0.0  # simulated people: share of the pieces that get a wrong class
    start_pixels: int = 0  # pixels annotated in each image of the start, drawn at random; 0 = the whole image

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("start", "step", "subset", "region_step"):
            _share(name, getattr(self, name), 1e-6)
        for name in ("tau", "confidence", "overlap", "noise_boundary", "noise_class"):
            _share(name, getattr(self, name))
        _require(self.cycles >= 1, f"cycles = {self.cycles}; a study has at least one cycle")
        for name in ("patch", "pixels", "cell", "pieces", "passes"):
            _require(getattr(self, name) >= 1, f"{name} = {getattr(self, name)}; it is at least 1")
        _require(self.start_pixels >= 0, f"start_pixels = {self.start_pixels}; give 0 (whole images) or more")
        _require(self.committee != 1 and self.committee >= 0, f"committee = {self.committee}; give 0, or 2 or more")
        total = self.start + self.step * self.cycles
        _require(
            total <= 1 + 1e-9,
            f"budget larger than the pool: start {self.start} + {self.cycles} cycles x step {self.step} = "
            f"{total:.3f} of the training images; lower start, step or cycles so that the sum is at most 1",
        )


@dataclass(frozen=True)
class Preset:
    """Everything that defines a study; one file in ``presets/``."""

    name: str
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=lambda: TrainConfig(steps=1, cycle_steps=1))
    mask: MaskConfig = field(default_factory=MaskConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    seeds: tuple[int, ...] = (0,)
    methods: tuple[str, ...] = ("segxal-pseudo", "segxal-gt-patch", "segxal-human", "random", "supervised")
    noisy: tuple[str, ...] = ()  # of these methods: also run with people who err
    splits: tuple[float, ...] = (0.1, 0.25, 0.4)  # initial splits of the ablation of Fig. 7
    folds: int = 3  # of the stratified K-fold cross-validation of the supervised baseline
    threads: int = 1  # CPU threads of one job; part of the settings because it changes the last bits

    def __post_init__(self) -> None:
        """Check ranges."""
        simple = re.fullmatch(r"\w[\w .-]*", self.name) is not None
        _require(simple, f"name = {self.name!r}; it names a folder: letters, digits, blanks, dots, - and _ only")
        _require(len(self.seeds) > 0 and min(self.seeds) >= 0, f"seeds = {self.seeds}; give one or more seeds >= 0")
        _require(len(self.methods) > 0, "methods = []; give one or more, random and segxal-human for example")
        _require(self.folds >= 2, f"folds = {self.folds}; cross-validation needs at least 2")
        _require(self.threads >= 1, f"threads = {self.threads}; a job has at least one thread")

    def with_changes(self, **changes: dict[str, Any]) -> "Preset":
        """A copy with fields of its parts replaced, for example ``loop={"start": 0.4}``.

        Raises:
            ConfigError: if a part or field is unknown, or a value is of the wrong kind or range.
        """
        parts = [f.name for f in dataclasses.fields(self) if dataclasses.is_dataclass(getattr(self, f.name))]
        unknown = sorted(set(changes) - set(parts))
        _require(not unknown, f"unknown part {', '.join(unknown)}; known are {', '.join(parts)}")
        changed = {part: vars(getattr(self, part)) | fields for part, fields in changes.items()}
        return replace(self, **{part: _build(type(getattr(self, part)), v, part) for part, v in changed.items()})

    def changes(self) -> dict[str, dict[str, Any]]:
        """Per part the settings that are not at their default; a setting that comes later does not show."""
        parts = {name: part for name, part in vars(self).items() if dataclasses.is_dataclass(part)}
        return {
            name: {f.name: vars(part)[f.name] for f in dataclasses.fields(part) if vars(part)[f.name] != f.default}
            for name, part in parts.items()
        }


def preset_names() -> tuple[str, ...]:
    """Names of the presets that come with the package."""
    return tuple(sorted(path.stem for path in paths.PRESETS.glob("*.yml")))


def load_preset(name: str) -> Preset:
    """Read a preset by name, or from a ``.yml`` file of your own.

    Args:
        name: one of :func:`preset_names`, or a path that ends in ``.yml``; the study is then named after the file.

    Returns:
        The settings, all checked.

    Raises:
        ConfigError: if there is no such preset, a key is unknown or a value is of the wrong kind or range.
    """
    path = Path(name) if name.endswith(".yml") else paths.PRESETS / f"{name}.yml"
    if name.endswith(".yml") and path.stem in preset_names() and path.resolve().parent != paths.PRESETS:
        raise ConfigError(
            f"{path} has the name of the preset {path.stem!r} and would write into its folder "
            f"papermill_runs/{path.stem}; give the file another name"
        )
    if not path.is_file():
        missing = f"there is no file {path}" if name.endswith(".yml") else f"no preset {name!r}"
        raise ConfigError(f"{missing}; choose one of {', '.join(preset_names())} or name a .yml file that exists")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{path.name} is not valid YAML: {error}") from error
    if isinstance(values, dict):
        values = {"name": path.stem} | values
    return typing.cast(Preset, _build(Preset, values, path.name))


def _build(kind: type, values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected settings as `key: value`, got {values!r}")
    hints = typing.get_type_hints(kind)
    unknown = sorted(str(key) for key in set(values) - set(hints))
    if unknown:
        raise ConfigError(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(hints)}")
    fields = {key: _convert(hints[key], value, f"{where}: {key}") for key, value in values.items()}
    try:
        return kind(**fields)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast(type, hint), value, where)
    if typing.get_origin(hint) is Literal:
        _require(value in typing.get_args(hint), f"{where} = {value!r}; choose one of {typing.get_args(hint)}")
        return value
    if typing.get_origin(hint) is tuple:
        _require(isinstance(value, (list, tuple)), f"{where} = {value!r}; expected a list")
        inner, *rest = typing.get_args(hint)
        length_ok = Ellipsis in rest or len(value) == 1 + len(rest)
        _require(length_ok, f"{where} = {value!r}; expected a list of {1 + len(rest)}")
        return tuple(_convert(inner, item, where) for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    kind_ok = isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
    _require(kind_ok, f"{where} = {value!r}; expected {hint.__name__}")
    return value
