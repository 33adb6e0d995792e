"""A short training on new answers, without a cycle of its own: what a few clicks change."""

import copy
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from segxal.acquisition.strategies.base import Learner
from segxal.core.errors import ConfigError
from segxal.data.base import Frames
from segxal.methods.annotations import merge
from segxal.training.engine import fit
from segxal.training.predict import confusion_of
from segxal.training.task import Task


def retrained(
    learner: Learner, frames: Frames, val: Frames, answers: Mapping[str, np.ndarray], steps: int,
    generator: torch.Generator,
) -> Learner:  # fmt: skip
    """The network after a short training on what was known and on new answers; the one given is not changed.

    Images with few annotated pixels are drawn less often (``sqrt-pixels``), as in the loop's region
    methods.

    Args:
        learner: the network, with what it was trained on.
        frames: the split its images lie in.
        val: the validation split, which picks the weights that are kept.
        answers: per image (H, W) uint8 train ids, 255 = not annotated; they go on top of what was known.
        steps: optimiser steps, at least 1.
        generator: source of all randomness.

    Raises:
        ConfigError: if there are no steps, or an image is not in the split.
    """
    unknown = sorted(set(answers) - set(frames.ids))
    if unknown or steps < 1:
        what = f"an answer for {unknown[0]}, which is not in the split" if unknown else f"a training of {steps} steps"
        raise ConfigError(f"{what}; give answers for images of the split and at least 1 step")
    known = {frames.ids[i]: part.numpy() for i, part in zip(learner.labelled, learner.labels, strict=True)}
    merged = merge(known, dict(answers))
    labelled = tuple(i for i, name in enumerate(frames.ids) if name in merged)
    labels = torch.from_numpy(np.stack([merged[frames.ids[i]] for i in labelled]))
    config = replace(learner.train, sampling="sqrt-pixels")
    task = Task(frames, labelled, labels, val, steps, generator)
    trained = fit(copy.deepcopy(learner.model), task, config).model
    return replace(learner, model=trained, labelled=labelled, labels=labels)


def score(learner: Learner, frames: Frames) -> float:
    """Mean IoU of a network on a labelled split, 0 to 1."""
    return confusion_of(learner.model, frames, learner.amp).miou
