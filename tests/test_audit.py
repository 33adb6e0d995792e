"""The audit: its checks on tables made by hand, its numbers against another way to compute them, and our own tables."""

import csv
import statistics
from decimal import Decimal

import matplotlib
import pandas as pd
import pytest

from segxal.core.errors import ConfigError, DataInvalid
from segxal.results import audit
from segxal.results.audit import NAMES, SEGXAL_ROWS
from segxal.results.figures.audit import ranking_figure
from segxal.storage import paths

TABLES = sorted(path.stem for path in paths.PUBLISHED.glob("*.csv"))
CLASS_TABLES = ["segxal_table1", "segxal_readme", "ralis_table1"]


def table(*rows, columns=("method", "a", "b", "c", "mIoU")):
    return pd.DataFrame(rows, columns=columns, dtype=str)


def exact(name):
    """Rows of a published table, read with the csv module and computed with decimals."""
    with (paths.PUBLISHED / f"{name}.csv").open(newline="") as file:
        return {row["method"]: row for row in csv.DictReader(file)}


def exact_mean(row):
    return sum(Decimal(row[name]) for name in NAMES) / len(NAMES)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("61.20", (61.2, 0.005)),
        ("3.4", (3.4, 0.05)),
        ("61", (61, 0.5)),
        ("-0.25", (-0.25, 0.005)),
        ("−0.25", (-0.25, 0.005)),
        ("61.20 ± 0.4", (61.2, 0.005)),
    ],
)
def test_a_number_knows_how_far_it_was_rounded(cell, expected):
    assert audit.number(cell) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("cell", ["", " ", "nan"])
def test_an_empty_cell_is_no_number(cell):
    value, half = audit.number(cell)
    assert value != value
    assert half == 0


@pytest.mark.parametrize("cell", ["61,20", "1e2", "inf", "about 61", "61.", "61.20 (0.4)"])
def test_other_cells_are_refused(cell):
    with pytest.raises(DataInvalid, match="not a printed number"):
        audit.number(cell)


def test_rounding_explains_a_hundredth_and_no_more():
    """Three cells of two decimals: half a hundredth each in the mean, and half a hundredth of the mIoU."""
    check = audit.mean_check(
        table(
            ["equal", "10.00", "20.00", "30.00", "20.00"],
            ["at the edge", "10.00", "20.00", "30.00", "20.01"],
            ["beyond", "10.00", "20.00", "30.00", "20.02"],
            ["below", "10.00", "20.00", "30.00", "19.98"],
        ),
        ["a", "b", "c"],
    )
    assert check.agrees.tolist() == [True, True, False, False]
    assert check.tolerance.to_numpy() == pytest.approx(0.01)
    assert check.difference.to_numpy() == pytest.approx([0, 0.01, 0.02, -0.02])


def test_the_tolerance_follows_the_decimals_of_every_cell():
    check = audit.mean_check(table(["mixed", "10.0", "20.00", "30", "20.00"]), ["a", "b", "c"])
    assert check.tolerance[0] == pytest.approx((0.05 + 0.005 + 0.5) / 3 + 0.005)


def test_an_absent_class_is_left_out_of_the_mean():
    check = audit.mean_check(table(["absent", "10.00", "", "30.00", "20.00"]), ["a", "b", "c"])
    assert check.agrees[0]
    assert check.recomputed[0] == 20
    assert check.tolerance[0] == pytest.approx(0.01)
    assert not audit.mean_check(table(["as zero", "10.00", "", "30.00", "13.33"]), ["a", "b", "c"]).agrees[0]


def test_a_check_changes_nothing():
    cells = audit.printed("segxal_table1")
    before = cells.copy()
    audit.mean_check(cells)
    audit.std_check(cells, {"classes": cells[NAMES]})
    pd.testing.assert_frame_equal(cells, before)


def test_std_is_named_by_what_it_is_over():
    """1, 2, 3: sqrt(2 / 3) with n, 1 with n - 1; seeds 2.00 and 2.20: 0.1 and 0.1414."""
    columns = ["method", "a", "b", "c", "STD"]
    rows = [["x", "1.00", "2.00", "3.00", std] for std in ("0.82", "1.00", "0.10", "0.14", "0.50")]
    cells = pd.DataFrame(rows, columns=columns)
    seeds = pd.DataFrame([["2.00", "2.20"]] * 5)
    check = audit.std_check(cells, {"classes": cells[["a", "b", "c"]], "seeds": seeds})
    expected = ["over classes (n)", "over classes (n - 1)", "over seeds (n)", "over seeds (n - 1)", "none of these"]
    assert check["is"].tolist() == expected


