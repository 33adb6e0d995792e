"""Tables and figures that put all methods side by side, on a finished tiny study."""

import numpy as np
import pandas as pd
import pytest

from segxal.core.errors import ConfigError
from segxal.core.price import minutes
from segxal.results import audit, comparison_tables, tables
from segxal.results.comparison import compare_with, conclusion, conclusions, p_words, penalty_matrix
from segxal.results.figures.budget import bought_figure, budget_figure, penalty_figure
from segxal.storage import paths
from segxal.study import grid
from segxal.study.execution import parameters_of
from segxal.study.records import collect
from segxal.study.settings import load_preset

METHODS = ["segxal-human", "random", "margin-pixel", "supervised"]


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    preset = grid.select(tiny.with_changes(pool={"pixels": 5}), seeds=[0, 1], methods=METHODS)
    for method in METHODS:
        for seed in preset.seeds:
            grid.run_cycles(grid.run_of(preset, method, seed, "none", runs))
    collect(preset, runs)
    return preset, runs


@pytest.fixture(scope="module")
def records(finished):
    return tables.main_runs(tables.read_records(*finished))


def test_table1_averages_its_own_cells_and_names_both_spreads(finished, records):
    class_iou = tables.read_class_iou(*finished)
    table = comparison_tables.table1(records, class_iou)
    ours = table[~table.method.str.startswith("paper")]
    assert set(ours.method) == set(METHODS) and (ours.seeds == 2).all()
    classes = list(dict.fromkeys(class_iou["class"]))
    assert audit.mean_check(ours.astype(str), classes=classes).agrees.all()
    row = ours.set_index("method").loc["random"]
    last = records[(records.method == "random") & (records.cycle == 2)].miou
    assert float(row["std over seeds"]) == pytest.approx(last.std(ddof=1), abs=0.006)
    cells = row[classes].replace("", np.nan).astype(float)
    assert float(row["std over classes"]) == pytest.approx(cells.std(ddof=0), abs=0.006)
    assert list(ours.mIoU.astype(float)) == sorted(ours.mIoU.astype(float), reverse=True)
    assert (table.method == "paper, printed: DEAL").sum() == 1, "the same 19 classes: the paper's rows are there"


def test_near_and_far_add_up_to_the_whole(finished):
    preset, runs = finished
    metrics = grid.run_of(preset, "random", 0, "none", runs)[-1].metrics()
    parts = [np.array(metrics[name]["confusion"]) for name in ("near", "far", "report")]
    assert (parts[0] + parts[1] == parts[2]).all() and parts[0].sum() > 0 < parts[1].sum()
    table = comparison_tables.near_far_table(tables.read_records(*finished))
    assert set(table.method) == set(METHODS) and table["near"].str.contains("±").all()


def test_conclusions_are_one_sentence_for_each_method_and_budget(records):
    found = conclusions(records, "random", ["images", "clicks"])
    others = ["segxal-human", "margin-pixel"]
    assert list(zip(found.budget, found.method, strict=True)) == [(u, m) for u in ("images", "clicks") for m in others]
    for unit, said in found.groupby("budget").conclusion:
        assert list(said) == [conclusion(c) for c in compare_with(records, "random", unit)]


def test_differences_are_those_of_the_comparisons(records):
    table = comparison_tables.difference_table(records, "random", ["images", "pixels"]).set_index("method")
    for found in compare_with(records, "random", "pixels"):
        cell = table.loc[found.method, "over pixels"]
        assert cell.startswith(f"{found.test.difference:+.2f} ({found.test.low:+.2f} to {found.test.high:+.2f}), p ")
        assert cell.endswith(p_words(found.holm, "= "))
    alone = comparison_tables.difference_table(records[records.method == "random"], "random", ["pixels"])
    assert alone.empty and list(alone) == ["method", "seeds", "over pixels"]
    free = records.assign(pixels=records.pixels.where(records.method != "margin-pixel", 7))
    assert comparison_tables.difference_table(free, "random", ["pixels"])["over pixels"].tolist()[-1] == ""


