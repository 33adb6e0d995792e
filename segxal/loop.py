"""The active-learning loop (paper sections 3.1 to 3.5): a cycle is a pure step from state to state on disk."""

import hashlib
import os
import platform
import shutil
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch import nn

from segxal import seeds
from segxal.config import Preset
from segxal.data import open_dataset
from segxal.data.base import Dataset, Frames, load_frames
from segxal.device import device
from segxal.eem import ErrorMask, error_masks, learn_weights, top_area
from segxal.errors import ConfigError
from segxal.files import replacing, write_arrays, write_json
from segxal.gate import dice_agreement, passes
from segxal.labels import VOID
from segxal.methods import START, SUPERVISED, get_method
from segxal.models import build_model, load_model, save_model, target_layer
from segxal.oracles import get_oracle
from segxal.oracles.base import Annotation, Query, check_annotation
from segxal.oracles.whole_image import WholeImageOracle
from segxal.pool import Pool, random_subset, start_pool
from segxal.state import MANIFEST, Cycle
from segxal.strategies import get_strategy
from segxal.strategies.base import Learner, choose
from segxal.train import Fit, Scores, evaluate, fit

FUSION_IMAGES = 64  # labelled images the learned fusion is fitted on, at most


@dataclass(frozen=True)
class Splits:
    """The three splits of a study in memory."""

    train: Frames
    val: Frames
    test: Frames

    def reported(self, preset: Preset) -> Frames:
        """The split whose scores are printed."""
        return self.test if preset.data.report == "test" else self.val


def open_sources(preset: Preset, data_root: str = "") -> list[Dataset]:
    """Open the three splits of a study; nothing is decoded, so this says early what is missing."""
    size = (preset.data.height, preset.data.width)
    rendered = preset.data.name == "streets"
    sources = []
    for split, count in zip(("train", "val", "test"), preset.data.counts, strict=True):
        options = {"count": count, "seed": preset.data.seed} if rendered else {}
        sources.append(open_dataset(preset.data.name, split, size, data_root, **options))
    return sources


@lru_cache(maxsize=2)
def open_splits(preset: Preset, data_root: str = "", cache: Path | None = None) -> Splits:
    """Load the three splits of a study; decoded images are kept in ``cache``."""
    return Splits(*(load_frames(source, cache) for source in open_sources(preset, data_root)))


def run_cycle(cycle: Cycle, data_root: str = "") -> Cycle:
    """Compute one cycle: query, annotate, gate, retrain, evaluate.

    The cycle before must be done. The result appears in ``cycle.folder`` all at once; nothing is done when it is there.

    Args:
        cycle: which cycle of which run.
        data_root: folder that holds the data sets, see :func:`segxal.data.open_dataset`.

    Returns:
        The same cycle, done.

    Raises:
        ConfigError: if the cycle before is missing or the pool is too small.
        TrainingDiverged: if the loss is not finite. The earlier cycles stay as they are.
    """
    if cycle.is_done():
        return cycle
    started = time.perf_counter()
    preset = cycle.settings
    torch.set_num_threads(preset.threads)
    splits = open_splits(preset, data_root, cycle.study / "cache")
    step = _first(cycle, splits) if cycle.number == 0 else _next(cycle, splits)
    trained = fit(
        step.model, splits.train, step.pool.labelled, _training_labels(cycle, step), splits.val, preset.train,
        step.steps, seeds.generator(cycle.seed, "train", cycle.number),
    )  # fmt: skip
    scores = {name: evaluate(trained.model, frames, preset.train.amp) for name, frames in _scored(preset, splits)}
    _write(cycle, step, trained, scores, splits.train.classes.names, time.perf_counter() - started)
    return cycle


@dataclass
class _Step:
    """A cycle before its training: the pool it trains on and what was asked to get there."""

    pool: Pool
    model: nn.Module
    steps: int
    annotations: dict[str, np.ndarray]
    queries: list[dict[str, Any]]
    budget: dict[str, int]
    weights: tuple[float, float]


