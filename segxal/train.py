"""Training and evaluation of the segmentation network (paper sections 3.1 and 4)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from segxal.augment import Augmentation
from segxal.config import TrainConfig
from segxal.data.base import Frames
from segxal.device import amp_dtype, autocast, device
from segxal.errors import ConfigError, TrainingDiverged
from segxal.labels import VOID
from segxal.metrics import CalibrationBins, Confusion
from segxal.models import normalise
from segxal.seeds import lent

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


@dataclass(frozen=True)
class Scores:
    """Confusion counts and calibration of one network on one split."""

    confusion: Confusion
    calibration: CalibrationBins


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

    Args:
        model: the network to start from; it is trained in place.
        frames: the training split, for its images (its own labels are not looked at).
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
    """
    if not indices:
        raise ConfigError("no annotated image to train on; label at least one (loop.start) before training")
    with lent(generator):  # dropout draws from the global generator
        return _train(model, frames, indices, labels, val, config, steps, generator)


def _train(
    model: nn.Module, frames: Frames, indices: list[int], labels: Tensor, val: Frames, config: TrainConfig,
    steps: int, generator: torch.Generator,
) -> Fit:  # fmt: skip
    steps = steps or config.epochs * math.ceil(len(indices) / config.batch)
    place = device()
    model.to(place).to(memory_format=torch.channels_last).train()
    teacher = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(EMA_DECAY), use_buffers=True)
    optimizer = _optimizer(model, config)
    schedule = _schedule(optimizer, config, steps)
    scaler = torch.amp.GradScaler(place.type, enabled=amp_dtype(config.amp) == torch.float16)
    weights = class_weights(labels, len(frames.classes), config.class_weights)
    weights = weights if weights is None else weights.to(place)
    checks = {math.ceil(steps * k / config.evaluations) for k in range(1, config.evaluations + 1)}
    history: list[dict[str, float]] = []
    best, kept, losses = -1.0, {}, []
    batches = _batches(frames, indices, labels, config, steps, generator, place)
    for step, (x, y) in enumerate(tqdm(batches, total=steps, desc="training", leave=False, mininterval=1), 1):
        with autocast(config.amp):
            logits = model(normalise(x).contiguous(memory_format=torch.channels_last))
        loss = cross_entropy(logits.float(), y, weights)
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
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, config.lr, total_steps=max(steps, 2), pct_start=0.2, cycle_momentum=False
        )
    power = 0.9 if config.schedule == "poly" else 0.0
    return torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=steps, power=power)


def _batches(
    frames: Frames, indices: list[int], labels: Tensor, config: TrainConfig, steps: int,
    generator: torch.Generator, place: torch.device,
) -> Iterator[tuple[Tensor, Tensor]]:  # fmt: skip
    """Shuffled passes over the annotated images; every batch is full, also when there are fewer images."""
    images = frames.images[indices].to(place)
    labels = labels.to(place)
    augment = Augmentation(config, (images.shape[-2], images.shape[-1]))
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        while len(order) < config.batch:
            order = torch.cat([order, torch.randperm(len(indices), generator=generator)])
        chosen, order = order[: config.batch], order[config.batch :]
        x, y = augment(images[chosen], labels[chosen], generator)
        yield x, y.long()


@torch.no_grad()
def predict(model: nn.Module, images: Tensor, amp: str, batch: int = 16) -> Iterator[Tensor]:
    """Class probabilities of images, batch by batch (memory stays flat).

    Args:
        model: the network; its training flags are restored afterwards.
        images: (N, 3, H, W) uint8.
        amp: precision, see :func:`segxal.device.amp_dtype`.
        batch: images per forward pass.

    Yields:
        (<= batch, C, H, W) float32 on the device; each pixel sums to 1 over C.
    """
    flags = {module: module.training for module in model.modules()}
    model.to(device()).to(memory_format=torch.channels_last).eval()
    try:
        for chunk in images.split(batch):
            x = normalise(chunk.to(device())).contiguous(memory_format=torch.channels_last)
            with autocast(amp):
                logits = model(x)
            yield logits.float().softmax(1)
    finally:
        for module, flag in flags.items():
            module.training = flag


def evaluate(model: nn.Module, frames: Frames, amp: str, batch: int = 16) -> Scores:
    """Score a network on a labelled split: one confusion matrix over all its pixels, void left out.

    Raises:
        TrainingDiverged: if the network's output is not finite.
    """
    confusion, calibration = Confusion(len(frames.classes)), CalibrationBins()
    truths = frames.labels.split(batch)
    for probs, truth in zip(predict(model, frames.images, amp, batch), truths, strict=True):
        if not bool(probs.isfinite().all()):
            raise TrainingDiverged(
                "the network's output is NaN; lower train.lr or set train.amp to off. The state of the last finished "
                "cycle is untouched"
            )
        confusion.update(probs.argmax(1).cpu(), truth)
        calibration.update(probs.cpu(), truth)
    return Scores(confusion, calibration)
