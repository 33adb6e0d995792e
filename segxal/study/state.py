"""Where a cycle keeps its state, and how one knows that it is whole."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.methods.base import METHODS, START, SUPERVISED, ablate, get_method
from segxal.storage import paths
from segxal.storage.files import read_arrays, read_json
from segxal.study.settings import Preset

VERSION = 2  # of the state on disk; a cycle of another version is computed again
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Cycle:
    """Name of one cycle of one run, and the place of its state.

    Attributes:
        preset: settings of the study, before the ablation.
        method: a key of ``METHODS``, or ``start`` or ``supervised`` (cycle 0 only).
        seed: seed of the run.
        number: 0 for the first training, 1.. for the cycles.
        ablation: see :func:`segxal.methods.base.ablate`.
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
        if self.method not in (*METHODS, START, SUPERVISED):
            raise ConfigError(f"no method {self.method!r}; choose one of {', '.join((*METHODS, SUPERVISED, START))}")
        if self.seed < 0:
            raise ConfigError(f"seed = {self.seed}; a seed is 0 or larger")
        last = 0 if self.method in (START, SUPERVISED) else self.settings.pool.cycles
        first = 0 if self.method in (START, SUPERVISED) else 1
        if not first <= self.number <= last:
            raise ConfigError(
                f"{self.method} has cycles {first}..{last} in preset {self.preset.name}, not {self.number}"
            )

    @property
    def settings(self) -> Preset:
        """The preset as the ablation and the method change it."""
        changed = ablate(self.preset, self.ablation)
        if self.method in (START, SUPERVISED):
            return changed
        method = get_method(self.method)
        return ablate(changed, method.start).with_changes(**method.changes)

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
        """Folder of what people are asked in this cycle; outside the cycle's state, which is only theirs when done."""
        return self.study / "annotate" / f"{self.method}-{self.ablation}-seed{self.seed}-cycle{self.number}"

    @property
    def previous(self) -> "Cycle | None":
        """The cycle this one continues; None for a first training. Methods of a seed share their start."""
        if self.number == 0:
            return None
        if self.number > 1:
            return Cycle(self.preset, self.method, self.seed, self.number - 1, self.ablation, self.runs)
        own = self.ablation if self.ablation.startswith("split-") else get_method(self.method).start
        return Cycle(self.preset, START, self.seed, 0, own, self.runs)

    @property
    def digest(self) -> str:
        """Fingerprint of everything this cycle's result depends on, except the code and the data.

        Settings at their default leave no trace in it, so that a setting added later does not make old records stale.
        """
        settings = self.settings.changes() | {"threads": self.settings.threads}
        words = json.dumps([VERSION, settings, self.method, self.ablation, self.seed, self.number], sort_keys=True)
        return hashlib.sha256(words.encode()).hexdigest()[:16]

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

    @property
    def history(self) -> "list[Cycle]":
        """The cycles up to this one, first training first."""
        return [*(self.previous.history if self.previous else []), self]

    def labels_of(self, ids: list[str]) -> Tensor:
        """(n, H, W) uint8 training labels of labelled images: the accepted answers of all cycles, later ones on top."""
        merged: dict[str, np.ndarray] = {}
        for step in self.history:
            merged = merge(merged, accepted(step.annotations(), step.queries()))
        return torch.from_numpy(np.stack([merged[name] for name in ids]))


def accepted(annotations: dict[str, np.ndarray], queries: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """The answers of one cycle that joined the labelled pool: all but those the queries name as not accepted."""
    refused = {query["id"] for query in queries if not query["accepted"]}
    return {name: labels for name, labels in annotations.items() if name not in refused}


def merge(old: dict[str, np.ndarray], new: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Annotations by image, (H, W) uint8 with 255 = not annotated: the new ones where they say something."""
    seen = {name: np.where(labels != VOID, labels, old[name]) for name, labels in new.items() if name in old}
    return old | new | seen
