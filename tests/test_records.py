"""The committed records: tables, README and the pages of docs/ say what the records say."""

import json
import subprocess

import pandas as pd
import pytest

from segxal.methods import get_method, names_of
from segxal.results import comparison_tables, tables
from segxal.results.comparison import compare_with, conclusion
from segxal.results.near import near_records, near_sentences, near_table
from segxal.results.record import record_line, record_table
from segxal.results.statistics import ALPHA
from segxal.results.tables import check_means, read_class_iou, read_records
from segxal.storage import paths
from segxal.storage.paths import preset_names
from segxal.study.grid import segxal_methods
from segxal.study.settings import load_preset

COMMITTED = [
    name for name in ("quick", "camvid", "camvid-pixels") if (paths.SHIPPED_RUNS / name / "results.csv").is_file()
]


@pytest.fixture(params=COMMITTED)
def preset(request):
    return load_preset(request.param)


def test_camvid_is_committed():
    assert {"camvid", "camvid-pixels"} <= set(COMMITTED)


def test_every_miou_is_the_mean_of_its_printed_class_ious(preset):
    assert check_means(read_records(preset, paths.SHIPPED_RUNS), read_class_iou(preset, paths.SHIPPED_RUNS)) < 1e-3


def test_tables_regenerate_from_the_records(preset):
    records = read_records(preset, paths.SHIPPED_RUNS)
    for name, build in (("table2", tables.table2), ("table3", tables.table3)):
        file = paths.SHIPPED_RUNS / preset.name / "tables" / f"{name}.csv"
        if name == "table3" and not segxal_methods(preset):
            assert not file.exists(), "no mask, nothing to ablate"
            continue
        pd.testing.assert_frame_equal(printed_table(preset.name, name), build(records).astype(str), check_dtype=False)


def test_budgets_only_grow(preset):
    for _, run in read_records(preset, paths.SHIPPED_RUNS).groupby(["method", "ablation", "seed"]):
        for unit in ("images", "pixels", "clicks", "labelled"):
            assert run.sort_values("cycle")[unit].is_monotonic_increasing


def test_figures_name_runs_that_are_recorded():
    for name in COMMITTED:
        rows = read_records(load_preset(name), paths.SHIPPED_RUNS).itertuples()
        known = {f"{row.method}/{row.ablation}/seed{row.seed}/cycle_{row.cycle:02d}" for row in rows}
        for file in sorted((paths.SHIPPED_FIGURES / name).glob("*.json")):
            shown = json.loads(file.read_text())["runs"]
            assert set(shown) <= known, f"{file.name} shows {set(shown) - known}"


def mentioned(words, page="results"):
    """Whether a page of docs/ says it, line breaks aside."""
    return words in " ".join((paths.ROOT / "docs" / f"{page}.md").read_text().split())


def shipped(name):
    """A record in its folder; skips where it was made anew here, for the pages speak of the one in the repository."""
    file = paths.SHIPPED_RUNS / name
    if subprocess.run(["git", "diff", "--quiet", "HEAD", "--", file], cwd=paths.ROOT).returncode == 1:
        pytest.skip(f"{name} was made anew here, and the pages speak of the one in the repository")
    return file


def shipped_records(study):
    return pd.read_csv(shipped(f"{study}/results.csv"))


def camvid():
    records = tables.main_runs(shipped_records("camvid"))
    seeds = records.groupby("method").seed.nunique()
    return records, sorted(seeds.index[seeds >= 3])


@pytest.mark.parametrize("budget", ["images", "pixels", "clicks"])
def test_results_conclude_what_the_records_allow(budget):
    records, methods = camvid()
    compared = compare_with(records[records.method.isin(methods)], "random", budget)
    told = [c for c in compared if c.method.startswith("segxal") or c.holm < ALPHA]
    assert len(told) >= 3 and all(mentioned(conclusion(c)) for c in told)
    assert not any(c.method.startswith("segxal") and c.holm < ALPHA for c in compared), "nothing is shown, it says"
    above = {c.method for c in compared if c.test.difference > 0}
    if budget == "images":
        assert not above, "the page says that every method lies below random"
    if budget == "pixels":
        best = [c.method for c in sorted(compared, key=lambda c: -c.test.difference if c.test.seeds else 0.0)]
        assert best[:5] == ["margin-pixel", "eem-component", "eem-pixel", "segxal-gt-patch", "random-pixel"]
        parts = [
            m
            for m in methods
            if get_method(m).buys and (m in names_of("segxal") or get_method(m).granularity != "image")
        ]
        assert len(above & set(parts)) > len(parts) / 2, "most that ask for parts of images, it says"


def test_results_name_what_was_not_run():
    absent = [name for name in load_preset("camvid").methods if name not in set(camvid()[0].method)]
    assert mentioned("not run yet: " + ", ".join(f"`{name}`" for name in absent)) == bool(absent), absent


