"""Settings of a study: frozen dataclasses, checked when made, read from ``presets/<name>.yml``."""

import re
import typing
from dataclasses import dataclass
from pathlib import Path

import yaml

from segxal.core.errors import ConfigError
from segxal.core.ranges import require
from segxal.methods.ablations import ablate
from segxal.methods.settings import RunSettings, build
from segxal.storage import paths


@dataclass(frozen=True, kw_only=True)
class Preset(RunSettings):
    """Everything that defines a study; one file in ``presets/``."""

    name: str  # of the study and its folder
    seeds: tuple[int, ...] = (0,)
    methods: tuple[str, ...] = ("segxal-pseudo", "segxal-gt-patch", "segxal-human", "random", "supervised")
    noisy: tuple[str, ...] = ()  # of these methods: also run with people who err
    policies: tuple[str, ...] = ()  # ablations that the policy of RALIS is also trained and used with
    splits: tuple[float, ...] = (0.1, 0.25, 0.4)  # initial splits of the ablation of Fig. 7
    folds: int = 3  # of the stratified K-fold cross-validation of the supervised baseline

    def __post_init__(self) -> None:
        """Check ranges."""
        super().__post_init__()
        simple = re.fullmatch(r"\w[\w .-]*", self.name) is not None
        require(simple, f"name = {self.name!r}; it names a folder: use only letters, digits, spaces, dots, - and _")
        require(len(self.seeds) > 0 and min(self.seeds) >= 0, f"seeds = {self.seeds}; give one or more seeds >= 0")
        require(len(self.methods) > 0, "methods = []; give one or more, random and segxal-human for example")
        require(self.folds >= 2, f"folds = {self.folds}; cross-validation needs at least 2")

    def ablated(self, ablation: str) -> "Preset":
        """The preset as an ablation changes it, see :func:`segxal.methods.ablations.ablate`.

        Raises:
            ConfigError: if there is no such ablation; the error lists the names.
        """
        return ablate(self, ablation, self.splits)


def load_preset(name: str) -> Preset:
    """Read a preset by name, or from a ``.yml`` file of your own.

    Args:
        name: one of :func:`segxal.storage.paths.preset_names`, or a path that ends in ``.yml``; the study is then
            named after the file.

    Returns:
        The settings, all checked.

    Raises:
        ConfigError: if there is no such preset, a key is unknown or a value is of the wrong kind or range.
    """
    path = Path(name) if name.endswith(".yml") else paths.PRESETS / f"{name}.yml"
    if name.endswith(".yml") and path.stem in paths.preset_names() and path.resolve().parent != paths.PRESETS:
        raise ConfigError(
            f"{path} has the name of the preset {path.stem!r} and would write into its folder "
            f"papermill_runs/{path.stem}; give the file another name"
        )
    if not path.is_file():
        missing = f"there is no file {path}" if name.endswith(".yml") else f"no preset {name!r}"
        raise ConfigError(f"{missing}; choose one of {', '.join(paths.preset_names())} or name a .yml file that exists")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{path.name} is not valid YAML: {error}") from error
    if isinstance(values, dict):
        values = {"name": path.stem} | values
    return typing.cast(Preset, build(Preset, values, path.name))
