"""What scoring costs: each strategy against one plain forward pass, Core-Set and BALD against independent ones."""

import copy
from functools import partial
from typing import Any

import numpy as np
from scene import Sizes, streets
from timer import Row, medians, seconds
from torch import nn

from segxal.acquisition.machine import write_labels
from segxal.acquisition.settings import MachineConfig, StrategyConfig
from segxal.acquisition.strategies import get_strategy
from segxal.acquisition.strategies.base import Learner, whole_images
from segxal.acquisition.strategies.core_set import k_center_greedy
from segxal.core.label_store import LabelStore
from segxal.core.seeds import rng
from segxal.data.base import Frames
from segxal.methods.baselines import BY_IMAGE
from segxal.models.base import Network
from segxal.models.device import device
from segxal.models.settings import MaskConfig
from segxal.training.predict import predict
from segxal.training.settings import TrainConfig

# VAAL is left out: it trains networks of its own for about a minute, whatever the pool.
STRATEGIES = tuple(name for name in BY_IMAGE if name != "vaal")
CENTRES, PICKED, WIDTH = 50, 100, 256  # Core-Set against its peer: labelled features, features picked, length of one


def rows(model: Network, sizes: Sizes, repeats: int) -> list[Row]:
    """Strategies over a pool of images, then the two peers."""
    frames = streets(sizes.images[-1], sizes.pool)
    learner = _learner(model, frames)
    return [
        *_scoring(learner, frames),
        _machine(learner, frames),
        _bald(learner, frames, sizes, repeats),
        _core_set(sizes, repeats),
    ]


def _learner(model: Network, frames: Frames) -> Learner:
    """The bench's network with dropout before its last convolution, and two annotated images."""
    twin = copy.deepcopy(model)
    twin.dropout = nn.Dropout2d(0.2)
    train = TrainConfig(steps=1, cycle_steps=1, amp="off")
    mask = MaskConfig(depth="dataset", batch=8)
    return Learner(twin.eval(), mask, StrategyConfig(), train, (0, 1), frames.labels[:2])


def _scoring(learner: Learner, frames: Frames) -> list[Row]:
    """Each strategy once, after a try on a few images: a pool is long enough to be its own average."""
    pool, pixels = list(range(2, len(frames))), frames.labels[0].numel()

    def score(name: str, indices: list[int]) -> Any:
        if name == "plain":
            return list(predict(learner.model, frames.images[indices], "off", 8))
        return get_strategy(name)(learner, frames, whole_images(indices, pixels), 2 * pixels, rng(0, "bench"))

    times = {}
    for name in (*STRATEGIES, "plain"):
        score(name, pool[:8])
        times[name] = 1000 * seconds(partial(score, name, pool)) / len(pool)
    where = f"{frames.images.shape[-2]}x{frames.images.shape[-1]}"
    note = f"{len(pool)} images; below 1: the strategy costs more than a forward pass"
    return [
        Row(f"scoring by {name} / one forward pass", where, times[name], times["plain"], times["plain"] / times[name],
            None, "ms/image", note if name == STRATEGIES[0] else "")
        for name in STRATEGIES
    ]  # fmt: skip


def _machine(learner: Learner, frames: Frames) -> Row:
    """Labels of a machine for a whole pool, two passes with thresholds per class, against plain forward passes."""
    empty, config = LabelStore.empty(*frames.labels.shape[1:]), MachineConfig()
    times = medians({
        "ours": lambda: write_labels(learner, frames, "entropy", config, lambda _: empty),
        "peer": lambda: list(predict(learner.model, frames.images, "off", 8)),
    }, 1)  # fmt: skip
    ours, plain = (1000 * times[name] / len(frames) for name in ("ours", "peer"))
    where = f"{frames.images.shape[-2]}x{frames.images.shape[-1]}"
    note = f"{len(frames)} images; asked: at most 2.3 passes"
    return Row("labels of a machine / one forward pass", where, ours, plain, plain / ours, 1 / 2.3, "ms/image", note)


def _bald(learner: Learner, frames: Frames, sizes: Sizes, repeats: int) -> Row:
    """20 passes: ours against baal's on the same network, in baal's leaner form (no copies of the batch in memory)."""
    from baal.active.heuristics import BALD
    from baal.bayesian.dropout import MCDropoutModule
    from baal.modelwrapper import ModelWrapper, TrainingArgs

    few = list(range(min(16, len(frames))))
    passes = learner.strategy.passes
    units = whole_images(few, frames.labels[0].numel())
    network = MCDropoutModule(copy.deepcopy(learner.model).to(device()).eval())
    wrapper = ModelWrapper(network, TrainingArgs(replicate_in_memory=False))

    def peer() -> None:
        for images in frames.images[few].split(8):
            predictions = wrapper.predict_on_batch(learner.model.normalise(images.to(device())), iterations=passes)
            BALD(reduction="mean").get_uncertainties(predictions.cpu())

    cases = {"ours": lambda: get_strategy("bald")(learner, frames, units, units.size[0], rng(0)), "peer": peer}
    times = {name: 1000 * value / len(few) for name, value in medians(cases, repeats).items()}
    where = f"{frames.images.shape[-2]}x{frames.images.shape[-1]}"
    note = f"peer: ModelWrapper.predict_on_batch with {passes} iterations, then BALD"
    return Row("BALD, 20 passes / baal", where, times["ours"], times["peer"], times["peer"] / times["ours"],
               2.0, "ms/image", note)  # fmt: skip


def _core_set(sizes: Sizes, repeats: int) -> Row:
    """Ours against scikit-activeml's k-center on the same features; the choice must be the same."""
    from skactiveml.pool import CoreSet
    from skactiveml.utils import MISSING_LABEL

    features = rng(0, "bench").standard_normal((sizes.features, WIDTH)).astype(np.float32)
    known = np.full(len(features), MISSING_LABEL)
    known[:CENTRES] = 0
    count = min(PICKED, len(features) - CENTRES)
    found = {}

    def ours() -> None:
        found["ours"] = k_center_greedy(features[CENTRES:], features[:CENTRES], count)[0]

    def peer() -> None:
        found["peer"] = CoreSet(random_state=0).query(features, known, batch_size=count) - CENTRES

    times = {name: 1000 * value / count for name, value in medians({"ours": ours, "peer": peer}, repeats).items()}
    same = list(found["ours"]) == [int(i) for i in found["peer"]]
    note = f"{len(features)} features of length {WIDTH}, {count} picked; the same choice: {'yes' if same else 'NO'}"
    return Row("Core-Set / scikit-activeml", f"{len(features)}x{WIDTH}", times["ours"], times["peer"],
               times["peer"] / times["ours"], 5.0, "ms/pick", note)  # fmt: skip
