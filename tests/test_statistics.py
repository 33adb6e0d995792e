"""Areas, budgets, beta and paired tests: by hand, against scipy and scikit-learn, then what has no answer."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import auc

from segxal.core.errors import ConfigError, DataInvalid, ShapeError
from segxal.core.seeds import rng
from segxal.results.statistics import (
    aubc,
    aubc_table,
    beta,
    budget_curve,
    budget_to,
    curves,
    efficiency,
    paired_ranges,
    paired_test,
    shared_range,
    shared_seeds,
    wilcoxon_exact,
)


def run(method, seed, x, y, budget="pixels"):
    return pd.DataFrame({"method": method, "seed": seed, "cycle": range(len(x)), budget: x, "miou": y})


def study(*runs):
    return pd.concat([run(*parts) for parts in runs], ignore_index=True)


def differences(seed, n):
    return rng(seed, "differences").normal(1, 2, n)


def test_aubc_by_hand():
    # (10 + 20) / 2 * 1 + (20 + 40) / 2 * 3 = 105 over a range of 4
    assert aubc([1, 2, 5], [10, 20, 40]) == pytest.approx(105 / 4)
    assert aubc([0, 7, 9], [30, 30, 30]) == 30


def test_unequal_steps_weigh_what_they_cost():
    assert aubc([0, 1, 10], [0, 10, 10]) == pytest.approx(9.5)
    assert aubc([0, 9, 10], [0, 10, 10]) == pytest.approx(5.5)


def test_aubc_is_that_of_scikit_learn():
    draw = rng(0, "aubc")
    for _ in range(20):
        x, y = np.sort(draw.uniform(0, 1e6, 6)), draw.uniform(0, 100, 6)
        assert aubc(x, y) == pytest.approx(auc(x, y) / np.ptp(x))


def test_aubc_inside_a_range_is_interpolated():
    # a line from 0 to 40 over 0..4: its mean over 1..2.5 is its value at 1.75
    assert aubc([0, 4], [0, 40], 1, 2.5) == pytest.approx(17.5)
    assert aubc([0, 2, 4], [0, 20, 0], 1, 3) == pytest.approx(15)


@pytest.mark.parametrize("span", [(-1, 2), (1, 5), (2, 2), (3, 1), (math.nan, 2)])
def test_nothing_is_extrapolated(span):
    assert math.isnan(aubc([0, 4], [0, 40], *span))


def test_one_budget_has_no_area():
    assert math.isnan(aubc([5], [30]))
    assert math.isnan(aubc([5, 5, 5], [30, 40, 50]))


def test_where_nothing_was_bought_the_last_score_counts():
    x, y = budget_curve([1, 1, 2, 2, 2, 3], [10, 11, 20, 5, 21, 30])
    assert x.tolist() == [1, 2, 3]
    assert y.tolist() == [11, 21, 30]


@pytest.mark.parametrize("x, y", [([], []), ([1, 2], [1]), ([[1, 2]], [[1, 2]])])
def test_budgets_and_scores_come_in_pairs(x, y):
    with pytest.raises(ShapeError, match="one score per budget"):
        aubc(x, y)


@pytest.mark.parametrize("x, y", [([2, 1], [1, 2]), ([1, math.nan], [1, 2]), ([1, 2], [1, math.inf])])
def test_falling_budgets_and_numbers_that_are_none_are_refused(x, y):
    with pytest.raises(DataInvalid, match="never decrease"):
        aubc(x, y)


def test_shared_range_of_curves():
    one, two, point = (budget_curve(x, x) for x in ([0, 5, 10], [2, 20], [3]))
    assert shared_range([one, two]) == (2, 10)
    assert shared_range([one, two, point]) == (2, 10)
    assert all(map(math.isnan, shared_range([point])))
    assert all(map(math.isnan, shared_range([])))
    assert all(map(math.isnan, shared_range([one, budget_curve([10, 12], [1, 2])])))


def test_only_seeds_with_a_range_in_common_are_paired():
    line, other, point = (budget_curve(x, x) for x in ([0, 10], [5, 20], [3]))
    own = {0: line, 1: line, 2: line}
    assert paired_ranges(own, {0: other, 2: point, 3: other}) == {0: (5, 10)}


def test_curves_of_records():
    records = study(("random", 0, [1, 2], [10, 20]), ("supervised", 0, [9], [50]), ("eem", 1, [1, 1], [10, 12]))
    found = curves(records.iloc[::-1], "pixels")
    assert {method: list(parts) for method, parts in found.items()} == {"random": [0], "eem": [1]}
    assert found["random"][0][1].tolist() == [10, 20]
    assert [part.tolist() for part in found["eem"][1]] == [[1], [12]]


def test_records_that_do_not_fit_are_refused():
    records = study(("random", 0, [1, 2], [10, 20]))
    with pytest.raises(ConfigError, match="no column clicks; they have method, seed"):
        curves(records, "clicks")
    with pytest.raises(DataInvalid, match="keep one ablation and one depth provider"):
        curves(pd.concat([records, records]), "pixels")
    with pytest.raises(DataInvalid, match="random, seed 3, pixels: budgets"):
        curves(study(("random", 3, [2, 1], [10, 20])), "pixels")


def test_budget_to_a_score():
    x, y = [10, 20, 40], [10, 20, 60]
    assert budget_to(x, y, 15) == 15
    assert budget_to(x, y, 50) == 35
    assert budget_to(x, y, 60) == 40
    assert budget_to(x, y, 10) == budget_to(x, y, 3) == 10
    assert math.isnan(budget_to(x, y, 60.1))
    assert math.isnan(budget_to(x, y, math.nan))


def test_the_first_crossing_counts():
    assert budget_to([0, 1, 2, 3], [0, 10, 0, 40], 5) == 0.5


def test_a_score_lost_again_at_the_same_budget_is_not_reached():
    assert math.isnan(budget_to([0, 1, 1], [0, 10, 4], 5))


@pytest.mark.parametrize("rate", [-0.5, 1e-9, 0.3, 4.0])
def test_beta_of_an_exact_curve(rate):
    x = np.array([3, 4, 6, 9, 10.0])
    y = 60 - 40 * np.exp(-rate * (x - 3))
    assert beta(x, y, 60) == pytest.approx(rate, rel=1e-4, abs=1e-6)
    assert beta(1e6 * x, y, 60) == pytest.approx(rate / 1e6, rel=1e-4, abs=1e-12)


def test_after_ln_2_over_beta_half_of_the_gap_is_closed():
    x = np.linspace(0, 10, 2001)
    y = 50 - 30 * np.exp(-0.2 * x)
    assert budget_to(x, y, 35) == pytest.approx(math.log(2) / beta(x, y, 50), rel=1e-4)


def test_beta_is_the_least_squares_fit():
    draw = rng(1, "beta")
    x = np.arange(6.0)
    y = 50 - 30 * np.exp(-0.3 * x) + np.append(0, draw.normal(0, 1, 5))
    grid = np.linspace(-1, 2, 30001)
    errors = ((y - (50 - (50 - y[0]) * np.exp(-grid[:, None] * x))) ** 2).sum(1)
    assert beta(x, y, 50) == pytest.approx(grid[errors.argmin()], abs=1e-4)


@pytest.mark.parametrize("x, y", [([5, 5], [1, 2]), ([1, 2], [50, 50]), ([1, 2], [60, 70]), ([1, 2], [20, 50])])
def test_where_beta_is_not_defined(x, y):
    assert math.isnan(beta(x, y, 50))


def test_beta_needs_the_fully_supervised_score():
    assert math.isnan(beta([1, 2], [20, 30], math.nan))


def test_efficiency_takes_the_supervised_run_of_the_seed_else_the_mean():
    line = ([0, 100], [0, 100])
    records = study(
        *(("random", seed, *line) for seed in (0, 1, 2)),
        ("supervised", 0, [1000], [40]), ("supervised", 1, [2000], [60]),
    )  # fmt: skip
    found = efficiency(records, "pixels").set_index("seed")
    assert found.full.tolist() == [40, 60, 50]
    assert found.reached.tolist() == pytest.approx([38, 57, 47.5])
    assert efficiency(records, "pixels", share=0.5).reached.tolist() == pytest.approx([20, 30, 25])


def test_beta_counts_the_budget_in_shares_of_the_supervised_one():
    x = np.array([0, 100, 300.0])
    records = study(("random", 0, x, 60 - 40 * np.exp(-x / 200)), ("supervised", 0, [1000], [60]))
    assert efficiency(records, "pixels").beta[0] == pytest.approx(5, rel=1e-4)


def test_without_supervised_runs_nothing_is_reached():
    found = efficiency(study(("random", 0, [0, 1], [0, 100])), "pixels")
    assert found[["full", "reached", "beta"]].isna().all(axis=None)


def test_aubc_table_takes_the_range_all_methods_of_a_seed_cover():
    records = study(
        ("a", 0, [0, 10], [0, 10]), ("b", 0, [0, 4], [8, 8]), ("none", 0, [0, 0], [1, 2]),
        ("a", 1, [2, 10], [2, 10]),
        ("supervised", 0, [99], [99]),
    )  # fmt: skip
    table = aubc_table(records, "pixels")
    assert table.columns.tolist() == ["a", "b", "none"]
    assert table.index.tolist() == [0, 1]
    assert table["a"].tolist() == [2, 6]
    assert table.loc[0, "b"] == 8
    assert table["none"].isna().all()
    assert math.isnan(table.loc[1, "b"])


def test_paired_test_by_hand():
    found = paired_test([1, 2, 3])
    # mean 2, standard deviation 1, t = 2 sqrt(3); quantile 0.975 of t with 2 degrees of freedom: 4.302653
    assert (found.seeds, found.difference, found.d_z) == (3, 2, 2)
    assert [found.low, found.high] == pytest.approx([2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5], abs=1e-6)
    t = 2 * 3**0.5
    assert found.p == pytest.approx(1 - t / (2 + t**2) ** 0.5)  # t distribution, 2 degrees of freedom, closed form
    assert (found.wilcoxon, found.floor) == (0.25, 0.25)


@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_paired_test_is_that_of_scipy(n):
    a = rng(n, "a").normal(40, 1, n)
    b = a - differences(n, n)
    found, expected = paired_test(a - b), stats.ttest_rel(a, b)
    assert found.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert [found.low, found.high] == pytest.approx([interval.low, interval.high])
    assert paired_test(b - a).p == pytest.approx(found.p)
    assert paired_test(b - a).low == pytest.approx(-found.high)


def test_hedges_factor_is_near_its_usual_approximation():
    for n in range(4, 30):
        found = paired_test(differences(n, n))
        assert found.g_z / found.d_z == pytest.approx(1 - 3 / (4 * (n - 1) - 1), abs=0.008)


def test_hedges_factor_removes_the_bias():
    draws = rng(0, "bias").normal(0.8, 1, (1000, 6))
    found = [paired_test(row) for row in draws]
    assert np.mean([t.g_z for t in found]) == pytest.approx(0.8, abs=0.05)
    assert np.mean([t.d_z for t in found]) > 0.9


def test_two_seeds_have_no_unbiased_effect_size():
    found = paired_test([1, 2])
    assert found.d_z == pytest.approx(1.5 / 0.5**0.5)
    assert math.isnan(found.g_z)


@pytest.mark.parametrize("given", [[], [1.5], [0, 0, 0], [2, 2, 2], [0.3, 0.1 + 0.2, 0.3]])
def test_without_a_spread_there_is_no_test(given):
    found = paired_test(given)
    assert found.seeds == len(given)
    assert all(map(math.isnan, (found.p, found.low, found.high, found.d_z, found.g_z, found.wilcoxon, found.floor)))
    assert math.isnan(found.difference) if not given else found.difference == pytest.approx(given[0])


@pytest.mark.parametrize("n", [1, 3, 6, 15])
def test_wilcoxon_without_ties_is_that_of_scipy(n):
    d = differences(n, n)
    assert wilcoxon_exact(d) == pytest.approx(stats.wilcoxon(d, method="exact").pvalue)


@pytest.mark.parametrize("given", [[1, 1, -2, 3, 3], [1, -1], [0, 2, 2, 2], [0, 0, -1], [-1, 2, -2, 4, 4, 4, 5]])
def test_wilcoxon_with_ties_counts_all_signs(given):
    kept = np.array([d for d in given if d])
    ranks = stats.rankdata(abs(kept))
    sums = np.array([ranks @ signs for signs in itertools.product([0, 1], repeat=len(kept))])
    positive = ranks @ (kept > 0)
    expected = min(1, 2 * min(np.mean(sums <= positive), np.mean(sums >= positive)))
    assert wilcoxon_exact(np.array(given, dtype=float)) == pytest.approx(expected)


def test_wilcoxon_of_no_differences():
    assert wilcoxon_exact(np.zeros(4)) == 1


@pytest.mark.parametrize(("n", "floor"), [(2, 0.5), (3, 0.25), (4, 0.125), (5, 0.0625), (6, 0.03125)])
def test_the_smallest_p_that_wilcoxon_reaches(n, floor):
    found = paired_test(np.arange(1, n + 1))
    assert found.floor == found.wilcoxon == floor


def test_seeds_that_lack_an_ablation_are_left_out():
    records = pd.DataFrame({"method": ["a", "a", "a", "b"], "seed": [0, 0, 1, 1], "ablation": ["x", "y", "x", "x"]})
    assert shared_seeds(records).index.tolist() == [0, 1, 3]
