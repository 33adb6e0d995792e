"""Training and evaluation of the segmentation network (paper sections 3.1 and 4)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from segxal.core.errors import ConfigError, TrainingDiverged
from segxal.core.labels import VOID
from segxal.core.seeds import lent
from segxal.data.base import Frames
from segxal.models.base import normalise
from segxal.models.device import amp_dtype, autocast, device
from segxal.training.augment import Augmentation
from segxal.training.objectives.s4al import (
    COLD,
    COLD_WEIGHT,
    Taught,
    class_mix,
    ramped_average,
    taught,
    unlabelled,
    unsupervised_loss,
)
from segxal.training.predict import evaluate
from segxal.training.settings import TrainConfig

EMA_DECAY = 0.99  # of the teacher's weights per step


@dataclass(frozen=True)
class Fit:
    """What a training gave.

    Attributes:
        model: the network with the weights of its best validation score, in evaluation mode.
        teacher: exponential moving average of the weights over the whole training, in evaluation mode.
        history: one row per validation: ``step``, ``loss`` (mean since the last row), ``val_miou`` (0..1).
    """

    model: nn.Module
    teacher: nn.Module
    history: list[dict[str, float]]


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """Class-weighted cross-entropy averaged over the labelled pixels.

    Args:
        logits: (N, C, H, W).
        labels: (N, H, W) int64, 255 = void.
        weights: (C,) or None.

    Returns:
        A scalar; 0 with zero gradients when every pixel is void (torch's own mean is NaN there).
    """
    total = F.cross_entropy(logits, labels, weights, ignore_index=VOID, reduction="sum")
    valid = labels[labels != VOID]
    mass = weights[valid].sum() if weights is not None else valid.numel()
    return total / max(float(mass), 1e-6)


def class_weights(labels: Tensor, classes: int, rule: str) -> Tensor | None:
    """Weights of the loss from the labelled pixels.

    Args:
        labels: (N, H, W) uint8, 255 = void.
        classes: number of classes C.
        rule: ``none``, or ``sqrt-frequency``: proportional to 1 / sqrt(share of the pixels).

    Returns:
        (C,) float32 with mean 1 over the classes that occur (absent classes get 1), or None.
    """
    if rule == "none":
        return None
    counts = torch.bincount(labels[labels != VOID].long().flatten(), minlength=classes).float()
    present = counts > 0
    weights = torch.ones(classes)
    if present.any():
        inverse = (counts[present] / counts.sum()).rsqrt()
        weights[present] = inverse / inverse.mean()
    return weights


def fit(
    model: nn.Module, frames: Frames, indices: list[int], labels: Tensor, val: Frames, config: TrainConfig,
    steps: int, generator: torch.Generator,
) -> Fit:  # fmt: skip
    """Train on annotated images; the validation split picks the weights that are kept.

    With ``config.semi`` = ``s4al`` every step also learns from a batch of images that are not annotated, or for the
    most part not: pseudo-labels of the teacher, mixed by ClassMix (see :mod:`segxal.training.objectives.s4al`). Where
    all images are annotated it makes no difference.

    Args:
        model: the network to start from; it is trained in place.
        frames: the training split, for its images (its own labels are not looked at), the unlabelled ones included.
        indices: positions of the n annotated images in ``frames``.
        labels: (n, H, W) uint8, what the oracles answered; 255 = not annotated.
        val: the validation split.
        config: how to train.
        steps: optimiser steps; 0 = ``config.epochs`` passes.
        generator: source of all randomness.

    Returns:
        The trained network, its teacher and the history.

    Raises:
        ConfigError: if no image is annotated.
        TrainingDiverged: if the loss becomes NaN or infinite.

    Source: the semi-supervised part is S4AL's (arXiv 2210.08403). Departure: no L_adapt (pasting of tail classes); the
    first fifth of the steps is supervised alone, with weight 1.5 (S4AL: the first 10 of 100 epochs); annotated regions
    teach in both losses (S4AL: in the unsupervised one alone); the teacher is in evaluation mode and averages batch
    normalisation's statistics too; flips and crops come before the teacher, colour jitter on every mixed image.
    """
    if not indices:
        raise ConfigError("no annotated image to train on; label at least one (pool.start) before training")
    with lent(generator):  # dropout draws from the global generator
        return _train(model, frames, indices, labels, val, config, steps, generator)


def _train(
    model: nn.Module, frames: Frames, indices: list[int], labels: Tensor, val: Frames, config: TrainConfig,
    steps: int, generator: torch.Generator,
) -> Fit:  # fmt: skip
    steps = steps or config.epochs * math.ceil(len(indices) / config.batch)
    place = device()
    model.to(place).to(memory_format=torch.channels_last).train()
    average = (ramped_average if config.semi == "s4al" else get_ema_multi_avg_fn)(EMA_DECAY)
    teacher = AveragedModel(model, multi_avg_fn=average, use_buffers=True).eval()
    optimizer = _optimizer(model, config)
    schedule = _schedule(optimizer, config, steps)
    scaler = torch.amp.GradScaler(place.type, enabled=amp_dtype(config.amp) == torch.float16)
    weights = class_weights(labels, len(frames.classes), config.class_weights)
    weights = weights if weights is None else weights.to(place)
    checks = {math.ceil(steps * k / config.evaluations) for k in range(1, config.evaluations + 1)}
    history: list[dict[str, float]] = []
    best, kept, losses = -1.0, {}, []
    batches = _batches(frames, indices, labels, config, steps, generator, place)
    mixed = _mixed(teacher, frames, indices, labels, config, steps, generator, place)
    for step, (x, y) in enumerate(tqdm(batches, total=steps, desc="training", leave=False, mininterval=1), 1):
        loss = cross_entropy(_logits(model, x, config.amp), y, weights)
        if mixed is not None and step <= COLD * steps:
            loss = COLD_WEIGHT * loss
        elif mixed is not None:
            batch = next(mixed)
            loss = loss + unsupervised_loss(_logits(model, batch.images, config.amp), batch)
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise TrainingDiverged(
                f"loss became {losses[-1]} at step {step} of {steps} (lr {schedule.get_last_lr()[0]:.2g}); lower "
                "train.lr or set train.amp to off. The state of the last finished cycle is untouched"
            )
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        schedule.step()
        teacher.update_parameters(model)
        if step in checks:
            miou = float(evaluate(model, val, config.amp).confusion.miou)
            history.append({"step": step, "loss": sum(losses) / len(losses), "val_miou": miou})
            losses = []
            if miou > best:
                best, kept = miou, {k: v.detach().clone() for k, v in model.state_dict().items()}
    model.load_state_dict(kept or model.state_dict())
    return Fit(model.eval(), teacher.module.eval(), history)


def _logits(model: nn.Module, images: Tensor, amp: str) -> Tensor:
    with autocast(amp):
        logits = model(normalise(images).contiguous(memory_format=torch.channels_last))
    return logits.float()


def _mixed(
    teacher: nn.Module, frames: Frames, indices: list[int], labels: Tensor, config: TrainConfig, steps: int,
    generator: torch.Generator, place: torch.device,
) -> Iterator[Taught] | None:  # fmt: skip
    """Batches of mixed images with labels of the teacher as it is when they are asked for; None for none."""
    if config.semi == "none":
        return None
    positions, annotation = unlabelled(len(frames), indices, labels)
    if not positions:
        return None
    batches = _batches(frames, positions, annotation, replace(config, jitter=0.0), steps, generator, place)
    recolour = Augmentation(replace(config, crop=1.0, flip=False), (labels.shape[-2], labels.shape[-1]))
    return (_taught_mix(teacher, x, y, config.amp, recolour, generator) for x, y in batches)


@torch.no_grad()
def _taught_mix(
    teacher: nn.Module, images: Tensor, annotation: Tensor, amp: str, recolour: Augmentation,
    generator: torch.Generator,
) -> Taught:  # fmt: skip
    probs = _logits(teacher, images, amp).softmax(1)
    mix = class_mix(taught(images, annotation, probs), generator)
    return replace(mix, images=recolour(mix.images, mix.labels, generator)[0])


def _optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    weights, lr, decay = model.parameters(), config.lr, config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(weights, lr=lr, momentum=config.betas[0], weight_decay=decay)
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(weights, lr=lr, betas=config.betas, weight_decay=decay)


def _schedule(
    optimizer: torch.optim.Optimizer, config: TrainConfig, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    if config.schedule == "one-cycle":
        total = 6 if steps == 5 else max(steps, 2)  # torch divides by 0.2 * 5 - 1 = 0
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, config.lr, total_steps=total, pct_start=0.2, cycle_momentum=False
        )
    power = 0.9 if config.schedule == "poly" else 0.0
    return torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=steps, power=power)


def _batches(
    frames: Frames, indices: list[int], labels: Tensor, config: TrainConfig, steps: int,
    generator: torch.Generator, place: torch.device,
) -> Iterator[tuple[Tensor, Tensor]]:  # fmt: skip
    """Passes over the annotated images in random order; every batch is full, also when there are fewer images."""
    images = frames.images[indices].to(place)
    labels = labels.to(place)
    augment = Augmentation(config, (images.shape[-2], images.shape[-1]))
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        while len(order) < config.batch:
            order = torch.cat([order, _order(labels, config.sampling, generator)])
        chosen, order = order[: config.batch], order[config.batch :]
        x, y = augment(images[chosen], labels[chosen], generator)
        yield x, y.long()


def _order(labels: Tensor, sampling: str, generator: torch.Generator) -> Tensor:
    """Which images come next: each once (``image``), or as many draws with odds by what is annotated in them."""
    if sampling == "image":
        return torch.randperm(len(labels), generator=generator)
    odds = (labels != VOID).flatten(1).sum(1).cpu().float().sqrt() + 1e-6
    return torch.multinomial(odds, len(labels), replacement=True, generator=generator)