def test_shares_of_pixels_and_of_full_supervision():
    rows = [("margin-pixel", 0, 0, 100, 10.0), ("margin-pixel", 0, 1, 300, 19.0), ("margin-pixel", 1, 1, 100, 21.0)]
    rows += [("random", 0, 1, 500, 30.0), ("supervised", 0, 0, 10_000, 38.0), ("supervised", 1, 0, 10_000, 42.0)]
    records = pd.DataFrame(rows, columns=["method", "seed", "cycle", "pixels", "miou"])
    records = records.assign(ablation="none", depth="none", images=1, clicks=1)
    table = comparison_tables.share_table(records).set_index("method")
    assert list(table.index) == ["margin-pixel", "PixelPick, printed: DeepLabv3+ MobileNetV2, ImageNet"]
    assert list(table.loc["margin-pixel"][:2]) == ["1.000 %: 25.0 %", "2.000 %: 50.0 %"]
    assert table.iloc[1]["cycle 3"] == "0.035 %: 95.0 %" and table.iloc[1]["cycle 0"] == ""
    assert len(comparison_tables.share_table(records[records.method != "supervised"])) == 1


def test_noise_is_shown_for_seeds_that_have_both():
    rows = [("random", "none", 0, 30.0), ("random", "noise-class", 0, 28.0), ("random", "none", 1, 34.0),
            ("random", "noise-class", 1, 30.0), ("entropy", "none", 0, 20.0), ("random", "noise-boundary", 1, 33.0),
            ("random", "gate-all", 0, 99.0)]  # fmt: skip
    records = pd.DataFrame(rows, columns=["method", "ablation", "seed", "miou"]).assign(cycle=2)
    first = records.assign(cycle=1, miou=0.0)
    table = comparison_tables.noise_table(pd.concat([first, records])).set_index("noise")
    shown = table[["seeds", "mIoU", "without noise", "change"]]
    assert [*shown.loc["noise-class"]] == [2, "29.00 ± 1.41", "32.00 ± 2.83", "-3.00 ± 1.41"]
    assert [*shown.loc["noise-boundary"]] == [1, "33.00", "34.00", "-1.00"]
    assert set(table.method) == {"random"}, "nothing is shown for a method without noisy runs"


def test_prices_are_those_of_the_records(records):
    table = tables.budget_table(records).set_index("method")
    last = records[(records.method == "margin-pixel") & (records.cycle == 2)]
    assert table.loc["margin-pixel", "pixels"] == int(last.pixels.mean())
    assert table.loc["supervised", "pixels (%)"] == table.loc["supervised", "supervised (%)"] == 100
    full = records[records.method == "supervised"]
    share = 100 * last.pixels.mean() / full.pixels.mean()
    assert table.loc["margin-pixel", "pixels (%)"] == pytest.approx(share, abs=0.006)
    assert table.loc["margin-pixel", "supervised (%)"] == pytest.approx(
        100 * last.miou.mean() / full.miou.mean(), abs=0.006
    )
    alone = tables.budget_table(records[records.method != "supervised"])
    assert alone["supervised (%)"].isna().all(), "no supervised run, no share"
    assert table.loc["margin-pixel", "minutes"] == pytest.approx(minutes(last.images, last.clicks).mean(), abs=0.06)


def test_what_was_bought_is_what_was_annotated(finished):
    preset, runs = finished
    table = comparison_tables.bought_table(preset, runs).set_index("method")
    assert set(table.index) == {"segxal-human", "random", "margin-pixel"} - _refused(preset, runs)
    assert np.allclose(table.drop(columns="seeds").sum(axis=1), 100, atol=0.2)
    cycle = grid.run_of(preset, "margin-pixel", 0, "none", runs)[1]
    counts = np.bincount(np.concatenate([labels.ravel() for labels in cycle.annotations().values()]), minlength=256)
    assert cycle.metrics()["bought"] == counts[:19].tolist()


