"""What the doctor says about this machine, and about a machine on which something is wrong."""

import importlib.metadata
import tempfile

import pytest
import torch

from segxal.apps import doctor
from segxal.apps.doctor import Row, as_text, report
from segxal.storage import paths


@pytest.fixture
def rows(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    return {row.name: row for row in report(tmp_path / "no-data")}


def test_every_group_is_there_in_order(rows):
    assert list(dict.fromkeys(row.group for row in rows.values())) == [
        "Versions",
        "Device",
        "Memory",
        "Data",
        "Folders",
    ]


def test_versions_are_those_installed(rows):
    assert rows["torch"].value == importlib.metadata.version("torch") and rows["torch"].ok
    assert rows["torchvision runs"].ok
    assert "pytest" not in rows and "snakemake" in rows


def test_each_package_is_listed_once():
    names = [row.name for row in doctor._versions()]
    assert len(names) == len(set(names))


def test_device_and_threads_are_named(rows):
    assert rows["CUDA"].value.startswith("none") != torch.cuda.is_available()
    assert rows["fast bf16"].value in {"yes", "no"}
    assert rows["torch threads"].value.startswith(str(torch.get_num_threads()))


def test_missing_data_is_no_fault_and_the_embedded_set_is_ready(rows):
    assert rows["streets"].value.startswith("ready")
    assert rows["camvid"].ok and rows["camvid"].value == "missing" and "segxal data" in rows["camvid"].hint


def test_a_half_data_set_is_a_fault(tmp_path):
    (tmp_path / "camvid" / "train").mkdir(parents=True)
    row = next(row for row in report(tmp_path) if row.name == "camvid")
    assert not row.ok and row.value.startswith("incomplete") and row.hint


def test_nothing_is_left_in_the_folders(rows, tmp_path):
    assert rows["records"].ok and rows["records"].value.startswith(str(tmp_path / "runs"))
    assert not list(tmp_path.iterdir())


def test_an_unwritable_folder_is_a_fault(tmp_path, monkeypatch):
    def refuse(**_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    row = doctor._folder("records", tmp_path / "runs")
    assert not row.ok and "Permission denied" in row.value and "writable" in row.hint


def test_a_missing_package_is_a_fault(monkeypatch):
    monkeypatch.setattr(doctor, "_requirements", lambda: ["no-such-package"])
    row = next(row for row in doctor._versions() if row.name == "no-such-package")
    assert not row.ok and row.value == "not installed" and row.hint


def test_text_marks_faults_and_shows_hints():
    text = as_text([Row("A", "one", "1"), Row("A", "three", "3", ok=False, hint="do this"), Row("B", "x", "")])
    assert text.splitlines() == ["A", "  ok  one    1", "  NO  three  3", "             -> do this", "", "B", "  ok  x"]
    assert as_text([]) == ""
