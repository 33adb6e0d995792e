"""What a budget buys: what a method would ask for on given images, what people would answer, and the price."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from segxal.acquisition.oracles import get_oracle
from segxal.acquisition.oracles.base import Annotation, check_annotation
from segxal.acquisition.query import Ask, ask, asks_about, predictions_of
from segxal.acquisition.ranking import rank_regions
from segxal.acquisition.settings import OracleConfig
from segxal.acquisition.strategies.base import Learner
from segxal.core import seeds
from segxal.core.errors import ConfigError
from segxal.core.price import minutes
from segxal.core.regions import POOLED
from segxal.data.base import Frames
from segxal.methods import METHODS, get_method
from segxal.methods.base import Method

UNITS = ("pixels", "clicks")  # what a budget can be counted in
SOLD = tuple(  # people answer, simulated; a policy would have to be trained first
    name for name, method in METHODS.items() if method.buys and method.needs_truth and not method.follows_policy
)


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
        oracle: how the people who answer behave.
    """

    learner: Learner
    frames: Frames
    images: tuple[int, ...]
    asked: np.ndarray
    seed: int = 0
    number: int = 1
    oracle: OracleConfig = field(default_factory=OracleConfig)


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
        """Whether the price is within the budget; it is not where even the smallest request costs more."""
        return self.spent <= self.budget


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
        ConfigError: if the method's oracle is not a simulated person, unit or budget are not valid, or nothing is left
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
    learner, frames, strategy, granularity = offer.learner, offer.frames, method.strategy, method.granularity
    candidates = [i for i in sorted(offer.images) if not offer.asked[i].all()]
    if granularity == "image":
        masked = method.oracle != "whole-image"
        asks = ask(learner, strategy, "image", frames, candidates, len(candidates), _stream(offer), masked=masked)
        return lambda count: asks[:count], len(asks)
    if granularity not in POOLED:

        def every(count: int) -> list[Ask]:
            return ask(learner, strategy, granularity, frames, candidates, count, _stream(offer), offer.asked)

        return every, max(1, budget // len(offer.images))
    ranking = rank_regions(learner, strategy, granularity, frames, candidates, offer.asked, None, _stream(offer))
    predictions = predictions_of(learner, frames, list(ranking.partitions))
    return lambda count: asks_about(frames, ranking.first(count), predictions), len(ranking.order)


def _stream(offer: Offer) -> np.random.Generator:
    """The strategy's own stream in the cycle whose choice is made."""
    return seeds.rng(offer.seed, "query", offer.number)


def _answers(offer: Offer, oracle: str, asks: list[Ask]) -> tuple[Annotation, ...]:
    learner, classes = offer.learner, len(offer.frames.classes)
    models = {"model": learner.model, "teacher": learner.model}
    person = get_oracle(oracle, offer.oracle, models, learner.amp, seeds.rng(offer.seed, "noise", offer.number))
    return tuple(check_annotation(person.annotate(one.query), one.query, classes) for one in asks)
