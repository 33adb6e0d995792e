"""Where a cycle keeps its state, and how to tell that it is complete."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segxal.acquisition.pool import Pool
from segxal.core.errors import ConfigError
from segxal.methods import get_method
from segxal.methods.annotations import accepted, merge
from segxal.methods.base import Method
from segxal.models.base import Network
from segxal.models.checkpoints import load_model
from segxal.models.device import device
from segxal.storage import paths
from segxal.storage.files import read_arrays, read_json
from segxal.study.settings import Preset

VERSION = 2  # of the state on disk; a cycle of another version is computed again
MANIFEST = "manifest.json"
NETWORKS = ("model", "teacher")  # what every training leaves


def fingerprint(*facts: Any) -> str:
    """Sixteen hexadecimal digits for plain values (what JSON can hold) that a result depends on."""
    words = json.dumps([VERSION, *facts], sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Cycle:
    """Name of one cycle of one run, and the location of its state.

    Attributes:
        preset: settings of the study, before the ablation.
        method: name of a method.
        seed: seed of the run.
        number: of the stage, see :meth:`segxal.methods.base.Method.stages`: 0 for a first training, 1.. for cycles.
        ablation: see :func:`segxal.methods.ablations.ablate`.
        runs: folder that holds the studies.
    """

    preset: Preset
    method: str
    seed: int
    number: int
    ablation: str = "none"
    runs: Path = paths.RUNS

    def __post_init__(self) -> None:
        """Check that there is such a cycle."""
        if self.seed < 0:
            raise ConfigError(f"seed = {self.seed}; a seed must be 0 or larger")
        numbers = self.how.stages(self.settings)
        if self.number not in numbers:
            raise ConfigError(
                f"{self.method} has cycles {numbers[0]}..{numbers[-1]} in preset {self.preset.name}, not {self.number}"
            )

    @property
    def how(self) -> Method:
        """The method itself."""
        return get_method(self.method)

    @cached_property
    def settings(self) -> Preset:
        """The preset as the ablation and the method change it."""
        return self.preset.ablated(self.ablation).with_changes(**self.how.changes)

    @property
    def study(self) -> Path:
        """Folder of the whole study."""
        return self.runs / self.preset.name

    @property
    def folder(self) -> Path:
        """Folder of this cycle's state."""
        return self.study / "runs" / self.method / self.ablation / f"seed{self.seed}" / f"cycle_{self.number:02d}"

    @property
    def project(self) -> Path:
        """Folder with what people are asked in this cycle; outside its state, which exists only when it is done."""
        return self.study / "annotate" / f"{self.method}-{self.ablation}-seed{self.seed}-cycle{self.number}"

    @property
    def needs(self) -> "list[Cycle]":
        """The stages this one depends on; methods of a seed share their first training."""
        needs = self.how.needs(self.number, self.ablation)
        return [Cycle(self.preset, n.method, self.seed, n.number, n.ablation, self.runs) for n in needs]

    @property
    def previous(self) -> "Cycle | None":
        """The cycle this one continues; None for a first training."""
        return next(iter(self.needs), None)

    @property
    def digest(self) -> str:
        """Fingerprint of everything this cycle's result depends on, except the code and the data.

        Settings at their default leave no trace in it, so that a setting added later does not make old records stale.
        """
        settings = self.settings.changes() | {"threads": self.settings.threads}
        return fingerprint(settings, self.method, self.ablation, self.seed, self.number)

    def is_recorded(self) -> bool:
        """Whether the cycle was finished with these settings; its weights may be gone (they are not in git)."""
        file = self.folder / MANIFEST
        return file.is_file() and read_json(file)["digest"] == self.digest

    def is_done(self) -> bool:
        """Whether the cycle is recorded and every file of its state is there, so that the next can continue."""
        if not self.is_recorded():
            return False
        return all((self.folder / name).is_file() for name in read_json(self.folder / MANIFEST)["files"])

    def metrics(self) -> dict[str, Any]:
        """What the cycle measured (``metrics.json``)."""
        return read_json(self.folder / "metrics.json")

    def pool(self) -> Pool:
        """Which training images were labelled after this cycle (``pool.json``)."""
        return Pool.read(self.folder / "pool.json")

    def budget(self) -> dict[str, Any]:
        """Images, pixels and clicks that people were asked for up to this cycle."""
        return self.metrics()["budget"]

    def networks(self) -> dict[str, Network]:
        """The network (``model``) and its moving average (``teacher``), read again from disk, on the device."""
        classes, config = len(self.metrics()["classes"]), self.settings.model
        return {n: load_model(self.folder / f"{n}.safetensors", config, classes).to(device()) for n in NETWORKS}

    def learned(self, name: str) -> Path:
        """The file of something else that was learned, ``policy`` for example."""
        return self.folder / f"{name}.safetensors"

    def queries(self) -> list[dict[str, Any]]:
        """What was asked in this cycle and what became of it (``queries.json``), best score first."""
        return read_json(self.folder / "queries.json")

    def annotations(self) -> dict[str, np.ndarray]:
        """What the oracle answered in this cycle, accepted or not: id -> (H, W) uint8, 255 = not annotated."""
        return read_arrays(self.folder / "annotations.npz")

    def asked(self) -> dict[str, np.ndarray]:
        """What was asked for in this cycle: id -> (H, W) bool; whole images where no regions are asked for."""
        file = self.folder / "asked.npz"
        if file.is_file():
            return {name: part > 0 for name, part in read_arrays(file).items()}
        return {name: np.ones(labels.shape, dtype=bool) for name, labels in self.annotations().items()}

    def asked_before(self) -> list[dict[str, np.ndarray]]:
        """What was asked for, cycle by cycle up to this one; see :meth:`asked`."""
        return [cycle.asked() for cycle in self.history]

    @property
    def history(self) -> "list[Cycle]":
        """The cycles up to this one, first training first."""
        return [*(self.previous.history if self.previous else []), self]

    def labels_of(self, ids: list[str]) -> Tensor:
        """(n, H, W) uint8 training labels of labelled images: the accepted answers of all cycles, later ones on top."""
        if not ids:
            return torch.empty(0, 0, 0, dtype=torch.uint8)
        merged: dict[str, np.ndarray] = {}
        for step in self.history:
            merged = merge(merged, accepted(step.annotations(), step.queries()))
        return torch.from_numpy(np.stack([merged[name] for name in ids]))
