"""A clone, a preset, data and results in a folder whose name is a trap for shells, format strings and Snakemake."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from segxal.storage import paths

ODD = "a b's {x} 100% $(id) ä"
RUNS_CODE = "a' $(touch executed) `touch executed` \"; touch executed #"
TINY = """\
data: {name: folder, height: 16, width: 32}
model: {base: 4, depth: 2}
train: {steps: 2, cycle_steps: 1, batch: 2, evaluations: 1}
methods: [supervised]
pool: {cycles: 1}
folds: 2
name: odd
"""


def made(folder):
    """A clone, a preset and a data set of three classes in ``folder``; returns the command line's environment."""
    clone, data = folder / "clone", folder / "data"
    shutil.copytree(paths.PACKAGE, clone / "segxal", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(paths.NOTEBOOKS, clone / "notebooks", ignore=shutil.ignore_patterns("workshop"))
    shutil.copy(paths.ROOT / "Snakefile", clone)
    rng = np.random.default_rng(0)
    for part, shape in (("images", (16, 32, 3)), ("labels", (16, 32))):
        (data / part).mkdir(parents=True)
        for index in range(8):
            array = rng.integers(0, 256 if part == "images" else 3, shape, np.uint8)
            Image.fromarray(array).save(data / part / f"ä {{y}} $(id) {index}.png")
    (data / "classes.txt").write_text("road\ncar\nsky\n", encoding="utf-8")
    (folder / "a preset.yml").write_text(TINY, encoding="utf-8")
    return os.environ | {"PYTHONPATH": str(clone), "SEGXAL_HOME": str(folder / "results"), "PYTHONUTF8": "1"}


def snakemake(folder, environment, *words):
    """Snakemake as `segxal reproduce` starts it, in the clone of ``folder``."""
    line = [sys.executable, "-m", "snakemake", "--snakefile", str(folder / "clone" / "Snakefile"), "--cores", "2"]
    line += ["--directory", str(folder / "results" / "papermill_runs" / "odd"), *words]
    given = {"SEGXAL_PYTHON": sys.executable, "SEGXAL_PRESET": str(folder / "a preset.yml")}
    given |= {"SEGXAL_DATA_ROOT": str(folder / "data")}
    chosen = ["--config", "seeds=[0]", "methods=['supervised']"]
    return subprocess.run([*line, *chosen], env=environment | given, capture_output=True, text=True)


@pytest.mark.slow
def test_a_study_runs_where_the_folder_has_an_odd_name(tmp_path):
    folder = tmp_path / ODD
    environment = made(folder)
    line = [sys.executable, "-m", "segxal.apps.cli", "reproduce", "--dry-run", "--preset", str(folder / "a preset.yml")]
    planned = subprocess.run(
        [*line, "--data-root", str(folder / "data")], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert planned.returncode == 0 and "supervised" in planned.stdout, planned.stdout + planned.stderr
    done = snakemake(folder, environment, "tables/table2.csv")  # the training, the records, a notebook that reads them
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    study = folder / "results" / "papermill_runs" / "odd"
    assert (study / "tables" / "table2.csv").is_file() and (study / "notebooks" / "table2.ipynb").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == [ODD]


def test_no_folder_reaches_a_shell_line(tmp_path):
    folder = tmp_path / RUNS_CODE
    shown = snakemake(folder, made(folder), "--dry-run", "--printshellcmds")
    lines = [text for text in (shown.stdout + shown.stderr).splitlines() if "segxal.apps.cli" in text]
    assert len(lines) >= 5 and all("touch executed" not in text for text in lines), shown.stdout + shown.stderr
    assert not list(tmp_path.rglob("executed"))


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("target", ["reproduce", "test", "lint", "notebooks", "lab", "doctor", "app"])
def test_make_starts_everything_from_a_folder_of_any_name(tmp_path, target):
    folder = tmp_path / RUNS_CODE
    (folder / "notebooks").mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(paths.ROOT / name, folder)
    for environment, stamp in ((".venv", ".installed"), (".venv-app", ".installed-0.5.13")):
        program = folder / environment / "bin" / "python"
        program.parent.mkdir(parents=True)
        program.write_text('#!/bin/sh\nprintf "%s\\n" "$SEGXAL_HOME" "$JUPYTER_PATH" "$*" >> called\n')
        program.chmod(0o755)
        shutil.copy(program, program.with_name("ruff"))
        (folder / environment / stamp).touch()
    plain = {key: value for key, value in os.environ.items() if key not in ("SEGXAL_HOME", "JUPYTER_PATH")}
    done = subprocess.run(["make", target], cwd=folder, env=plain, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    called = (folder / "called").read_text().splitlines()
    homes = {"test": str(folder / "build" / "test"), "notebooks": str(folder / "build" / "notebooks")}
    kernels = str(folder / ".venv-app" / "kernel") if target == "app" else ""
    assert called[:2] == [homes.get(target, ""), kernels]
    assert not list(tmp_path.rglob("executed"))
