"""Fig. 7: the records it takes, the seeds it shows, and the paper's own numbers beside them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from segxal.methods.settings import PoolConfig
from segxal.results.figures.split import shown_runs, split_figure, split_records
from segxal.storage import paths
from segxal.study.settings import Preset

PRESET = Preset(name="tiny", pool=PoolConfig(start=0.25, step=0.17, cycles=2), splits=(0.25, 0.5))


def split_rows(seeds):
    rows = [("segxal-human", 25.0, 30.0), ("segxal-human", 50.0, 33.0), ("random", np.nan, 31.0)]
    return pd.DataFrame(
        [(m, s, seed, score + seed) for m, s, score in rows for seed in seeds],
        columns=["method", "split_percent", "seed", "miou"],
    )


@pytest.mark.parametrize(("seeds", "words", "bands"), [([0], "one seed", 0), ([0, 1], "range of 2 seeds", 1)])
def test_split_figure_says_how_many_seeds_it_shows(seeds, words, bands):
    paper = pd.read_csv(paths.PUBLISHED / "segxal_fig7.csv")
    sheet = split_figure(PRESET, split_rows(seeds), paper)
    assert words in sheet.axes[0].get_title(loc="left")
    assert len(sheet.axes[0].collections) == bands
    assert sheet.axes[1].get_title(loc="left") == "paper, Cityscapes, printed"


def test_split_records_come_from_the_results(tmp_path):
    folder = tmp_path / PRESET.name
    folder.mkdir()
    names = ["method", "ablation", "seed", "cycle", "miou"]
    rows = [
        ("segxal-human", "none", 0, 1, 10.0), ("segxal-human", "none", 0, 2, 20.0),
        ("segxal-human", "split-50", 0, 2, 30.0),
        ("random", "none", 0, 2, 25.0), ("supervised", "none", 0, 0, 40.0), ("segxal-human", "gate-all", 0, 2, 1.0),
    ]  # fmt: skip
    pd.DataFrame(rows, columns=names).to_csv(folder / "results.csv", index=False)
    found = split_records(PRESET, runs=tmp_path)
    kept = {(m, None if np.isnan(s) else s): score for m, s, _, score in found.itertuples(index=False)}
    assert kept == {
        ("segxal-human", 25.0): 20.0, ("segxal-human", 50.0): 30.0, ("random", None): 25.0, ("supervised", None): 40.0,
    }  # fmt: skip


def test_fig7_shows_methods_and_seeds_that_only_the_records_name(tmp_path):
    """They were chosen with --methods and --seeds; the JSON names the runs that are shown, and no other."""
    preset = replace(PRESET, methods=("segxal-pseudo", "random"), seeds=(0,))
    rows = [
        ("segxal-gt-patch", "none", 5, 2, 20.0), ("segxal-gt-patch", "split-50", 5, 2, 30.0),
        ("segxal-gt-patch", "none", 6, 2, 25.0),  # one split of two
        ("segxal-label-studio", "none", 5, 2, 20.0), ("random", "none", 5, 2, 25.0), ("random", "none", 6, 2, 25.0),
    ]  # fmt: skip
    (tmp_path / preset.name).mkdir()
    names = ["method", "ablation", "seed", "cycle", "miou"]
    pd.DataFrame(rows, columns=names).to_csv(tmp_path / preset.name / "results.csv", index=False)
    found = split_records(preset, runs=tmp_path)
    assert list(zip(found.method, found.seed, strict=True)) == [("random", 5), *[("segxal-gt-patch", 5)] * 2]
    shown = [(end.method, end.ablation, end.seed, end.number) for end in shown_runs(preset, found, tmp_path)]
    assert shown == [
        ("segxal-gt-patch", "none", 5, 2), ("segxal-gt-patch", "split-50", 5, 2), ("random", "none", 5, 2),
    ]  # fmt: skip
    sheet = split_figure(preset, found, pd.read_csv(paths.PUBLISHED / "segxal_fig7.csv"))
    assert "one seed (5)" in sheet.axes[0].get_title(loc="left")


def test_the_paper_gains_what_it_prints():
    paper = pd.read_csv(paths.PUBLISHED / "segxal_fig7.csv").pivot(index="mode", columns="split_percent", values="miou")
    assert (paper[40] - paper[10]).round(2).to_dict() == {"Manual-D": 12.28, "Manual-M": 12.08, "Pseudolabel": 12.54}
