"""STAL's way to learn: a mean teacher labels what nobody did; classes it is weak in are seen more often."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from segxal.core.entropy import entropy_map
from segxal.core.labels import VOID
from segxal.core.metrics import class_counts
from segxal.models.base import Network
from segxal.models.device import device
from segxal.training.objectives.adapted import Adapted, Voice, grid_of, size_of, whole
from segxal.training.objectives.base import EMA_DECAY, Average
from segxal.training.objectives.contrast import Contrast, Pixels, embedding
from segxal.training.objectives.cutmix import PieceMix
from segxal.training.objectives.s4al import pasted_on, ramped_average
from segxal.training.settings import TrainConfig
from segxal.training.task import Task

ENOUGH, HARD = 0.042, 0.7  # OHEM: share of the pixels that always count; true-class probability up to which others do
MEMORY, START = 0.99, 0.5  # of the confidence bank, per step; what it begins with
PASTED = 3  # classes that copy-paste moves, in half of the batches
DROPPED = 0.2  # share of the pseudo-labels that the filter drops at the first step; none at the last
SURE, DOUBTFUL = 0.2, 0.8  # quantiles of entropy: below, a pseudo-label can be an anchor; above, a negative
COLD = 0.1  # share of the steps before the contrastive term


@dataclass(frozen=True)
class Read:
    """A batch as network and teacher see it, at every ``train.stride``-th pixel.

    Attributes:
        logits: (N, C, h, w) of the network, with gradients.
        probs: (N, C, h, w) of the teacher.
        labels: (N, h, w) int64, what is annotated; 255 = nothing.
        embedded: (N, K, h, w) the input of the network's last layer.
        taught: (N, K, h, w) the same of the teacher.
    """

    logits: Tensor
    probs: Tensor
    labels: Tensor
    embedded: Tensor
    taught: Tensor


class Stal(Adapted):
    """Supervised loss of hard pixels, consistency with a teacher on labelled and on mixed images, and contrast.

    Attributes:
        bank: (C,) how sure the network has been of each class where it is labelled, a moving average.
        rare: (C,) bool, classes that copy-paste may move.
        mix: mixes unlabelled images.

    Source: STAL (arXiv 2301.13361), a U2PL (Wang et al. 2022) with adaptive equalisation learning (Hu et al. 2021):
    teacher, bank, copy-paste, CutMix of pieces of weak classes, sampling, weights and filter as in its code.
    ``train.unreliable`` is ``paper``: drop the most uncertain pseudo-labels, or ``faithful``: drop the most certain, as
    the code does. Departure: the bank starts at 0.5 with memory 0.99, for short trainings (theirs: random, 0.999); the
    classes that copy-paste moves are those with at most the mean share of the labelled pixels (theirs: all but five of
    Cityscapes), and pieces are not rescaled; half a batch is mixed (theirs: one image); predictions are read at every
    ``train.stride``-th pixel; source and people have a mean of their own; the teacher is in evaluation mode.
    """

    bank: Tensor
    rare: Tensor
    mix: PieceMix

    def setup(self, model: Network, task: Task, config: TrainConfig) -> None:
        """See :class:`segxal.training.objectives.adapted.Adapted`."""
        super().setup(model, task, config)
        classes = len(task.target.classes)
        self.bank = torch.full((classes,), START)
        counts = class_counts(task.labels, classes)
        if task.source is not None:
            counts = counts + class_counts(task.source.labels, classes)
        self.rare = (counts > 0) & (counts <= counts.mean())
        self.mix = PieceMix(task.target, config, task.generator)
        self.contrast = Contrast(task.generator)

    def average(self) -> Average:
        """The ramped average."""
        return ramped_average(EMA_DECAY)

    def loss(self, step: int) -> Tensor:
        """Supervised, consistency, and contrast after the first tenth of the steps."""
        done = step / self.task.steps
        reads, total = [], torch.zeros((), device=device())
        for voice in (self.source, self.people):
            if voice is not None:
                read = self._labelled(voice)
                total = total + hard_cross_entropy(read.logits, read.labels, voice.weights)
                reads.append(read)
        for read in reads:
            total = total + self._consistency(read, done) / len(reads)
        reads.append(self._unlabelled())
        total = total + self._consistency(reads[-1], done)
        if self.config.contrast and done > COLD:
            total = total + self.config.contrast * self.contrast.loss(joined([pixels_of(read) for read in reads]))
        return total

    def _labelled(self, voice: Voice) -> Read:
        images, labels = next(voice.batches)
        shown, labels = self._pasted(images, labels)
        with torch.no_grad():
            taught, probs = self._seen(self.teacher, shown)
        embedded, logits = self._seen(self.model, shown)
        there = labels[grid_of(len(labels), size_of(labels), self.config.stride)]
        self._remember(logits.detach().softmax(1), there)
        return Read(logits, probs.softmax(1), there, embedded, taught)

    def _unlabelled(self) -> Read:
        def teach(images: Any) -> tuple[Tensor, Tensor]:
            with torch.no_grad():
                taught, logits = self._seen(self.teacher, images)
            return taught, logits.softmax(1)

        shown, probs, taught = self.mix.next(self.model, teach, self.bank)
        embedded, logits = self._seen(self.model, shown)
        nothing = torch.full(tuple(probs[:, 0].shape), VOID, dtype=torch.long, device=probs.device)
        return Read(logits, probs, nothing, embedded, taught)

    def _seen(self, model: Network, images: Any) -> tuple[Tensor, Tensor]:
        """Embeddings and logits of images, at the same places."""
        with embedding(model) as seen:
            logits = whole(model, images, self.config.stride, self.config.amp)
        there = F.interpolate(seen[-1].float(), logits.shape[-2:], mode="bilinear", align_corners=False)
        return there, logits

    def _pasted(self, images: Tensor, labels: Tensor) -> tuple[Any, Tensor]:
        """In half of the batches, the pixels of three rare classes of each image on the next one."""
        if not self.rare.any() or torch.rand((), generator=self.task.generator) >= 0.5:
            return images, labels
        odds = ((1 - self.bank).clamp(min=0).sqrt().exp() * self.rare).clamp(min=0)
        count = min(PASTED, int(self.rare.sum()))
        drawn = torch.multinomial(odds, count, generator=self.task.generator).to(labels.device)
        pasted = torch.isin(labels, drawn).roll(1, 0)
        return pasted_on(self.model.prepare(images), pasted), torch.where(pasted, labels.roll(1, 0), labels)

    def _remember(self, probs: Tensor, labels: Tensor) -> None:
        """How sure the network is of each class where it is labelled; of a class that is not there, not at all."""
        now = torch.zeros_like(self.bank)
        for category in labels[labels != VOID].unique().tolist():
            now[category] = probs[:, category][labels == category].mean().cpu()
        self.bank = MEMORY * self.bank + (1 - MEMORY) * now

    def _consistency(self, read: Read, done: float) -> Tensor:
        """Cross-entropy with the teacher's classes, weighed by how sure it is, at pixels that are drawn and kept."""
        sure, taught = read.probs.max(1)
        odds = (1 - self.bank) / (1 - self.bank).max().clamp(min=1e-6)
        chosen = torch.rand(tuple(taught.shape), generator=self.task.generator) < odds[read.logits.argmax(1).cpu()]
        kept = reliable(entropy_map(read.probs), done, self.config.unreliable)
        weights = sure**2 * (chosen.to(sure.device) & kept)
        loss = F.cross_entropy(read.logits, taught, reduction="none")
        return (loss * weights).sum() / weights.sum().clamp(min=1e-6)


