"""A machine-learning backend for a running Label Studio: live pre-labels, and the next cycle when all is annotated.

It speaks the protocol of ``label-studio-ml``: ``GET /health``, ``POST /setup``, ``POST /predict``, ``POST /webhook``.

Departure: the package ``label-studio-ml`` itself (1.0.9) pins Flask 1.1, Jinja 3.0 and an ``attr`` that hides
``attrs``; none of them fits beside JupyterLab. The protocol is small, so Python's own HTTP server speaks it here.
"""

import json
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from segxal.acquisition.query import masked_queries
from segxal.acquisition.strategies.base import Learner
from segxal.apps.annotate.answers import Answers, read_answers
from segxal.apps.annotate.local import HOST
from segxal.apps.annotate.pictures import zoom_for
from segxal.apps.annotate.project import pre_annotation
from segxal.apps.annotate.wait import all_done, annotators, check_project
from segxal.core.errors import AnnotationsWanted, ConfigError, SegxalError
from segxal.data.base import Frames
from segxal.data.splits import open_splits
from segxal.methods.learner import asking_learner
from segxal.study.loop import run_cycle
from segxal.study.state import Cycle

LARGEST = 2**28  # bytes of a request
ANNOTATED = ("ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED", "START_TRAINING")


class Backend:
    """What the backend knows and does; HTTP only carries the messages.

    Args:
        run: the cycles of one run of real people, in order; see :func:`segxal.study.grid.run_of`.
        pull: fetches what was annotated for a cycle.
        push: brings a cycle's project to the server.
        data_root: folder that holds the data sets.

    Raises:
        ConfigError: if no cycle of the run is left, or the next one has no project.
    """

    def __init__(
        self, run: list[Cycle], pull: Callable[[Cycle], Answers], push: Callable[[Cycle], object], data_root: str = ""
    ) -> None:
        self.run, self.pull, self.push, self.data_root = run, pull, push, data_root
        self.cycle = current(run)
        self.doing = _waiting(self.cycle)
        self._learners: dict[Cycle, Learner] = {}
        self._lock = threading.Lock()  # of the network that predicts
        self._news, self._closing = threading.Event(), False
        self._worker = threading.Thread(target=self._work, daemon=True)
        self._worker.start()

    @property
    def version(self) -> str:
        """Name of the network that predicts: the digest of the cycle it asks in, as in ``tasks.json``."""
        return self.cycle.digest

    def predict(self, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Pre-labels of tasks: brush regions and as score the mean EEM; nothing for images that are not in training.

        Args:
            tasks: as Label Studio sends them, with ``data.image_id``.
        """
        with self._lock:
            cycle = self.cycle
            train = open_splits(cycle.settings.data, self.data_root, cycle.study / "cache").train
            positions = {name: i for i, name in enumerate(train.ids)}
            names = [str((task.get("data") or {}).get("image_id")) for task in tasks]
            wanted = [positions[name] for name in dict.fromkeys(names) if name in positions]
            queries = {q.id: q for q in masked_queries(self._learner(cycle, train), train, wanted)} if wanted else {}
        zoom, overlap = zoom_for(cycle.settings.data.width), cycle.settings.oracle.overlap
        found = {
            name: {"result": pre_annotation(q, train.classes, zoom, overlap), "score": float(q.mask().mean())}
            for name, q in queries.items()
        }
        return [{**found.get(name, {"result": [], "score": 0.0}), "model_version": cycle.digest} for name in names]

    def notice(self, action: str) -> bool:
        """Take note that something happened on the server; returns whether it is handled, in the background."""
        if action in ANNOTATED:
            self._news.set()
        return action in ANNOTATED

    def close(self) -> None:
        """End the background work once the current task is done."""
        self._closing = True
        self._news.set()
        self._worker.join()

    def _learner(self, cycle: Cycle, train: Frames) -> Learner:
        before = cycle.previous
        if before is None:
            raise ConfigError(f"{cycle.method} has no first training; nothing can be predicted")
        if cycle not in self._learners:
            self._learners = {cycle: asking_learner(before, cycle.settings, train)}
        return self._learners[cycle]

    def _work(self) -> None:
        while self._news.wait() and not self._closing:
            self._news.clear()
            try:
                self._fetch()
            except SegxalError as error:
                self.doing = f"stopped by: {error}"
                print(f"segxal: {error}", file=sys.stderr)

    def _fetch(self) -> None:
        """Fetch what is new; when a cycle is answered, train on it and ask the next query that is not answered."""
        self.doing = f"fetching annotations of cycle {self.cycle.number}"
        if self.pull(self.cycle).left(check_project(self.cycle).ids):
            self.doing = _waiting(self.cycle)
            return
        for cycle in self.run[self.run.index(self.cycle) :]:
            self.doing = f"training on cycle {cycle.number}"
            try:
                run_cycle(cycle, self.data_root, annotators)
            except AnnotationsWanted:
                self.push(cycle)
                with self._lock:
                    self.cycle = cycle
                self.doing = _waiting(cycle)
                return
        self.doing = "done: all cycles are annotated and trained"


def _waiting(cycle: Cycle) -> str:
    project = check_project(cycle)
    left = read_answers(project.folder).left(project.ids)
    return f"waiting for {len(left)} annotations of cycle {cycle.number}"


def current(run: list[Cycle]) -> Cycle:
    """The first cycle of a run that is not done.

    Raises:
        ConfigError: if all are done.
    """
    for cycle in run:
        if not cycle.is_done():
            return cycle
    raise ConfigError(all_done(run))


class _Handler(BaseHTTPRequestHandler):
    """One request; ``backend`` is set by :func:`make_server`."""

    backend: Backend

    def do_GET(self) -> None:
        if self.path.rstrip("/") in ("", "/health"):
            self._say(HTTPStatus.OK, {"status": "UP", "model_class": "SegXAL", "doing": self.backend.doing})
        elif self.path.startswith("/versions"):
            self._say(HTTPStatus.OK, {"versions": [self.backend.version]})
        else:
            self._say(HTTPStatus.NOT_FOUND, {"error": f"no path {self.path}; use /health, /setup, /predict, /webhook"})

    def do_POST(self) -> None:
        try:
            self._say(*self._answer(self._body()))
        except SegxalError as error:
            self._say(HTTPStatus.BAD_REQUEST, {"error": str(error)})

    def _answer(self, body: dict[str, Any]) -> tuple[HTTPStatus, dict[str, Any]]:
        version = {"model_version": self.backend.version}
        match self.path.rstrip("/"), body:
            case "/setup", _:
                return HTTPStatus.OK, version
            case "/predict", {"tasks": list(tasks)} if all(isinstance(task, dict) for task in tasks):
                return HTTPStatus.OK, {"results": self.backend.predict(tasks), **version}
            case "/predict", _:
                raise ConfigError("ask for a prediction with {'tasks': [{'data': {'image_id': ...}}, ...]}")
            case "/webhook", _:
                looked = self.backend.notice(str(body.get("action")))
                return HTTPStatus.CREATED, {"status": "fetching" if looked else "ignored"}
        return HTTPStatus.NOT_FOUND, {"error": f"no path {self.path}; use /health, /setup, /predict, /webhook"}

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LARGEST:
            raise ConfigError(f"a request of {length} bytes; expected 0 to {LARGEST}")
        try:
            body = json.loads(self.rfile.read(int(length)) or b"{}")
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"the request is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise ConfigError(f"the request is a {type(body).__name__}; expected an object with keys")
        return body

    def _say(self, status: HTTPStatus, value: dict[str, Any]) -> None:
        words = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the setup request of Label Studio holds a token."""


def make_server(backend: Backend, port: int) -> ThreadingHTTPServer:
    """An HTTP server of this machine for a backend; port 0 takes a free one. Call ``serve_forever`` on it.

    Raises:
        ConfigError: if the port is taken.
    """
    handler = type("Handler", (_Handler,), {"backend": backend})
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except (OSError, OverflowError) as error:
        raise ConfigError(f"port {port} cannot be used ({error}); choose another one with --port") from error
