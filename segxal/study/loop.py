"""The active-learning loop (paper sections 3.1 to 3.5): a cycle is a pure step from state to state on disk."""

import hashlib
import os
import platform
import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch import nn

from segxal.acquisition.oracles import get_oracle
from segxal.acquisition.oracles.base import Annotation, Oracle, check_annotation
from segxal.acquisition.oracles.label_studio import LabelStudioOracle
from segxal.acquisition.oracles.pixel import PixelOracle
from segxal.acquisition.oracles.whole_image import WholeImageOracle
from segxal.acquisition.pool import Pool, start_pool
from segxal.acquisition.query import Ask, ask, masks_of, pixels_query, whole_query
from segxal.acquisition.strategies.base import Learner
from segxal.apps.annotate.wait import answered
from segxal.core import seeds
from segxal.core.eem import learn_weights
from segxal.core.errors import ConfigError
from segxal.core.gate import dice_agreement, passes
from segxal.core.labels import VOID
from segxal.core.metrics import Confusion
from segxal.data.base import Frames
from segxal.data.splits import Splits, open_splits
from segxal.methods.base import PEOPLE, START, SUPERVISED, get_method
from segxal.models.base import build_model, load_model, save_model, target_layer
from segxal.models.device import device
from segxal.models.explain import near_pixels
from segxal.models.settings import MaskConfig
from segxal.storage.files import replacing, write_arrays, write_json
from segxal.study.settings import Preset
from segxal.study.state import MANIFEST, Cycle, accepted, merge
from segxal.training.engine import Fit, fit
from segxal.training.predict import Scores, evaluate, evaluate_parts

