"""What a budget buys: what a method would ask for on given images, what people would answer, and the price."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from segxal import seeds
from segxal.data.base import Frames
from segxal.data.splits import Splits
from segxal.errors import ConfigError, PoolExhausted
from segxal.figures.view import find_image
from segxal.loop import fitted_mask, learner_of, load_models
from segxal.methods import METHODS, WITHOUT_TRUTH, Method, get_method
from segxal.oracles import get_oracle
from segxal.oracles.base import Annotation, check_annotation
from segxal.pool import UNLABELLED, Pool
from segxal.price import minutes
from segxal.query import Ask, ask_images, ask_regions, asked_up_to
from segxal.state import Cycle
from segxal.strategies.base import Learner

UNITS = ("pixels", "clicks")  # what a budget can be counted in
SOLD = tuple(name for name, method in METHODS.items() if method.oracle not in WITHOUT_TRUTH)  # people answer, simulated
AREA_PRICED = ("whole-image", "region", "superpixel", "pixel")  # oracles that annotate exactly what is asked for
GUESSES = 4  # tries by the price so far before the search only halves
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
        """Clicks people make, counted as :data:`segxal.price.CLICKS` says."""
        return sum(answer.clicks for answer in self.answers)

    @property
    def minutes(self) -> float:
        """Estimated time, see :func:`segxal.price.minutes`."""
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
    """The most that a method can ask for within a budget, by the query step of the loop.

    Only the size of the query is sought: by guesses from the price so far, then by halving. An outline around a larger
    part may cost fewer clicks, so a query found this way need not be the very largest.

    Args:
        offer: the images on offer.
        method: a name of :data:`SOLD`.
        budget: pixels or clicks to spend, at least 1.
        unit: ``pixels`` or ``clicks``.

    Returns:
        What is asked for. Where even the least costs more than the budget it is that least, not ``affordable``.

    Raises:
        ConfigError: if the method's oracle is no simulated person, or unit or budget are not as said.
        PoolExhausted: if nothing is left to ask for.
    """
    wanted = _checked(method, budget, unit)
    known = _known_size(offer, wanted, budget, unit)
    tried = _tried(offer, method, known, budget, unit) if known else None
    if tried is not None:
        return tried
    found, small, large = _made(offer, method, 1, budget, unit), 1, _largest(offer, wanted) + 1
    tries = 0
    while large - small > 1 and found.spent < budget:
        worth = len(found.asks) if wanted.granularity == "image" else found.pixels
        guess = round(worth * budget / max(1, found.spent)) if tries < GUESSES else (small + large) // 2
        size = min(max(guess, small + 1), large - 1)
        tried = _tried(offer, method, size, budget, unit)
        tries += 1
        if tried is not None and tried.affordable:
            found, small = tried, size
        else:
            large = size
    return found


def _checked(method: str, budget: int, unit: str) -> Method:
    if method not in SOLD:
        get_method(method)  # an unknown name is named as one
        raise ConfigError(
            f"{method} asks no simulated person, so it has no price here; choose one of {', '.join(SOLD)}"
        )
    if unit not in UNITS or budget < 1:
        raise ConfigError(f"a budget of {budget} {unit}; give at least 1 of {' or '.join(UNITS)}")
    return get_method(method)


def _known_size(offer: Offer, method: Method, budget: int, unit: str) -> int:
    """The size of a query whose price is known before it is asked; 0 where it has to be sought."""
    if method.granularity == "pixel":
        return max(1, budget // len(offer.images))
    if unit == "clicks" or method.oracle not in AREA_PRICED:
        return 0
    if method.granularity == "image":
        return min(len(offer.images), max(1, budget // offer.asked[0].size))
    return min(budget, _largest(offer, method))


def _largest(offer: Offer, method: Method) -> int:
    """The largest query there could be, in images or pixels."""
    if method.granularity == "image":
        return len(offer.images)
    return int((~offer.asked[list(offer.images)]).sum())


def _tried(offer: Offer, method: str, size: int, budget: int, unit: str) -> Purchase | None:
    """The query of this size; None where there is not so much to ask for."""
    try:
        return _made(offer, method, size, budget, unit)
    except PoolExhausted:
        return None


def _made(offer: Offer, method: str, size: int, budget: int, unit: str) -> Purchase:
    asks = _asks(offer, get_method(method), size)
    learner, frames = offer.learner, offer.frames
    noise = seeds.rng(offer.seed, "noise", offer.number)
    models = {"model": learner.model, "teacher": learner.model}
    oracle = get_oracle(get_method(method).oracle, learner.loop, models, learner.amp, noise)
    answers = [check_annotation(oracle.annotate(one.query), one.query, len(frames.classes)) for one in asks]
    return Purchase(method, budget, unit, tuple(asks), tuple(answers))


def _asks(offer: Offer, method: Method, size: int) -> list[Ask]:
    """The query step on the images on offer alone; ``size`` in images, pixels per image, or pixels in all."""
    total, frames = offer.frames.labels.numel(), offer.frames
    change = {"image": {"step": size / len(frames)}, "pixel": {"pixels": size}}
    loop = replace(
        offer.learner.loop, subset=1.0, start=SMALLEST, cycles=1,  # all on offer competes; the pool is theirs alone
        **change.get(method.granularity, {"region_step": max(SMALLEST, size / total)}),
    )  # fmt: skip
    learner = replace(offer.learner, loop=loop)
    streams = {name: seeds.rng(offer.seed, name, offer.number) for name in ("subset", "query")}
    if method.granularity == "image":
        since = [UNLABELLED if i in offer.images else 0 for i in range(len(frames))]
        return ask_images(learner, method, frames, Pool(frames.ids, tuple(since)), streams)
    there = replace(frames, labelled=tuple(i in offer.images for i in range(len(frames))))
    return ask_regions(learner, method, there, offer.asked, streams)