def _refused(preset, runs):
    """Methods whose gate let nothing in."""
    bought = [
        sum(c.metrics()["bought"]) for s in (0, 1) for c in grid.run_of(preset, "segxal-human", s, "none", runs)[1:]
    ]
    return set() if sum(bought) else {"segxal-human"}


def test_figures_show_every_method(finished, records):
    sheet = budget_figure(records, ("pixels", "clicks", "minutes"))
    names = {text.get_text() for axes in sheet.axes for text in axes.texts}
    assert {"segxal-human", "random", "margin-pixel", "fully supervised"} <= names
    lines = [[line.get_label() for line in axes.lines if line.get_label()[0] != "_"] for axes in sheet.axes]
    assert all(part[0] == "random" and len(part) <= 6 for part in lines)
    matrix = penalty_matrix(records, "pixels")
    assert penalty_figure(matrix).axes[0].get_xticklabels()[0].get_text() == matrix.columns[0]
    shares = comparison_tables.bought_table(*finished)
    shown = bought_figure(shares).axes[0]
    assert [label.get_text() for label in shown.get_yticklabels()] == list(shares.method)
    with pytest.raises(ConfigError, match=r"segxal-pseudo bought no labels.*choose one of .*random"):
        bought_figure(shares, "segxal-pseudo")


def test_another_question_never_replaces_the_tables_of_the_study(tmp_path):
    preset = load_preset("smoke")
    records = pd.DataFrame({"method": ["random-pixel", "entropy", "random", "supervised"]})
    for named, budget in [("", "pixels"), ("random", "pixels"), ("entropy", "pixels"), ("", "clicks")]:
        reference, ending = tables.question(records, named, budget)
        table = pd.DataFrame({"asked": [f"{reference} {budget}"]})
        tables.save_table(table, preset, "comparison", tmp_path, ending=ending)
    kept = {file.stem: file.read_text().split("\n")[1] for file in tmp_path.glob("smoke/tables/*.csv")}
    assert kept == {
        "comparison": "random pixels", "comparison-entropy-pixels": "entropy pixels",
        "comparison-random-clicks": "random clicks",
    }  # fmt: skip
    defaults = parameters_of(paths.NOTEBOOKS / "comparison.ipynb")
    asked = tables.question(records, str(defaults["reference"]), str(defaults["budget"]))
    assert asked == ("random", ""), "the study runs the notebook as it is"


def test_what_is_compared_with_is_the_random_selection_that_is_recorded():
    pixels = pd.DataFrame({"method": ["eem-pixel", "random-pixel", "random-pixel", "supervised"]})
    assert tables.question(pixels) == ("random-pixel", "")
    assert tables.question(pixels, "eem-pixel") == ("eem-pixel", "-eem-pixel-pixels")
    with pytest.raises(ConfigError, match=r"no random selection .*; choose a reference from eem-pixel, s4al-random$"):
        tables.question(pd.DataFrame({"method": ["eem-pixel", "s4al-random", "supervised"]}))


@pytest.mark.parametrize(
    ("reference", "budget", "said"),
    [
        ("supervised", "pixels", r"reference = 'supervised' has no budget curve here; choose one of random, entropy$"),
        ("entropi", "pixels", r"reference = 'entropi' has no budget curve"),
        ("", "oracle", r"budget = 'oracle'; choose one of images, pixels, clicks, minutes$"),
    ],
)
def test_a_question_that_nothing_answers_is_refused(reference, budget, said):
    records = pd.DataFrame({"method": ["random", "entropy", "supervised"], "oracle": "whole-image"})
    with pytest.raises(ConfigError, match=said):
        tables.question(records, reference, budget)


def test_the_last_cycle_of_each_run_counts_even_when_runs_differ_in_length():
    records = pd.DataFrame({"method": ["a", "a", "b"], "ablation": "none", "seed": 0, "cycle": [0, 1, 0]})
    assert list(tables.last_cycles(records).cycle) == [1, 0]
