"""Stratified K-fold cross-validation of the supervised baseline (paper section 4)."""

import dataclasses
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
from segxal.models.base import build_model
from segxal.storage.files import read_json, write_json
from segxal.study.settings import Preset
from segxal.training.engine import fit
from segxal.training.predict import evaluate


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
        raise ConfigError(f"{folds} folds of {len(labels)} images; give 2 or more folds and at least as many images")
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
    kept in ``study/kfold`` and not run again with the same settings.

    Returns:
        ``miou``: shares in 0..1, one per fold; ``class_iou``: per fold a list over classes.
    """
    splits = open_splits(preset, data_root, study / "cache")
    torch.set_num_threads(preset.threads)
    train = part_of(splits.train, [i for i, labelled in enumerate(splits.train.labelled) if labelled])
    pairs = folds_of(train.labels, len(train.classes), preset.folds, seed)
    settings = _plain({part: dataclasses.asdict(getattr(preset, part)) for part in ("model", "train", "data")})
    files = [study / "kfold" / f"seed{seed}_fold{number}.json" for number in range(len(pairs))]
    missing = [k for k, file in enumerate(files) if not file.is_file() or read_json(file)["settings"] != settings]
    for number in tqdm(missing, desc="folds", disable=not missing):
        result = _fold(preset, seed, number, train, splits.val, *pairs[number])
        write_json(files[number], {"settings": settings, **result})
    results = [read_json(file) for file in files]
    return {key: [result[key] for result in results] for key in ("miou", "class_iou")}


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    return {
        part: {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}
        for part, fields in settings.items()
    }


def _fold(
    preset: Preset, seed: int, number: int, train: Frames, val: Frames, inside: list[int], outside: list[int]
) -> dict[str, Any]:
    model = build_model(preset.model, len(train.classes), seeds.generator(seed, "weights"))
    generator = seeds.generator(seed, "fold", number)
    trained = fit(model, train, inside, train.labels[inside], val, preset.train, preset.train.steps, generator)
    held_out = evaluate(trained.model, part_of(train, outside), preset.train.amp).confusion
    return {"images": len(inside), "miou": held_out.miou, "class_iou": held_out.iou.tolist()}


def part_of(frames: Frames, indices: list[int]) -> Frames:
    """Some images of a split as a split of their own."""
    pick = [(frames.ids[i], frames.sequences[i], frames.labelled[i]) for i in indices]
    ids, sequences, labelled = (tuple(column) for column in zip(*pick, strict=True))
    depth = None if frames.depth is None else frames.depth[indices]
    return Frames(frames.classes, ids, frames.images[indices], frames.labels[indices], depth, sequences, labelled)