def test_std_that_rounding_cannot_tell_apart_keeps_both_names():
    cells = pd.DataFrame([["x", "1.00", "1.01", "1.02", "0.01"]], columns=["method", "a", "b", "c", "STD"])
    check = audit.std_check(cells, {"classes": cells[["a", "b", "c"]]})
    assert check["is"][0] == "over classes (n) or over classes (n - 1)"


def test_an_unknown_table_is_refused_with_the_names():
    with pytest.raises(ConfigError, match=r"no published table 'table9'.*segxal_table1"):
        audit.printed("table9")


@pytest.mark.parametrize("name", TABLES)
def test_every_published_row_has_its_source(name):
    source = audit.printed(name)["source"]
    assert source.str.contains(r"arXiv \d{4}\.\d{5}|github\.com").all()


@pytest.mark.parametrize("name", CLASS_TABLES)
def test_class_tables_hold_every_class_with_two_decimals(name):
    cells = audit.printed(name)[[*NAMES, "mIoU"]]
    assert cells.apply(lambda column: column.str.fullmatch(r"\d\d\.\d\d")).all(axis=None)


@pytest.mark.parametrize("name", CLASS_TABLES)
def test_means_are_those_of_exact_decimals(name):
    found = audit.mean_check(audit.printed(name)).set_index("method")
    for method, row in exact(name).items():
        gap = Decimal(row["mIoU"]) - exact_mean(row)
        assert found.difference[method] == pytest.approx(float(gap), abs=1e-9)
        assert found.agrees[method] == (abs(gap) <= Decimal("0.01"))


def test_which_rows_of_the_papers_are_the_mean_of_their_cells():
    agree = {name: audit.mean_check(audit.printed(name)).query("agrees").method.tolist() for name in CLASS_TABLES}
    expected = {"segxal_table1": ["Core-Set", "DEAL"], "segxal_readme": [], "ralis_table1": ["U", "H", "B", "Ours"]}
    assert agree == expected


def test_std_of_table_1_is_that_of_the_statistics_module():
    cells = audit.printed("segxal_table1")
    found = audit.std_check(cells, {"classes": cells[NAMES]}).set_index("method")
    for method, row in exact("segxal_table1").items():
        values = [float(row[name]) for name in NAMES]
        assert found["over classes (n)"][method] == pytest.approx(statistics.pstdev(values))
        assert found["over classes (n - 1)"][method] == pytest.approx(statistics.stdev(values))
    others = ["Fully-supervised", "Ours (Pseudolabels)", "Ours (Manual-M)"]
    assert found.index[found["is"] == "none of these"].tolist() == others
    assert set(found["is"].drop(others)) == {"over classes (n)"}


def test_readme_and_table_1_differ_in_fourteen_class_cells_and_one_miou():
    readme, paper = audit.printed("segxal_readme"), audit.printed("segxal_table1")
    rows = audit.same_rows(readme, paper)
    assert (rows["Ours (GT)"], rows["Ours (Manual)"]) == ("Ours (Pseudolabels)", "Ours (Manual-M)")
    assert all(rows[name] == name for name in ("Random", "Entropy", "Core-Set", "DEAL"))
    cells = audit.cell_check(readme, paper, rows)
    assert (cells.column == "mIoU").sum() == 1
    assert len(cells) == 15
    wall = cells[(cells["left row"] == "Ours (GT)") & (cells.column == "wall")]
    assert wall[["left", "right"]].to_numpy().tolist() == [["46.35", "46.91"]]


def test_a_table_equals_itself_cell_by_cell():
    paper = audit.printed("segxal_table1")
    assert audit.cell_check(paper, paper, audit.same_rows(paper, paper)).empty


def test_ranking_by_exact_decimals():
    means = {method: exact_mean(row) for method, row in exact("segxal_table1").items() if method != "Fully-supervised"}
    found = audit.ranking()
    assert found.sort_values("recomputed rank").method.tolist() == sorted(means, key=means.get, reverse=True)
    assert found.method.tolist()[:4] == [*reversed(SEGXAL_ROWS), "DEAL"]
    gaps = found.set_index("method")["recomputed - DEAL"]
    for method in SEGXAL_ROWS:
        assert gaps[method] == pytest.approx(float(means[method] - means["DEAL"]))


def test_two_numbers_of_the_text_are_in_no_table():
    wrong = audit.text_check().query("not agrees")
    assert wrong[["quantity", "text", "nearest"]].to_numpy().tolist() == [
        ["drop without PAE", 3.4, 3.24],
        ["wall", 73.48, 46.91],
    ]


