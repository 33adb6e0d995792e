"""What a budget buys: the loop's own choice at the loop's own budget, and never more than the budget."""

from dataclasses import replace

import numpy as np
import pytest

from segxal.acquisition.oracles import get_oracle
from segxal.apps.explore.strategies.offer import offer_of
from segxal.core.errors import ConfigError
from segxal.core.price import minutes
from segxal.methods import get_method
from segxal.methods.base import PEOPLE, Context
from segxal.methods.cycles import asked_pixels
from segxal.methods.learner import learner_of
from segxal.methods.purchase import SOLD, Offer, buy
from segxal.methods.rounds import Bought
from segxal.study.state import Cycle

METHODS = [
    "random", "entropy", "core-set", "segxal-human", "segxal-gt-patch", "random-grid", "entropy-superpixel",
    "core-set-superpixel", "class-random-superpixel", "eem-superpixel", "eem-component", "margin-pixel",
]  # fmt: skip


@pytest.fixture(scope="module")
def offer(tiny_run, tiny_splits):
    """All free images on offer, cut into regions that suit images of 16x32."""
    first = tiny_run[0]
    train = tiny_splits.train
    learner = learner_of(first, first.settings)
    learner = replace(learner, strategy=replace(learner.strategy, cell=4, pieces=12))
    free = tuple(i for i in range(len(train)) if i not in learner.labelled)
    return Offer(learner, train, free, asked_pixels(first, train), 0, 1)


def parts(asks):
    return {one.query.id: one.query.asked for one in asks}


@pytest.mark.parametrize("name", METHODS)
def test_at_the_loops_budget_it_is_the_loops_query(offer, tiny, tiny_run, tiny_splits, name):
    method, before = get_method(name), tiny_run[0]
    settings = tiny.with_changes(pool={"region_step": 0.05, "pixels": 6})
    context = Context(settings, tiny_splits, 0, 1, (before,))
    streams = {purpose: context.rng(purpose) for purpose in ("subset", "query")}
    expected = method._asks(context, offer.learner, before.pool(), Bought(), streams)
    models = {"model": offer.learner.model, "teacher": offer.learner.model}
    person = get_oracle(method.oracle, offer.oracle, models, "off")
    answers = [person.annotate(one.query) for one in expected]
    bought = buy(offer, name, sum(answer.pixels for answer in answers), "pixels")
    assert [one.query.id for one in bought.asks] == [one.query.id for one in expected]
    assert [one.score for one in bought.asks] == pytest.approx([one.score for one in expected])
    assert all(np.array_equal(part, parts(expected)[name]) for name, part in parts(bought.asks).items())
    assert bought.clicks == sum(answer.clicks for answer in answers)


@pytest.mark.parametrize("unit", ["pixels", "clicks"])
@pytest.mark.parametrize("name", METHODS)
def test_the_budget_is_kept_or_the_least_is_shown(offer, name, unit):
    bought = buy(offer, name, 150, unit)
    assert bought.spent == getattr(bought, unit) and bought.affordable == (bought.spent <= 150)
    assert bought.affordable or len(bought.asks) == 1 or name.endswith("pixel")
    assert bought.minutes == minutes(len(bought.asks), bought.clicks)
    assert {one.index for one in bought.asks} <= set(offer.images)


def test_a_superpixel_is_a_click(offer):
    for clicks in (1, 7, 20):
        bought = buy(offer, "entropy-superpixel", clicks, "clicks")
        assert bought.clicks == clicks == sum(len(np.unique(p.query.partition)) - 1 for p in bought.asks)


def test_a_larger_budget_begins_with_what_a_smaller_one_buys(offer):
    small, large = (parts(buy(offer, "eem-superpixel", clicks, "clicks").asks) for clicks in (5, 15))
    assert all((part <= large[name]).all() for name, part in small.items())


def test_what_was_asked_for_is_not_asked_for_again(offer):
    first = buy(offer, "random-superpixel", 10, "clicks")
    asked = offer.asked.copy()
    for one in first.asks:
        asked[one.index] |= one.query.asked
    again = buy(replace(offer, asked=asked), "random-superpixel", 10, "clicks")
    assert not any((one.query.asked & asked[one.index]).any() for one in again.asks)


def test_only_the_images_on_offer_are_asked_about(offer):
    few = replace(offer, images=offer.images[1:3])
    for name in ("random", "random-superpixel", "margin-pixel"):
        assert {one.index for one in buy(few, name, 300).asks} <= set(few.images)


def test_an_offer_is_what_a_cycle_of_the_loop_may_ask_about(tiny_run, tiny_splits):
    made = offer_of(tiny_run[1], tiny_splits)
    assert set(made.images).isdisjoint(made.learner.labelled) and len(made.images) + len(made.learner.labelled) == 12
    bought = buy(made, "segxal-human", 10**6)
    assert [one.query.id for one in bought.asks][:2] == [query["id"] for query in tiny_run[1].queries()]
    named = offer_of(tiny_run[1], tiny_splits, [tiny_splits.train.ids[made.images[2]]])
    assert named.images == made.images[2:3]


def test_everything_that_people_are_simulated_for_is_sold():
    assert {"random", "segxal-human", "eem-component"} <= set(SOLD)
    assert {get_method(name).oracle for name in SOLD}.isdisjoint({"pseudo", PEOPLE})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("segxal-pseudo", 10, "pixels"), "no simulated person"),
        (("no-such", 10, "pixels"), "no method 'no-such'"),
        (("random", 0, "pixels"), "at least 1"),
        (("random", 10, "euros"), "pixels or clicks"),
    ],
)
def test_what_cannot_be_bought_is_refused(offer, arguments, words):
    with pytest.raises(ConfigError, match=words):
        buy(offer, *arguments)


def test_an_offer_names_what_it_cannot_hold(tiny, tiny_run, tiny_splits):
    known = tiny_splits.train.ids[learner_of(tiny_run[0], tiny_run[0].settings).labelled[0]]
    with pytest.raises(ConfigError, match=f"{known} was already asked about"):
        offer_of(tiny_run[1], tiny_splits, [known])
    with pytest.raises(ConfigError, match="no image"):
        offer_of(tiny_run[1], tiny_splits, ["nowhere"])
    with pytest.raises(ConfigError, match="asks nothing"):
        offer_of(Cycle(tiny, "start", 0, 0, runs=tiny_run[0].runs), tiny_splits)
