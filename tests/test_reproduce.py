"""`segxal reproduce`: the whole graph on a tiny study, killed in the middle, resumed, and left alone when finished."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from segxal.apps.cli import main
from segxal.core.errors import ConfigError, DataMissing, StorageError
from segxal.storage import paths
from segxal.study import grid
from segxal.study.reproduce import StudyFailed, command, environment, only_one, planned, reproduce
from segxal.study.settings import load_preset

NAME = "test-reproduce"
TINY = """\
data: {name: streets, height: 16, width: 32, counts: [10, 4, 4]}
model: {base: 4, depth: 2}
train: {steps: 4, cycle_steps: 2, batch: 2, evaluations: 1}
mask: {depth: dataset}
pool: {start: 0.2, step: 0.2, cycles: 1, subset: 1.0}
methods: [random, supervised]
folds: 2
"""


@pytest.fixture
def preset(tmp_path):
    """A preset file of the user's own; its study is removed afterwards."""
    file = tmp_path / f"{NAME}.yml"
    file.write_text(TINY)
    _remove()
    yield file
    _remove()


def _remove():
    for folder in (paths.RUNS / NAME, paths.FIGURES / NAME):
        shutil.rmtree(folder, ignore_errors=True)


def _records(runs):
    return {file.relative_to(runs): file.read_bytes() for file in sorted(runs.rglob("metrics.json"))}


def test_killed_in_the_middle_it_resumes_to_the_same_bytes_and_then_rests(preset, tmp_path, capsys):
    folder = paths.RUNS / NAME
    line = [sys.executable, "-m", "segxal.apps.cli", "reproduce", "--preset", str(preset), "--seeds", "0"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(line, start_new_session=True, **quiet) as process:
        limit = time.monotonic() + 120
        while not list(folder.glob("runs/*/*/*/cycle_00/manifest.json")) and time.monotonic() < limit:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    killed = _records(folder)
    assert 1 <= len(killed) < 3, "killed after the first cycle and before the last"

    assert main(["reproduce", "--preset", str(preset), "--jobs", "2", "--seeds", "0"]) == 0
    assert "report.html" in capsys.readouterr().out
    plain = grid.select(load_preset(str(preset)))
    grid.run_cycles([cycle for run in grid.whole_grid(plain, tmp_path) for cycle in run])
    assert _records(folder) == _records(tmp_path / NAME), "notebooks, kill and resume give what plain Python gives"
    assert (folder / "tables" / "table2.md").is_file() and (folder / "report.html").is_file()

    for file in (folder / "notebooks").rglob("[!.]*.ipynb"):
        ran = json.loads(file.read_text())["metadata"]["papermill"]["input_path"]
        rule = file.stem if file.parent.name == "notebooks" else file.parent.name
        assert ran == f"notebooks/{rule}.ipynb", "every rule runs its own notebook"
        given = json.loads(file.read_text())["metadata"]["papermill"]["parameters"]
        assert given["data_root"] == "" and given["preset"] == str(preset)

    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*.ipynb")}
    assert main(["reproduce", "--preset", str(preset), "--seeds", "0"]) == 0
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.ipynb")} == before
    preset.touch()
    assert planned(plain, str(preset)) == {}, "what the preset holds counts, not when it was written"
    preset.write_text(TINY + "# once more\n")
    assert planned(plain, str(preset))["total"] > 0


def test_a_failing_job_is_named_and_its_notebook_kept(preset, tmp_path):
    diverging = TINY.replace("batch: 2", "batch: 2, lr: 1.0e+30, schedule: constant")
    preset.write_text(diverging.replace("[random, supervised]", "[supervised]"))
    with pytest.raises(StudyFailed, match=r"(?s)log.txt.*supervised.ipynb: cell \d+ raised TrainingDiverged.*lower"):
        reproduce(load_preset(str(preset)), str(preset), jobs=2)
    assert (paths.RUNS / NAME / "notebooks" / "supervised" / "seed0.failed.ipynb").is_file()


def test_missing_data_are_named_before_anything_starts(preset, tmp_path):
    preset.write_text(TINY.replace("name: streets", "name: camvid").replace(", counts: [10, 4, 4]", ""))
    with pytest.raises(DataMissing, match="camvid was not found"):
        reproduce(load_preset(str(preset)), str(preset), data_root=str(tmp_path))
    assert not (paths.RUNS / NAME).exists()


def test_a_preset_of_ones_own_never_writes_into_a_shipped_study(tmp_path):
    (tmp_path / "camvid.yml").write_text(TINY)
    with pytest.raises(ConfigError, match="give the file another name"):
        load_preset(str(tmp_path / "camvid.yml"))


def test_two_commands_never_work_on_one_study(tmp_path):
    with only_one(tmp_path), pytest.raises(StudyFailed, match="another `segxal reproduce`"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_said_before_work_begins(tmp_path):
    (tmp_path / "file").touch()
    said = r"cannot write into .*file.study: .*\$SEGXAL_HOME"
    with pytest.raises(StorageError, match=said), only_one(tmp_path / "file" / "study"):
        pass


def test_a_dry_run_says_what_would_run_and_runs_nothing(preset, capsys):
    assert main(["reproduce", "--preset", str(preset), "--dry-run"]) == 0
    said = dict(reversed(line.split()) for line in capsys.readouterr().out.splitlines())
    wanted = {"al_cycle": "1", "baseline": "1", "supervised": "1"}
    assert wanted.items() <= said.items(), "the start, one run of random, the upper bound"
    assert int(said["total"]) == sum(int(count) for name, count in said.items() if name != "total")
    assert not (paths.RUNS / NAME / "runs").exists()


def test_a_dry_run_of_a_finished_study_says_so(monkeypatch, capsys):
    monkeypatch.setattr("segxal.study.reproduce.planned", lambda *_: {})
    assert main(["reproduce", "--dry-run"]) == 0
    assert capsys.readouterr().out == "nothing is left to run\n"


@pytest.mark.parametrize(
    ("methods", "said"), [("segxal-human random-pixel", False), ("segxal-human s4al-random", True)]
)
def test_a_study_without_random_selection_says_that_it_compares_nothing(monkeypatch, capsys, methods, said):
    monkeypatch.setattr("segxal.study.reproduce.reproduce", lambda *_: paths.RUNS / "smoke")
    assert main(["reproduce", "--preset", "smoke", "--methods", *methods.split()]) == 0
    assert ("comparison none: the methods include no random selection" in capsys.readouterr().out) is said


def test_jobs_are_at_least_one(capsys):
    with pytest.raises(SystemExit):
        main(["reproduce", "--jobs", "0"])
    assert "at least 1" in capsys.readouterr().err


def test_command_hands_over_what_was_chosen():
    chosen = grid.select(load_preset("smoke"), [0, 1], ["random"])
    line = command(chosen, 2)
    assert line[line.index("--cores") + 1] == "2"
    assert "seeds=[0, 1]" in line and "methods=['random']" in line
    given = environment(chosen, "smoke", "a folder")
    assert (given["SEGXAL_PRESET"], given["SEGXAL_DATA_ROOT"]) == ("smoke", "a folder")
