"""The study: the grid, the records it leaves, and what tables make of them."""

import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from segxal.apps.explore.mask.offline_copy import study_copy
from segxal.core.errors import ConfigError
from segxal.data.splits import open_splits
from segxal.methods import METHODS, get_method
from segxal.methods.ablations import ABLATIONS, split_name
from segxal.results import cycle_checks, report, tables
from segxal.storage.paths import preset_names
from segxal.study import grid, kfold, records
from segxal.study.records import COLUMNS, KEY
from segxal.study.settings import load_preset
from segxal.study.state import Cycle


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    """A whole tiny study, collected."""
    runs = tmp_path_factory.mktemp("runs")
    preset = grid.select(tiny, seeds=[0, 1], methods=["segxal-human", "random", "supervised"])
    grid.run_cycles([cycle for run in grid.whole_grid(preset, runs) for cycle in run])
    records.collect(preset, runs)
    return preset, runs


@pytest.mark.parametrize("name", preset_names())
def test_every_run_of_every_preset_is_named_once_and_begins_with_its_start(name):
    runs = grid.whole_grid(load_preset(name))
    assert len({run[-1].folder for run in runs}) == len(runs)
    for run in runs:
        cycles = [cycle for cycle in run if cycle.how.scored(cycle.number)]  # a policy stands between them
        assert [cycle.number for cycle in cycles] == list(range(len(cycles)))
        assert all(later.previous == earlier for earlier, later in itertools.pairwise(cycles))


def test_a_run_ends_where_one_says(tiny):
    run = grid.run_of(tiny, "random", 0)
    assert list(grid.until(run, 0)) == run[:1] and list(grid.until(run, 2)) == run
    for number in (-1, 3):
        with pytest.raises(ConfigError, match=f"cycle = {number}; random has cycles 0..2 in preset smoke"):
            grid.until(run, number)


def test_methods_of_a_seed_share_their_first_training(tiny):
    starts = {
        grid.run_of(tiny, name, 0)[0].folder
        for name, method in METHODS.items()
        if not method.adapts and "none" in {n.ablation for n in method.needs(1, "none")}
    }
    assert len(starts) == 1
    assert grid.run_of(tiny, "bald", 0)[0].folder == grid.run_of(tiny, "qbc", 0)[0].folder not in starts
    assert grid.run_of(tiny, "random", 1)[0].folder not in starts


def test_split_ablation_changes_the_start_and_nothing_else(tiny):
    share = next(s for s in tiny.splits if s != tiny.pool.start)
    changed = tiny.ablated(split_name(share))
    assert changed.pool.start == share
    assert changed.with_changes(pool={"start": tiny.pool.start}) == tiny


def test_unknown_names_are_answered_with_the_known_ones(tiny):
    with pytest.raises(ConfigError, match="segxal-human"):
        get_method("segxal-humam")
    with pytest.raises(ConfigError, match="without-ebu"):
        tiny.ablated("without-eub")
    with pytest.raises(ConfigError, match="random"):
        grid.select(tiny, methods=["ramdom"])
    with pytest.raises(ConfigError, match="no method 'ramdom'; choose one of segxal-pseudo"):
        grid.noisy(dataclasses.replace(tiny, noisy=("ramdom",)))
    with pytest.raises(ConfigError, match="0 or larger"):
        grid.select(tiny, seeds=[-1])


def test_records_hold_one_row_per_cycle_and_scores_in_percent(finished):
    preset, runs = finished
    records = tables.read_records(preset, runs)
    per_run = preset.pool.cycles + 1
    assert grid.noisy(preset) == ["segxal-human", "random"]
    runs_per_seed = 2 + sum(len(methods) for methods in grid.ablations_of(preset).values())
    assert len(records) == 2 * (per_run * runs_per_seed + 1)
    assert list(records) == COLUMNS
    cycle = grid.run_of(preset, "random", 1, runs=runs)[-1]
    row = records[(records.method == "random") & (records.ablation == "none") & (records.seed == 1)].iloc[-1]
    assert row.miou == pytest.approx(100 * cycle.metrics()["report"]["miou"], abs=1e-4)
    assert row.pixels == cycle.metrics()["budget"]["pixels"]


def test_every_miou_is_the_mean_of_its_class_ious(finished):
    preset, runs = finished
    records, class_iou = tables.read_records(preset, runs), tables.read_class_iou(preset, runs)
    assert tables.check_means(records, class_iou) < 1e-3
    first = (class_iou[KEY] == class_iou.loc[0, KEY]).all(axis=1)
    assert np.isinf(tables.check_means(records, class_iou[~first])), "a cycle without class IoUs does not agree"
    class_iou.loc[0, "iou"] = 99.0
    assert tables.check_means(records, class_iou) > 1e-3