def _first(cycle: Cycle, splits: Splits) -> _Step:
    """Cycle 0: initial labels (or all, for the supervised baseline) and a fresh network."""
    preset, train = cycle.settings, splits.train
    known = [i for i, labelled in enumerate(train.labelled) if labelled]
    share = len(known) / len(train) if cycle.method == SUPERVISED else preset.loop.start
    pool = start_pool(train.ids, known, share, seeds.rng(cycle.seed, "start"))
    answers = {train.ids[i]: WholeImageOracle().annotate(_query(train, i)) for i in pool.labelled}
    all_cycles = preset.loop.cycles if cycle.method == SUPERVISED else 0
    steps = preset.train.steps + all_cycles * preset.train.cycle_steps
    model = build_model(preset.model, len(train.classes), seeds.generator(cycle.seed, "weights"))
    labels = {name: answer.labels for name, answer in answers.items()}
    weights = (preset.mask.w_pae, preset.mask.w_ebu)
    return _Step(pool, model, steps, labels, [], _add({}, list(answers.values())), weights)


def _next(cycle: Cycle, splits: Splits) -> _Step:
    """Cycles 1..: query by the strategy, annotate by the oracle, pass the gate."""
    preset, train, before = cycle.settings, splits.train, cycle.previous
    if before is None or not before.is_done():
        where = before.folder if before else "no cycle"
        raise ConfigError(f"cycle {cycle.number} of {cycle.method} needs {where}, which is not done; run that first")
    method = get_method(cycle.method)
    pool = Pool.read(before.folder / "pool.json")
    models = load_models(before, splits)
    learner = Learner(models["model"], target_layer(models["model"], preset.model), preset.mask, preset.train.amp)
    if preset.mask.fusion == "learned":
        learner = replace(learner, mask=_fitted_mask(learner, before, pool, train))
    count = max(1, round(preset.loop.step * len(train)))
    free = _askable(pool.unlabelled, train, method.oracle, count)
    candidates = random_subset(free, preset.loop.subset, count, seeds.rng(cycle.seed, "subset", cycle.number))
    scores = get_strategy(method.strategy)(learner, train, candidates, seeds.rng(cycle.seed, "query", cycle.number))
    chosen = choose(scores, candidates, count)
    oracle = get_oracle(method.oracle, preset.loop, models, preset.train.amp)
    answers, queries, accepted = {}, [], []
    for index, query in zip(chosen, queries_for(learner, train, chosen), strict=True):
        answer = check_annotation(oracle.annotate(query), query, len(train.classes))
        dice = dice_agreement(query.prediction, answer.reannotated(query.prediction))
        joins = bool((answer.labels != VOID).any()) and (
            not method.gated or passes(dice, preset.loop.tau, preset.loop.accept)
        )
        answers[query.id] = answer
        accepted += [index] if joins else []
        score = float(scores[candidates.index(index)])
        queries.append({"id": query.id, "score": score, "dice": dice, "accepted": joins,
                        "pixels": answer.pixels, "clicks": answer.clicks})  # fmt: skip
    scratch = preset.train.retrain == "scratch"
    model = models["model"]
    if scratch:
        model = build_model(preset.model, len(train.classes), seeds.generator(cycle.seed, "weights", cycle.number))
    steps = preset.train.steps if scratch else preset.train.cycle_steps
    budget = _add(before.metrics()["budget"], list(answers.values()))
    labels = {name: answer.labels for name, answer in answers.items()}
    weights = (learner.mask.w_pae, learner.mask.w_ebu)
    return _Step(pool.add(accepted, cycle.number), model, steps, labels, queries, budget, weights)


def _askable(free: list[int], train: Frames, oracle: str, count: int) -> list[int]:
    """Simulated people need ground truth; images without it can only be asked of the machine."""
    if oracle == "pseudo":
        return free
    known = [i for i in free if train.labelled[i]]
    if len(known) < min(count, len(free)):
        raise ConfigError(
            f"{count} images are to be queried, but only {len(known)} unlabelled ones have ground truth, which the "
            f"simulated oracle {oracle} needs; lower loop.step or loop.cycles, or use segxal-pseudo"
        )
    return known


def _fitted_mask(learner: Learner, before: Cycle, pool: Pool, train: Frames) -> Any:
    """Fusion weights from the labelled images that joined last; their masks are in memory at once."""
    latest = sorted(pool.labelled, key=lambda i: pool.since[i])[-FUSION_IMAGES:]
    w_pae, w_ebu = learn_weights(masks_of(learner, train, latest), before.labels_of([train.ids[i] for i in latest]))
    return replace(learner.mask, w_pae=w_pae, w_ebu=w_ebu)