def test_results_name_the_scores_of_the_records():
    last = tables.last_cycles(camvid()[0])
    for method, words in (("supervised", "All labels give {}"), ("segxal-pseudo", "before the first cycle, {} after")):
        scores = last[last.method == method].miou
        assert mentioned(words.format(f"{scores.mean():.1f} ± {scores.std():.1f}")), method
    quality = (
        pd.read_csv(paths.SHIPPED_RUNS / "camvid" / "tables" / "error_detection.csv").set_index(["map", "pixels"]).AUROC
    )
    maps = ("ebu", "eem", "pae", "random")
    assert mentioned(
        ", ".join(f"{name if name == 'random' else name.upper()} {quality[name, 'all']:.3f}" for name in maps)
    )
    assert mentioned(", ".join(f"{quality[name, 'near']:.3f}" for name in maps))
    start = camvid()[0].query("method == 'segxal-pseudo' and cycle == 0").miou
    assert mentioned(f"{start.mean():.1f} before the first cycle")


def test_results_say_what_labels_are_worth_in_streets():
    records = tables.main_runs(shipped_records("quick"))
    gain, random = tables.random_gain(records), records[records.method == "random"].miou
    (full,) = records[records.method == "supervised"].miou
    assert mentioned(f"stands at {random.iloc[0]:.1f} mIoU with 10 % of the images, {random.iloc[-1]:.1f} with 41 %")
    assert mentioned(f"(**+{gain['grow']:.1f}**), and all labels give {full:.1f} (**+{gain['full']:.1f}** more)")


def test_the_page_on_speed_says_what_another_cpu_changes():
    other, class_iou = (
        pd.read_csv(paths.SHIPPED_RUNS / "quick" / f"{name}_amd_epyc.csv") for name in ("results", "class_iou")
    )
    assert check_means(other, class_iou) < 1e-3
    runs = ["method", "ablation", "seed"]
    here, there = (tables.last_cycles(records).set_index(runs).miou for records in (shipped_records("quick"), other))
    moved = there - here
    gain = tables.random_gain(other)
    for words in (
        f"{moved.min():+.1f} to {moved.max():+.1f} points of mIoU",
        f"its {len(moved)} runs",
        f"**+{gain['grow']:.1f}** and **+{gain['full']:.1f}** points there",
    ):
        assert mentioned(words, "speed")


def printed_table(preset, name):
    return pd.read_csv(paths.SHIPPED_RUNS / preset / "tables" / f"{name}.csv", dtype=str).fillna("")


def test_results_name_the_distance_to_the_record():
    records = shipped_records("camvid-pixels")
    shares = comparison_tables.share_table(records).astype(str)
    pd.testing.assert_frame_equal(printed_table("camvid-pixels", "shares"), shares, check_dtype=False)
    assert mentioned(record_line(record_table(tables.main_runs(records))))
    for _, row in shares.iterrows():
        (third, score), (fifth, last) = (row[name].split(": ") for name in ("cycle 3", "cycle 5"))
        if row.method.startswith("PixelPick"):
            assert mentioned(f"prints {score} of its own fully supervised mIoU with {third}")
        else:
            assert third == "0.006 %" and fifth == "0.035 %" and mentioned(f"`{row.method}` {score} and {last}")


def test_results_say_what_the_error_mask_is_for():
    shipped("camvid-pixels/confusion.csv.gz")
    scores = near_records(load_preset("camvid-pixels"), paths.SHIPPED_RUNS)
    pd.testing.assert_frame_equal(
        printed_table("camvid-pixels", "near"), near_table(scores).astype(str), check_dtype=False
    )
    assert all(mentioned(sentence) for sentence in near_sentences(scores))


def test_results_name_what_errors_of_people_cost():
    noise = comparison_tables.noise_table(shipped_records("camvid")).astype(str)
    pd.testing.assert_frame_equal(printed_table("camvid", "noise"), noise, check_dtype=False)
    assert len(noise) >= 6 and all(mentioned(f"`{row.method}` {row.change}") for row in noise.itertuples())


@pytest.mark.parametrize("record", ["bench", "bench_amd_epyc"])
def test_the_page_on_speed_names_the_ratios_of_the_bench(record):
    rows = json.loads(shipped(f"{record}.json").read_text())["rows"]
    said = ("Grad-CAM, one class", "Grad-CAM, all predicted classes at once", "whole EEM (depth known) / one class",
            "training / plain loop", "BALD, 20 passes / baal", "Core-Set / scikit-activeml")  # fmt: skip
    for name in said:
        assert mentioned(", ".join(f"{row['ratio']:.2f}" for row in rows if row["name"] == name) + " |", "speed"), name
    steps = [row["ratio"] for row in rows if row["name"].startswith("step, bf16")]
    assert mentioned(f"at {min(steps):.2f} to {max(steps):.2f}", "speed")


def test_the_page_on_speed_names_the_target_that_the_epyc_misses():
    xeon, epyc = (json.loads(shipped(f"{name}.json").read_text()) for name in ("bench", "bench_amd_epyc"))
    assert "Xeon" in xeon["machine"]["processor"] and "EPYC" in epyc["machine"]["processor"]
    assert all(row["verdict"] != "MISSED" for row in xeon["rows"])
    (row,) = (row for row in epyc["rows"] if row["verdict"] == "MISSED")
    assert (row["name"], row["size"]) == ("whole EEM (depth known) / one class", "128x256")
    assert mentioned(f"{row['target']:.0f} for the whole EEM at {row['size']}, by a hair ({row['ratio']:.3f})", "speed")


