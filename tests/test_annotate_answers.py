"""Answers: what several people say together, and what is kept of it on disk."""

import json
import math

import numpy as np
import pytest
from annotating import a_project, annotation, block, simulated, task_of

from segxal.acquisition.oracles.human import HumanOracle
from segxal.apps.annotate import answers as answers_module
from segxal.apps.annotate.answers import Answers, majority, read_answers, save_answers
from segxal.apps.annotate.export import read_export
from segxal.core.errors import AnnotationError, StorageError
from segxal.core.labels import VOID


@pytest.fixture
def project(tmp_path):
    return a_project(tmp_path / "p")[0]


def test_majority_by_hand():
    maps = [np.array([[0, 0, 2, 3, 2, 3]]), np.array([[0, 1, 2, 3, 0, 1]]), np.array([[1, 3, 2, 3, 0, 1]])]
    labels, unsure, agreement = majority(maps, undecided=2, nothing=3)
    assert labels.tolist() == [[0, VOID, VOID, VOID, 0, 1]]
    assert unsure.tolist() == [[False, True, True, False, False, False]]
    assert agreement == pytest.approx(2 / 5)
    assert math.isnan(majority(maps[:1], 2, 3)[2])


def test_answers_are_kept_and_added_to(tmp_path):
    project, queries = a_project(tmp_path / "p")
    tasks = simulated(queries.values(), project, HumanOracle(0.25).annotate)
    first = save_answers(project.folder, read_export(tasks[:1], project))
    assert first.left(project.ids) == ["d", "b/c"]
    skip = task_of(project, "d", annotation([], was_cancelled=True))
    both = save_answers(project.folder, read_export([tasks[1], skip], project))
    again = read_answers(project.folder)
    assert (
        again.left(project.ids) == [] and again.skipped == both.skipped == ["d"] and again.lead_time == both.lead_time
    )
    for name in ("a", "b/c"):
        assert np.array_equal(again.labels[name], both.labels[name]) and again.labels[name].dtype == np.uint8
        assert np.array_equal(again.undecided[name], both.undecided[name]) and again.undecided[name].dtype == bool
    changed_mind = save_answers(project.folder, read_export(tasks[2:], project))
    assert changed_mind.skipped == [] and set(read_answers(project.folder).labels) == {"a", "b/c", "d"}
    assert not list(project.folder.glob(".*"))


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    project, queries = a_project(tmp_path / "p")
    tasks = simulated(queries.values(), project, HumanOracle(0.25).annotate)
    save_answers(project.folder, read_export(tasks[:1], project))

    def full(*_):
        raise StorageError("disk full")

    monkeypatch.setattr(answers_module, "write_json", full)
    with pytest.raises(StorageError):
        save_answers(project.folder, read_export(tasks, project))
    assert list(read_answers(project.folder).labels) == ["a"], "what is not in the numbers does not count"


def test_agreement_is_kept_also_where_there_is_none(tmp_path):
    project, _ = a_project(tmp_path / "p")
    apart = [annotation([block(project, 0, k)], k, k) for k in (1, 2)]
    save_answers(project.folder, read_export([task_of(project, "a", *apart)], project))
    assert math.isnan(read_answers(project.folder).agreement["a"])


def test_answers_of_another_size_are_refused(project):
    with pytest.raises(AnnotationError, match=r"the answer for a is \(3, 3\) uint8, expected \(12, 16\)"):
        save_answers(project.folder, Answers({"a": np.zeros((3, 3), np.uint8)}, {}, {"a": 1.0}))
    assert read_answers(project.folder).lead_time == {}
    (project.folder / "answers.json").write_text(json.dumps({"a": {"skipped": False, "lead_time": 1}}))
    with pytest.raises(AnnotationError, match="does not match its project"):
        read_answers(project.folder)