def test_the_ablation_against_both_ends():
    found = audit.ablation_check().set_index(["mode", "mask"])
    assert found.loc[("Manual-M", "without PAE"), "minus printed"] == pytest.approx(61.68 - 64.37)
    mean = exact_mean(exact("segxal_table1")["Ours (Manual-M)"])
    assert found.loc[("Manual-M", "without PAE"), "minus recomputed"] == pytest.approx(61.68 - float(mean))


def test_ralis_prints_the_same_class_table_twice():
    runs = audit.printed("ralis_appendix_c")
    means = runs[runs.statistic == "mean over 5 runs"]
    first = audit.printed("ralis_table1")
    assert audit.cell_check(first, means, {name: name for name in first.method}).empty


def test_ralis_prints_24_regions_alike_in_two_tables():
    e2, e3 = audit.printed("ralis_table_e2"), audit.printed("ralis_table_e3").set_index("regions_per_step")
    one = e2[(e2.step == "24 R") & (e2.method == "Ours")][["miou", "std"]].iloc[0]
    assert one.tolist() == e3.loc["24", ["miou", "std"]].tolist()


def test_every_finding_is_whole_and_computed():
    found = {finding.name: finding for finding in audit.findings()}
    assert len(found) == 8
    assert "\nconsequence: " in str(found["text and tables"])
    for finding in found.values():
        for part in (finding.statement, finding.computation, finding.consequence, finding.avoided):
            assert part.endswith(".")
            assert "nan" not in part
    assert found["class means, Table 1"].statement.startswith("2 of 8 ")
    assert "Ours (Manual-D) +3.40" in found["class means, Table 1"].computation
    assert found["what STD is, Table 1"].statement.startswith("5 of 8 ")
    assert found["cycles, ablation and splits"].statement.startswith("9 of 9 ")
    assert "rider -0.43" in found["classes called better, section 5.1"].computation


def test_findings_follow_the_data(tmp_path, monkeypatch):
    """With the mIoUs replaced by the means of their cells, every row agrees and no margin is lost."""
    for file in paths.PUBLISHED.glob("*.csv"):
        cells = pd.read_csv(file, dtype=str)
        if file.stem == "segxal_table1":
            cells["mIoU"] = [f"{exact_mean(row):.2f}" for row in exact("segxal_table1").values()]
        cells.to_csv(tmp_path / file.name, index=False)
    monkeypatch.setattr(paths, "PUBLISHED", tmp_path)
    found = {finding.name: finding for finding in audit.findings()}
    assert found["class means, Table 1"].statement.startswith("8 of 8 ")
    assert found["cycles, ablation and splits"].statement.startswith("0 of 9 ")


@pytest.fixture(
    params=[name for name in ("camvid", "quick") if (paths.SHIPPED_RUNS / name / "class_iou.csv").is_file()]
)
def study(request):
    folder = paths.SHIPPED_RUNS / request.param
    return pd.read_csv(folder / "results.csv"), pd.read_csv(folder / "class_iou.csv")


def test_camvid_is_among_the_studies():
    assert (paths.SHIPPED_RUNS / "camvid" / "class_iou.csv").is_file()


def test_our_records_go_through_the_same_check(study):
    records, class_iou = study
    cells = audit.record_table(records, class_iou)
    check = audit.mean_check(cells, list(class_iou["class"].unique()), labels=audit.KEY)
    assert len(check) == len(records)
    assert check.agrees.all(), check[~check.agrees]
    assert (check.tolerance <= 1.01e-4).all()  # four decimals


def test_a_wrong_record_is_found(study):
    records, class_iou = study
    wrong = records.assign(miou=records.miou.where(records.index != 3, records.miou + 0.001))
    check = audit.mean_check(audit.record_table(wrong, class_iou), class_iou["class"].unique(), labels=audit.KEY)
    assert check.index[~check.agrees].tolist() == [3]


def test_the_figure_says_both_rankings():
    supervised = audit.mean_check(audit.printed("segxal_table1")).iloc[0]
    sheet = ranking_figure(audit.ranking(), supervised)
    said = [text.get_text() for text in sheet.findobj(matplotlib.text.Text)]
    for words in ("Ours (Manual-D)  65.11", "61.71  Ours (Manual-D)", "DEAL  61.64", "61.63  DEAL", "fully supervised"):
        assert words in said
    line = next(line for line in sheet.axes[0].lines if list(line.get_ydata()) == [4, 2])
    assert line.get_color() == "#D55E00"  # DEAL: fourth as printed, second by its class cells
