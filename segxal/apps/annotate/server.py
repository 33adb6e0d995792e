"""A running Label Studio: a project folder goes in, what people annotated comes out."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from segxal.apps.annotate.answers import Answers, save_answers
from segxal.apps.annotate.export import read_export
from segxal.apps.annotate.project import CONFIG, Project, read_project
from segxal.core.errors import ConfigError, ServerError

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

URL, TOKEN = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"  # names in the environment
TITLE = (3, 50)  # letters a title may have in Label Studio
BACKEND = "SegXAL"  # name of the backend; a project whose model version is that asks it for pre-labels
AT_ONCE = 8  # tasks of one request: each holds two images


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    Attributes:
        project: number of the project on the server.
        new: tasks that were added.
        known: tasks that were there already.
    """

    project: int
    new: int
    known: int


def push(folder: Path, url: str = "", token: str = "", title: str = "") -> Pushed:
    """Make a project folder a project on a server; what is there already is left alone.

    Args:
        folder: of the project.
        url: of the server; empty for ``$LABEL_STUDIO_URL``.
        token: a personal access token or a legacy token; empty for ``$LABEL_STUDIO_API_KEY``. It is not stored.
        title: of the project on the server; empty for one made from the folder's name and digest.

    Raises:
        ConfigError: if there is no project in the folder, no address or token, or the title is too short or long.
        ServerError: if there is no server, it refuses, or another project has this title.
    """
    project = read_project(folder)
    title = title or title_of(project)
    if not TITLE[0] <= len(title) <= TITLE[1]:
        raise ConfigError(f"title {title!r} has {len(title)} characters; Label Studio accepts {TITLE[0]} to {TITLE[1]}")
    with _talking(url, token) as client:
        number = _find(client, title) or _create(client, title, folder)
        known = {one["image_id"] for one in _owned(client, number, project)}
        tasks = [task for task in project.tasks() if task["data"]["image_id"] not in known]
        for start in range(0, len(tasks), AT_ONCE):
            some: Any = tasks[start : start + AT_ONCE]  # the SDK sends them as they are
            client.projects.import_tasks(id=number, request=some)
    return Pushed(number, len(tasks), len(known))


def pull(folder: Path, url: str = "", token: str = "", title: str = "", keep_going: bool = False) -> Answers:
    """Fetch what people annotated and add it to the project folder.

    Args:
        folder: of the project.
        url: see :func:`push`.
        token: see :func:`push`.
        title: see :func:`push`.
        keep_going: whether to save what can be read when some tasks cannot; see ``problems`` of the answer.

    Returns:
        All answers of the project so far.

    Raises:
        AnnotationError: as :func:`segxal.apps.annotate.export.read_export`; nothing is saved then.
        ConfigError, ServerError: as :func:`push`; or there is no such project on the server.
    """
    project = read_project(folder)
    with _talking(url, token) as client:
        tasks = _tasks(client, _numbered(client, title or title_of(project)))
    return save_answers(folder, read_export(tasks, project, keep_going))


def connect(folder: Path, backend: str, url: str = "", token: str = "", title: str = "") -> int:
    """Make a machine-learning backend known to a pushed project; Label Studio then tells it what is annotated.

    Args:
        folder: of the project.
        backend: address of the backend, as the server reaches it.
        url: see :func:`push`.
        token: see :func:`push`.
        title: see :func:`push`.

    Returns:
        Number of the project on the server.

    Raises:
        ConfigError, ServerError: as :func:`pull`; or the server cannot reach the backend.
    """
    project = read_project(folder)
    with _talking(url, token) as client:
        number = _numbered(client, title or title_of(project))
        if backend not in [known.url for known in client.ml.list(project=number)]:
            client.ml.create(project=number, url=backend, title=BACKEND, auto_update=True)
        client.projects.update(id=number, model_version=BACKEND)
    return number


def title_of(project: Project) -> str:
    """The title of a project where none is given: the folder's name and the digest, as long as titles may be."""
    return f"{project.folder.name[: TITLE[1] - 9]} {project.digest[:8]}"


def _find(client: "LabelStudio", title: str) -> int | None:
    """Number of the project of exactly this title."""
    found: Any = client.projects.list(title=title)  # pages of projects whose title holds these words
    numbers = [one.id for one in found if one.title == title]
    if len(numbers) > 1:
        raise ServerError(f"projects {numbers} all have the title {title!r}; rename or delete all but one")
    return numbers[0] if numbers else None


def _create(client: "LabelStudio", title: str, folder: Path) -> int:
    config = (folder / CONFIG).read_text(encoding="utf-8")
    made = client.projects.create(title=title, label_config=config, show_collab_predictions=True)
    return int(made.id or 0)


def _numbered(client: "LabelStudio", title: str) -> int:
    number = _find(client, title)
    if number is None:
        raise ServerError(f"there is no project {title!r} on the server; run `segxal annotate push` first")
    return number


def _tasks(client: "LabelStudio", number: int) -> list[dict[str, Any]]:
    """All tasks with all annotations, as an export with the format JSON has them."""
    parts = client.projects.exports.download_sync(id=number, export_type="JSON", download_all_tasks=True)
    return json.loads(b"".join(parts))


def _owned(client: "LabelStudio", number: int, project: Project) -> list[dict[str, Any]]:
    """Data of the tasks on the server, which must all be this project's."""
    found = [task["data"] for task in _tasks(client, number)]
    foreign = [data for data in found if data.get("digest") != project.digest]
    if foreign:
        raise ServerError(
            f"project {number} on the server holds {len(foreign)} foreign tasks; choose another name with --title"
        )
    return found


@contextmanager
def _talking(url: str, token: str) -> Iterator["LabelStudio"]:
    """A client of the server; errors are put in words and never contain the token."""
    from label_studio_sdk import LabelStudio  # seconds of import that only annotating needs
    from label_studio_sdk.core import ApiError

    url, token = _account(url, token)
    try:
        yield LabelStudio(base_url=url, api_key=token)
    except ApiError as error:  # not chained: what the SDK keeps of the request shall be in no traceback
        raise ServerError(_refusal(url, error.status_code, error.body)) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = type(error).__name__
        raise ServerError(f"no Label Studio answers at {url} ({reason}); is it running? Is that its address?") from None
    except json.JSONDecodeError:
        raise ServerError(f"{url} answers, but not like Label Studio; is that its address?") from None


def _account(url: str, token: str) -> tuple[str, str]:
    """Address and token, from the environment where they are not given."""
    url, token = url or os.environ.get(URL, ""), token or os.environ.get(TOKEN, "")
    needed = {f"--url or ${URL}": url, f"--token or ${TOKEN}": token}
    if missing := " and ".join(name for name, value in needed.items() if not value):
        raise ConfigError(f"which server? Give {missing}; Label Studio shows a token under Account & Settings")
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"{url!r} is not a server address; it must start with http:// or https://")
    return url.rstrip("/"), token


def _refusal(url: str, status: int | None, body: Any) -> str:
    detail = body.get("detail", body) if isinstance(body, dict) else ""
    if status in (401, 403):
        return (
            f"{url} does not accept the token ({status}: {detail}). Copy it again from Account & Settings; a legacy "
            "token must be allowed by the organisation; a personal access token always works"
        )
    if status == 404:
        return f"{url} has no such page (404); give the address of Label Studio itself, with nothing after it"
    return f"{url} refused ({status}): {str(detail)[:300]}"
