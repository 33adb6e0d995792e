"""The tables of a study: what a fresh clone reads, what new runs replace, and what other settings leave out."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from segxal.apps.explore.mask.offline_copy import study_copy
from segxal.core.errors import ConfigError, DataInvalid
from segxal.results import comparison_tables, report, tables
from segxal.storage import paths
from segxal.storage.files import read_rows, write_rows
from segxal.study import grid
from segxal.study.records import LATER, TABLES, collect, listed, outdated, recorded
from segxal.study.settings import load_preset

KEPT = {name: file for name, file in TABLES.items() if name not in LATER}  # tables that every study has

SHIPPED = ("quick", "camvid", "camvid-pixels")


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    """A tiny study of two seeds and one cycle, collected."""
    runs = tmp_path_factory.mktemp("runs")
    preset = grid.select(tiny.with_changes(pool={"cycles": 1}), seeds=[0, 1], methods=["segxal-human", "random"])
    for method in preset.methods:
        for seed in preset.seeds:
            grid.run_cycles(grid.run_of(preset, method, seed, "none", runs))
    collect(preset, runs)
    return preset, runs


def clone_of(study, runs):
    """A folder of studies that holds one study's tables and nothing else of it, as a fresh clone does."""
    (runs / study.name).mkdir()
    for file in KEPT.values():
        shutil.copyfile(study / file, runs / study.name / file)
    return runs


@pytest.fixture
def clone(finished, tmp_path):
    preset, runs = finished
    return preset, clone_of(runs / preset.name, tmp_path)


def contents(study):
    return {name: (study / file).read_bytes() for name, file in KEPT.items()}


def overwrite(study, value):
    """Another score in all rows, which a row that is computed anew does not have."""
    rows = read_rows(study / "results.csv")
    write_rows(study / "results.csv", list(rows[0]), [row | {"miou": value} for row in rows])


def scores(preset, runs):
    return tables.read_records(preset, runs).set_index(["method", "seed", "cycle"]).miou.sort_index()


def test_a_fresh_clone_reads_and_collects_from_tables_alone(finished, clone):
    preset, runs = clone
    before = contents(finished[1] / preset.name)
    assert outdated(preset, runs) == [] and recorded(preset, runs).methods == preset.methods
    collect(preset, runs)
    assert contents(runs / preset.name) == before
    assert not (runs / preset.name / "runs").exists()
    pd.testing.assert_frame_equal(comparison_tables.bought_table(*finished), comparison_tables.bought_table(*clone))
    interactive = study_copy(preset, runs)
    page = report.write_report(preset, runs, runs / "no-figures", interactive).read_text()
    assert "needs the networks of a SegXAL run, which are not here" in page


def test_a_run_made_anew_replaces_its_rows_and_no_others(finished, clone):
    preset, runs = clone
    overwrite(runs / preset.name, 99.0)
    grid.run_cycles(grid.run_of(preset, "random", 1, runs=runs))
    collect(preset, runs)
    here, there = scores(preset, runs), scores(*finished)
    assert here.index.equals(there.index)
    assert here.loc["random", 1].equals(there.loc["random", 1]) and (here.drop([("random", 1)]) == 99.0).all()
    assert {k: v for k, v in contents(runs / preset.name).items() if k != "results"} == {
        k: v for k, v in contents(finished[1] / preset.name).items() if k != "results"
    }, "each table has the rows of each cycle once"


def test_a_run_that_is_half_done_leaves_its_shipped_rows_whole(clone):
    preset, runs = clone
    overwrite(runs / preset.name, 99.0)
    grid.run_cycles(grid.run_of(preset, "random", 0, runs=runs)[:1])
    collect(preset, runs)
    assert (scores(preset, runs) == 99.0).all(), "no run is put together from two machines"


def test_rows_of_other_settings_are_named_and_left_out(clone):
    preset, runs = clone
    other = preset.with_changes(train={"lr": 1e-4})
    before = contents(runs / preset.name)
    stale = outdated(other, runs)
    assert len(stale) == len(tables.read_records(preset, runs)) and "random/none/seed1/cycle_01" in stale
    with pytest.raises(ConfigError, match="no finished run"):
        collect(other, runs)
    assert contents(runs / preset.name) == before, "nothing is lost where nothing new is there"
    grid.run_cycles(grid.run_of(other, "random", 1, runs=runs))
    assert set(stale) - set(outdated(other, runs)) == {f"random/none/seed1/cycle_{n:02d}" for n in range(2)}
    collect(other, runs)
    for table in KEPT:
        names = tables.read_records(other, runs, table)[["method", "seed"]].drop_duplicates()
        assert names.values.tolist() in ([["random", 1]], []), table
    assert outdated(other, runs) == [] and len(outdated(preset, runs)) == 3, "two rows, and the start on disk"


def test_tables_from_before_digests_fit_no_settings(clone):
    preset, runs = clone
    file = runs / preset.name / "results.csv"
    rows = read_rows(file)
    write_rows(file, list(rows[0])[:-1], [{k: v for k, v in row.items() if k != "digest"} for row in rows])
    assert len(outdated(preset, runs)) == len(rows)


