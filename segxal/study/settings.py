"""Settings of a study: frozen dataclasses, checked when made, read from ``presets/<name>.yml``."""

import re
import typing
import unicodedata
from dataclasses import dataclass

from segxal.core.errors import ConfigError
from segxal.core.ranges import require, require_most, require_share
from segxal.methods import get_method
from segxal.methods.ablations import POLICY_ABLATIONS, ablate, split_name
from segxal.methods.settings import RunSettings, build
from segxal.storage import paths
from segxal.study.preset_file import Lines, is_taken, preset_file, read_preset_file

POLICY_METHOD = "ralis"
METHOD_LISTS = ("methods", "noisy", "policies")
CACHES = tuple(folder.name for folder in (paths.DEPTHS, paths.ENCODERS, paths.FEATURES))
LONGEST_NAME = 100  # bytes; file systems allow 255, and files are named after it


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
        short = len(self.name.encode(errors="replace")) <= LONGEST_NAME
        require(short, f"name = {self.name[:20]!r}...; it names a folder: at most {LONGEST_NAME} letters or digits")
        simple = re.fullmatch(r"\w([\w .-]*[\w-])?", self.name) is not None
        require(simple, f"name = {self.name!r}; it names a folder: use only letters, digits, spaces, dots, - and _")
        free = self.name.casefold() not in CACHES
        require(free, f"name = {self.name!r}; papermill_runs/{self.name} holds what all studies share: choose another")
        require(len(self.seeds) > 0 and min(self.seeds) >= 0, f"seeds = {self.seeds}; give one or more seeds >= 0")
        require(max(self.seeds) < 2**32, f"seeds = {self.seeds}; a seed must be below 2^32")
        require(len(self.methods) > 0, "methods = []; give one or more, random and segxal-human for example")
        require(self.folds >= 2, f"folds = {self.folds}; cross-validation needs at least 2")
        require_most("folds", self.folds, 1000)
        for share in self.splits:
            require_share("splits", share, 1e-6)
        by_name = [split_name(share) for share in self.splits]
        for name, given in (("splits", by_name), *((name, getattr(self, name)) for name in ("seeds", *METHOD_LISTS))):
            twice = [one for index, one in enumerate(given) if one in given[:index]]
            require(not twice, f"{name} = {list(getattr(self, name))}: {twice[:1]} is given twice; keep one of them")

    def check_names(self, where: str) -> None:
        """Check that every method exists and that the lists of ablations name methods of the study.

        Args:
            where: the file to name in an error.

        Raises:
            ConfigError: if not. A selection of a study's methods need not pass: its lists are those of the whole.
        """
        for name in (*self.methods, *self.noisy):
            get_method(name)
        unread = [name for name in self.noisy if name not in self.methods]
        require(
            not unread,
            f"{where}: noisy = {list(self.noisy)}: {', '.join(unread)} is not among the methods; add or remove it",
        )
        unknown = [name for name in self.policies if name not in POLICY_ABLATIONS]
        require(
            not unknown,
            f"{where}: policies = {list(self.policies)}: no ablation {unknown[:1]}; choose from "
            f"{', '.join(POLICY_ABLATIONS)}",
        )
        require(
            not self.policies or POLICY_METHOD in self.methods,
            f"{where}: policies = {list(self.policies)}: {POLICY_METHOD}, whose policy they change, is not among the "
            "methods; add it, or leave policies out",
        )

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
            named after the file, unless the file says ``name``.

    Returns:
        The settings, all checked.

    Raises:
        ConfigError: if there is no such preset, the study would have the name of one of the package's, a key is
            unknown or given twice, or a value is of the wrong kind or range; says the line where there is one.
    """
    path = preset_file(name)
    values, lines = read_preset_file(path)
    if values is None or isinstance(values, dict):
        values = {"name": path.stem} | (values or {})
        if isinstance(values["name"], str):  # macOS writes an ä of a file's name as two letters
            values["name"] = unicodedata.normalize("NFC", values["name"])
    try:
        preset = typing.cast(Preset, build(Preset, values, path.name))
        preset.check_names(path.name)
    except ConfigError as error:
        raise ConfigError(f"{error}{_line_of(str(error), path.name, lines)}") from error
    if is_taken(preset.name, path):
        raise ConfigError(
            f"{path} has the name of the preset {preset.name!r} and would write into its folder "
            f"papermill_runs/{preset.name}; give the file another name, or the study another `name:`"
        )
    return preset


def _line_of(message: str, file: str, lines: Lines) -> str:
    """Where the setting stands that a message begins with, ``mine.yml: train: lr = ...`` for example."""
    found = re.match(rf"{re.escape(file)}: (?:(\w+)(?:: |\.))?(?:unknown )?(\w+)", message)
    words = tuple(word for word in found.groups() if word) if found else ()
    place = next((place for place in (words, words[:1]) if place in lines), None)
    return f" ({file}, line {lines[place]})" if place else ""
