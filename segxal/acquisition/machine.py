"""What a machine labels by itself: the predictions it has least doubt about, class by class."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from segxal.acquisition.settings import MachineConfig
from segxal.acquisition.strategies.base import Learner
from segxal.acquisition.strategies.forward import probabilities
from segxal.core.detection import auroc
from segxal.core.entropy import entropy_map
from segxal.core.errors import ConfigError
from segxal.core.label_store import MACHINE, PEOPLE, LabelStore
from segxal.core.labels import VOID
from segxal.core.thresholds import class_thresholds, kept
from segxal.data.base import Frames
from segxal.models.explain import error_masks
from segxal.training.task import HUNDREDTHS, MachineLabels

# What a machine's doubt is: 1 - the largest probability, entropy, the error mask; the last one chooses by entropy, and
# what is near and looked at counts more in training, 1 + PAE.
DOUBTS = ("softmax", "entropy", "eem", "entropy-pae")
BY_MASK = ("eem", "entropy-pae")  # those that need an error mask
Stores = Callable[[int], LabelStore]  # position of an image -> what people said of it
SAMPLE = 16  # every how many-th pixel the AUROC looks at, which sorts them


@dataclass(frozen=True)
class Said:
    """What a network says of a batch of images.

    Attributes:
        prediction: (b, H, W) uint8 train ids.
        doubt: (b, H, W) float32 in [0, 1].
        weights: (b, H, W) uint8, what a pixel would count in a loss, in hundredths.
    """

    prediction: np.ndarray
    doubt: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Written:
    """The labels of a machine, and how good they are where the truth is known.

    Attributes:
        labels: for training.
        thresholds: (C,) doubt up to which a class was labelled.
        coverage: (C,) share of the pixels predicted as a class that were labelled; NaN for a class never predicted.
        accuracy: (C,) share of the labelled pixels of a class that are right, void truth left out; NaN without any.
        dropped_accuracy: (C,) the same of the pixels that were not labelled.
        auroc: chance that a wrong pixel is doubted more than a right one, of every 16th pixel.
    """

    labels: MachineLabels
    thresholds: np.ndarray
    coverage: np.ndarray
    accuracy: np.ndarray
    dropped_accuracy: np.ndarray
    auroc: float


def doubts(learner: Learner, frames: Frames, confidence: str) -> Iterator[Said]:
    """What the network predicts of all images and how much it doubts it, batch by batch.

    Args:
        learner: the network, and the settings of the error mask.
        frames: the images.
        confidence: what doubt is, one of :data:`DOUBTS`.

    Raises:
        ConfigError: if there is no such doubt.
    """
    if confidence not in DOUBTS:
        raise ConfigError(f"no kind of doubt {confidence!r}; choose one of {', '.join(DOUBTS)}")
    if confidence in BY_MASK:
        for mask in error_masks(learner.model, frames.images, frames.depth, frames.classes, learner.mask, learner.amp):
            doubt = mask.eem if confidence == "eem" else mask.ebu
            counts = torch.zeros_like(mask.pae) if confidence == "eem" else mask.pae
            yield _said(mask.prediction, doubt, HUNDREDTHS * (1 + counts))
        return
    for probs in probabilities(learner, frames, list(range(len(frames)))):
        best, prediction = probs.max(1)
        doubt = 1 - best if confidence == "softmax" else entropy_map(probs)
        yield _said(prediction, doubt, torch.full_like(best, HUNDREDTHS))


def _said(prediction: torch.Tensor, doubt: torch.Tensor, weights: torch.Tensor) -> Said:
    whole = (part.to(torch.uint8).cpu().numpy() for part in (prediction, weights.round()))
    labels, counts = whole
    return Said(labels, doubt.clamp(0, 1).cpu().numpy(), counts)


def write_labels(learner: Learner, frames: Frames, confidence: str, config: MachineConfig, stores: Stores) -> Written:
    """Label what the network has least doubt about, and say how good that is.

    The images pass twice, or three times for exact thresholds; apart from the labels memory does not grow with them.

    Args:
        learner: the network.
        frames: the images; their truth is looked at only to say how good the labels are.
        confidence: what doubt is.
        config: how much is labelled.
        stores: what people said: the machine labels none of it, and thresholds do not see it, as the network may have
            learned it by heart.

    Source: ESL (Saporta et al. 2020) with ``entropy``, BDL (Li et al. 2019) with ``softmax``, both with share 0.5 and
    floor 0.1. The error mask in their place, and PAE as a weight, are ours.
    """

    def stream() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for some, said in _numbered(doubts(learner, frames, confidence)):
            yield _free(said, [stores(i) for i in some]), said.doubt

    thresholds = class_thresholds(stream, len(frames.classes), config.share, config.floor, config.exact)
    labels = torch.full(tuple(frames.labels.shape), VOID, dtype=torch.uint8)
    weights, tally, ranked = torch.zeros_like(labels), _Tally(len(frames.classes)), []
    for some, said in _numbered(doubts(learner, frames, confidence)):
        held = [stores(i) for i in some]
        free, truth = _free(said, held), frames.labels[some].numpy()
        chosen = kept(free, said.doubt, thresholds)
        for k, i in enumerate(some):
            store = held[k].rewritten(chosen[k], said.weights[k] / HUNDREDTHS)
            labels[i] = torch.from_numpy(store.of(MACHINE))
            counts = np.where(store.maker == MACHINE, HUNDREDTHS * store.weights, 0)
            weights[i] = torch.from_numpy(counts.round().astype(np.uint8))
        tally.add(free, chosen, truth)
        known = ((free != VOID) & (truth != VOID)).ravel()[::SAMPLE]
        ranked.append((said.doubt.ravel()[::SAMPLE][known], (free != truth).ravel()[::SAMPLE][known]))
    values, wrong = (np.concatenate(parts) for parts in zip(*ranked, strict=True))
    found = MachineLabels(tuple(range(len(frames))), labels, weights)
    return Written(found, thresholds, *tally.shares(), auroc(values, wrong))


def _numbered(batches: Iterator[Said]) -> Iterator[tuple[list[int], Said]]:
    """Batches with the positions of their images."""
    start = 0
    for said in batches:
        yield list(range(start, start + len(said.prediction))), said
        start += len(said.prediction)


def _free(said: Said, stores: Sequence[LabelStore]) -> np.ndarray:
    """(b, H, W) uint8 predictions, 255 where people were asked."""
    theirs = np.stack([store.maker == PEOPLE for store in stores])
    return np.where(theirs, VOID, said.prediction).astype(np.uint8)


class _Tally:
    """Pixels predicted as each class: how many were labelled or dropped, and how many of these are right."""

    def __init__(self, classes: int) -> None:
        self.counts = np.zeros((classes, 2, 3), dtype=np.int64)  # class, dropped or labelled, all / known / right

    def add(self, prediction: np.ndarray, chosen: np.ndarray, truth: np.ndarray) -> None:
        for category in np.unique(prediction[prediction != VOID]):
            here = prediction == category
            for labelled in (0, 1):
                part = here & ((chosen != VOID) == bool(labelled))
                known = part & (truth != VOID)
                right = known & (truth == category)
                self.counts[category, labelled] += [part.sum(), known.sum(), right.sum()]

    def shares(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coverage, accuracy of what was labelled and of what was dropped; (C,) each, NaN where there is nothing."""
        dropped, labelled = self.counts[:, 0], self.counts[:, 1]
        with np.errstate(invalid="ignore"):
            coverage = labelled[:, 0] / (labelled[:, 0] + dropped[:, 0])
            return coverage, labelled[:, 2] / labelled[:, 1], dropped[:, 2] / dropped[:, 1]
