"""Deep Q-learning: replay, double Q target, exploration (RALIS section 3.3 and its release)."""

import copy
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from segxal.acquisition.ralis.network import QueryNetwork
from segxal.acquisition.ralis.recipe import Recipe


@dataclass(frozen=True)
class Transition:
    """One choice from one pool and what came of it.

    Attributes:
        state: (S, d) float32.
        pool: (N, d + 64) float32, the candidates.
        action: position of the chosen one.
        reward: of the whole step, the same for all its pools.
        next_state: (S, d) float32 after it; None where the budget was spent.
        next_pool: (N, d + 64) float32, a new random pool; None where the budget was spent.
    """

    state: np.ndarray
    pool: np.ndarray
    action: int
    reward: float
    next_state: np.ndarray | None = None
    next_pool: np.ndarray | None = None


class DeepQ:
    """The policy while it is trained.

    Args:
        network: the policy; it is trained in place.
        recipe: how.
        rng: source of exploration and of the batches.

    Attributes:
        policy: the network.
        steps: steps taken over all episodes.
    """

    def __init__(self, network: QueryNetwork, recipe: Recipe, rng: np.random.Generator) -> None:
        self.policy, self.recipe, self.steps = network, recipe, 0
        self._target, self._rng = copy.deepcopy(network).eval(), rng
        self._memory: deque[Transition] = deque(maxlen=recipe.replay)
        self._optimizer = torch.optim.SGD(
            network.parameters(), lr=recipe.rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.ExponentialLR(self._optimizer, recipe.decay)

    @property
    def epsilon(self) -> float:
        """Share of steps in which all regions are chosen at random."""
        recipe = self.recipe
        fallen = math.exp(-self.steps / recipe.explore_steps)
        return recipe.explore_last + (recipe.explore_first - recipe.explore_last) * fallen

    @property
    def rate(self) -> float:
        """The learning rate now."""
        return float(self._schedule.get_last_lr()[0])

    def choose(self, state: np.ndarray, pools: np.ndarray) -> np.ndarray:
        """One region of each pool: one coin says whether all are drawn at random or all are the best.

        Args:
            state: (S, d) float32.
            pools: (K, N, d + 64) float32.

        Returns:
            (K,) positions.
        """
        count, size = pools.shape[:2]
        if self._rng.random() < self.epsilon:
            return self._rng.integers(size, size=count)
        with torch.no_grad():
            flat = torch.from_numpy(pools.reshape(1, count * size, -1))
            q = self.policy.eval()(torch.from_numpy(state)[None], flat)
        return q.view(count, size).argmax(1).numpy()

    def learn(self, transitions: Sequence[Transition]) -> float | None:
        """Remember a step and update the policy once, as soon as there is a batch.

        Returns:
            The loss; None before there is a batch.
        """
        self._memory.extend(transitions)
        loss = self._update() if self._has_batch else None
        self.steps += 1
        if self.recipe.decay_each == "step" and self._has_batch:
            self._schedule.step()
        return loss

    @property
    def _has_batch(self) -> bool:
        """Whether there is enough to learn from; before that, the learning rate does not fall either."""
        return len(self._memory) >= self.recipe.batch

    def end_step(self, step: int) -> None:
        """After each step of an episode, from 0 on: the target network becomes the policy now and then."""
        if step % self.recipe.copy_each == 0:
            self._target.load_state_dict(self.policy.state_dict())

    def end_episode(self) -> None:
        """After an episode."""
        if self.recipe.decay_each == "episode" and self._has_batch:
            self._schedule.step()

    def _update(self) -> float:
        picked = self._rng.choice(len(self._memory), self.recipe.batch, replace=False)
        batch = [self._memory[int(k)] for k in picked]
        self.policy.train()
        actions = torch.tensor([one.action for one in batch])
        values = self.policy(_stack([t.state for t in batch]), _stack([t.pool for t in batch]))
        chosen = values.gather(1, actions[:, None])[:, 0]
        loss = F.smooth_l1_loss(chosen, self._targets(batch))
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        return loss.item()

    @torch.no_grad()
    def _targets(self, batch: Sequence[Transition]) -> Tensor:
        """Reward plus the discounted value of the best region of the next pool."""
        targets = torch.tensor([one.reward for one in batch], dtype=torch.float32)
        going = [k for k, one in enumerate(batch) if one.next_state is not None]
        if going:
            self.policy.train(len(going) > 1)  # batch normalisation in training needs two
            following = [batch[k] for k in going]
            states = _stack([t.next_state for t in following])
            pools = _stack([t.next_pool for t in following])
            own, target = self.policy(states, pools), self._target(states, pools)
            asks, values = (own, target) if self.recipe.target == "code" else (target, own)
            targets[going] += self.recipe.discount * values.gather(1, asks.argmax(1, keepdim=True))[:, 0]
        return targets


def _stack(parts: Sequence[np.ndarray | None]) -> Tensor:
    return torch.from_numpy(np.stack([part for part in parts if part is not None]))
