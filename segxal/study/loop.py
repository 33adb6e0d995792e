"""The loop (paper sections 3.1 to 3.5): a stage of a method is a pure step from state on disk to state on disk."""

import hashlib
import os
import platform
import shutil
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor

from segxal.acquisition.oracles.base import Oracle
from segxal.acquisition.query import Ask
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID, Classes
from segxal.core.metrics import Confusion
from segxal.data.settings import DataConfig
from segxal.data.splits import Splits, open_splits
from segxal.methods.annotations import accepted
from segxal.methods.base import Context, Outcome
from segxal.models import build_model
from segxal.models.base import Network
from segxal.models.checkpoints import save_model
from segxal.models.device import device
from segxal.models.explain import near_pixels
from segxal.storage import paths
from segxal.storage.files import replacing, write_arrays, write_json
from segxal.storage.tensors import write_tensors
from segxal.study.settings import Preset
from segxal.study.state import MANIFEST, NETWORKS, Cycle
from segxal.training.predict import Scores, evaluate, evaluate_parts

# Real people: what a cycle asks of them, with the classes and the data root -> their answers.
Annotators = Callable[[Cycle, list[Ask], Classes, str], Oracle]


def run_cycle(cycle: Cycle, data_root: str = "", annotators: Annotators | None = None) -> Cycle:
    """Compute one cycle: query, annotate, gate, retrain, evaluate.

    The stages it depends on must be done. The result appears in ``cycle.folder`` all at once; nothing is done when it
    is there.

    Args:
        cycle: which cycle of which run.
        data_root: folder that holds the data sets, see :func:`segxal.data.open_dataset`.
        annotators: real people, for methods that ask them: :func:`segxal.apps.annotate.wait.annotators`.

    Returns:
        The same cycle, done.

    Raises:
        ConfigError: if a stage before is missing, the pool is too small, or nobody can be asked.
        AnnotationsWanted: if real people are asked and have not annotated everything yet.
        TrainingDiverged: if the loss is not finite. The earlier cycles stay as they are.
    """
    if cycle.is_done():
        return cycle
    started = time.perf_counter()
    for before in cycle.needs:
        if not before.is_done():
            raise ConfigError(
                f"cycle {cycle.number} of {cycle.method} needs {before.folder}, which is not done; run that cycle first"
            )
    settings = cycle.settings
    torch.set_num_threads(settings.threads)
    splits = open_splits(settings.data, data_root, cycle.study / "cache")
    keep_features(settings, splits)
    people = None if annotators is None else partial(_people, annotators, cycle, splits.train.classes, data_root)
    context = Context(settings, splits, cycle.seed, cycle.number, tuple(cycle.needs), people)
    outcome = cycle.how.run(context)
    numbers = {}
    if outcome.trained is not None:
        near = near_truth(settings.data, data_root, cycle.study / "cache")
        numbers = _numbers(_scores(outcome.trained.model, settings, splits, near)) | {
            "history": outcome.trained.history
        }
    _write(cycle, outcome, numbers, splits.train.classes.names, time.perf_counter() - started)
    return cycle


def keep_features(settings: Preset, splits: Splits) -> None:
    """Have what a frozen encoder says of all images of a study on disk, so that it runs on each of them once."""
    if not settings.model.frozen:
        return
    network = build_model(settings.model, len(splits.train.classes), torch.Generator())
    learned = (splits.train, *([] if splits.source is None else [splits.source]))
    for frames in (*learned, splits.val, splits.test):
        flipped = settings.train.flip and any(frames is one for one in learned)
        network.keep_features(frames.images, paths.FEATURES, mirrored=flipped)


def _people(annotators: Annotators, cycle: Cycle, classes: Classes, data_root: str, asks: list[Ask]) -> Oracle:
    return annotators(cycle, asks, classes, data_root)


@lru_cache(maxsize=2)
def near_truth(data: DataConfig, data_root: str, cache: Path) -> Tensor:
    """(N, H, W) uint8 labels of the reported split where it is near, 255 elsewhere: the same for all networks."""
    reported = open_splits(data, data_root, cache).reported
    return torch.where(near_pixels(reported), reported.labels, VOID)


