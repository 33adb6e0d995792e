"""What a policy of RALIS is trained in: episodes of choosing regions in the images that are labelled already."""

import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from segxal.acquisition.ralis.learning import DeepQ, Transition
from segxal.acquisition.ralis.network import QueryNetwork
from segxal.acquisition.ralis.policy import StateSet, checksum
from segxal.acquisition.ralis.recipe import RECIPES
from segxal.acquisition.ranking import cells_for, draw_pools
from segxal.acquisition.strategies.base import Learner
from segxal.acquisition.strategies.ralis import Seen, boxes_in, look
from segxal.core.errors import ConfigError, TrainingDiverged
from segxal.core.labels import VOID
from segxal.core.metrics import Confusion, class_counts
from segxal.core.modes import evaluating
from segxal.core.regions import annotated_out, grid
from segxal.data.base import Frames
from segxal.data.division import read_division
from segxal.methods.base import Context
from segxal.methods.cycles import round_budget
from segxal.methods.settings import RunSettings
from segxal.models import build_model
from segxal.models.base import Network
from segxal.training.engine import fit, update
from segxal.training.predict import logits_at
from segxal.training.task import Task

DRAWS = 100  # random state sets, of which the one most like the other labelled images is taken
STRIDE = 8  # the reward is the mIoU at every eighth pixel of every eighth row
BATCH = 16  # images of a forward pass of the reward


@dataclass(frozen=True)
class World:
    """What episodes are played in.

    Attributes:
        train: the training split.
        images: positions of the images in which regions are chosen (D_T).
        labels: by position, (H, W) uint8.
        states: the state set.
        first: the network every episode starts from.
        reward: the images that say what a step was worth (D_R).
        settings: of the run.
        generator: source of the randomness of updates.
        val: the validation split.
    """

    train: Frames
    images: tuple[int, ...]
    labels: dict[int, np.ndarray]
    states: StateSet
    first: Network
    reward: Frames
    settings: RunSettings
    generator: torch.Generator
    val: Frames

    @property
    def regions(self) -> int:
        """Regions of the state set."""
        return len(self.states.ids) * len(boxes_in(self.cells))

    @cached_property
    def cells(self) -> np.ndarray:
        """The partition of an image."""
        height, width = self.train.labels.shape[1:]
        return grid(int(height), int(width), self.states.cell[1], self.states.cell[0])


def new_world(context: Context, labelled: tuple[int, ...], labels: torch.Tensor) -> World:
    """Divide the labelled images, and train the network that episodes start from.

    Raises:
        ConfigError: if there are too few labelled images, or regions compete without pools.
    """
    settings, train = context.settings, context.splits.train
    config, strategy = settings.policy, settings.strategy
    if len(labelled) <= config.state_images or not strategy.candidates:
        raise ConfigError(
            f"{len(labelled)} labelled images, {config.state_images} of them for the state set, "
            f"{strategy.candidates} candidates for each region; a policy needs more labelled images than its state set "
            "has (pool.start, policy.state_images) and strategy.candidates of at least 1"
        )
    chosen = _state_set(context, labelled, labels)
    held = [labelled[k] for k in chosen]
    states = StateSet(
        tuple(train.ids[i] for i in held), checksum(train, held), train.classes.names, strategy.cell_size,
        RECIPES[config.recipe].form, tuple(train.ids[i] for i in labelled),
    )  # fmt: skip
    model = build_model(settings.model, len(train.classes), context.generator("weights"))
    generator = context.generator("train")
    task = Task(train, tuple(held), labels[chosen], context.splits.val, config.first_steps, generator)
    first = fit(model, task, settings.train).model
    val = context.splits.val
    some = sorted({int(k) for k in np.linspace(0, len(val) - 1, config.reward_images).round()})
    given = dict(zip(labelled, labels.numpy(), strict=True))
    rest = tuple(i for i in labelled if i not in held)
    return World(train, rest, given, states, first, val.select(some), settings, context.generator("updates"), val)


def _state_set(context: Context, labelled: tuple[int, ...], labels: torch.Tensor) -> list[int]:
    """Positions among the labelled images: those a division names, or drawn ones."""
    settings, train = context.settings, context.splits.train
    named = read_division(settings.pool.division).states if settings.pool.division else ()
    if named:
        return [k for k, i in enumerate(labelled) if train.ids[i] in named]
    return state_set(labels, settings.policy.state_images, len(train.classes), context.rng("state-set"))


def state_set(labels: torch.Tensor, count: int, classes: int, rng: np.random.Generator) -> list[int]:
    """The random set of images whose class histogram is most like that of the others.

    Args:
        labels: (n, H, W) uint8, 255 = void.
        count: images of the set, below n.
        classes: number of classes C.
        rng: source of the draws.

    Returns:
        Positions, growing.

    Source: RALIS section 4.1: the state set is representative. Departure: it says no rule; here the smallest
    Kullback-Leibler divergence of 100 draws.
    """
    counts = np.stack([class_counts(one, classes).double().numpy() for one in labels])

    def unlike(part: np.ndarray) -> float:
        p, q = (rows.sum(0) + 1 for rows in (counts[part], np.delete(counts, part, 0)))
        p, q = p / p.sum(), q / q.sum()
        return float((p * np.log(p / q)).sum())

    draws = [np.sort(rng.choice(len(labels), count, replace=False)) for _ in range(DRAWS)]
    return [int(k) for k in min(draws, key=unlike)]


