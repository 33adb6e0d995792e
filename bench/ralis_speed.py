"""What RALIS costs: the divergences of all candidates against scipy, a pool against plain forward passes."""

from dataclasses import replace

import numpy as np
import scipy.stats
from scene import Sizes, streets
from timer import Row, medians, seconds

from segxal.acquisition.ralis.features import Form, divergences
from segxal.acquisition.ralis.policy import Policy, StateSet, checksum, new_network
from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies.base import Learner, Units
from segxal.acquisition.strategies.ralis import ralis_scores
from segxal.core.regions import grid
from segxal.core.seeds import generator, rng
from segxal.models.base import Network
from segxal.models.settings import MaskConfig
from segxal.training.predict import predict
from segxal.training.settings import TrainConfig

STATE = 10  # images of the state set
ACROSS = (6, 4)  # regions of an image, as in the paper


def rows(model: Network, sizes: Sizes, repeats: int) -> list[Row]:
    """Divergences of 120 candidates, and the scores of a pool of images."""
    shares = rng(0, "bench").random((min(120, 4 * sizes.pool), 12)) + 1e-7

    def peer() -> np.ndarray:
        return np.array([[scipy.stats.entropy(p, q) for q in shares] for p in shares])

    times = medians({"ours": lambda: divergences(shares, shares), "peer": peer}, min(3, repeats))
    scored, plain = _pool(model, sizes)
    return [
        Row("RALIS: divergences / scipy, one by one", f"{len(shares)} regions", 1000 * times["ours"],
            1000 * times["peer"], times["peer"] / times["ours"], 20, "ms/step", "equal to 1e-8"),
        Row("RALIS: scoring a pool / one forward pass", f"{sizes.frozen[0]}x{sizes.frozen[1]}", scored, plain,
            plain / scored, 0.4, "ms/image", f"{sizes.pool} images of 24 regions; asked: at most 2.5 passes"),
    ]  # fmt: skip


def _pool(model: Network, sizes: Sizes) -> tuple[float, float]:
    """Milliseconds per image of scoring all regions of a pool, and of plain forward passes."""
    frames = streets(sizes.frozen, sizes.pool)
    height, width = sizes.frozen
    cell = (height // ACROSS[1], width // ACROSS[0])
    cells = grid(height, width, cell[1], cell[0])
    states = StateSet(frames.ids[:STATE], checksum(frames, list(range(STATE))), frames.classes.names, cell, Form())
    each = int(cells.max()) + 1
    network = new_network(states, STATE * each, generator(0, "bench", "policy"))
    train = TrainConfig(steps=1, cycle_steps=1, amp="off")
    learner = Learner(model.eval(), MaskConfig(batch=8), StrategyConfig(), train, policy=Policy(network, states))
    image, region = (part.ravel() for part in np.indices((len(frames), each)))
    units = Units(image, region, np.bincount(cells.ravel())[region], lambda index: cells)
    few = replace(units, image=units.image[: 8 * each], region=units.region[: 8 * each], size=units.size[: 8 * each])

    def score(some: Units) -> None:
        ralis_scores(learner, frames, some, int(some.size[0]), rng(0, "bench"))

    def forward(count: int) -> None:
        list(predict(learner.model, frames.images[:count], "off", 8))

    score(few)
    forward(8)
    count = len(frames)
    return 1000 * seconds(lambda: score(units)) / count, 1000 * seconds(lambda: forward(count)) / count
