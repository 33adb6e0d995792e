"""What the tests of annotation share: a person who annotates exactly what the simulated human would."""

import numpy as np
import pytest

from segxal.acquisition.oracles.base import Query
from segxal.acquisition.oracles.human import HumanOracle
from segxal.acquisition.query import Ask, masked_queries
from segxal.apps.annotate.export import read_export
from segxal.apps.annotate.pictures import enlarge
from segxal.apps.annotate.project import brush_region, read_project, write_project
from segxal.apps.annotate.wait import annotators
from segxal.core.errors import AnnotationsWanted
from segxal.core.labels import CITYSCAPES, VOID
from segxal.data.splits import open_splits
from segxal.methods.learner import learner_of
from segxal.study.grid import run_cycles, run_of

SIZE, ZOOM = (12, 16), 3
REAL = "segxal-label-studio"


def a_query(name, seed=0, size=SIZE):
    """A random query; the truth holds void pixels."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([0, 1, 2, 10, VOID], size).astype(np.uint8)
    eem = rng.random(size)
    image = rng.integers(0, 256, (3, *size), dtype=np.uint8)
    return Query(name, image, rng.choice([0, 1, 2], size).astype(np.uint8), eem > 0.6, truth, eem)


def a_project(folder, names=("a", "b/c", "d"), zoom=ZOOM):
    """A project of a few random images, and its queries by name."""
    queries = [a_query(name, seed) for seed, name in enumerate(names)]
    asks = [Ask(k, 0.1 * k, query) for k, query in enumerate(queries)]
    images = [enlarge(query.image.transpose(1, 2, 0), zoom) for query in queries]
    return write_project(folder, "digest", asks, CITYSCAPES, images, 0.25), {q.id: q for q in queries}


def regions_of(labels, undecided, project):
    """Brush regions of a label map (H, W) and a map of undecided pixels, as a person would draw them."""
    values = [v for v in np.unique(labels) if v != VOID]
    masks = {project.classes[v]: labels == v for v in values} | {"void": undecided}
    return [brush_region(enlarge(m, project.zoom), n, n) for n, m in masks.items() if m.any()]


def block(project, row=0, column=0, label="car", rows=1, columns=1, name="r"):
    """A region of whole pixels."""
    mask = np.zeros(project.size, bool)
    mask[row : row + rows, column : column + columns] = True
    return brush_region(enlarge(mask, project.zoom), label, name)


def annotation(regions, number=1, person=1, **others):
    """An annotation as an export has it."""
    facts = {"id": number, "completed_by": person, "was_cancelled": False, "lead_time": 7.5, "result": regions}
    return facts | others


def task_of(project, name, *annotations, number=1, drafts=()):
    """A task as an export has it."""
    data = {"image": "data:", "image_id": name, "digest": project.digest, "score": 0.5}
    return {"id": number, "data": data, "annotations": list(annotations), "drafts": list(drafts), "predictions": []}


def queries_of(cycle):
    """What a cycle asks, by name: the network of the cycle before, shown the project's images."""
    before, train = cycle.previous, open_splits(cycle.settings.data, "", cycle.study / "cache").train
    learner = learner_of(before, cycle.settings)
    ids = read_project(cycle.project).ids
    return dict(zip(ids, masked_queries(learner, train, [train.ids.index(name) for name in ids]), strict=True))


def exported(folder, preset):
    """The folder, with a study in which the first cycle waits for real people's annotations."""
    with pytest.raises(AnnotationsWanted):
        run_cycles(run_of(preset, REAL, 0, runs=folder), annotators=annotators)
    return folder


def answers_to(cycle, count=None):
    """What people answer to the first ``count`` images of a cycle when they annotate as the simulated human does."""
    project = read_project(cycle.project)
    tasks = simulated(list(queries_of(cycle).values())[:count], project, HumanOracle(0.25).annotate)
    return read_export(tasks, project)


def simulated(queries, project, answer):
    """Tasks in which people annotated what ``answer(query)`` says."""
    tasks = []
    for number, query in enumerate(queries, 1):
        said = answer(query)
        done = annotation(regions_of(said.labels, said.undecided, project), number)
        tasks.append(task_of(project, query.id, done, number=number))
    return tasks
