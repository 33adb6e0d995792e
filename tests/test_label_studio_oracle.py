"""Real people in the loop: it waits, it resumes, and the same annotations give the same numbers as the simulation."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
from annotating import REAL, a_query, answers_to, task_of
from annotating import annotation as annotation_of

from segxal.acquisition.oracles.human import HumanOracle
from segxal.acquisition.oracles.label_studio import LabelStudioOracle
from segxal.apps.annotate.answers import save_answers
from segxal.apps.annotate.export import read_export
from segxal.apps.annotate.project import read_project
from segxal.apps.annotate.wait import annotators, command
from segxal.core.errors import AnnotationError, AnnotationsWanted, ConfigError
from segxal.core.labels import VOID
from segxal.core.price import minutes
from segxal.methods import METHODS
from segxal.methods.cycles import askable
from segxal.results import tables
from segxal.storage.files import read_json, write_json
from segxal.study import grid, records
from segxal.study.loop import run_cycle
from segxal.study.state import Cycle


@pytest.fixture(scope="module")
def started(tmp_path_factory, tiny):
    """A study folder in which the first training of seed 0 is done."""
    folder = tmp_path_factory.mktemp("started")
    run_cycle(Cycle(tiny, "start", 0, 0, runs=folder))
    return folder


@pytest.fixture
def runs(tmp_path, started):
    return shutil.copytree(started, tmp_path / "runs")


def wait(cycle):
    with pytest.raises(AnnotationsWanted) as wanted:
        run_cycle(cycle, annotators=annotators)
    return str(wanted.value)


def annotate(cycle, count=None):
    """Let people answer like the simulated human, the first ``count`` images."""
    return save_answers(cycle.project, answers_to(cycle, count))


@pytest.mark.parametrize("seed", range(5))
def test_the_same_annotation_costs_the_same(seed):
    query = a_query("x", seed, (20, 30))
    human = HumanOracle(0.25).annotate(query)
    found = LabelStudioOracle({"x": human.labels}, {"x": human.undecided}, {"x": 9.5}).annotate(query)
    assert np.array_equal(found.labels, human.labels) and np.array_equal(found.undecided, human.undecided)
    assert (found.pixels, found.clicks) == (human.pixels, human.clicks) and found.clicks > 0
    assert (found.lead_time, human.lead_time) == (9.5, 0.0)


def test_no_ground_truth_is_looked_at():
    query = a_query("x")
    human = HumanOracle(0.25).annotate(query)
    oracle = LabelStudioOracle({"x": human.labels}, {"x": human.undecided}, {"x": 1.0})
    blind = oracle.annotate(dataclasses.replace(query, truth=np.full_like(query.truth, VOID)))
    assert blind.clicks == oracle.annotate(query).clicks == human.clicks


def test_a_skipped_image_is_not_annotated_and_an_unanswered_one_is_an_error():
    oracle, query = LabelStudioOracle({}, {}, {"x": 4.0}), a_query("x")
    found = oracle.annotate(query)
    assert (found.labels == VOID).all() and not found.undecided.any()
    assert (found.pixels, found.clicks, found.lead_time) == (0, 0, 4.0)
    with pytest.raises(AnnotationError, match="nobody has annotated y"):
        oracle.annotate(a_query("y"))


def test_images_without_truth_can_be_asked(frames):
    blind = dataclasses.replace(frames, labelled=(False,) * len(frames))
    assert askable(METHODS[REAL], [1, 2, 3], blind, 2) == [1, 2, 3]
    with pytest.raises(ConfigError, match="segxal-label-studio"):
        askable(METHODS["segxal-human"], [1, 2, 3], blind, 2)


def test_the_loop_waits_and_says_what_to_do(runs, tiny):
    cycle = Cycle(tiny, REAL, 0, 1, runs=runs)
    said = wait(cycle)
    assert said.startswith("2 of 2 annotations wanted for cycle 1 of segxal-label-studio, seed 0.")
    assert str(cycle.project) in said and cycle.project.name == "segxal-label-studio-none-seed0-cycle1"
    for action in ("push", "pull", "import FILE"):
        assert f"segxal annotate {action} --preset smoke --method segxal-label-studio --seed 0" in said
    assert not cycle.folder.exists() and not cycle.is_done()
    files = {file.name: file.stat().st_mtime_ns for file in cycle.project.iterdir()}
    assert set(files) == {"project.json", "label_config.xml", "tasks.json"}
    assert wait(cycle) == said
    assert {file.name: file.stat().st_mtime_ns for file in cycle.project.iterdir()} == files


def test_commands_name_what_the_run_needs(tiny):
    own = dataclasses.replace(tiny, name="mine")
    assert command(Cycle(own, REAL, 3, 1, "without-pae"), "pull", "data") == (
        "segxal annotate pull --preset mine.yml --method segxal-label-studio --seed 3 --ablation without-pae "
        "--data-root data"
    )


def test_a_partial_answer_waits_and_the_whole_one_continues(runs, tiny):
    cycle = Cycle(tiny, REAL, 0, 1, runs=runs)
    wait(cycle)
    annotate(cycle, count=1)
    assert wait(cycle).startswith("1 of 2 annotations wanted")
    annotate(cycle)
    assert run_cycle(cycle, annotators=annotators).is_done() and run_cycle(cycle, annotators=annotators) is cycle
    assert cycle.metrics()["oracle"] == "label-studio" and cycle.metrics()["budget"]["lead_time"] == 15.0


def test_the_same_annotations_give_the_same_metrics_as_the_simulated_human(runs, tiny):
    for number in (1, 2):
        human = run_cycle(Cycle(tiny, "segxal-human", 0, number, runs=runs))
        cycle = Cycle(tiny, REAL, 0, number, runs=runs)
        wait(cycle)
        answers = annotate(cycle)
        assert all((part != VOID).any() for part in answers.labels.values())
        real = run_cycle(cycle, annotators=annotators)
        ours, theirs = real.metrics(), human.metrics()
        assert ours.pop("method") != theirs.pop("method") and ours.pop("oracle") != theirs.pop("oracle")
        assert ours["budget"].pop("lead_time") == 15.0 * number and ours == theirs
        assert [{k: v for k, v in q.items() if k != "lead_time"} for q in real.queries()] == human.queries()
        for name, labels in human.annotations().items():
            assert np.array_equal(real.annotations()[name], labels)
        assert (real.folder / "model.safetensors").read_bytes() == (human.folder / "model.safetensors").read_bytes()


def test_errors_of_simulated_people_never_reach_real_answers(tmp_path, tiny):
    noisy = tiny.with_changes(oracle={"noise_class": 1.0, "noise_boundary": 1.0})
    run_cycle(Cycle(noisy, "start", 0, 0, runs=tmp_path))
    cycle = Cycle(noisy, REAL, 0, 1, runs=tmp_path)
    wait(cycle)
    answers = annotate(cycle)
    run_cycle(cycle, annotators=annotators)
    for name, labels in cycle.annotations().items():
        assert np.array_equal(labels, answers.labels[name])


def test_skipped_images_do_not_join_and_the_cycle_goes_on(runs, tiny):
    cycle = Cycle(tiny, REAL, 0, 1, runs=runs)
    wait(cycle)
    project = read_project(cycle.project)
    tasks = [task_of(project, name, annotation_of([], was_cancelled=True)) for name in project.ids]
    save_answers(project.folder, read_export(tasks, project))
    metrics = run_cycle(cycle, annotators=annotators).metrics()
    assert metrics["accepted"] == 0 and metrics["labelled"] == 3 and metrics["queried"] == 2
    start = cycle.previous.metrics()["budget"]
    assert metrics["budget"] == start | {"images": start["images"] + 2, "lead_time": 15.0}


def test_a_project_of_other_settings_is_never_mixed_in(runs, tiny):
    cycle = Cycle(tiny, REAL, 0, 1, runs=runs)
    wait(cycle)
    annotate(cycle)
    other = Cycle(tiny.with_changes(gate={"tau": 0.7}), REAL, 0, 1, runs=runs)
    run_cycle(other.previous)
    before = {file.name: file.read_bytes() for file in cycle.project.iterdir()}
    with pytest.raises(ConfigError, match=r"was made with other settings \(digest \w+, now \w+\)"):
        run_cycle(other, annotators=annotators)
    assert {file.name: file.read_bytes() for file in cycle.project.iterdir()} == before


def test_a_project_of_another_query_is_never_mixed_in(runs, tiny):
    cycle = Cycle(tiny, REAL, 0, 1, runs=runs)
    wait(cycle)
    facts = read_json(cycle.project / "project.json")
    write_json(cycle.project / "project.json", facts | {"ids": ["elsewhere", *facts["ids"][1:]]})
    with pytest.raises(ConfigError, match="asks about other images than this cycle would"):
        run_cycle(cycle, annotators=annotators)


def test_records_and_tables_show_the_measured_time(runs, tiny):
    cycles = grid.run_of(tiny, REAL, 0, runs=runs)
    for cycle in cycles[1:]:
        wait(cycle)
        answers = annotate(cycle)
        save_answers(cycle.project, dataclasses.replace(answers, lead_time={n: 90.0 for n in answers.lead_time}))
        run_cycle(cycle, annotators=annotators)
    human = grid.run_cycles(grid.run_of(tiny, "segxal-human", 0, runs=runs))
    rows = [row for run in (cycles, human) for row in records.rows_of(run)["results"]]
    assert all(set(row) == set(records.COLUMNS) for row in rows)
    assert [row["lead_time"] for row in rows] == [0, 180, 360, 0, 0, 0]
    main = tables.main_runs(pd.DataFrame(rows)).reset_index()
    start = minutes(main.images[0], main.clicks[0])
    assert main.minutes[:3].tolist() == pytest.approx([start, start + 3, start + 6])
    assert main.minutes[3:].tolist() == pytest.approx(minutes(main.images[3:], main.clicks[3:]).tolist())
    old = tables.main_runs(pd.DataFrame(rows).drop(columns="lead_time"))
    assert old.minutes.tolist() == pytest.approx(minutes(main.images, main.clicks).tolist())


def test_no_ablation_is_run_by_people(tiny):
    preset = grid.select(tiny, methods=[REAL, "random"])
    assert {c.ablation for run in grid.whole_grid(preset) for c in run if c.method == REAL} == {"none"}
