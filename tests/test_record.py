"""The record for few pixels: shares of full supervision, their interval, and the verdict on the goal."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from segxal.results.figures.record import record_figure
from segxal.results.record import record_line, record_table
from segxal.results.tables import published

IMAGES = 100


def runs(scores, full=(60.0, 64.0, 62.0)):
    """Records of pixel methods: per method a score for each seed at 5 pixels per image, and one point more at 10."""
    rows = [
        {"method": method, "seed": seed, "cycle": cycle, "images": IMAGES * (cycle + 1), "miou": score + cycle,
         "pixels": 5 * IMAGES * (cycle + 1), "clicks": 5 * IMAGES * (cycle + 1)}
        for method, values in scores.items() for seed, score in enumerate(values) for cycle in (0, 1)
    ]  # fmt: skip
    rows += [
        {
            "method": "supervised",
            "seed": seed,
            "cycle": 0,
            "images": IMAGES,
            "miou": score,
            "pixels": 9e6,
            "clicks": 9e4,
        }
        for seed, score in enumerate(full)
    ]
    return pd.DataFrame(rows)


def test_every_run_is_divided_by_the_supervised_run_of_its_seed():
    table = record_table(runs({"random-pixel": (30.0, 32.0, 34.0), "margin-pixel": (50.0, 55.0, 54.0)}))
    assert list(table.method) == ["random-pixel"] * 2 + ["margin-pixel"] * 2 and list(table.pixels) == [5, 10, 5, 10]
    shares = 100 * np.array([51 / 60, 56 / 64, 55 / 62])
    row = table.iloc[-1]
    assert row.share == pytest.approx(shares.mean()) and row.seeds == 3 and row.clicks == 10
    expected = scipy.stats.t.interval(0.95, 2, shares.mean(), scipy.stats.sem(shares))
    assert (row.low, row.high) == pytest.approx(expected)


def test_one_seed_has_no_interval_and_none_has_no_table():
    table = record_table(runs({"random-pixel": (30.0,)}))
    assert table.seeds.tolist() == [1, 1] and table.low.isna().all()
    assert "1 seed:" in record_line(table)
    empty = record_table(runs({"random-pixel": (30.0,)}, full=()))
    assert empty.empty and record_line(empty).startswith("No run of the study has a fully supervised one")
    assert len(record_figure(empty).axes[0].lines) == 2, "the printed points and the goal"


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ((58.0, 62.0, 60.2), "is reached"),
        ((53.0, 66.0, 60.0), "is not reached"),
        ((40.0, 41.0, 42.0), "is not reached"),
    ],
)
def test_the_goal_needs_the_mean_and_the_lower_end_of_the_interval(scores, verdict):
    assert record_line(record_table(runs({"margin-pixel": scores}))).endswith(f"{verdict}.")


def test_whole_images_alone_are_beyond_the_goals_pixels():
    table = record_table(runs({"random": (50.0, 51.0)})).assign(pixels=1000.0)
    assert record_line(table).startswith("No method has a score within 10 pixels per image")


def test_the_figure_has_a_line_per_method_and_the_printed_points():
    table = record_table(runs({"random-pixel": (30.0, 32.0, 34.0), "margin-pixel": (50.0, 55.0, 54.0)}))
    for axes, unit in zip(record_figure(table).axes, ("pixels", "clicks"), strict=True):
        lines = {line.get_label(): line for line in axes.lines}
        assert list(lines)[:2] == ["margin-pixel", "random-pixel"], "the best first"
        assert lines["random-pixel"].get_xdata().tolist() == table[unit][:2].tolist()
        points = published("pixelpick_camvid")
        assert lines["PixelPick, as printed"].get_ydata() == pytest.approx(100 * points.miou / points.full)
