"""The bench runs at tiny sizes and names what it compares; times are not asserted."""

import json
import runpy
import subprocess
import sys

import pytest

from segxal.storage.paths import ROOT

SCRIPT = ROOT / "bench" / "run.py"


def run(*options):
    return subprocess.run([sys.executable, SCRIPT, *options], capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    output = tmp_path_factory.mktemp("bench") / "bench.json"
    done = run("--small", "--repeats", "1", "--output", str(output))
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(output.read_text())


def test_every_ratio_of_the_issue_is_printed_with_its_name(tiny):
    table, record = tiny
    names = {row["name"] for row in record["rows"]}
    assert {
        "Grad-CAM, one class", "Grad-CAM, all predicted classes at once", "Grad-CAM, one map per predicted class",
        "whole EEM (depth known) / floor", "training / plain loop", "step, bf16 / float32, channels_last",
        "memory growth over the EEM of a stream", "rendering streets, one core", "BALD, 20 passes / baal",
        "explorer: a weight is moved", "explorer: another class", "explorer: another target layer",
        "RALIS: divergences / scipy, one by one", "RALIS: scoring a pool / one forward pass",
        "retraining on cached features / fine-tuning", "training on few pixels / on whole maps",
        "EEM with a frozen encoder / one forward pass",
        "feature maps to disk / the encoder alone", "memory growth over scoring with a frozen encoder",
        "Core-Set / scikit-activeml", "scoring by entropy / one forward pass", "scoring by eem / one forward pass",
    } <= names  # fmt: skip
    assert all(name in table for name in names)


def test_ratios_follow_from_the_medians_beside_them(tiny):
    for row in tiny[1]["rows"]:
        if row["peer"] is not None:
            faster = row["ours"] / row["peer"] if row["unit"] == "steps/s" else row["peer"] / row["ours"]
            assert row["ratio"] == pytest.approx(faster)
            assert row["ours"] > 0


def test_the_record_says_on_what_and_with_what_but_not_when_or_where(tiny):
    record = tiny[1]
    assert record["small"] is True
    assert {"processor", "threads", "fast_bf16", "versions", "device"} <= set(record["machine"])
    assert str(ROOT) not in json.dumps(record)
    assert "date" not in json.dumps(record)


def test_senseless_options_are_refused(monkeypatch, capsys):
    monkeypatch.syspath_prepend(SCRIPT.parent)
    main = runpy.run_path(str(SCRIPT))["main"]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--repeats", "0"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "at least 1" in capsys.readouterr().err


def test_core_set_and_its_peer_choose_the_same(tiny):
    (row,) = [row for row in tiny[1]["rows"] if row["name"] == "Core-Set / scikit-activeml"]
    assert row["note"].endswith("the same choice: yes")