FUSION_IMAGES = 64  # labelled images the learned fusion is fitted on, at most


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
        AnnotationsWanted: if real people are asked and have not annotated everything yet.
        TrainingDiverged: if the loss is not finite. The earlier cycles stay as they are.
    """
    if cycle.is_done():
        return cycle
    started = time.perf_counter()
    preset = cycle.settings
    torch.set_num_threads(preset.threads)
    splits = open_splits(preset, data_root, cycle.study / "cache")
    step = _first(cycle, splits) if cycle.number == 0 else _next(cycle, splits, data_root)
    trained = fit(
        step.model, splits.train, step.pool.labelled, _training_labels(step), splits.val, preset.train,
        step.steps, seeds.generator(cycle.seed, "train", cycle.number),
    )  # fmt: skip
    scores = _scores(trained.model, preset, splits)
    _write(cycle, step, trained, _numbers(scores), splits.train.classes.names, time.perf_counter() - started)
    return cycle


@dataclass
class _Step:
    """A cycle before its training: the pool it trains on, what was known of it and what was asked to get there."""

    pool: Pool
    model: nn.Module
    steps: int
    annotations: dict[str, np.ndarray]
    queries: list[dict[str, Any]]
    budget: dict[str, Any]
    weights: tuple[float, float]
    known: dict[str, np.ndarray] = field(default_factory=dict)
    asked: dict[str, np.ndarray] = field(default_factory=dict)


def _first(cycle: Cycle, splits: Splits) -> _Step:
    """Cycle 0: initial labels (or all, for the supervised baseline) and a fresh network."""
    preset, train = cycle.settings, splits.train
    known = [i for i, labelled in enumerate(train.labelled) if labelled]
    share = len(known) / len(train) if cycle.method == SUPERVISED else preset.pool.start
    pool = start_pool(train.ids, known, share, seeds.rng(cycle.seed, "start"))
    pixels = 0 if cycle.method == SUPERVISED else preset.pool.start_pixels
    answers, asked = _start_answers(train, pool.labelled, pixels, seeds.rng(cycle.seed, "start-pixels"))
    all_cycles = preset.pool.cycles if cycle.method == SUPERVISED else 0
    steps = preset.train.steps + all_cycles * preset.train.cycle_steps
    model = build_model(preset.model, len(train.classes), seeds.generator(cycle.seed, "weights"))
    labels = {name: answer.labels for name, answer in answers.items()}
    weights = (preset.mask.w_pae, preset.mask.w_ebu)
    return _Step(pool, model, steps, labels, [], _add({}, list(answers.values())), weights, asked=asked)


def _start_answers(
    train: Frames, indices: list[int], pixels: int, rng: np.random.Generator
) -> tuple[dict[str, Annotation], dict[str, np.ndarray]]:
    """The initial labels: whole images, or ``pixels`` random pixels of each and which these are."""
    if not pixels:
        return {train.ids[i]: WholeImageOracle().annotate(whole_query(train, i)) for i in indices}, {}
    queries = [pixels_query(train, i, pixels, rng) for i in indices]
    return {q.id: PixelOracle().annotate(q) for q in queries}, {q.id: q.asked for q in queries}


def _next(cycle: Cycle, splits: Splits, data_root: str) -> _Step:
    """Cycles 1..: query by the strategy, annotate by the oracle, pass the gate."""
    preset, train, before = cycle.settings, splits.train, cycle.previous
    if before is None or not before.is_done():
        where = before.folder if before else "no cycle"
        raise ConfigError(f"cycle {cycle.number} of {cycle.method} needs {where}, which is not done; run that first")
    method, models = get_method(cycle.method), load_models(before, len(train.classes))
    pool = Pool.read(before.folder / "pool.json")
    learner = learner_of(before, models["model"], pool, preset)
    if preset.mask.fusion == "learned":
        learner = replace(learner, mask=fitted_mask(learner, pool, train))
    streams = {name: seeds.rng(cycle.seed, name, cycle.number) for name in ("subset", "query")}
    asks = ask(learner, method, train, pool, before, streams)
    oracle = _oracle(cycle, asks, models, train, data_root)
    answers, queries, joining = {}, [], []
    for one in asks:
        query = one.query
        answer = check_annotation(oracle.annotate(query), query, len(train.classes))
        dice = dice_agreement(query.prediction, answer.reannotated(query.prediction))
        joins = bool((answer.labels != VOID).any()) and (
            not method.gated or passes(dice, preset.gate.tau, preset.gate.accept)
        )
        answers[query.id] = answer
        joining += [one.index] if joins and one.index not in learner.labelled else []
        queries.append({"id": query.id, "score": one.score, "dice": dice, "accepted": joins,
                        "pixels": answer.pixels, "clicks": answer.clicks, **_timed(answer.lead_time)})  # fmt: skip
    scratch = preset.train.retrain == "scratch"
    model = models["model"]
    if scratch:
        model = build_model(preset.model, len(train.classes), seeds.generator(cycle.seed, "weights", cycle.number))
    steps = preset.train.steps if scratch else preset.train.cycle_steps
    budget = _add(before.metrics()["budget"], list(answers.values()))
    labels = {name: answer.labels for name, answer in answers.items()}
    asked = {one.query.id: one.query.asked for one in asks} if method.granularity != "image" else {}
    weights = (learner.mask.w_pae, learner.mask.w_ebu)
    known = {pool.ids[i]: part.numpy() for i, part in zip(learner.labelled, learner.labels, strict=True)}
    return _Step(pool.add(joining, cycle.number), model, steps, labels, queries, budget, weights, known, asked)


def _oracle(cycle: Cycle, asks: list[Ask], models: dict[str, nn.Module], train: Frames, data_root: str) -> Oracle:
    """Who answers this cycle's query: real people, who make errors of their own, or a simulation."""
    name, preset = get_method(cycle.method).oracle, cycle.settings
    if name == PEOPLE:
        answers = answered(cycle, asks, train.classes, data_root)
        return LabelStudioOracle(answers.labels, answers.undecided, answers.lead_time)
    noise = seeds.rng(cycle.seed, "noise", cycle.number)
    return get_oracle(name, preset.loop, models, preset.train.amp, noise)