def load_models(cycle: Cycle, splits: Splits) -> dict[str, nn.Module]:
    """The network (``model``) and its moving average (``teacher``) of a finished cycle, on the device."""
    config, classes, files = cycle.settings.model, len(splits.train.classes), ("model", "teacher")
    return {n: load_model(cycle.folder / f"{n}.safetensors", config, classes).to(device()) for n in files}


def masks_of(learner: Learner, frames: Frames, indices: list[int]) -> ErrorMask:
    """Error masks of some images of a split, all in memory, on the CPU."""
    depth = None if frames.depth is None else frames.depth[indices]
    parts = list(
        error_masks(
            learner.model, learner.layer, frames.images[indices], depth, frames.classes, learner.mask, learner.amp
        )
    )
    names = ErrorMask.__dataclass_fields__
    return ErrorMask(**{name: torch.cat([getattr(part, name) for part in parts]).cpu() for name in names})


def queries_for(learner: Learner, frames: Frames, indices: list[int]) -> list[Query]:
    """What an oracle is shown for these images: prediction, mask and the part that is asked for."""
    masks = masks_of(learner, frames, indices)
    asked = top_area(masks.eem, learner.mask.area)
    return [
        Query(frames.ids[i], frames.images[i].numpy(), masks.prediction[k].numpy(), masks.eem[k].numpy(),
              asked[k].numpy(), frames.labels[i].numpy())
        for k, i in enumerate(indices)
    ]  # fmt: skip


def _query(frames: Frames, index: int) -> Query:
    """A query before there is a network: the whole image is asked for."""
    truth = frames.labels[index].numpy()
    everything = np.ones(truth.shape)
    return Query(frames.ids[index], frames.images[index].numpy(), truth, everything, everything > 0, truth)


def _add(budget: dict[str, int], answers: list[Annotation]) -> dict[str, int]:
    """The budget after these answers: images, pixels and clicks people were asked for, the initial labels included."""
    spent = {
        "images": len(answers),
        "pixels": sum(a.pixels for a in answers),
        "clicks": sum(a.clicks for a in answers),
    }
    return {unit: budget.get(unit, 0) + spent[unit] for unit in spent}


def _training_labels(cycle: Cycle, step: _Step) -> torch.Tensor:
    ids = [step.pool.ids[i] for i in step.pool.labelled]
    fresh = [name for name in ids if name in step.annotations]
    old = [name for name in ids if name not in step.annotations]
    known = {name: torch.from_numpy(step.annotations[name]) for name in fresh}
    if old and cycle.previous:
        known |= dict(zip(old, cycle.previous.labels_of(old), strict=True))
    return torch.stack([known[name] for name in ids])


def _scored(preset: Preset, splits: Splits) -> list[tuple[str, Frames]]:
    return [("val", splits.val), ("report", splits.reported(preset))]


def _write(
    cycle: Cycle, step: _Step, trained: Fit, scores: dict[str, Scores], classes: tuple[str, ...], seconds: float
) -> None:
    preset = cycle.settings
    own = cycle.method not in (START, SUPERVISED)
    metrics = {
        "method": cycle.method, "ablation": cycle.ablation, "seed": cycle.seed, "cycle": cycle.number,
        "oracle": get_method(cycle.method).oracle if own else "whole-image", "depth": preset.mask.depth,
        "budget": step.budget, "labelled": len(step.pool.labelled), "queried": len(step.queries),
        "accepted": sum(q["accepted"] for q in step.queries), "w_pae": step.weights[0], "w_ebu": step.weights[1],
        "split": preset.data.report, "classes": list(classes),
        **{name: _numbers(part) for name, part in scores.items()}, "history": trained.history,
    }  # fmt: skip
    _sweep(cycle.folder)
    with replacing(cycle.folder) as folder:
        folder.mkdir()
        step.pool.write(folder / "pool.json")
        write_arrays(folder / "annotations.npz", **step.annotations)
        save_model(folder / "model.safetensors", trained.model, preset.model, len(classes))
        save_model(folder / "teacher.safetensors", trained.teacher, preset.model, len(classes))
        write_json(folder / "queries.json", step.queries)
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


def _numbers(scores: Scores) -> dict[str, Any]:
    """Scores of one split as shares in 0..1, with the counts they come from."""
    confusion = scores.confusion
    return {
        "miou": confusion.miou, "dice": confusion.mean_dice, "accuracy": confusion.accuracy,
        "ece": scores.calibration.ece, "class_iou": confusion.iou.tolist(), "confusion": confusion.to_list(),
    }  # fmt: skip
