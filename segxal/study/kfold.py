"""Stratified K-fold cross-validation of the supervised baseline (paper section 4)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold
from torch import Tensor
from tqdm.auto import tqdm

from segxal.core import seeds
from segxal.core.errors import ConfigError
from segxal.data.base import Frames
from segxal.data.splits import open_splits
from segxal.models import build_model
from segxal.storage.files import read_rows, write_rows
from segxal.study.settings import Preset
from segxal.study.state import fingerprint
from segxal.training.engine import fit
from segxal.training.predict import confusion_of
from segxal.training.task import Task

FOLDS = "kfold.csv"  # in the folder of the study: one row per fold


def strata(labels: Tensor, classes: int) -> np.ndarray:
    """Stratum of each image: the rarest class it holds.

    Args:
        labels: (N, H, W) uint8, 255 = void.
        classes: number of classes C.

    Returns:
        (N,) int64 train id of the class that occurs in the fewest images among those the image holds; -1 for an
        all-void image. Departure: the paper does not say what the folds are stratified by.
    """
    present = np.stack([np.isin(np.arange(classes), image) for image in labels.numpy()])  # (N, C)
    rarity = present.sum(0)
    rank = np.where(present, rarity, np.iinfo(np.int64).max)
    return np.where(present.any(1), rank.argmin(1), -1)


def folds_of(labels: Tensor, classes: int, folds: int, seed: int) -> list[tuple[list[int], list[int]]]:
    """Positions (training, held out) of each fold; strata smaller than ``folds`` are put together.

    Raises:
        ConfigError: if there are fewer images than folds, or fewer than two folds.
    """
    if not 2 <= folds <= len(labels):
        raise ConfigError(f"{folds} folds of {len(labels)} images; use 2 or more folds and at least that many images")
    kinds = strata(labels, classes)
    values, counts = np.unique(kinds, return_counts=True)
    small = np.isin(kinds, values[counts < folds])
    kinds = np.where(small, values[counts.argmax()], kinds)
    state = int(seeds.rng(seed, "folds").integers(2**31))
    splitter = StratifiedKFold(folds, shuffle=True, random_state=state)
    return [(a.tolist(), b.tolist()) for a, b in splitter.split(kinds, kinds)]


def cross_validate(preset: Preset, seed: int, study: Path, data_root: str = "") -> dict[str, Any]:
    """Train and score the supervised network on every fold of the training split.

    Scores are taken on the held-out fold; the validation split picks the weights as everywhere. Finished folds are
    kept in ``study/kfold.csv`` and not run again with the same settings.

    Returns:
        ``miou``: shares in 0..1, one per fold; ``class_iou``: per fold a list over classes.
    """
    splits = open_splits(preset.data, data_root, study / "cache")
    torch.set_num_threads(preset.threads)
    train = splits.train.select([i for i, labelled in enumerate(splits.train.labelled) if labelled])
    pairs = folds_of(train.labels, len(train.classes), preset.folds, seed)
    file = study / FOLDS
    rows: list[dict[str, Any]] = [*read_rows(file)] if file.is_file() else []
    digests = [digest_of(preset, seed, number) for number in range(len(pairs))]
    missing = [number for number, digest in enumerate(digests) if digest not in {row["digest"] for row in rows}]
    for number in tqdm(missing, desc="folds", disable=not missing):
        result = _fold(preset, seed, number, train, splits.val, *pairs[number])
        rows = [row for row in rows if (int(row["seed"]), int(row["fold"])) != (seed, number)]
        rows.append(row_of(digests[number], seed, number, train.classes.names, result))
        write_rows(file, list(rows[-1]), sorted(rows, key=lambda row: (int(row["seed"]), int(row["fold"]))))
    found = {row["digest"]: row for row in rows}
    kept = [found[digest] for digest in digests]
    return {
        "miou": [float(row["miou"]) for row in kept],
        "class_iou": [[float(row[name]) for name in train.classes.names] for row in kept],
    }


def digest_of(preset: Preset, seed: int, number: int) -> str:
    """Fingerprint of everything the score of a fold depends on, except the code and the data."""
    changes = preset.changes()
    return fingerprint({part: changes[part] for part in ("model", "train", "data")}, preset.folds, seed, number)


def row_of(digest: str, seed: int, number: int, classes: Sequence[str], result: dict[str, Any]) -> dict[str, Any]:
    """One row of ``kfold.csv``: the fold, how many images it was trained on, its scores as shares, and its digest."""
    shares = dict(zip(classes, result["class_iou"], strict=True))
    scores = {"images": result["images"], "miou": result["miou"], **shares}
    return {"seed": seed, "fold": number, **scores, "digest": digest}


def _fold(
    preset: Preset, seed: int, number: int, train: Frames, val: Frames, inside: list[int], outside: list[int]
) -> dict[str, Any]:
    model = build_model(preset.model, len(train.classes), seeds.generator(seed, "weights"))
    generator = seeds.generator(seed, "fold", number)
    task = Task(train, tuple(inside), train.labels[inside], val, preset.train.steps, generator)
    trained = fit(model, task, preset.train)
    held_out = confusion_of(trained.model, train.select(outside), preset.train.amp)
    return {"images": len(inside), "miou": held_out.miou, "class_iou": held_out.iou.tolist()}
