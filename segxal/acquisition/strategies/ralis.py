"""RALIS: regions by the values of a trained query network."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from torch import Tensor

from segxal.acquisition.ralis.features import region_features, true_shares, unlikeness
from segxal.acquisition.ralis.policy import StateSet
from segxal.acquisition.strategies.base import Choice, Learner, Units, best
from segxal.acquisition.strategies.forward import probabilities
from segxal.core.entropy import entropy_map
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.core.regions import grid
from segxal.data.base import Frames


@dataclass(frozen=True)
class Seen:
    """What the query network is shown in one step.

    Attributes:
        state: (S, d) float32, regions of the state set.
        candidates: (M, d + 64) float32, the regions that can be asked for.
    """

    state: np.ndarray
    candidates: np.ndarray


def ralis_scores(learner: Learner, frames: Frames, units: Units, budget: int, rng: np.random.Generator) -> Choice:
    """Q-values of the regions, higher = asked earlier.

    Source: RALIS (Casanova et al., ICLR 2020), section 3. Departure: in the paper each of K pools gives its best
    region (``strategy.candidates`` does that); without pools all regions compete.

    Raises:
        ConfigError: if the learner has no policy.
        CheckpointMismatch: if the policy was made for other images, classes or regions.
    """
    best(np.zeros(len(units)), units.size, budget)  # a budget that does not fit is refused before the work
    if learner.policy is None:
        raise ConfigError("ralis needs a policy: use the method ralis, whose study trains one (stage ralis-policy)")
    seen = look(learner, frames, units, learner.policy.states)
    scores = learner.policy.values(seen.state, seen.candidates)
    return Choice(best(scores, units.size, budget), scores)


def look(learner: Learner, frames: Frames, units: Units, states: StateSet) -> Seen:
    """State and candidates as the query network sees them: one forward pass for each image.

    Args:
        learner: the current segmentation network.
        frames: the training split.
        units: the regions that can be asked for.
        states: what the policy was made for.
    """
    classes, shape = len(frames.classes), tuple(frames.labels.shape[1:])
    cells = grid(shape[0], shape[1], states.cell[1], states.cell[0])
    positions, wanted = states.positions(frames), units.candidates
    indices = sorted({*positions, *wanted})
    of_state, of_units = {}, []
    maps = (pair for probs in probabilities(learner, frames, indices) for pair in _maps(probs, classes))
    for index, (prediction, entropy) in zip(indices, maps, strict=True):
        if index in positions:
            of_state[index] = region_features(prediction, entropy, boxes_in(cells), classes, states.form)
        if index in wanted:
            partition = units.partition(index) if units.partition else np.zeros(shape, dtype=np.int32)
            boxes = boxes_in(partition)[units.region[units.image == index]]
            of_units.append(region_features(prediction, entropy, boxes, classes, states.form))
    found = np.concatenate(of_units)
    predicted = found[:, : classes + 1]
    labelled = _labelled_shares(learner, frames, states, boxes_in(cells))
    unlike = [unlikeness(predicted, other, states.form) for other in (labelled, predicted)]
    state = np.concatenate([of_state[index] for index in positions])
    return Seen(state, np.concatenate([found, *unlike], 1))


def boxes_in(partition: np.ndarray) -> np.ndarray:
    """(K, 4) int64 first row, end row, first and end column of every region 0..K-1 of a partition (-1 = in none)."""
    found = ndimage.find_objects(partition + 1)
    rows = [(0, 0, 0, 0) if box is None else (box[0].start, box[0].stop, box[1].start, box[1].stop) for box in found]
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def _maps(probs: Tensor, classes: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Predictions and entropies in nats, image by image."""
    prediction = probs.max(1).indices.cpu().numpy()
    entropy = (entropy_map(probs) * math.log(classes)).cpu().numpy()
    return list(zip(prediction, entropy, strict=True))


def _labelled_shares(learner: Learner, frames: Frames, states: StateSet, boxes: np.ndarray) -> np.ndarray:
    """(J, C + 1) true class counts of the regions bought so far; the images a policy was trained with do not count."""
    found = [np.empty((0, len(frames.classes) + 1))]
    for position, labels in zip(learner.labelled, learner.labels.numpy(), strict=True):
        if frames.ids[position] not in states.known:
            bought = [box for box in boxes if (labels[box[0] : box[1], box[2] : box[3]] != VOID).any()]
            found.append(true_shares(labels, np.array(bought).reshape(-1, 4), len(frames.classes)))
    return np.concatenate(found)