def hard_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """Cross-entropy of the pixels that are hard: the true class has at most 0.7, or it is among the lowest.

    Args:
        logits: (N, C, h, w).
        labels: (N, h, w) int64, 255 = void.
        weights: (C,) of the classes, or None.

    Returns:
        A scalar, the weighted mean over these pixels; 0 with zero gradients when all is void.
    """
    valid = labels != VOID
    if not valid.any():
        return logits.sum() * 0
    true = logits.detach().softmax(1).gather(1, labels.masked_fill(~valid, 0).unsqueeze(1)).squeeze(1)
    enough = max(1, min(round(ENOUGH * labels.numel()), int(valid.sum())))
    limit = max(HARD, float(true[valid].kthvalue(enough).values))
    return F.cross_entropy(logits, labels.masked_fill(valid & (true > limit), VOID), weights, ignore_index=VOID)


def reliable(entropy: Tensor, done: float, rule: str) -> Tensor:
    """Which pseudo-labels count: all but a share of 20 %, which falls to nothing as the training goes on.

    Args:
        entropy: (N, h, w).
        done: share of the steps that are done.
        rule: ``paper`` drops the most uncertain, ``faithful`` the most certain, as STAL's code does.

    Returns:
        (N, h, w) bool.
    """
    share = DROPPED * (1 - done)
    if rule == "faithful":
        return entropy >= _quantile(entropy, share)
    return entropy < _quantile(entropy, 1 - share) if share else torch.ones_like(entropy, dtype=torch.bool)


def _quantile(values: Tensor, share: float) -> Tensor:
    """The element below which a share of the values lies; torch's own refuses more than 2^24 of them."""
    rank = 1 + round(share * (values.numel() - 1))
    return values.flatten().kthvalue(rank).values


def pixels_of(read: Read) -> Pixels:
    """What the contrastive term may look at."""
    annotated = read.labels != VOID
    entropy = entropy_map(read.probs)
    sure = ~annotated & (entropy <= _quantile(entropy, SURE))
    doubtful = ~annotated & (entropy >= _quantile(entropy, DOUBTFUL))
    labels = torch.where(sure, read.probs.argmax(1), read.labels)
    embedded, taught, probs = (
        part.permute(0, 2, 3, 1).flatten(0, 2) for part in (read.embedded, read.taught, read.probs)
    )
    return Pixels(embedded, taught, probs, labels.flatten(), doubtful.flatten(), annotated.flatten())


def joined(parts: list[Pixels]) -> Pixels:
    """The pixels of several batches together."""
    return Pixels(*(torch.cat([getattr(part, name) for part in parts]) for name in Pixels.__dataclass_fields__))
