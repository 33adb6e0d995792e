"""Binder's folder: it parses, takes a Python we support, and installs the lock and then the package."""

import os
import stat
import subprocess

import yaml

from segxal.storage.paths import ROOT

FOLDER = ROOT / "binder"


def test_the_environment_is_a_plain_python_of_ours():
    environment = yaml.safe_load((FOLDER / "environment.yml").read_text())
    packages = dict(item.partition("=")[::2] for item in environment["dependencies"])
    assert set(packages) == {"python", "pip"} and packages["python"] in {"3.10", "3.11", "3.12", "3.13"}
    assert (FOLDER / "apt.txt").read_text().split() == ["make"]


def test_post_build_installs_the_lock_then_the_package_and_fails_loudly(tmp_path):
    script = FOLDER / "postBuild"
    assert script.stat().st_mode & stat.S_IXUSR and (ROOT / "requirements.lock").is_file()
    python = tmp_path / "python"
    python.write_text(f'#!/usr/bin/env bash\necho "$@" >> {tmp_path}/calls\nexit "${{FAIL:-0}}"\n')
    python.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert subprocess.run([script], env=path, cwd=ROOT).returncode == 0
    lock, package, first = (tmp_path / "calls").read_text().splitlines()
    assert lock.endswith("--no-deps -r requirements.lock") and package.endswith("-e .")
    assert "import" in first and "segxal.apps.workshop" in first
    assert subprocess.run([script], env=path | {"FAIL": "3"}, cwd=ROOT).returncode == 3
