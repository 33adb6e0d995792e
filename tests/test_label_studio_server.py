"""Against a real Label Studio: tasks in, annotations through its API, back, a cycle trained, a backend connected.

Needs the server: ``make label-studio-install``, or its ``label-studio`` in $LABEL_STUDIO_BIN. It runs on this machine
alone, in a folder of its own, with everything switched off that would phone home.
"""

import json
import os
import shutil
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from annotating import REAL, block, exported, queries_of, regions_of
from PIL import Image

from segxal.acquisition.oracles.human import HumanOracle
from segxal.apps.annotate.answers import read_answers
from segxal.apps.annotate.backend import Backend, make_server
from segxal.apps.annotate.first import ask_first, write_labels
from segxal.apps.annotate.local import HOST, running
from segxal.apps.annotate.project import read_project
from segxal.apps.annotate.server import connect, pull, push
from segxal.apps.annotate.wait import annotators
from segxal.core.errors import AnnotationError, AnnotationsWanted, ServerError
from segxal.core.labels import VOID
from segxal.storage import paths
from segxal.study.grid import run_of
from segxal.study.loop import run_cycle

BINARY = Path(os.environ.get("LABEL_STUDIO_BIN", paths.ROOT / ".venv-label-studio" / "bin" / "label-studio"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BINARY.is_file(), reason=f"no server at {BINARY}; `make label-studio-install` gets it"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(BINARY, tmp_path_factory.mktemp("server")) as one:
        yield one


@pytest.fixture(scope="module")
def client(server):
    from label_studio_sdk import LabelStudio

    return LabelStudio(base_url=server.url, api_key=server.token)


@pytest.fixture(scope="module")
def waiting(tmp_path_factory, tiny):
    return exported(tmp_path_factory.mktemp("exported"), tiny)


@pytest.fixture
def run(tmp_path, waiting, tiny):
    return run_of(tiny, REAL, 0, runs=shutil.copytree(waiting, tmp_path / "runs"))


def tasks_by_image(client, number):
    return {task.data["image_id"]: task for task in client.tasks.list(project=number, fields="all")}


def annotate(client, number, cycle, seconds=12.5):
    """People answer through the server's API as the simulated human would."""
    project, tasks = read_project(cycle.project), tasks_by_image(client, number)
    for name, query in queries_of(cycle).items():
        said = HumanOracle(cycle.settings.oracle.overlap).annotate(query)
        regions = regions_of(said.labels, said.undecided, project)
        client.annotations.create(id=tasks[name].id, result=regions, lead_time=seconds, was_cancelled=False)


def test_two_cycles_through_a_real_server_equal_the_simulated_human(server, client, run):
    for number, cycle in enumerate(run[1:], 1):
        title = f"two cycles {number}"
        with pytest.raises(AnnotationsWanted):
            run_cycle(cycle, annotators=annotators)
        pushed = push(cycle.project, server.url, server.token, title)
        assert (pushed.new, pushed.known) == (2, 0)
        again = push(cycle.project, server.url, server.token, title)
        assert (again.project, again.new, again.known) == (pushed.project, 0, 2)
        ordered = list(tasks_by_image(client, pushed.project))
        assert ordered == list(read_project(cycle.project).ids), "tasks come in the order of their scores"
        annotate(client, pushed.project, cycle)
        answers = pull(cycle.project, server.url, server.token, title)
        assert answers.left(ordered) == [] and set(answers.lead_time.values()) == {12.5}
        real = run_cycle(cycle, annotators=annotators)
        human = run_cycle(run_of(cycle.preset, "segxal-human", 0, runs=cycle.runs)[number])
        ours, theirs = real.metrics(), human.metrics()
        assert ours["budget"].pop("lead_time") == 25.0 * number
        for name in ("method", "oracle"):
            assert ours.pop(name) != theirs.pop(name)
        assert ours == theirs
        for name, labels in human.annotations().items():
            assert np.array_equal(real.annotations()[name], labels)


def test_first_labels_come_back_exactly(server, client, tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    rng, mine, size = np.random.default_rng(0), tmp_path / "mine", (12, 16)
    (mine / "images").mkdir(parents=True)
    for name in "abcd":
        Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(mine / "images" / f"{name}.png")
    (mine / "classes.txt").write_text("road\nsky\n")
    project = ask_first(tiny.with_changes(data={"name": "folder", "height": 12, "width": 16}), 3, mine)
    number = push(project.folder, server.url, server.token, "first labels").project
    drawn = {name: rng.choice([0, 1, VOID], size).astype(np.uint8) for name in project.ids}
    for name, task in tasks_by_image(client, number).items():
        regions = regions_of(drawn[name], drawn[name] == VOID, project)
        client.annotations.create(id=task.id, result=regions, lead_time=30.0, was_cancelled=False)
    answers = pull(project.folder, server.url, server.token, "first labels")
    written = write_labels(project, answers, mine)
    assert sorted(path.stem for path in written) == sorted(project.ids)
    for path in written:  # twice the size of the network
        assert np.array_equal(np.asarray(Image.open(path))[::2, ::2], drawn[path.stem])


def test_a_submitted_prediction_is_the_prediction(server, client, run):
    cycle, project = run[1], read_project(run[1].project)
    number = push(cycle.project, server.url, server.token, "as it is").project
    for name, task in tasks_by_image(client, number).items():
        shown = client.predictions.list(task=task.id)
        assert len(shown) == 1 and shown[0].model_version == project.digest, name
        client.annotations.create(id=task.id, result=shown[0].result, lead_time=1.0)
    answers = pull(cycle.project, server.url, server.token, "as it is")
    for name, query in queries_of(cycle).items():
        labelled = answers.labels[name] != VOID
        assert labelled.any() and np.array_equal(answers.labels[name][labelled], query.prediction[labelled])


def test_what_the_server_lets_through_is_refused_here(server, client, run):
    cycle, project = run[1], read_project(run[1].project)
    number = push(cycle.project, server.url, server.token, "let through").project
    first, second = tasks_by_image(client, number).values()
    good = block(project, 2, 2)
    garbage = json.loads(json.dumps(good)) | {"value": {"format": "rle", "rle": [1, 2, 3], "brushlabels": ["car"]}}
    client.annotations.create(id=first.id, result=[garbage], lead_time=1.0)
    client.annotations.create(id=second.id, result=[good], lead_time=1.0)
    with pytest.raises(AnnotationError, match=rf"task {first.id} \({first.data['image_id']}\): region 1 of 1"):
        pull(cycle.project, server.url, server.token, "let through")
    assert read_answers(cycle.project).lead_time == {}
    kept = pull(cycle.project, server.url, server.token, "let through", keep_going=True)
    assert list(kept.labels) == [second.data["image_id"]] and len(kept.problems) == 1


def test_skips_drafts_and_unopened_tasks_are_told_apart(server, client, run):
    cycle, project = run[1], read_project(run[1].project)
    number = push(cycle.project, server.url, server.token, "half way").project
    first, second = tasks_by_image(client, number).values()
    assert pull(cycle.project, server.url, server.token, "half way").left(project.ids) == list(project.ids)
    client.annotations.create(id=first.id, result=[], was_cancelled=True, lead_time=2.0)
    draft = {"result": [block(project)], "lead_time": 1.0, "task": second.id, "project": number}
    request = urllib.request.Request(
        f"{server.url}/api/tasks/{second.id}/drafts", json.dumps(draft).encode(),
        {"Authorization": f"Token {server.token}", "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201
    with pytest.raises(AnnotationError, match="half-finished: there is a draft"):
        pull(cycle.project, server.url, server.token, "half way")
    kept = pull(cycle.project, server.url, server.token, "half way", keep_going=True)
    assert kept.skipped == [first.data["image_id"]] and kept.left(project.ids) == [second.data["image_id"]]


@pytest.mark.parametrize("token", ["wrong", "0" * 40])
def test_a_wrong_token_and_a_wrong_address_are_said(server, run, token):
    with pytest.raises(ServerError, match="does not accept the token") as error:
        push(run[1].project, server.url, token)
    assert token not in str(error.value)
    with pytest.raises(ServerError, match="has no such page"):
        push(run[1].project, f"{server.url}/elsewhere", server.token)
    with pytest.raises(ServerError, match="there is no project"):
        pull(run[1].project, server.url, server.token, "never pushed")


def test_another_project_of_that_title_is_left_alone(server, client, run):
    number = client.projects.create(title="taken", label_config='<View><Image name="i" value="$image"/></View>').id
    client.projects.import_tasks(id=number, request=[{"data": {"image": "data:image/png;base64,"}}])
    with pytest.raises(ServerError, match="holds 1 foreign tasks"):
        push(run[1].project, server.url, server.token, "taken")
    assert len(list(client.tasks.list(project=number))) == 1


def test_nothing_secret_is_written(server, run):
    push(run[1].project, server.url, server.token, "secrets")
    pull(run[1].project, server.url, server.token, "secrets")
    for file in run[1].runs.rglob("*"):
        if file.is_file():
            words = file.read_bytes()
            assert server.token.encode() not in words and server.url.encode() not in words, file


def test_the_backend_trains_when_people_have_annotated_everything(server, client, run):
    def offer(cycle):
        push(cycle.project, server.url, server.token, f"live {cycle.number}")

    def fetch(cycle):
        return pull(cycle.project, server.url, server.token, f"live {cycle.number}", keep_going=True)

    cycle = run[1]
    offer(cycle)
    backend = Backend(run, fetch, offer)
    mouth = make_server(backend, 0)
    threading.Thread(target=mouth.serve_forever, daemon=True).start()
    try:
        address = f"http://{HOST}:{mouth.server_port}"
        number = connect(cycle.project, address, server.url, server.token, "live 1")
        assert connect(cycle.project, address, server.url, server.token, "live 1") == number
        (known,) = client.ml.list(project=number)
        assert known.url == address and known.state == "CO" and known.model_version == cycle.digest
        task = next(iter(client.tasks.list(project=number)))
        (shipped,) = client.predictions.list(task=task.id)
        client.predictions.delete(id=shipped.id)
        client.tasks.get(id=str(task.id))  # opened: the server asks the backend
        (live,) = client.predictions.list(task=task.id)
        assert live.id != shipped.id and live.model_version == cycle.digest and live.result == shipped.result
        assert live.score == pytest.approx(float(queries_of(cycle)[task.data["image_id"]].eem.mean()))
        annotate(client, number, cycle)  # the server tells the backend of each
        for _ in range(600):
            if backend.doing == "waiting for 2 annotations of cycle 2":
                break
            time.sleep(0.1)
        assert backend.doing == "waiting for 2 annotations of cycle 2" and cycle.is_done()
        assert len(list(client.projects.list(title="live 2"))) == 1
    finally:
        mouth.shutdown()
        mouth.server_close()
        backend.close()