def test_collecting_again_gives_the_same_bytes(finished):
    preset, runs = finished
    before = {file: file.read_bytes() for file in (runs / preset.name).glob("*.csv*")}
    records.collect(preset, runs)
    assert before == {file: file.read_bytes() for file in before} and len(before) == 6


def test_collecting_a_selection_leaves_no_record_out(finished):
    preset, runs = finished
    everything = (runs / preset.name / "results.csv").read_bytes()
    records.collect(grid.select(preset, seeds=[1], methods=["random"]), runs)
    kept = tables.read_records(preset, runs)
    records.collect(preset, runs)
    assert set(kept.seed) == {0, 1} and set(kept.method) == {"segxal-human", "random", "supervised"}
    assert (runs / preset.name / "results.csv").read_bytes() == everything


def test_cycles_of_other_settings_are_named_and_in_no_table(finished):
    preset, runs = finished
    assert records.outdated(preset, runs) == []
    other = preset.with_changes(train={"lr": 1e-4})
    states = {str(file.parent.relative_to(runs / preset.name / "runs")) for file in runs.rglob("manifest.json")}
    assert states and states <= set(records.outdated(other, runs))
    with pytest.raises(ConfigError, match="no finished run"):
        records.collect(other, runs)


def test_the_depth_provider_is_named_only_where_a_mask_is_made(finished):
    depths = tables.read_records(*finished).groupby("method").depth.unique().str[0]
    assert depths.to_dict() == {"segxal-human": "dataset", "random": "none", "supervised": "none"}


def test_nothing_recorded_says_what_to_run(tiny, tmp_path):
    with pytest.raises(ConfigError, match=r"no finished run in .*smoke; run `segxal reproduce` with this preset"):
        records.collect(tiny, tmp_path)
    with pytest.raises(ConfigError, match="segxal reproduce"):
        tables.read_records(tiny, tmp_path)


def test_ensure_runs_nothing_when_records_are_there(finished, monkeypatch):
    preset, runs = finished
    monkeypatch.setattr(records, "run_cycles", lambda *_: pytest.fail("a recorded study was run again"))
    assert records.ensure(preset, runs=runs) == runs / preset.name


def test_table2_prints_mean_and_spread_over_seeds_and_the_papers_rows(finished):
    preset, runs = finished
    records = tables.read_records(preset, runs)
    table = tables.table2(records).set_index("method")
    values = records[(records.method == "random") & (records.ablation == "none") & (records.cycle == 2)].miou
    assert table.loc["random", "cycle 2"] == f"{values.mean():.2f} ± {values.std():.2f}"
    assert table.loc["random", "seeds"] == 2
    assert table.loc["paper, printed: Manual-D", "cycle 5"] == "65.11"
    assert not any(name.startswith("Manual") for name in table.index), "no MiDaS or DINOv2 made our depth"


def test_table3_pairs_masks_with_the_papers_numbers(finished):
    preset, runs = finished
    table = tables.table3(tables.read_records(preset, runs)).set_index("mask")
    assert list(table.index) == ["with EEM", "without EBU", "without PAE"]
    assert table.loc["without PAE", "paper: Manual-M"] == "61.68"
    assert "±" in table.loc["without EBU", "segxal-human"]


def test_differences_and_gain(finished):
    preset, runs = finished
    records = tables.read_records(preset, runs)
    differences = tables.paired_differences(records)
    assert set(differences.columns) == {"method", "seed", "without-ebu", "without-pae"}
    assert set(differences.method) == {"segxal-human"}, "random makes no mask"
    gain = tables.random_gain(records)
    random = records[(records.method == "random") & (records.ablation == "none")].groupby("cycle").miou.mean()
    assert gain["grow"] == pytest.approx(random[2] - random[0])


def test_tables_are_written_in_three_forms(finished):
    preset, runs = finished
    folder = tables.save_table(table := pd.DataFrame({"a_b": ["1 ± 2"], "c": [""]}), preset, "probe", runs)
    for kind, words in (("csv", "a_b,c\n1 ± 2,\n"), ("md", "| a_b"), ("tex", "a\\_b")):
        assert words in (folder / f"probe.{kind}").read_text()
    tables.save_table(table[:0], preset, "probe", runs)
    assert not list(folder.glob("probe.*")), "a table without a row says nothing"


def test_spread_of_one_seed_is_no_spread():
    assert tables.spread(pd.Series([12.5])) == "12.50"
    assert tables.spread(pd.Series([1.0, 3.0])) == "2.00 ± 1.41"


def test_report_stands_on_its_own(finished):
    preset, runs = finished
    tables.save_table(tables.table2(tables.read_records(preset, runs)), preset, "table2", runs)
    other = dataclasses.replace(preset, seeds=(9,), methods=("random",))  # the records are of other seeds and methods
    kept = tables.read_records(preset, runs)
    for named in (other, preset):
        interactive = study_copy(records.as_recorded(named, kept), runs)
        text = report.write_report(named, runs, runs / "no-figures", interactive).read_text()
        assert text.count("<script>") == 1 and 'data-role="share"' in text, "the interactive error mask is in it"
    assert "Table 2" in text and "random" in text
    assert "http" not in text and "<script src" not in text


