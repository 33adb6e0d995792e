"""Training of the segmentation network (paper sections 3.1 and 4): one engine for every objective."""

import math
from dataclasses import dataclass, replace

import torch
from tqdm.auto import tqdm

from segxal.core.errors import TrainingDiverged
from segxal.core.seeds import drawing_from
from segxal.models.base import Network
from segxal.models.device import amp_dtype, device
from segxal.training.objectives import get_objective
from segxal.training.objectives.base import Objective
from segxal.training.predict import confusion_of
from segxal.training.settings import TrainConfig
from segxal.training.task import Task


@dataclass(frozen=True)
class Fit:
    """What a training gave.

    Attributes:
        model: the network with the weights of its best validation score, in evaluation mode.
        teacher: exponential moving average of the weights over the whole training, in evaluation mode.
        history: one row per validation: ``step``, ``loss`` (mean since the last row), ``val_miou`` (0..1).
    """

    model: Network
    teacher: Network
    history: list[dict[str, float]]


def fit(model: Network, task: Task, config: TrainConfig) -> Fit:
    """Train by the objective that the settings name; the validation split picks the weights that are kept.

    Args:
        model: the network to start from; it is trained in place.
        task: images, annotations, validation, length and randomness.
        config: how to train.

    Returns:
        The trained network, its teacher and the history.

    Raises:
        ConfigError: if there is no such objective, or it cannot learn from the task: no image is annotated.
        TrainingDiverged: if the loss becomes NaN or infinite.
    """
    objective = get_objective(config.objective)
    with drawing_from(task.generator):  # dropout draws from the global generator
        return _train(objective, model, replace(task, steps=task.length(config)), config)


def update(model: Network, task: Task, config: TrainConfig) -> Network:
    """A few steps on new annotations, at a constant rate; nothing is validated.

    Args:
        model: the network to start from; it is trained in place.
        task: images, annotations, length and randomness.
        config: how to train.

    Returns:
        The same network, in evaluation mode.

    Raises:
        ConfigError, TrainingDiverged: as :func:`fit`.
    """
    objective = get_objective(config.objective)
    with drawing_from(task.generator):
        return _train(objective, model, task, replace(config, schedule="constant"), validated=False).model


def _train(objective: Objective, model: Network, task: Task, config: TrainConfig, validated: bool = True) -> Fit:
    steps = task.steps
    model.ready().train()
    objective.setup(model, task, config)
    optimizer = _optimizer(model, config)
    schedule = _schedule(optimizer, config, steps)
    scaler = torch.amp.GradScaler(device().type, enabled=amp_dtype(config.amp) == torch.float16)
    checks = {math.ceil(steps * k / config.evaluations) for k in range(1, config.evaluations + 1) if validated}
    history: list[dict[str, float]] = []
    best, kept, losses = -1.0, {}, []
    for step in tqdm(range(1, steps + 1), desc="training", leave=False, mininterval=1):
        loss = objective.loss(step)
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
        objective.after_step(step)
        if step in checks:
            miou = float(confusion_of(model, task.val, config.amp).miou)
            history.append({"step": step, "loss": sum(losses) / len(losses), "val_miou": miou})
            losses = []
            if miou > best:
                best, kept = miou, {k: v.detach().clone() for k, v in model.state_dict().items()}
    model.load_state_dict(kept or model.state_dict())
    return Fit(model.eval(), objective.teacher, history)


def _optimizer(model: Network, config: TrainConfig) -> torch.optim.Optimizer:
    groups, decay = model.parameter_groups(config.lr), config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=config.betas[0], weight_decay=decay)
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, betas=config.betas, weight_decay=decay)


def _schedule(
    optimizer: torch.optim.Optimizer, config: TrainConfig, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    if config.schedule == "one-cycle":
        total = 6 if steps == 5 else max(steps, 2)  # torch divides by 0.2 * 5 - 1 = 0
        highest = [group["lr"] for group in optimizer.param_groups]
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, highest, total_steps=total, pct_start=0.2, cycle_momentum=False
        )
    power = 0.9 if config.schedule == "poly" else 0.0
    return torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=steps, power=power)
