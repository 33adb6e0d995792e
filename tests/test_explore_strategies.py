"""The strategy explorer: every combination there is, the price by hand, and the view shows what was bought."""

from dataclasses import replace

import numpy as np
import pytest

from segxal.acquisition.oracles.base import Annotation, Query
from segxal.acquisition.query import Ask
from segxal.apps.explore.picture import png
from segxal.apps.explore.strategies import explorer as strategies
from segxal.apps.explore.strategies.explorer import (
    CLICKS,
    StrategyExplorer,
    annotated_part,
    compared_picture,
    hit_share,
    methods_of,
    missing,
    price_line,
    price_table,
)
from segxal.apps.explore.strategies.offer import offer_of
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.core.price import minutes
from segxal.core.regions import GRANULARITIES
from segxal.methods import METHODS
from segxal.methods.baselines import STRATEGIES_AT
from segxal.methods.purchase import Purchase, buy
from segxal.study.grid import run_cycles


def bought(labels, prediction, clicks=5, budget=10):
    labels, prediction = np.array(labels, np.uint8), np.array(prediction, np.uint8)
    image = np.zeros((3, *labels.shape), np.uint8)
    query = Query("street", image, prediction, labels != VOID, labels)
    answer = Annotation(labels, labels == VOID, labels.size, clicks)
    return Purchase("entropy-superpixel", budget, "clicks", (Ask(3, 0.5, query),), (answer,))


def test_all_combinations_are_methods():
    everything = {strategy for at in STRATEGIES_AT.values() for strategy in at}
    names = methods_of(sorted(everything), GRANULARITIES)
    assert set(names) <= set(METHODS) and len(names) == sum(len(at) for at in STRATEGIES_AT.values())
    assert len(names) + len(missing(sorted(everything), GRANULARITIES)) == len(everything) * len(GRANULARITIES)
    assert methods_of(["eem"], ["image", "grid"]) == ["eem", "eem-grid"]
    assert missing(["core-set"], ["grid", "pixel"]) == ["core-set by pixel"]


def test_the_price_table_by_hand():
    one = bought([[1, 1, VOID, 2]], [[1, 0, 0, 0]])
    assert hit_share(one) == pytest.approx(2 / 3), "void is paid for and says nothing"
    row = price_table([one]).loc["entropy-superpixel"]
    assert (row.images, row.pixels, row.clicks, row["wrong (%)"], row.within) == (1, 4, 5, 66.7, True)
    assert row.minutes == round(minutes(1, 5), 1) and row.granularity == "superpixel"
    assert "OVER the budget of 4 clicks" in price_line(bought([[1]], [[1]], budget=4))
    assert "OVER" not in price_line(one)


def test_the_part_that_is_annotated_holds_what_nobody_could_tell():
    one = bought([[1, VOID]], [[1, 0]])
    assert annotated_part(one, 3).all() and annotated_part(one, 4) is None


def test_nothing_annotated_has_no_share():
    assert np.isnan(hit_share(bought([[VOID]], [[0]])))


@pytest.fixture
def explorer(tiny_run, tiny_splits):
    names = [tiny_splits.train.ids[i] for i in offer_of(tiny_run[1], tiny_splits).images[:3]]
    return StrategyExplorer({"none": offer_of(tiny_run[1], tiny_splits, names)})


def test_what_is_shown_is_what_is_bought(explorer):
    explorer.strategies.value, explorer.segxal.value = ("random", "eem"), ()
    explorer.budget.value = 6
    explorer.button.click()
    expected = [buy(explorer.offer, name, 6, "clicks") for name in ("random-superpixel", "eem-superpixel")]
    assert [one.method for one in explorer.purchases] == [one.method for one in expected]
    assert [one.clicks for one in explorer.purchases] == [6, 6]
    assert explorer.picture.value == png(compared_picture(explorer.offer, expected))


def test_the_unit_brings_a_budget_of_its_own(explorer):
    assert explorer.budget.value == CLICKS
    explorer.unit.value = "pixels"
    assert explorer.budget.value == 3 * 16 * 32 // 8
    explorer.unit.value = "clicks"
    assert explorer.budget.value == CLICKS


def test_what_is_not_there_is_said_and_the_rest_is_shown(explorer):
    explorer.strategies.value, explorer.granularities.value = ("core-set", "entropy"), ("pixel",)
    explorer.segxal.value = ()
    explorer.ask()
    assert "core-set by pixel" in explorer.text.value
    assert [one.method for one in explorer.purchases] == ["entropy-pixel"]
    explorer.strategies.value, explorer.granularities.value = explorer.strategies.options, GRANULARITIES
    assert len(explorer.methods) > 12 and "bald" not in explorer.strategies.options
    explorer.strategies.value = ()
    explorer.ask()
    assert explorer.purchases == [] and explorer.picture.value == b"", "no picture of an earlier question"
    assert explorer.picture.layout.display == "none" and "Nothing is chosen" in explorer.text.value


def test_nothing_can_be_changed_while_it_computes(explorer, monkeypatch):
    asked = []

    def pressed(_offer, name, budget, unit):
        explorer.button.click()
        assert explorer.button.disabled and explorer.budget.disabled and explorer.strategies.disabled
        asked.append((name, budget, unit))
        raise ConfigError("sold out")

    monkeypatch.setattr(strategies, "buy", pressed)
    explorer.strategies.value, explorer.segxal.value = ("random", "eem"), ()
    explorer.button.click()
    assert asked == [("random-superpixel", CLICKS, "clicks"), ("eem-superpixel", CLICKS, "clicks")]
    assert "random-superpixel: sold out." in explorer.text.value and not explorer.button.disabled


def test_strategies_that_need_dropout_ask_by_a_network_that_has_it(explorer, tiny_run, tiny_splits):
    cycle = replace(tiny_run[1], method="bald")
    run_cycles([cycle.previous])
    names = [tiny_splits.train.ids[i] for i in explorer.offer.images]
    both = StrategyExplorer({"none": explorer.offer, "dropout": offer_of(cycle, tiny_splits, names)})
    both.strategies.value, both.segxal.value = ("entropy", "bald"), ()
    both.ask()
    expected = [buy(both.offers[start], name, CLICKS, "clicks")
                for start, name in (("none", "entropy-superpixel"), ("dropout", "bald-superpixel"))]  # fmt: skip
    assert both.picture.value == png(compared_picture(explorer.offer, expected))
