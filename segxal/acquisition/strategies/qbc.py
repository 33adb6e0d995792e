"""Query by committee: where networks vote for different classes."""

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from segxal.acquisition.strategies.base import Learner, draw
from segxal.acquisition.strategies.forward import checked, image_batches, over_passes
from segxal.core.errors import ConfigError
from segxal.core.seeds import drawing_from
from segxal.data.base import Frames
from segxal.models.base import Network
from segxal.training.engine import fit
from segxal.training.predict import probabilities
from segxal.training.task import Task


def qbc_maps(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> Iterator[Tensor]:
    """Vote entropy of a committee; see :func:`vote_entropy`.

    Source: Seung, Opper and Sompolinsky 1992; Engelson and Dagan 1996 (vote entropy). With ``strategy.committee`` = 0
    the committee is ``strategy.passes`` dropout passes of the current network, as in the release of DEAL. Otherwise it
    is that many networks trained for it (:func:`train_committee`).
    """
    if learner.strategy.committee == 0:
        yield from over_passes(learner, frames, candidates, rng, vote_entropy)
        return
    members = train_committee(learner, frames, rng)
    for images in image_batches(learner, frames, candidates):
        opinions = (probabilities(one, images, learner.amp) for one in members)
        yield vote_entropy(checked(probs) for probs in opinions).cpu()


def vote_entropy(passes: Iterable[Tensor]) -> Tensor:
    """Entropy of hard votes: -sum over classes of (n_c / T) ln(n_c / T), divided by ln C.

    Args:
        passes: T times (N, C, H, W) float probabilities of the same images. Votes are counted as they come, so memory
            does not grow with T.

    Returns:
        (N, H, W) float32 from 0 (all agree) to ln(min(T, C)) / ln C. Divided by ln C, not ln T, so that it has the
        scale of the entropy map.
    """
    votes, count = torch.zeros(()), 0
    for probs in passes:
        votes = votes + torch.zeros_like(probs).scatter_(1, probs.max(1, keepdim=True).indices, 1.0)
        count += 1
    return torch.special.entr(votes / count).sum(1) / math.log(votes.shape[1])


def train_committee(learner: Learner, frames: Frames, rng: np.random.Generator) -> list[Network]:
    """Train ``strategy.committee`` networks of the learner's architecture on its annotations, each from its own seed.

    Returns:
        The networks in evaluation mode, on the device.

    Raises:
        ConfigError: if nothing is annotated yet.

    Departure: members start from random weights, also where the learner's network started from pretrained ones, and
    the annotated images themselves are the validation split, so that no labels beyond the learner's are used.
    """
    if not learner.labelled:
        raise ConfigError(
            "no annotated images to train a committee on; set strategy.committee to 0 or label some first"
        )
    known = list(learner.labelled)
    val = replace(frames.select(known), labels=learner.labels)
    members = []
    for _ in range(learner.strategy.committee):
        generator = draw(rng)
        member = fresh(learner.model, generator)
        task = Task(frames, learner.labelled, learner.labels, val, learner.train.steps, generator)
        members.append(fit(member, task, learner.train).model)
    return members


def fresh(model: Network, generator: torch.Generator) -> Network:
    """A copy of a network with new random weights and empty batch statistics; the network is not changed."""
    copied = copy.deepcopy(model)
    with drawing_from(generator):
        for module in copied.modules():
            reset = getattr(module, "reset_parameters", None)
            if reset is not None:
                reset()
    return copied