def test_messages_name_the_first_cycles():
    assert listed(["a", "b"]) == "2 (a, b)"
    assert listed(["a", "b", "c", "d", "e"]) == "5 (a, b, c and 2 more)"


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_rows_come_back_as_text_and_the_same_rows_give_the_same_bytes(tmp_path, name):
    rows = [{"a": 0.1 + 0.2, "b": "x,y"}, {"a": float("nan"), "b": ""}]
    for file in (tmp_path / name, tmp_path / f"other-{name}"):
        write_rows(file, ["a", "b"], rows)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"other-{name}").read_bytes()
    found = read_rows(tmp_path / name)
    assert found == [{"a": "0.30000000000000004", "b": "x,y"}, {"a": "nan", "b": ""}]
    assert float(found[0]["a"]) == rows[0]["a"]
    assert np.isnan(pd.read_csv(tmp_path / name).a[1]), "pandas reads it as it is"


def test_a_damaged_table_is_named(tmp_path):
    file = tmp_path / "a.csv.gz"
    write_rows(file, ["a"], [{"a": k} for k in range(1000)])
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DataInvalid, match=r"a\.csv\.gz is not a readable table .* restore it"):
        read_rows(file)


# --- the shipped studies ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=SHIPPED)
def shipped(request, tmp_path_factory):
    """A shipped study as a fresh clone has it; skips where it was made anew here."""
    study = paths.SHIPPED_RUNS / request.param
    files = [study / file for file in KEPT.values()]
    if subprocess.run(["git", "diff", "--quiet", "HEAD", "--", *files], cwd=paths.ROOT).returncode == 1:
        pytest.skip(f"{request.param} was made anew here")
    return load_preset(request.param), clone_of(study, tmp_path_factory.mktemp("shipped"))


def test_shipped_rows_are_of_the_presets_settings_and_stay(shipped):
    preset, runs = shipped
    assert outdated(preset, runs) == []
    before = contents(runs / preset.name)
    collect(preset, runs)
    assert contents(runs / preset.name) == before


def test_shipped_scores_are_those_of_the_shipped_counts(shipped):
    records, counts = tables.read_records(*shipped), tables.read_records(*shipped, "confusion")
    key = ["method", "ablation", "seed", "cycle"]
    classes = list(counts.columns[counts.columns.get_loc("class") + 1 :])
    parts = {part: found.set_index(key)[classes] for part, found in counts.groupby("part")}
    parts["far"] = parts["report"] - parts["near"]
    for part, column in (("report", "miou"), ("near", "near_miou"), ("far", "far_miou")):
        cells = parts[part].to_numpy().reshape(-1, len(classes), len(classes))
        hits = np.einsum("nii->ni", cells)
        union = cells.sum(1) + cells.sum(2) - hits
        ious = np.where(union > 0, hits / np.maximum(union, 1), np.nan)
        cycles = parts[part].index[:: len(classes)]
        assert np.allclose(100 * np.nanmean(ious, 1), records.set_index(key).loc[cycles, column], atol=1e-4), part


def test_shipped_queries_are_those_the_records_count(shipped):
    records, queries = tables.read_records(*shipped), tables.read_records(*shipped, "queries")
    key = ["method", "ablation", "seed", "cycle"]
    asked = queries.groupby(key).agg(queried=("id", "size"), accepted=("accepted", "sum"), pixels=("pixels", "sum"))
    counted = records.set_index(key)
    for name in ("queried", "accepted"):
        assert counted[name].eq(asked[name].reindex(counted.index, fill_value=0)).all(), name
    spent = records.groupby(key[:-1]).pixels.diff().set_axis(counted.index).dropna()
    paid = counted.oracle.loc[spent.index] != "pseudo"
    assert (spent[paid] == asked.pixels.loc[spent.index[paid]]).all()


def test_shipped_tables_come_from_the_records(shipped):
    preset, runs = shipped
    kept = paths.SHIPPED_RUNS / preset.name / "tables"
    records, main = tables.read_records(*shipped), tables.main_runs(tables.read_records(*shipped))
    reference, ending = tables.question(main)
    made = {
        "table1": comparison_tables.table1(main, tables.read_class_iou(*shipped)),
        "table2": tables.table2(records),
        "bought": comparison_tables.bought_table(preset, runs),
        "near_far": comparison_tables.near_far_table(main),
        "shares": comparison_tables.share_table(main),
        "noise": comparison_tables.noise_table(records),
        "differences": comparison_tables.difference_table(main, reference),
        "budget": tables.budget_table(records),
    }
    assert ending == ""
    for name, table in made.items():
        folder = tables.save_table(table, preset, name, runs)
        written, shown = folder / f"{name}.csv", kept / f"{name}.csv"
        assert written.is_file() == shown.is_file() == bool(len(table)), name
        assert not len(table) or written.read_bytes() == shown.read_bytes(), name
