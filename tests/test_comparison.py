"""Comparisons, penalty matrix and ranking on constructed studies; what a conclusion may say."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from segxal.core.errors import ConfigError
from segxal.core.seeds import rng
from segxal.results.comparison import (
    compare_with,
    comparison_table,
    conclusion,
    penalty_matrix,
)
from segxal.results.stability import complete, rank_stability, stability_line

GRID = (10, 20, 30)


def run(method, seed, scores, budgets=GRID):
    rows = {"method": method, "seed": seed, "cycle": range(len(scores)), "images": budgets, "miou": scores}
    return pd.DataFrame(rows)


def flat(**methods):
    """A study in which a method's curve is one height per seed, hence its AUBC too; None: no run."""
    pairs = [(method, seed, score) for method, scores in methods.items() for seed, score in enumerate(scores)]
    return pd.concat([run(method, seed, [score] * 3) for method, seed, score in pairs if score is not None])


def noise(seed, methods, seeds):
    draw = rng(seed, "noise")
    return flat(**{name: 30 + draw.normal(0, 1, seeds) for name in methods}).reset_index(drop=True)


def only(records):
    return next(c for c in compare_with(records, "random", "images") if c.method == "a")


def test_a_comparison_is_the_paired_t_test_of_the_areas():
    records = noise(0, ["a", "random"], 5)
    found = only(records)
    a, b = (records[records.method == name].groupby("seed").miou.mean() for name in ("a", "random"))
    expected = stats.ttest_rel(a, b)
    assert found.test.p == found.holm == pytest.approx(expected.pvalue)
    assert found.test.difference == pytest.approx(a.mean() - b.mean())
    assert (found.start, found.end, found.seeds, found.left_out, found.family) == (10, 30, (0, 1, 2, 3, 4), 0, 1)
    assert found.scores == pytest.approx(tuple(a))
    assert found.reference_scores == pytest.approx(tuple(b))


def test_holm_by_hand():
    records = noise(1, ["random", "a", "b", "c"], 6)
    found = compare_with(records, "random", "images")
    plain = sorted(c.test.p for c in found)
    steps = [min(1, (3 - k) * p) for k, p in enumerate(plain)]
    by_hand = dict(zip(plain, np.maximum.accumulate(steps), strict=True))
    assert [c.holm for c in found] == pytest.approx([by_hand[c.test.p] for c in found])
    assert [c.method for c in found] == ["a", "b", "c"]
    assert {c.family for c in found} == {3}


def test_holm_is_that_of_statsmodels():
    found = compare_with(noise(2, ["a", "b", "c", "d", "e"], 5), "a", "images")
    assert [(c.method, c.reference) for c in found] == [(name, "a") for name in "bcde"]
    assert [c.holm for c in found] == pytest.approx(multipletests([c.test.p for c in found], method="holm")[1])


def test_comparisons_without_a_test_are_not_counted_by_holm():
    records = pd.concat([noise(3, ["random", "a"], 4), flat(b=[1, None, None, None])])
    found = {c.method: c for c in compare_with(records, "random", "images")}
    assert (found["a"].family, found["a"].holm) == (1, found["a"].test.p)
    assert math.isnan(found["b"].holm)


def test_methods_are_compared_where_both_spend_and_a_third_one_changes_nothing():
    # a line from 0 to 40 over 0..40 beside 7 over 10..20: means 15 and 7
    both = pd.concat([run("a", 0, [0, 40], (0, 40)), run("random", 0, [7, 7], (10, 20))])
    found = only(both)
    assert (found.start, found.end) == (10, 20)
    assert (found.scores, found.reference_scores) == ((15,), (7,))
    third = pd.concat([both, run("b", 0, [50, 50], (10, 11))])
    assert only(third).scores == (15,)


def test_seeds_that_one_method_lacks_are_left_out_and_counted():
    found = only(flat(a=[31, 33, None, 36, 30], random=[30, 30, 30, 30, None]))
    assert (found.seeds, found.left_out) == ((0, 1, 3), 2)
    assert found.test.difference == pytest.approx(10 / 3)
    assert conclusion(found).endswith("2 seeds left out: a method or a shared range of images is missing.")


def test_an_unknown_reference_names_the_methods():
    with pytest.raises(ConfigError, match="no method 'best' in the records; choose one of a, random"):
        compare_with(noise(0, ["a", "random"], 2), "best", "images")


def test_a_difference_that_is_shown():
    text = conclusion(only(flat(a=[25.9, 25.4, 26.4], random=[30, 30, 30])))
    assert text == (
        "With 3 seeds, a is 4.10 points (95 % CI 2.86 to 5.34) below random on AUBC over 10 to 30 images; "
        "Holm p = 0.00492 (1 comparison). Wilcoxon cannot go below 0.25 with 3 seeds: "
        "the result rests on the t-test, which takes differences as normal."
    )


