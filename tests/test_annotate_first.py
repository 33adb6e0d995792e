"""The first labels of pictures that have none: asked, answered, written into the data set, and a study can start."""

import numpy as np
import pytest
from annotating import annotation, regions_of, task_of
from PIL import Image

from segxal.apps import cli
from segxal.apps.annotate.answers import Answers, save_answers
from segxal.apps.annotate.first import ask_first, first_project, write_labels
from segxal.core.errors import ConfigError, DataMissing
from segxal.core.labels import VOID
from segxal.data import open_dataset
from segxal.storage import paths
from segxal.storage.files import read_json, write_json
from segxal.study import grid
from segxal.study.settings import load_preset

NAMES = ("a", "b", "c/d", "e", "f")
SIZE = (8, 12)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A data set of five pictures of different sizes without labels, and a preset for it."""
    run_of = grid.run_of
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(grid, "run_of", lambda *words: run_of(*words, runs=tmp_path / "runs"))
    rng, folder = np.random.default_rng(0), tmp_path / "mine"
    for k, name in enumerate(NAMES):
        path = folder / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20 + 3 * k, 31, 3), dtype=np.uint8)).save(path)
    (folder / "classes.txt").write_text("road\nsky\ncar\n")
    return folder


@pytest.fixture
def preset():
    return load_preset("smoke").with_changes(data={"name": "folder", "height": SIZE[0], "width": SIZE[1]})


def drawn(project, seed=0):
    """A label map per image, as people would draw it."""
    rng = np.random.default_rng(seed)
    return {name: rng.choice([0, 1, 2, VOID], project.size).astype(np.uint8) for name in project.ids}


def test_tasks_start_empty_and_show_whole_pictures(mine, preset):
    project = ask_first(preset, 4, mine)
    assert len(project.ids) == 4 and set(project.ids) < set(NAMES) and project.size == SIZE
    tasks = project.tasks()
    assert all(task["predictions"][0]["result"] == [] for task in tasks)
    assert "whole picture" in (project.folder / "label_config.xml").read_text()
    assert first_project(preset) == project


def test_the_same_pictures_are_chosen_every_time(mine, preset, tmp_path, monkeypatch):
    first = ask_first(preset, 3, mine).ids
    monkeypatch.setattr(paths, "RUNS", tmp_path / "other")
    assert ask_first(preset, 3, mine).ids == first


def test_labels_come_back_as_they_were_drawn_and_a_study_can_open_all_splits(mine, preset):
    with pytest.raises(DataMissing, match="segxal annotate first"):
        open_dataset("folder", "val", SIZE, mine)
    project = ask_first(preset, 4, mine)
    maps = drawn(project)
    some = dict(list(maps.items())[:3])
    nothing = {name: np.zeros(SIZE, bool) for name in maps}
    half = save_answers(project.folder, Answers(some, {n: nothing[n] for n in some}, dict.fromkeys(some, 5.0)))
    assert write_labels(project, half, mine) == [] and not (mine / "labels").exists()
    full = save_answers(project.folder, Answers(maps, nothing, dict.fromkeys(maps, 5.0)))
    written = write_labels(project, full, mine)
    assert sorted(p.relative_to(mine / "labels").with_suffix("").as_posix() for p in written) == sorted(maps)
    found = {}
    for split in ("train", "val", "test"):
        source = open_dataset("folder", split, SIZE, mine)
        found |= {source[k].id: source[k].labels for k in range(len(source)) if source[k].labelled}
    assert found.keys() == maps.keys()
    for name, labels in maps.items():
        np.testing.assert_array_equal(found[name], labels)
    assert write_labels(project, full, mine) == []


def test_labels_that_are_there_stay(mine, preset):
    project = ask_first(preset, 4, mine)
    own = mine / "labels" / f"{project.ids[0]}.png"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    maps = drawn(project)
    answers = Answers(maps, {n: np.zeros(SIZE, bool) for n in maps}, dict.fromkeys(maps, 1.0))
    assert own not in write_labels(project, answers, mine) and own.read_bytes() == b"mine"


@pytest.mark.parametrize("count", [0, 2, 6])
def test_counts_that_cannot_be(mine, preset, count):
    with pytest.raises(ConfigError, match=f"{count} images to label; 5 have no label, so choose 3 to 5"):
        ask_first(preset, count, mine)


def test_errors_say_what_to_do(mine, preset):
    with pytest.raises(ConfigError, match="streets has labels"):
        ask_first(load_preset("smoke"), 3)
    with pytest.raises(ConfigError, match="run `segxal annotate first` first"):
        first_project(preset)
    project = ask_first(preset, 3, mine)
    with pytest.raises(ConfigError, match="exists; a project is never overwritten"):
        ask_first(preset, 3, mine)
    with pytest.raises(ConfigError, match="another image size"):
        first_project(preset.with_changes(data={"height": 16}))
    with pytest.raises(ConfigError, match="0 images were labelled, 3 skipped; 3 are needed"):
        write_labels(project, Answers(lead_time=dict.fromkeys(project.ids, 1.0)), mine)


def test_the_command_goes_from_pictures_to_a_first_training(mine, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yml").write_text(
        "data: {name: folder, height: 8, width: 12}\nmodel: {base: 2, depth: 2}\nmask: {depth: geometry}\n"
        "train: {steps: 2, cycle_steps: 2, batch: 2, evaluations: 1}\npool: {start: 0.3, step: 0.3, cycles: 1}\n"
        "methods: [segxal-label-studio]\n"
    )
    common = ("--preset", "mine.yml", "--data-root", str(mine))
    assert cli.main(["annotate", "first", "--count", "4", *common]) == 0
    assert "segxal annotate push --preset mine.yml --first" in capsys.readouterr().out
    project = first_project(load_preset("mine.yml"))
    none = np.zeros(SIZE, bool)
    tasks = [
        task_of(project, name, annotation(regions_of(labels, none, project)), number=k)
        for k, (name, labels) in enumerate(drawn(project).items())
    ]
    write_json(tmp_path / "export.json", tasks)
    assert cli.main(["annotate", "import", str(tmp_path / "export.json"), "--first", *common]) == 0
    assert "written    4 new label maps" in capsys.readouterr().out
    assert cli.main(["annotate", "export", *common]) == 0
    assert "annotations wanted for cycle 1" in capsys.readouterr().out
    start = tmp_path / "runs" / "mine" / "runs" / "start" / "none" / "seed0" / "cycle_00" / "metrics.json"
    assert read_json(start)["labelled"] >= 1


def test_the_error_of_the_command(mine, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["annotate", "status", "--first", "--preset", "smoke"]) == 1
    assert "segxal annotate first" in capsys.readouterr().err