def _scores(model: Network, preset: Preset, splits: Splits, near: Tensor) -> dict[str, Scores]:
    """Scores on the validation split, on the reported one, and on what is near in it (the rest is far)."""
    reported, amp = splits.reported, preset.train.amp
    parts = {"report": reported.labels, "near": near}
    return {"val": evaluate(model, splits.val, amp)} | evaluate_parts(model, reported, parts, amp)


def _write(cycle: Cycle, outcome: Outcome, numbers: dict[str, Any], classes: tuple[str, ...], seconds: float) -> None:
    preset = cycle.settings
    metrics = {
        "method": cycle.method, "ablation": cycle.ablation, "seed": cycle.seed, "cycle": cycle.number,
        "oracle": cycle.how.oracle, "depth": preset.mask.depth,
        "budget": outcome.budget, "labelled": len(outcome.pool.labelled), "queried": len(outcome.queries),
        "accepted": sum(q["accepted"] for q in outcome.queries),
        "w_pae": outcome.weights[0], "w_ebu": outcome.weights[1], "split": preset.data.report, "classes": list(classes),
        "bought": _class_counts(accepted(outcome.annotations, outcome.queries), len(classes)), **numbers,
        **outcome.numbers,
    }  # fmt: skip
    _sweep(cycle.folder)
    with replacing(cycle.folder) as folder:
        folder.mkdir()
        outcome.pool.write(folder / "pool.json")
        write_arrays(folder / "annotations.npz", **outcome.annotations)
        if outcome.asked:
            write_arrays(folder / "asked.npz", **{name: part.astype(np.uint8) for name, part in outcome.asked.items()})
        for name in NETWORKS if outcome.trained else ():
            save_model(folder / f"{name}.safetensors", getattr(outcome.trained, name))
        for name, (weights, purpose) in outcome.learned.items():
            write_tensors(folder / f"{name}.safetensors", weights, **purpose)
        write_json(folder / "queries.json", outcome.queries)
        write_json(folder / "metrics.json", metrics)
        write_json(folder / "timing.json", _timing(preset, seconds))
        files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in sorted(folder.iterdir())}
        write_json(folder / MANIFEST, {"digest": cycle.digest, "files": files})


def _timing(preset: Preset, seconds: float) -> dict[str, Any]:
    """Where and how long: kept apart from the metrics, which are the same on every run of one machine."""
    versions = {"torch": torch.__version__, "python": platform.python_version()}
    return {"seconds": round(seconds, 2), "device": str(device()), "threads": preset.threads, **versions}


def _sweep(folder: Path) -> None:
    """Remove what killed processes left beside the folder; a process number, and so the name, may come again."""
    for rest in folder.parent.glob(f".{folder.name}.*tmp"):
        process = int(rest.name.removeprefix(f".{folder.name}.").split(".")[0])
        if process == os.getpid() or not psutil.pid_exists(process):
            shutil.rmtree(rest)


def _class_counts(annotations: dict[str, np.ndarray], classes: int) -> list[int]:
    """Annotated pixels of each class."""
    labels = [part.ravel() for part in annotations.values()]
    return np.bincount(np.concatenate([*labels, [VOID]]).astype(int), minlength=VOID)[:classes].tolist()


def _numbers(scores: dict[str, Scores]) -> dict[str, Any]:
    """Scores of each split as shares in 0..1, with the counts they come from."""
    far = Confusion(scores["report"].confusion.classes)
    far.counts = scores["report"].confusion.counts - scores["near"].confusion.counts
    parts = {name: _ious(part.confusion) | {"ece": part.calibration.ece} for name, part in scores.items()}
    return parts | {"far": _ious(far)}


def _ious(confusion: Confusion) -> dict[str, Any]:
    return {
        "miou": confusion.miou, "dice": confusion.mean_dice, "accuracy": confusion.accuracy,
        "class_iou": confusion.iou.tolist(), "confusion": confusion.to_list(),
    }  # fmt: skip