def test_with_enough_seeds_wilcoxon_is_told():
    heights = 30 + np.arange(1, 8) / 10
    assert conclusion(only(flat(a=heights, random=[30] * 7))).endswith("Wilcoxon p = 0.0156 agrees.")


def test_wilcoxon_that_does_not_confirm_is_told():
    # one fall of rank 4 among 8: 7 of 256 sets of signs are as far out on that side
    heights = 30 + np.array([1, 1.1, 1.2, -1.3, 3, 3.1, 3.2, 3.3])
    text = conclusion(only(flat(a=heights, random=[30] * 8)))
    assert " above random " in text
    assert text.endswith("Wilcoxon p = 0.0547 does not confirm it.")


def test_a_difference_that_is_not_shown():
    text = conclusion(only(flat(a=[29, 31, 30.6], random=[30, 30, 30])))
    assert text == (
        "With 3 seeds, no difference between a and random on AUBC over 10 to 30 images is shown: +0.20 points "
        "(95 % CI -2.43 to +2.83), Holm p = 0.775 (1 comparison). This does not show that they are equal."
    )


def test_what_holm_takes_away_is_not_shown():
    # t = 5 with 3 seeds: p = 0.038 alone, more than 0.05 beside another method
    heights = 30 + np.array([-1, 0, 1]) + 5 / 3**0.5
    alone = flat(a=heights, random=[30] * 3)
    assert "above random" in conclusion(only(alone))
    found = only(pd.concat([alone, flat(b=[29, 30.1, 31])]))
    assert found.test.low > 0
    assert "no difference between a and random" in conclusion(found)
    assert "(2 comparisons)" in conclusion(found)


def test_one_seed_shows_nothing():
    text = conclusion(only(flat(a=[33], random=[30])))
    assert text == (
        "With 1 seed, a is 3.00 points above random on AUBC over 10 to 30 images. "
        "One seed allows no test: no difference is shown, nor equality."
    )


@pytest.mark.parametrize(("height", "words"), [(30, "a is level with random"), (29, "a is 1.00 points below random")])
def test_a_constant_difference_shows_nothing(height, words):
    found = only(flat(a=[height] * 3, random=[30] * 3))
    assert math.isnan(found.holm)
    text = conclusion(found)
    assert words in text
    assert "no difference is shown, nor equality; check that the seeds are independent" in text


def test_methods_that_never_spend_are_not_compared():
    records = pd.concat([run("a", s, [20, 25, 30], (10, 10, 10)) for s in (0, 1)] + [flat(random=[30, 31])])
    text = conclusion(only(records))
    assert text.startswith("No seed gives a and random a shared range of images: nothing can be compared. 2 seeds")


def test_noise_is_rarely_called_a_difference(monkeypatch):
    monkeypatch.setattr("gc.collect", lambda: 0)  # statsmodels collects at every call: most of the time of this test
    wrong = 0
    for seed in range(150):
        found = compare_with(noise(seed, ["random", "a", "b", "c"], 4), "random", "images")
        wrong += any("no difference" not in conclusion(c) for c in found)
    # at most 5 % of the studies may hold a false claim: 7.5 of 150, with a standard deviation of 2.7
    assert wrong < 16


def test_a_real_difference_is_found():
    shifted = noise(0, ["random", "a", "b"], 6)
    shifted.loc[shifted.method == "a", "miou"] += 5
    assert "a is " in conclusion(only(shifted))
    assert "no difference" not in conclusion(only(shifted))


def test_penalty_matrix_by_hand():
    # Cycle 1: a beats b in all seeds with a spread. Cycle 2: b beats a. Cycle 3: the mean is ahead, the seeds are not.
    # Cycle 4: a constant difference, no test. The start is the same and no point.
    budgets = (1, 2, 3, 4, 5)
    runs = []
    for seed, near in enumerate((-0.1, 0, 0.1)):
        runs.append(run("a", seed, [10, 22 + near, 20, 20 + 90 * near, 25], budgets))
        runs.append(run("b", seed, [10, 20, 24 + near, 19, 20], budgets))
        runs.append(run("c", seed, [10, 10 - near, 11 - 2 * near, 10 + 2 * near, 9 + 3 * near], budgets))
    found = penalty_matrix(pd.concat(runs), "images")
    assert found.loc["a", "b"] == 0.25
    assert found.loc["b", "a"] == 0.25
    assert found.loc["b", "c"] == 1
    assert found.loc["c", "b"] == found.loc["c", "a"] == 0
    assert found.loc["a", "c"] == 0.75  # not in cycle 3
    assert np.isnan(np.diag(found)).all()


def test_penalty_points_lie_in_the_range_both_cover():
    # b stops at half of a's budget: a is ahead there, and behind only where b has no score any more
    records = pd.concat(
        [run("a", s, [10, 20 + s, 30 + s, 0, 0], (0, 10, 20, 30, 40)) for s in range(3)]
        + [run("b", s, [10, 11, 12, 13, 14], (0, 5, 10, 15, 20)) for s in range(3)]
    )
    found = penalty_matrix(records, "images")
    assert (found.loc["a", "b"], found.loc["b", "a"]) == (1, 0)


