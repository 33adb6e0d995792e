"""What a budget buys: what a method would ask for on given images, what people would answer, and the price."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from segxal.acquisition.oracles import get_oracle
from segxal.acquisition.oracles.base import Annotation, check_annotation
from segxal.acquisition.pool import UNLABELLED, Pool
from segxal.acquisition.query import Ask, ask_images, ask_regions, asked_up_to, asks_about, predictions_of, rank
from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies.base import Learner
from segxal.core import seeds
from segxal.core.errors import ConfigError
from segxal.core.price import minutes
from segxal.data.base import Frames
from segxal.data.splits import Splits
from segxal.methods.base import METHODS, WITHOUT_TRUTH, Method, get_method
from segxal.results.figures.view import find_image
from segxal.study.loop import fitted_mask, learner_of, load_models
from segxal.study.state import Cycle

UNITS = ("pixels", "clicks")  # what a budget can be counted in
SOLD = tuple(name for name, method in METHODS.items() if method.oracle not in WITHOUT_TRUTH)  # people answer, simulated
SMALLEST = 1e-6  # share, the least that the settings of the loop take


@dataclass(frozen=True)
class Offer:
    """What may be asked about, and the network that asks.

    Attributes:
        learner: the network, with what it was trained on.
        frames: the split the images lie in.
        images: positions of the images on offer; every method chooses from these alone.
        asked: (N, H, W) bool, the pixels somebody was asked for already.
        seed: of the run, which all random acts derive from.
        number: of the cycle that is asked for; the same seed and number give the choice of that cycle of the loop.
    """

    learner: Learner
    frames: Frames
    images: tuple[int, ...]
    asked: np.ndarray
    seed: int = 0
    number: int = 1


@dataclass(frozen=True)
class Purchase:
    """What one method asks for within a budget, and what people answer.

    Attributes:
        method: name of the method.
        budget: what may be spent.
        unit: what the budget is counted in, ``pixels`` or ``clicks``.
        asks: the images asked about, best score first.
        answers: what the method's oracle answers to each of them.
    """

    method: str
    budget: int
    unit: str
    asks: tuple[Ask, ...]
    answers: tuple[Annotation, ...]

    @property
    def pixels(self) -> int:
        """Pixels people annotate; void ones are paid for too."""
        return sum(answer.pixels for answer in self.answers)

    @property
    def clicks(self) -> int:
        """Clicks people make, counted as :data:`segxal.core.price.CLICKS` says."""
        return sum(answer.clicks for answer in self.answers)

    @property
    def minutes(self) -> float:
        """Estimated time, see :func:`segxal.core.price.minutes`."""
        return minutes(len(self.asks), self.clicks)

    @property
    def spent(self) -> int:
        """Price in the unit of the budget."""
        return self.clicks if self.unit == "clicks" else self.pixels

    @property
    def affordable(self) -> bool:
        """Whether the price is within the budget; it is not where even the least that can be asked for costs more."""
        return self.spent <= self.budget


def offer_of(cycle: Cycle, splits: Splits, images: Sequence[str] = ()) -> Offer:
    """What one cycle of a run may ask about; the cycle before it must be done.

    Args:
        cycle: the cycle whose choice is made, 1 or later.
        splits: the study's splits.
        images: names of training images that are not annotated yet; empty for all of them.

    Raises:
        ConfigError: if nothing is asked in the cycle, an image is unknown or annotated already.
    """
    before = cycle.previous
    if before is None:
        raise ConfigError(f"cycle 0 of {cycle.method} asks nothing; name a cycle from 1 on")
    train, asked = splits.train, asked_up_to(before, splits.train)
    free = [i for i in range(len(train)) if train.labelled[i] and not asked[i].any()]
    chosen = [find_image(train, name, "") for name in images] or free
    taken = [train.ids[i] for i in chosen if i not in free]
    if taken or not chosen:
        some = ", ".join(train.ids[i] for i in free[:5]) or "none is left"
        raise ConfigError(
            f"{', '.join(taken) or 'every image'} was asked about before; still free are, for example, {some}"
        )
    pool, model = Pool.read(before.folder / "pool.json"), load_models(before, len(train.classes))["model"]
    learner = learner_of(before, model, pool, cycle.settings)
    if cycle.settings.mask.fusion == "learned":
        learner = replace(learner, mask=fitted_mask(learner, pool, train))
    return Offer(learner, train, tuple(chosen), asked, cycle.seed, cycle.number)


def buy(offer: Offer, method: str, budget: int, unit: str = "pixels") -> Purchase:
    """The most that a method asks for within a budget: the query step of the loop, run once, cut where money ends.

    A method ranks what is on offer, and people answer from the first on. Regions that touch are outlined together, so
    a longer list of them may cost fewer clicks; where that happens a list near the longest is taken.

    Args:
        offer: the images on offer.
        method: a name of :data:`SOLD`.
        budget: pixels or clicks to spend, at least 1.
        unit: ``pixels`` or ``clicks``.

    Returns:
        What is asked for. Where even the first costs more than the budget it is that one, not ``affordable``.

    Raises:
        ConfigError: if the method's oracle is no simulated person, unit or budget are not as said, or nothing is left
            to ask for.
    """
    if method not in SOLD:
        get_method(method)  # an unknown name is named as one
        raise ConfigError(
            f"{method} asks no simulated person, so it has no price here; choose one of {', '.join(SOLD)}"
        )
    if unit not in UNITS or budget < 1:
        raise ConfigError(f"a budget of {budget} {unit}; give at least 1 of {' or '.join(UNITS)}")
    first, most = _ranked(offer, get_method(method), budget)

    def bought(count: int) -> Purchase:
        asks = first(count)
        return Purchase(method, budget, unit, tuple(asks), _answers(offer, get_method(method).oracle, asks))

    if get_method(method).granularity == "pixel":
        return bought(most)  # a pixel is a click: the price is known before
    found, low, high = bought(1), 1, most + 1  # low is bought or the least, high is too dear or more than there is
    while high - low > 1 and found.affordable:
        middle = (low + high) // 2
        tried = bought(middle)
        found, low, high = (tried, middle, high) if tried.affordable else (found, low, middle)
    return found


def _ranked(offer: Offer, method: Method, budget: int) -> tuple[Callable[[int], list[Ask]], int]:
    """What is asked for first, as a function of how much, and the most there is: images, regions, or pixels of each."""
    learner = replace(offer.learner, loop=_loop(offer, method))
    there = replace(offer.frames, labelled=tuple(i in offer.images for i in range(len(offer.frames))))
    if method.granularity == "image":
        since = [UNLABELLED if known else 0 for known in there.labelled]
        asks = ask_images(learner, method, there, Pool(there.ids, tuple(since)), _streams(offer))
        return lambda count: asks[:count], len(asks)
    if method.granularity == "pixel":

        def every(count: int) -> list[Ask]:
            each = replace(learner, loop=replace(learner.loop, pixels=count))
            return ask_regions(each, method, there, offer.asked, _streams(offer))

        return every, max(1, budget // len(offer.images))
    ranking = rank(learner, method, there, offer.asked, _streams(offer))
    predictions = predictions_of(learner, there, list(ranking.partitions))
    return lambda count: asks_about(there, ranking.first(count), predictions), len(ranking.order)


def _loop(offer: Offer, method: Method) -> StrategyConfig:
    """Settings with which everything on offer competes, and all of it can be asked for."""
    loop = replace(offer.learner.loop, subset=1.0)
    if method.granularity != "image":
        return loop
    return replace(loop, start=SMALLEST, step=len(offer.images) / len(offer.frames), cycles=1)


def _streams(offer: Offer) -> dict[str, np.random.Generator]:
    return {name: seeds.rng(offer.seed, name, offer.number) for name in ("subset", "query")}


def _answers(offer: Offer, oracle: str, asks: list[Ask]) -> tuple[Annotation, ...]:
    learner, classes = offer.learner, len(offer.frames.classes)
    models = {"model": learner.model, "teacher": learner.model}
    person = get_oracle(oracle, learner.loop, models, learner.amp, seeds.rng(offer.seed, "noise", offer.number))
    return tuple(check_annotation(person.annotate(one.query), one.query, classes) for one in asks)