def test_oracles_on_the_same_queries(finished):
    preset, runs = finished
    cycle = grid.run_of(preset, "segxal-human", 0, runs=runs)[1]
    splits = open_splits(preset.data, "", cycle.study / "cache")
    rows = pd.DataFrame(cycle_checks.compare_oracles(cycle, splits))
    assert rows.groupby("oracle").size().nunique() == 1
    people = rows[rows.oracle != "pseudo"]
    assert (people.accuracy.dropna() == 1).all()
    recorded = {query["id"]: query["clicks"] for query in cycle.queries()}
    human = rows[rows.oracle == "human"].set_index("id").clicks.to_dict()
    assert human == recorded, "the comparison asks what the cycle asked"
    with pytest.raises(ConfigError, match="asks nothing"):
        cycle_checks.compare_oracles(grid.run_of(preset, "segxal-human", 0, runs=runs)[0], splits)


def test_mask_quality_and_faithfulness_of_a_cycle(finished):
    preset, runs = finished
    cycle = grid.run_of(preset, "segxal-human", 0, runs=runs)[-1]
    splits = open_splits(preset.data, "", cycle.study / "cache")
    rows = tables.detection_table(cycle_checks.mask_quality(cycle, splits))
    assert set(rows["map"]) == {"eem", "ebu", "pae", "learned", "random"}
    stages, curves = cycle_checks.faithfulness(cycle, splits, 2)
    assert stages[0].spearman == pytest.approx(1, abs=1e-6)
    assert len(tables.faithfulness_table(curves)) == 6
    with pytest.raises(ConfigError, match="choose 1 to 4"):
        cycle_checks.faithfulness(cycle, splits, 5)


def test_folds_are_a_partition_and_keep_strata_together():
    labels = torch.zeros(12, 2, 2, dtype=torch.uint8)
    labels[:6, 0, 0] = 1  # six images hold the rarer class
    pairs = kfold.folds_of(labels, 3, folds=3, seed=0)
    assert sorted(i for _, outside in pairs for i in outside) == list(range(12))
    for inside, outside in pairs:
        assert not set(inside) & set(outside)
        assert sum(i < 6 for i in outside) == 2
    assert kfold.folds_of(labels, 3, 3, 0) == pairs
    assert kfold.folds_of(labels, 3, 3, 1) != pairs


def test_strata_of_void_and_one_class_images():
    labels = torch.full((3, 2, 2), 255, dtype=torch.uint8)
    labels[1] = 2
    labels[2, 0] = 2
    labels[2, 1] = 0
    assert np.array_equal(kfold.strata(labels, 3), [-1, 2, 0])
    with pytest.raises(ConfigError, match="folds"):
        kfold.folds_of(labels, 3, folds=4, seed=0)


def test_cross_validation_is_kept_and_not_run_again(tiny, tmp_path, monkeypatch):
    first = kfold.cross_validate(tiny, 0, tmp_path)
    assert len(first["miou"]) == tiny.folds

    def fit(*_):
        raise InterruptedError("a fold is trained")

    monkeypatch.setattr(kfold, "fit", fit)
    np.testing.assert_equal(kfold.cross_validate(tiny, 0, tmp_path), first)  # NaN: a class that a fold lacks
    for part, change in (("model", {"depth": 1}), ("train", {"lr": 0.1}), ("data", {"seed": 5})):
        with pytest.raises(InterruptedError, match="trained"):
            kfold.cross_validate(tiny.with_changes(**{part: change}), 0, tmp_path)
    with pytest.raises(InterruptedError, match="trained"):
        kfold.cross_validate(dataclasses.replace(tiny, folds=tiny.folds + 1), 0, tmp_path)


def test_the_study_runs_as_a_plain_module(tmp_path):
    """On a machine without Jupyter and Snakemake: neither is imported."""
    code = (
        "import sys\n"
        "for name in 'papermill snakemake IPython nbformat pandas matplotlib'.split(): sys.modules[name] = None\n"
        "from segxal.study.__main__ import main\n"
        "main(['--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--preset" in done.stdout


def test_ablations_are_those_of_the_paper():
    assert {"without-ebu", "without-pae"} <= set(ABLATIONS)
    preset = load_preset("quick").ablated("without-ebu")
    assert (preset.mask.w_pae, preset.mask.w_ebu) == (1.0, 0.0)


def test_cycles_that_do_not_exist_are_refused(tiny):
    with pytest.raises(ConfigError, match=r"cycles 1\.\.2"):
        Cycle(tiny, "random", 0, 3)
    with pytest.raises(ConfigError, match=r"cycles 0\.\.0"):
        Cycle(tiny, "supervised", 0, 1)