def train_policy(
    world: World, network: QueryNetwork, rng: np.random.Generator
) -> tuple[QueryNetwork, list[dict[str, Any]]]:
    """Episodes of choosing regions; gives the policy and one row per step: reward, loss, epsilon, learning rate.

    Raises:
        TrainingDiverged: if a reward is NaN.
    """
    recipe = RECIPES[world.settings.policy.recipe]
    learning, history = DeepQ(network, recipe, rng), []
    for number in tqdm(range(world.settings.policy.episodes), desc="episodes", leave=False, mininterval=1):
        episode = Episode(world, rng)
        past = episode.score() if recipe.relative else 0.0
        state, pools = episode.next()
        for step in range(last := world.settings.policy.steps):
            epsilon, rate = learning.epsilon, learning.rate
            actions = learning.choose(state, pools)
            episode.ask(actions)
            now = episode.score()
            reward, past = 100 * (now - past), now
            before = state, pools
            ended = step + 1 == last
            state, pools = before if ended else episode.next()
            following = (None, None) if ended else (state, pools)
            loss = learning.learn([
                Transition(before[0], before[1][k], int(action), reward, following[0],
                           None if following[1] is None else following[1][k])
                for k, action in enumerate(actions)
            ])  # fmt: skip
            learning.end_step(step)
            history.append({"episode": number, "step": step, "reward": reward, "miou": now, "loss": loss,
                            "epsilon": epsilon, "rate": rate})  # fmt: skip
        learning.end_episode()
    network.eval()
    return network, history


class Episode:
    """One episode: a network, and the regions it was given so far.

    Args:
        world: what it is played in.
        rng: source of the pools.
    """

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self._world, self._rng = world, rng
        self._model = copy.deepcopy(world.first)
        shape = world.train.labels.shape[1:]
        self._asked = {i: np.zeros(tuple(shape), dtype=bool) for i in world.images}
        self._given = {i: np.full(tuple(shape), VOID, dtype=np.uint8) for i in world.images}

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        """State (S, d) and new random pools (K, N, d + 64) of regions that were not asked for."""
        world, settings = self._world, self._world.settings
        count = cells_for(round_budget(settings.pool, world.train), settings.strategy)

        def partition(index: int) -> np.ndarray:
            return annotated_out(world.cells, self._asked[index])

        size = settings.strategy.candidates
        self._units, pools = draw_pools(list(world.images), partition, count, size, self._rng)
        self._pools = pools[:, np.arange(size) % pools.shape[1]]  # where few are left they come twice: all are as large
        known = tuple(i for i, part in self._asked.items() if part.any())
        labels = (
            torch.from_numpy(np.stack([self._given[i] for i in known])) if known else torch.empty(0, dtype=torch.uint8)
        )
        learner = Learner(self._model, settings.mask, settings.strategy, settings.train, known, labels)
        seen: Seen = look(learner, world.train, self._units, replace(world.states, known=()))
        return seen.state, seen.candidates[self._pools]

    def ask(self, actions: np.ndarray) -> None:
        """Reveal the labels of the chosen regions, and update the network on the images they lie in."""
        world, chosen = self._world, self._pools[np.arange(len(self._pools)), actions]
        for k in chosen:
            index, region = int(self._units.image[k]), int(self._units.region[k])
            part = world.cells == region
            self._asked[index] |= part
            self._given[index][part] = world.labels[index][part]
        images = tuple(sorted({int(i) for i in self._units.image[chosen]}))
        labels = torch.from_numpy(np.stack([self._given[i] for i in images]))
        steps = world.settings.train.round_steps
        task = Task(world.train, images, labels, world.val, steps, world.generator)
        self._model = update(self._model, task, world.settings.train)

    def score(self) -> float:
        """The mIoU at every eighth pixel of the reward images, 0..1.

        Raises:
            TrainingDiverged: if there is none: no class occurs there.
        """
        frames, settings = self._world.reward, self._world.settings
        confusion = Confusion(len(frames.classes))
        rows = [torch.arange(STRIDE // 2, side, STRIDE) for side in frames.labels.shape[1:]]
        for images, labels in zip(frames.images.split(BATCH), frames.labels.split(BATCH), strict=True):
            where = torch.meshgrid(torch.arange(len(images)), *rows, indexing="ij")
            flat = tuple(part.flatten() for part in where)
            with torch.no_grad(), evaluating(self._model.ready()):
                found = logits_at(self._model, images, (flat[0], flat[1], flat[2]), settings.train.amp)
            confusion.update(found.max(1).indices.cpu(), labels[flat])
        if not np.isfinite(confusion.miou):
            raise TrainingDiverged(
                "the reward of a policy is NaN: no labelled pixel in the reward images; use more of them "
                "(policy.reward_images)"
            )
        return float(confusion.miou)
