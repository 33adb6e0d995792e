"""The backend over HTTP: pre-labels, the protocol's answers, and a cycle that trains when all is annotated."""

import http.client
import json
import shutil
import threading
import time

import numpy as np
import pytest
from annotating import REAL, answers_to, exported, queries_of

from segxal.acquisition.oracles.human import touched_objects
from segxal.apps.annotate.answers import read_answers, save_answers
from segxal.apps.annotate.backend import Backend, current, make_server
from segxal.apps.annotate.local import HOST
from segxal.apps.annotate.project import read_project
from segxal.apps.annotate.regions import label_map
from segxal.core.errors import ConfigError, ServerError
from segxal.study.grid import run_of


class Mouth:
    """A backend behind its HTTP server, and what it pulled and pushed."""

    def __init__(self, run):
        self.run, self.pushed, self.answers = run, [], {}
        self.backend = Backend(run, self.pull, self.pushed.append)
        self.server = make_server(self.backend, 0)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def pull(self, cycle):
        if cycle in self.answers:
            answer = self.answers[cycle]
            if isinstance(answer, Exception):
                raise answer
            return save_answers(cycle.project, answer)
        return read_answers(cycle.project)

    def ask(self, method, path, body=None, raw=None):
        connection = http.client.HTTPConnection(HOST, self.server.server_port, timeout=30)
        connection.request(
            method, path, raw if raw is not None else json.dumps(body), {"Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        found = json.loads(answer.read())
        connection.close()
        return answer.status, found

    def until(self, words):
        for _ in range(600):
            doing = self.ask("GET", "/health")[1]["doing"]
            if doing.startswith(words):
                return doing
            time.sleep(0.1)
        raise AssertionError(f"never {words!r}, but {doing!r}")

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.backend.close()


@pytest.fixture(scope="module")
def waiting(tmp_path_factory, tiny):
    return exported(tmp_path_factory.mktemp("exported"), tiny)


@pytest.fixture
def run(tmp_path, waiting, tiny):
    return run_of(tiny, REAL, 0, runs=shutil.copytree(waiting, tmp_path / "runs"))


@pytest.fixture
def mouth(run):
    one = Mouth(run)
    yield one
    one.close()


def test_health_setup_and_versions(mouth, run):
    assert mouth.ask("GET", "/health") == (
        200,
        {"status": "UP", "model_class": "SegXAL", "doing": "waiting for 2 annotations of cycle 1"},
    )
    assert mouth.ask("GET", "/")[1]["status"] == "UP"
    body = {
        "project": "1.2",
        "schema": "<View/>",
        "hostname": "http://x",
        "access_token": "secret",
        "extra_params": None,
    }
    assert mouth.ask("POST", "/setup", body) == (200, {"model_version": run[1].digest})
    assert mouth.ask("GET", "/versions") == (200, {"versions": [run[1].digest]})


def test_the_token_of_a_setup_is_not_said(mouth, capfd):
    mouth.ask("POST", "/setup", {"access_token": "secret"})
    assert "secret" not in "".join(capfd.readouterr())


def test_predictions_are_the_objects_the_mask_touches_and_the_mean_of_the_mask(mouth, run):
    queries, project = queries_of(run[1]), read_project(run[1].project)
    names = [*project.ids, "unknown", project.ids[0]]
    tasks = [{"id": k, "data": {"image_id": name}} for k, name in enumerate(names)] + [{"id": 9}]
    status, body = mouth.ask("POST", "/predict", {"tasks": tasks, "project": "1.2", "label_config": "", "params": {}})
    assert status == 200 and body["model_version"] == run[1].digest and len(body["results"]) == 5
    for name, found in zip(project.ids, body["results"], strict=False):
        query = queries[name]
        assert found["score"] == pytest.approx(float(query.eem.mean())) and found["model_version"] == run[1].digest
        touched = touched_objects(query.prediction, query.asked, 0.25)
        nothing = len(project.classes) + 1
        assert np.array_equal(label_map(found["result"], project), np.where(touched, query.prediction, nothing))
    assert [found["result"] for found in (body["results"][2], body["results"][4])] == [[], []]
    assert body["results"][3] == body["results"][0]
    shipped = {task["data"]["image_id"]: task["predictions"][0]["result"] for task in project.tasks()}
    assert [found["result"] for found in body["results"][:2]] == [shipped[name] for name in project.ids]


@pytest.mark.parametrize(
    ("method", "path", "raw", "status", "words"),
    [
        ("POST", "/predict", "{", 400, "not JSON"),
        ("POST", "/predict", "[1]", 400, "a list; expected an object"),
        ("POST", "/predict", "{}", 400, "ask for a prediction with"),
        ("POST", "/predict", '{"tasks": [1]}', 400, "ask for a prediction with"),
        ("POST", "/train", "{}", 404, "no path /train"),
        ("GET", "/secrets", "", 404, "no path /secrets"),
    ],
)
def test_wrong_requests_get_a_clear_answer(mouth, method, path, raw, status, words):
    found, body = mouth.ask(method, path, raw=raw)
    assert found == status and words in body["error"]
    assert mouth.ask("GET", "/health")[0] == 200


def test_a_request_that_is_too_large_is_not_read(mouth):
    connection = http.client.HTTPConnection(HOST, mouth.server.server_port, timeout=30)
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Length", str(2**40))
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


def test_other_events_are_ignored(mouth):
    assert mouth.ask("POST", "/webhook", {"action": "PROJECT_UPDATED"}) == (201, {"status": "ignored"})
    assert mouth.ask("POST", "/webhook", {}) == (201, {"status": "ignored"})


def test_a_webhook_fetches_trains_and_asks_the_next_cycle(mouth, run):
    mouth.answers[run[1]] = answers_to(run[1], count=1)
    assert mouth.ask("POST", "/webhook", {"action": "ANNOTATION_CREATED"}) == (201, {"status": "fetching"})
    mouth.until("waiting for 1 annotations of cycle 1")
    assert not run[1].is_done() and mouth.pushed == []
    mouth.answers[run[1]] = answers_to(run[1])
    mouth.ask("POST", "/webhook", {"action": "ANNOTATION_UPDATED", "annotation": {"id": 1}})
    mouth.until("waiting for 2 annotations of cycle 2")
    assert run[1].is_done() and mouth.pushed == [run[2]]
    assert mouth.ask("POST", "/setup", {})[1] == {"model_version": run[2].digest}, "the new network answers now"
    name = read_project(run[2].project).ids[0]
    found = mouth.ask("POST", "/predict", {"tasks": [{"data": {"image_id": name}}]})[1]["results"][0]
    assert found["score"] == pytest.approx(float(queries_of(run[2])[name].eem.mean()))
    mouth.answers[run[2]] = answers_to(run[2])
    mouth.ask("POST", "/webhook", {"action": "ANNOTATION_CREATED"})
    mouth.until("done: all cycles")
    assert run[2].is_done() and run[2].metrics()["oracle"] == "label-studio"
    with pytest.raises(ConfigError, match="are done; there is nothing left to annotate"):
        current(run)


def test_a_server_that_fails_is_said_and_tried_again(mouth, run, capfd):
    mouth.answers[run[1]] = ServerError("no Label Studio answers")
    mouth.ask("POST", "/webhook", {"action": "ANNOTATION_CREATED"})
    mouth.until("stopped by: no Label Studio answers")
    assert "segxal: no Label Studio answers" in capfd.readouterr().err
    mouth.answers[run[1]] = answers_to(run[1], count=1)
    mouth.ask("POST", "/webhook", {"action": "ANNOTATION_CREATED"})
    mouth.until("waiting for 1 annotations")


def test_it_starts_only_where_something_is_asked(tmp_path, tiny):
    with pytest.raises(ConfigError, match="run `segxal annotate export` first"):
        Backend(run_of(tiny, REAL, 0, runs=tmp_path)[1:], lambda c: None, lambda c: None)


def test_a_taken_port_is_said(mouth):
    with pytest.raises(ConfigError, match="cannot be used"):
        make_server(mouth.backend, mouth.server.server_port)
    with pytest.raises(ConfigError, match="cannot be used"):
        make_server(mouth.backend, 70000)