def test_the_page_on_speed_names_the_times_of_the_bench():
    rows = json.loads(shipped("bench.json").read_text())["rows"]
    assert {"scoring by eem / one forward pass", "explorer: key to new pixels"} <= {row["name"] for row in rows}
    pool = next(row["note"].split()[0] for row in rows if row["name"] == "scoring by random / one forward pass")
    assert mentioned(f"scoring a pool of {pool} images", "speed")
    for row in rows:
        if row["name"].startswith("scoring by "):
            name = row["name"].removeprefix("scoring by ").split(" /")[0]
            assert mentioned(f"`{name}` {1 / row['ratio']:.1f}", "speed"), row
        if row["name"] in {"explorer: a weight is moved", "explorer: another class", "explorer: another target layer",
                           "explorer: key to new pixels"}:  # fmt: skip
            assert mentioned(f" {row['ours']:.0f} ms", "speed"), row


def test_results_say_what_more_labels_at_the_start_are_worth():
    kept = shipped_records("camvid")
    ends = kept[kept.ablation.str.startswith("split") & (kept.cycle == kept.cycle.max())]
    assert set(ends.method) == set(segxal_methods(load_preset("camvid")))
    for method, rows in ends.groupby("method"):
        words = [f"{one.miou.mean():.1f} ± {one.miou.std():.1f}" for one in (rows[rows.ablation == name] for name in
                 ("split-4", "split-10"))]  # fmt: skip
        assert set(rows.seed) == {0, 1, 2} and mentioned(f"`{method}` {words[0]} and {words[1]}")
    last = tables.last_cycles(camvid()[0]).query("method == 'random'").miou
    assert mentioned(f"`random` reaches {last.mean():.1f} ± {last.std():.1f} from 1 %")


PRINTED = [("camvid", name) for name in ("table2", "table3", "differences")]
PRINTED += [("camvid-pixels", name) for name in ("table2", "near", "differences")]


@pytest.mark.parametrize(("study", "name"), PRINTED)
def test_results_print_the_committed_tables(study, name):
    text = (paths.ROOT / "docs" / "results.md").read_text()
    assert shipped(f"{study}/tables/{name}.md").read_text() in text


def readme():
    return (paths.ROOT / "README.md").read_text()


def test_readme_prints_rows_of_the_committed_tables():
    lines = [line for line in readme().splitlines() if line.startswith("| `")]
    ends = printed_table("camvid-pixels", "table2").set_index("method")
    against = printed_table("camvid-pixels", "differences").set_index("method")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert {row[0].strip("`") for row in rows} == {*against.index, "random-pixel"}
    for method, _, *cells in rows:
        name = method.strip("`")
        told = against.loc[name, "over pixels"] if name in against.index else ""
        assert cells == [ends.loc[name, "cycle 3"], ends.loc[name, "cycle 5"], told], method


def test_readme_concludes_no_more_than_the_records_allow():
    text = " ".join(readme().split())
    records = tables.main_runs(shipped_records("camvid-pixels"))
    compared = compare_with(records, "random-pixel", "pixels")
    above = [f"`{c.method}`" for c in compared if c.holm < ALPHA and c.test.difference > 0]
    below = [f"`{c.method}`" for c in compared if c.holm < ALPHA and c.test.difference < 0]
    same = [f"`{c.method}`" for c in compared if not c.holm < ALPHA]
    for words, names in (("(p < 0.05): {}", above), ("Worse: {}", below), ("Nothing is shown for {}", same)):
        assert words.format(", ".join(names)) + "." in text if names else words.format("`") not in text
    full = tables.last_cycles(records).query("method == 'supervised'").miou
    assert f"{len(full)} seeds; all labels give {full.mean():.1f} ± {full.std():.1f}" in text
    shares = record_table(records).query("pixels <= 10")
    best = shares.loc[shares.share.idxmax()]
    assert best.share < 95 and f"not reached with a sixth of its pixels: `{best.method}` has {best.share:.1f} %" in text


def test_readme_concludes_nothing_from_the_study_from_scratch():
    records, methods = camvid()
    kept = records[records.method.isin(methods)]
    for budget in ("images", "pixels", "clicks"):
        compared = compare_with(kept, "random", budget)
        assert not any(c.method.startswith("segxal") and c.holm < ALPHA for c in compared), "nothing separates them"
    told = "nothing separates SegXAL from random whole images, over images, pixels or clicks"
    assert told in " ".join(readme().split())


def test_the_pages_name_every_preset_and_target():
    page = (paths.ROOT / "docs" / "commands.md").read_text()
    assert not [preset for preset in preset_names() if f"| `{preset}` |" not in page], "no row in docs/commands.md"
    text = "".join(file.read_text() for file in (paths.ROOT / "README.md", *(paths.ROOT / "docs").glob("*.md")))
    for target in ("reproduce", "test", "lab", "bench", "site", "app", "label-studio"):
        assert f"make {target}" in text