def learner_of(cycle: Cycle, model: nn.Module, pool: Pool, preset: Preset) -> Learner:
    """The network of a finished cycle as strategies see it, with the annotations it was trained on."""
    labels = cycle.labels_of([pool.ids[i] for i in pool.labelled])
    layer = target_layer(model, preset.model)
    return Learner(model, layer, preset.mask, preset.loop, preset.train, tuple(pool.labelled), labels)


def fitted_mask(learner: Learner, pool: Pool, train: Frames) -> MaskConfig:
    """Fusion weights from the labelled images that joined last; their masks are in memory at once."""
    latest = sorted(range(len(learner.labelled)), key=lambda k: pool.since[learner.labelled[k]])[-FUSION_IMAGES:]
    masks = masks_of(learner, train, [learner.labelled[k] for k in latest])
    w_pae, w_ebu = learn_weights(masks, learner.labels[latest])
    return replace(learner.mask, w_pae=w_pae, w_ebu=w_ebu)


def load_models(cycle: Cycle, classes: int) -> dict[str, nn.Module]:
    """The network (``model``) and its moving average (``teacher``) of a finished cycle, on the device."""
    files, config = ("model", "teacher"), cycle.settings.model
    return {n: load_model(cycle.folder / f"{n}.safetensors", config, classes).to(device()) for n in files}


def _timed(seconds: float) -> dict[str, float]:
    """Measured time, where there is one: records of simulated people have no such entry."""
    return {"lead_time": round(seconds, 3)} if seconds else {}


def _add(budget: dict[str, Any], answers: list[Annotation]) -> dict[str, Any]:
    """The budget after these answers: images, pixels and clicks people were asked for, the initial labels included.

    With the seconds that real people were seen to spend (``lead_time``), where there are any.
    """
    spent = {
        "images": len(answers),
        "pixels": sum(a.pixels for a in answers),
        "clicks": sum(a.clicks for a in answers),
    }
    seconds = budget.get("lead_time", 0.0) + sum(a.lead_time for a in answers)
    return {unit: budget.get(unit, 0) + spent[unit] for unit in spent} | _timed(seconds)


def _training_labels(step: _Step) -> torch.Tensor:
    """(n, H, W) uint8 annotations of the labelled images, this cycle's answers on top of the earlier ones."""
    merged = merge(step.known, accepted(step.annotations, step.queries))
    return torch.from_numpy(np.stack([merged[step.pool.ids[i]] for i in step.pool.labelled]))


def _scores(model: nn.Module, preset: Preset, splits: Splits) -> dict[str, Scores]:
    """Scores on the validation split, on the reported one, and on what is near in it (the rest is far)."""
    reported, amp = splits.reported(preset), preset.train.amp
    near = torch.where(near_pixels(reported), reported.labels, VOID)
    parts = {"report": reported.labels, "near": near}
    return {"val": evaluate(model, splits.val, amp)} | evaluate_parts(model, reported, parts, amp)


def _write(
    cycle: Cycle, step: _Step, trained: Fit, numbers: dict[str, Any], classes: tuple[str, ...], seconds: float
) -> None:
    preset = cycle.settings
    own = cycle.method not in (START, SUPERVISED)
    metrics = {
        "method": cycle.method, "ablation": cycle.ablation, "seed": cycle.seed, "cycle": cycle.number,
        "oracle": get_method(cycle.method).oracle if own else "whole-image", "depth": preset.mask.depth,
        "budget": step.budget, "labelled": len(step.pool.labelled), "queried": len(step.queries),
        "accepted": sum(q["accepted"] for q in step.queries), "w_pae": step.weights[0], "w_ebu": step.weights[1],
        "split": preset.data.report, "classes": list(classes),
        "bought": _class_counts(accepted(step.annotations, step.queries), len(classes)), **numbers,
        "history": trained.history,
    }  # fmt: skip
    _sweep(cycle.folder)
    with replacing(cycle.folder) as folder:
        folder.mkdir()
        step.pool.write(folder / "pool.json")
        write_arrays(folder / "annotations.npz", **step.annotations)
        if step.asked:
            write_arrays(folder / "asked.npz", **{name: part.astype(np.uint8) for name, part in step.asked.items()})
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
