"""Training against a plain float32 NCHW loop, and what bfloat16 and channels_last bring on this machine."""

from collections.abc import Callable
from typing import Any

import torch
from scene import Sizes, streets
from timer import Row, medians
from torch import nn
from torch.nn import functional as F

from segxal.core.seeds import generator
from segxal.data.base import Frames
from segxal.models import build_model
from segxal.models.base import Network
from segxal.models.device import amp_dtype, device, has_fast_bf16
from segxal.models.settings import ModelConfig
from segxal.training.augment import Augmentation
from segxal.training.engine import fit
from segxal.training.objectives.supervised import class_weights
from segxal.training.settings import TrainConfig
from segxal.training.task import Task


def rows(sizes: Sizes, repeats: int) -> list[Row]:
    """Steps per second of whole trainings, then of bare steps by precision, memory format and width."""
    found = []
    for size in sizes.images:
        found.append(_whole(size, sizes, repeats))
        for base, batch in ((sizes.base, sizes.batch), (sizes.wide, max(2, sizes.batch // 4))):
            found += _bare(size, base, batch, repeats)
    return found


def _whole(size: tuple[int, int], sizes: Sizes, repeats: int) -> Row:
    """The same data, augmentation, loss, optimiser and schedule; ours also keeps the teacher and watches the loss."""
    steps = max(2, sizes.steps // 15)
    frames, val = streets(size, 2 * sizes.batch), streets(size, 1, "val")
    config = TrainConfig(steps=steps, cycle_steps=1, batch=sizes.batch, evaluations=1)

    def ours() -> None:
        everything, random = tuple(range(len(frames))), generator(0, "bench", "train")
        fit(_network(sizes.base, frames), Task(frames, everything, frames.labels, val, steps, random), config)

    times = medians({"ours": ours, "plain": lambda: _plain_loop(_network(sizes.base, frames), frames, config)}, repeats)
    speed = {name: steps / value for name, value in times.items()}
    kind = str(amp_dtype("auto")).removeprefix("torch.")
    target = 2.5 if has_fast_bf16() else None
    note = f"train.amp = auto is {kind} here" + (
        "" if target else "; the target 2.5x is for CPUs with bf16 matrix units"
    )
    where = f"{size[0]}x{size[1]} width {sizes.base}"
    return Row("training / plain loop", where, speed["ours"], speed["plain"],
               times["plain"] / times["ours"], target, "steps/s", note)  # fmt: skip


def _network(base: int, frames: Frames) -> Network:
    return build_model(ModelConfig("unet", base=base), len(frames.classes), generator(0, "bench", "weights"))


def _plain_loop(model: Network, frames: Frames, config: TrainConfig) -> None:
    """A training loop as one writes it first: float32, NCHW, no teacher."""
    place, draw = device(), generator(0, "bench", "train")
    model.to(place, memory_format=torch.contiguous_format).train()
    augment = Augmentation(config, (frames.images.shape[-2], frames.images.shape[-1]))
    weights = class_weights(frames.labels, len(frames.classes), config.class_weights)
    criterion = nn.CrossEntropyLoss(weights, ignore_index=255).to(place)
    optimizer = torch.optim.AdamW(model.parameters(), config.lr, config.betas, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.lr, total_steps=max(2, config.steps))
    for _ in range(config.steps):
        chosen = torch.randint(len(frames), (config.batch,), generator=draw)
        x, y = augment(frames.images[chosen], frames.labels[chosen], draw)
        loss = criterion(model(model.normalise(x.to(place))), y.long().to(place))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        loss.item()


def _bare(size: tuple[int, int], base: int, batch: int, repeats: int) -> list[Row]:
    """One forward and backward pass with an optimiser step, nothing else."""
    frames = streets(size, batch)
    last, first = torch.channels_last, torch.contiguous_format
    cases = {
        "plain": _step(frames, base, first, torch.float32),
        "channels": _step(frames, base, last, torch.float32),
        "bf16": _step(frames, base, last, torch.bfloat16),
    }
    speed = {name: 1 / value for name, value in medians(cases, repeats).items()}
    where = f"{size[0]}x{size[1]} width {base}"
    compared = (("step, channels_last / NCHW, float32", "channels", "plain"),
                ("step, bf16 / float32, channels_last", "bf16", "channels"))  # fmt: skip
    return [Row(n, where, speed[a], speed[b], speed[a] / speed[b], None, "steps/s") for n, a, b in compared]


def _step(frames: Frames, base: int, layout: torch.memory_format, dtype: torch.dtype) -> Callable[[], Any]:
    model = _network(base, frames).to(device(), memory_format=layout)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    x = model.normalise(frames.images.to(device())).contiguous(memory_format=layout)
    y = frames.labels.long().to(device())

    def act() -> None:
        with torch.autocast(x.device.type, dtype=dtype, enabled=dtype != torch.float32):
            logits = model(x)
        optimizer.zero_grad()
        F.cross_entropy(logits.float(), y, ignore_index=255).backward()
        optimizer.step()

    return act
