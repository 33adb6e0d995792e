"""``segxal annotate`` without a server: export, import, status, and errors in words."""

import json
import shutil
import subprocess
import sys

import pytest
from annotating import REAL, annotation, block, exported, queries_of, simulated, task_of

from segxal.acquisition.oracles.human import HumanOracle
from segxal.apps.annotate.local import SECRETS, credentials, free_port, running
from segxal.apps.annotate.project import read_project
from segxal.apps.annotate.server import push, title_of
from segxal.apps.cli import main
from segxal.core.errors import ConfigError, ServerError
from segxal.storage import paths
from segxal.study import grid
from segxal.study.settings import load_preset
from segxal.study.state import Cycle

PRESET = """\
data: {name: streets, height: 16, width: 32, counts: [12, 4, 4]}
model: {base: 4, depth: 2}
train: {steps: 6, cycle_steps: 3, batch: 4, evaluations: 2, amp: 'off'}
mask: {depth: dataset}
pool: {start: 0.25, step: 0.17, cycles: 1, subset: 1.0}
gate: {tau: 0.5}
"""


@pytest.fixture(scope="module")
def waiting(tmp_path_factory):
    """A preset of one's own and its study, in which the only cycle waits for annotations."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "mine.yml").write_text(PRESET)
    exported(folder / "runs", load_preset(str(folder / "mine.yml")))
    return folder


@pytest.fixture
def own(tmp_path, waiting, monkeypatch):
    """The preset's file and the cycle that waits, in a copy that ``segxal`` works on."""
    here = shutil.copytree(waiting, tmp_path / "own")
    run_of = grid.run_of
    monkeypatch.setattr(grid, "run_of", lambda *words: run_of(*words, runs=here / "runs"))
    for name in ("LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return str(here / "mine.yml"), Cycle(load_preset(str(here / "mine.yml")), REAL, 0, 1, runs=here / "runs")


def segxal(capsys, action, preset, *words):
    status = main(["annotate", action, *words, "--preset", preset])
    out, err = capsys.readouterr()
    return status, out, err


def test_export_import_status_and_the_end(own, capsys, tmp_path):
    preset, cycle = own
    status, out, _ = segxal(capsys, "export", preset)
    assert status == 0 and out.startswith("2 of 2 annotations wanted") and (cycle.project / "tasks.json").is_file()
    tasks = simulated(queries_of(cycle).values(), read_project(cycle.project), HumanOracle(0.25).annotate)
    (tmp_path / "one.json").write_text(json.dumps(tasks[:1]))
    status, out, _ = segxal(capsys, "import", preset, str(tmp_path / "one.json"))
    assert status == 0 and "answered   1 of 2, 0 skipped, 1 left" in out and tasks[1]["data"]["image_id"] in out
    assert segxal(capsys, "export", preset)[1].startswith("1 of 2 annotations wanted")
    (tmp_path / "all.json").write_text(json.dumps(tasks))
    segxal(capsys, "import", preset, str(tmp_path / "all.json"))
    out = segxal(capsys, "status", preset)[1]
    assert "answered   2 of 2" in out and "next       segxal annotate export" in out
    assert "are done; there is nothing left" in segxal(capsys, "export", preset)[1] and cycle.is_done()
    assert f"next       all cycles of {REAL}, seed 0, are done" in segxal(capsys, "status", preset)[1]


def test_keep_going_imports_the_rest_and_names_the_problems(own, capsys, tmp_path):
    preset, cycle = own
    project = read_project(cycle.project)
    good, bad = (
        task_of(project, project.ids[0], annotation([block(project)])),
        task_of(project, "zebra", annotation([])),
    )
    (tmp_path / "two.json").write_text(json.dumps([good, bad]))
    status, _, err = segxal(capsys, "import", preset, str(tmp_path / "two.json"))
    assert status == 1 and "unknown image" in err and not (cycle.project / "answers.json").exists()
    status, out, err = segxal(capsys, "import", preset, str(tmp_path / "two.json"), "--keep-going")
    assert status == 1 and "answered   1 of 2" in out and "1 tasks have problems and were left out" in err


@pytest.mark.parametrize("action", ["push", "pull", "status", "serve"])
def test_without_an_export_there_is_nothing(own, capsys, action):
    shutil.rmtree(own[1].project)
    status, _, err = segxal(capsys, action, own[0])
    assert status == 1 and "run `segxal annotate export` first" in err


@pytest.mark.parametrize("action", ["push", "pull", "serve"])
def test_a_server_must_be_named(own, capsys, action):
    status, _, err = segxal(capsys, action, own[0])
    assert status == 1 and "--url or $LABEL_STUDIO_URL and --token or $LABEL_STUDIO_API_KEY" in err
    status, _, err = segxal(capsys, action, own[0], "--url", f"http://127.0.0.1:{free_port()}", "--token", "sesame")
    assert status == 1 and "no Label Studio answers" in err and "sesame" not in err


@pytest.mark.parametrize("url", ["ftp://x", "localhost:8080", "http://["])
def test_a_wrong_address_is_said(own, url):
    with pytest.raises((ConfigError, ServerError), match=r"not a server address|no Label Studio answers"):
        push(own[1].project, url, "sesame")


@pytest.mark.parametrize("title", ["ab", "x" * 51])
def test_titles_that_label_studio_refuses_are_refused_before(own, title):
    with pytest.raises(ConfigError, match="Label Studio accepts 3 to 50"):
        push(own[1].project, "http://127.0.0.1:9", "sesame", title)
    assert 3 <= len(title_of(read_project(own[1].project))) <= 50


def test_help_needs_no_torch():
    code = "import sys; from segxal.apps.cli import main\ntry: main(['annotate', '-h'])\nexcept SystemExit: pass\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "sys.exit('torch' in sys.modules or 'label_studio_sdk' in sys.modules)"],
        cwd=paths.ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "segxal annotate pull" in done.stdout


def test_secrets_are_drawn_once_and_readable_by_their_owner_alone(tmp_path):
    password, token = credentials(tmp_path / "data")
    assert credentials(tmp_path / "data") == (password, token) != credentials(tmp_path / "other")
    assert (tmp_path / "data" / SECRETS).stat().st_mode & 0o777 == 0o600
    assert len(token) == 40 and len(password) >= 12


def test_a_server_that_is_not_there_or_ends_is_said(tmp_path):
    with pytest.raises(ServerError, match="make label-studio"), running(tmp_path / "label-studio", tmp_path / "data"):
        pass
    broken = tmp_path / "label-studio"
    broken.write_text("#!/bin/sh\necho no space\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(ServerError, match=r"no answer from http://127.0.0.1:\d+/health; .*log\.txt:\nno space"):
        with running(broken, tmp_path / "data"):
            pass