def test_penalties_need_two_common_seeds():
    found = penalty_matrix(flat(a=[30, None], b=[None, 31], c=[29, 32]), "images")
    assert found.isna().all(axis=None)


def test_noise_gets_few_penalties():
    shares = [penalty_matrix(noise(seed, ["a", "b"], 5), "images").sum().sum() for seed in range(100)]
    assert 0 < np.mean(shares) < 0.12  # 0.05 with a standard deviation of 0.022


def test_rank_stability_by_hand():
    # means 3, 2, 1; without seed 2: 2, 2.5, 1, so a and b change places
    aubcs = pd.DataFrame({"a": [2.0, 2, 5], "b": [2.5, 2.5, 1], "c": [1.0, 1, 1]}, index=[4, 5, 6])
    found = rank_stability(aubcs)
    assert found["left out"].tolist() == ["none", "4", "5", "6"]
    assert found.ranking.tolist() == ["a > b > c", "a > b > c", "a > b > c", "b > a > c"]
    assert found.flips.tolist() == [0, 0, 0, 1]
    assert found.tau.iloc[-1] == pytest.approx(1 / 3)
    assert stability_line(aubcs) == (
        "Ranking over 3 of 3 seeds: a > b > c. It changes when a seed is left out, in 1 of 3 cases "
        "(pairs reversed: 1, smallest Kendall tau 0.33)."
    )


def test_a_stable_ranking():
    aubcs = pd.DataFrame({"a": [1.0, 2, 1], "b": [5.0, 6, 7], "none": [math.nan] * 3})
    assert (rank_stability(aubcs).tau == 1).all()
    assert stability_line(aubcs) == (
        "Ranking over 3 of 3 seeds: b > a. No two methods change places, whichever of these seeds is left out. "
        "Not ranked, no AUBC: none."
    )


def test_one_seed_leaves_the_stability_unknown():
    aubcs = pd.DataFrame({"a": [1.0, math.nan], "b": [5.0, 6]})
    assert len(complete(aubcs)) == len(rank_stability(aubcs)) == 1
    assert "One seed cannot be left out" in stability_line(aubcs)


def test_no_ranking_without_areas():
    assert stability_line(pd.DataFrame({"a": [math.nan, 1], "b": [2, math.nan]})).startswith("No seed has an AUBC")
    assert stability_line(pd.DataFrame({"a": [math.nan]})).endswith("Not ranked, no AUBC: a.")


def lines():
    """Two methods on lines of unlike slope, ``supervised`` at 40: 95 % are 38."""
    slopes = {"random": [2, 2.2, 2.1], "a": [1.0, 1.2, 0.8]}
    runs = [
        run(method, seed, [10 + slope * step for step in (0, 10, 20)])
        for method, three in slopes.items()
        for seed, slope in enumerate(three)
    ]
    full = [run("supervised", seed, [40], (100,)) for seed in range(3)]
    return pd.concat(runs + full, ignore_index=True)


def test_comparison_table_by_hand():
    table = comparison_table(lines(), "random", "images").set_index("method")
    assert table.index.tolist() == ["random", "a"]
    # the mean of a line is its value in the middle, 10 + 10 slope
    assert table["AUBC"].tolist() == ["31.00 ± 1.00", "20.00 ± 2.00"]
    assert table["AUBC of random"].tolist() == ["31.00 ± 1.00"] * 2
    assert table["difference"].tolist() == ["", -11]
    assert table["mean rank"].tolist() == [1, 2]
    expected = stats.ttest_1samp([-10, -10, -13], 0)
    interval = expected.confidence_interval(0.95)
    assert table.loc["a", ["CI low", "CI high"]].tolist() == pytest.approx([interval.low, interval.high], abs=0.006)
    assert table.loc["a", "p"] == table.loc["a", "Holm p"] == f"{expected.pvalue:.3g}"
    assert table.loc["a", "d_z"] == pytest.approx(-11 / 3**0.5, abs=0.006)
    assert table["images to 95 %"].tolist() == [pytest.approx(10 + np.mean([14, 28 / 2.2, 28 / 2.1]), abs=0.006), ""]
    assert table["reached"].tolist() == ["3 of 3", "0 of 3"]
    assert table.loc["random", ["seeds", "from", "to", "p"]].tolist() == [3, 10, 30, ""]


def test_a_budget_that_only_some_seeds_reach_has_no_mean():
    records = lines()
    records.loc[(records.method == "random") & (records.seed == 0), "miou"] = 20
    row = comparison_table(records, "random", "images").iloc[0]
    assert (row["images to 95 %"], row["reached"]) == ("", "2 of 3")
    assert "images to 90 %" in comparison_table(records, "random", "images", share=0.9)


def test_the_table_prints_without_nan():
    text = comparison_table(lines(), "random", "images").to_markdown(index=False, disable_numparse=True)
    assert "31.00 ± 1.00" in text
    assert "nan" not in text.lower()
