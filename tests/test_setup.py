"""pyproject.toml, requirements.lock and environment.yml in step; the Makefile and the licence say what they should."""

import re
import shutil
import subprocess

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import segxal
from segxal.storage.paths import ROOT

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
WANTED = [Requirement(line) for line in [*PROJECT["dependencies"], *EXTRAS["test"], *EXTRAS["docs"]]]
LOCK_LINES = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and line[0] != "#"]
LOCK = [Requirement(line) for line in LOCK_LINES]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())
PIP = next(item["pip"] for item in ENVIRONMENT["dependencies"] if isinstance(item, dict))
CONDA = [item for item in ENVIRONMENT["dependencies"] if isinstance(item, str)]


def on(python, requirements):
    """Requirements that count on Linux with this Python, by name."""
    target = {
        **default_environment(), "python_version": python, "python_full_version": f"{python}.9", "os_name": "posix",
        "sys_platform": "linux", "platform_machine": "x86_64", "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }  # fmt: skip
    chosen = {}
    for requirement in requirements:
        if requirement.marker is None or requirement.marker.evaluate(target):
            name = canonicalize_name(requirement.name)
            assert name not in chosen, f"{name} counts twice on Python {python}"
            chosen[name] = requirement
    return chosen


def version(requirement):
    return re.fullmatch(r"==([\w.!+]+)", str(requirement.specifier)).group(1)


@pytest.mark.parametrize("python", PYTHONS)
def test_lock_satisfies_the_bounds_on_every_python(python):
    locked = on(python, LOCK)
    for name, wanted in on(python, WANTED).items():
        assert name in locked, f"{name} of pyproject.toml is not in requirements.lock on Python {python}; run make lock"
        assert wanted.specifier.contains(version(locked[name])), f"{locked[name]} is outside {wanted}"


def test_lock_holds_exact_versions_and_nothing_else():
    for line, requirement in zip(LOCK_LINES, LOCK, strict=True):
        assert version(requirement), line
        assert not requirement.url and not line.startswith("-") and "@" not in line and "--hash" not in line


def test_lock_holds_the_tested_pair():
    locked = on("3.11", LOCK)
    assert (version(locked["torch"]), version(locked["torchvision"])) == ("2.14.1", "0.29.1")


def test_environment_names_the_same_packages_in_the_versions_of_the_lock():
    conda = dict(item.partition("=")[::2] for item in CONDA)
    assert set(conda) == {"python", "pip"} and conda["python"] in PYTHONS
    assert PIP[-1] == "-e ."
    named = {canonicalize_name(r.name): r for r in map(Requirement, PIP[:-1])}
    wanted, locked = on(conda["python"], WANTED), on(conda["python"], LOCK)
    assert set(named) == set(wanted)
    for name, requirement in named.items():
        assert version(requirement) == version(locked[name]), f"{name}: environment.yml and requirements.lock differ"


def test_python_bound_and_classifiers_agree():
    assert PROJECT["requires-python"] == ">=3.10"
    assert [c.split()[-1] for c in PROJECT["classifiers"] if "Python :: 3." in c] == PYTHONS


def test_licence_and_citation_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["license"] == citation["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert citation["version"] == segxal.__version__
    assert [a["name"] for a in PROJECT["authors"]] == [a["name"] for a in citation["authors"]]


needs_make = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


def make(*arguments):
    return subprocess.run(["make", "--no-print-directory", *arguments], cwd=ROOT, capture_output=True, text=True)


@needs_make
def test_help_lists_every_target():
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"reproduce", "test", "lint", "format", "notebooks", "bench", "lab", "study", "clean"} <= targets
    listed = make("help").stdout
    assert all(re.search(rf"^  make {target} ", listed, re.MULTILINE) for target in targets)


@needs_make
@pytest.mark.parametrize(
    ("python", "message"),
    [("no-such-python", "no-such-python not found"), ("./old", "needs Python 3.10 or newer")],
)
def test_make_explains_an_unfit_python(tmp_path, python, message):
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.1\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(["make", "test", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode and message in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_records_of_a_study_are_not_ignored():
    paths = ["papermill_runs/camvid/results.csv", "papermill_runs/camvid/tables/table2.md", "figures/camvid/fig1.png",
             "papermill_runs/camvid/notebooks/al_cycle.ipynb"]  # fmt: skip
    weights = ["papermill_runs/camvid/runs/random/full/seed0/cycle_00/model.safetensors",
               "papermill_runs/camvid/runs/random/full/seed0/cycle_00/labels.npz",
               "papermill_runs/camvid/cache/x", "papermill_runs/smoke/results.csv", "figures/smoke/a.png"]  # fmt: skip
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", *paths, *weights], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode > 1:
        pytest.skip("no git checkout")
    assert done.stdout.split() == weights
