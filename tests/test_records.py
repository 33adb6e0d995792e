"""The committed records: tables and README say what the records say."""

import json

import pandas as pd
import pytest

from segxal import paths, tables
from segxal.config import load_preset, preset_names
from segxal.tables import check_means, read_class_iou, read_records

COMMITTED = [name for name in ("quick", "camvid") if (paths.RUNS / name / "results.csv").is_file()]


@pytest.fixture(params=COMMITTED)
def preset(request):
    return load_preset(request.param)


def test_camvid_is_committed():
    assert "camvid" in COMMITTED


def test_every_miou_is_the_mean_of_its_printed_class_ious(preset):
    assert check_means(read_records(preset), read_class_iou(preset)) < 1e-3


def test_tables_regenerate_from_the_records(preset):
    records = read_records(preset)
    for name, build in (("table2", tables.table2), ("table3", tables.table3)):
        printed = pd.read_csv(paths.RUNS / preset.name / "tables" / f"{name}.csv", dtype=str).fillna("")
        pd.testing.assert_frame_equal(printed, build(records).astype(str), check_dtype=False)


def test_budgets_only_grow(preset):
    for _, run in read_records(preset).groupby(["method", "ablation", "seed"]):
        for unit in ("images", "pixels", "clicks", "labelled"):
            assert run.sort_values("cycle")[unit].is_monotonic_increasing


def test_figures_name_runs_that_are_recorded():
    for name in COMMITTED:
        for file in sorted((paths.FIGURES / name).glob("*.json")):
            for run in json.loads(file.read_text())["runs"]:
                assert (paths.RUNS / name / "runs" / run / "metrics.json").is_file(), f"{file.name} shows {run}"


@pytest.mark.parametrize("name", ["table2", "table3"])
def test_readme_prints_the_committed_tables(name):
    text = (paths.ROOT / "README.md").read_text()
    assert (paths.RUNS / "camvid" / "tables" / f"{name}.md").read_text() in text


def test_readme_names_every_preset_and_target():
    text = (paths.ROOT / "README.md").read_text()
    for preset in preset_names():
        assert f"`{preset}`" in text
    for target in ("make reproduce", "make test", "make lab", "make bench"):
        assert target in text
