"""An export of Label Studio read task by task: what does not fit is named, never guessed."""

import json
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from segxal.apps.annotate.answers import Answers, majority
from segxal.apps.annotate.project import Project
from segxal.apps.annotate.regions import codes_of, label_map
from segxal.core.errors import AnnotationError

SHOWN = 10  # problems named in an error


def read_export_file(path: Path, project: Project, keep_going: bool = False) -> Answers:
    """Read a file that Label Studio exported with the format JSON; see :func:`read_export`.

    Raises:
        AnnotationError: if there is no such file, it is not JSON, or as :func:`read_export`.
    """
    if not path.is_file():
        raise AnnotationError(f"there is no file {path}; export the project from Label Studio in the format JSON")
    try:
        tasks = json.loads(path.read_bytes())
    except ValueError as error:  # not UTF-8, or no JSON
        raise AnnotationError(f"{path} is not JSON ({error}); export it again from Label Studio as JSON") from error
    return read_export(tasks, project, keep_going)


def read_export(tasks: Any, project: Project, keep_going: bool = False) -> Answers:
    """What people answered in Label Studio.

    Unannotated pixels stay 255. Tasks that nobody has opened are left out. A task that was skipped counts as answered
    with nothing. Of several annotations by one person the newest counts; of several people the majority, pixel by
    pixel. Times are summed over all people and annotations.

    Args:
        tasks: content of an export with the format JSON: a list of tasks with ``data`` and ``annotations``.
        project: what was asked.
        keep_going: whether to read what can be read and list the rest in ``problems``.

    Returns:
        The answers. Nothing is written.

    Raises:
        AnnotationError: without ``keep_going``, when a task is of an unknown image, of another project or there twice,
            or its annotation is half-finished, of a wrong size or damaged; names all of them. Always when ``tasks``
            is not a list of tasks, or is empty.
    """
    if not isinstance(tasks, list) or not all(isinstance(t, dict) and isinstance(t.get("data"), dict) for t in tasks):
        raise AnnotationError("this is not a list of tasks with data and annotations; export in the format JSON")
    if not tasks:
        raise AnnotationError("this holds no tasks; export the project that `segxal annotate push` made")
    answers, problems = Answers(), []
    for task in tasks:
        if not task.get("annotations") and not task.get("drafts"):
            continue
        try:
            name = _image_of(task, project)
            if name in answers.lead_time:
                raise AnnotationError("another task already answers the same image; delete one of the two")
            answers = answers.merged(_read(task, name, project))
        except AnnotationError as error:
            problems.append(f"task {task.get('id', '?')} ({task['data'].get('image_id', 'no image_id')}): {error}")
    if problems and not keep_going:
        more = f"\n... and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise AnnotationError(
            f"{len(problems)} of {len(tasks)} tasks cannot be imported, so none were:\n"
            + "\n".join(problems[:SHOWN]) + more + "\nfix them in Label Studio, or import the others with --keep-going"
        )  # fmt: skip
    return replace(answers, problems=tuple(problems))


def _image_of(task: dict[str, Any], project: Project) -> str:
    name = task["data"].get("image_id")
    if not isinstance(name, str):
        raise AnnotationError("it names no image; import tasks.json as segxal wrote it")
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
        raise AnnotationError("it names a path outside the project; import tasks.json as segxal wrote it")
    if name not in project.ids:
        raise AnnotationError("unknown image: the project does not ask for it")
    if task["data"].get("digest") != project.digest:
        raise AnnotationError(f"it belongs to another cycle; {project.folder} needs tasks of digest {project.digest}")
    return name


def _read(task: dict[str, Any], name: str, project: Project) -> Answers:
    """The answer to one task."""
    annotations = task.get("annotations") or []
    if not isinstance(annotations, list) or not all(isinstance(one, dict) for one in annotations):
        raise AnnotationError("its annotations are not a list; export in the format JSON")
    finished = [one for one in annotations if not one.get("was_cancelled")]
    seconds = sum(_seconds(one) for one in annotations)
    if annotations and not finished:
        return Answers(lead_time={name: seconds})
    if not finished:
        raise AnnotationError("half-finished: there is a draft but nothing was submitted; submit or skip the task")
    maps = [_finished(one, project) for one in newest(finished)]
    labels, undecided, agreement = majority(maps, *codes_of(project))
    several = {name: agreement} if len(maps) > 1 else {}
    return Answers({name: labels}, {name: undecided}, {name: seconds}, several)


def _finished(annotation: dict[str, Any], project: Project) -> Any:
    if not annotation.get("result"):
        raise AnnotationError("half-finished: submitted without any region; draw something or skip the task")
    found = label_map(annotation["result"], project)
    if (found == codes_of(project)[1]).all():
        raise AnnotationError("half-finished: its regions contain no pixels; draw something or skip the task")
    return found


def _seconds(annotation: dict[str, Any]) -> float:
    spent = annotation.get("lead_time") or 0.0
    if not isinstance(spent, (int, float)) or not 0 <= spent < float("inf"):
        raise AnnotationError(f"its lead time is {spent!r}; expected seconds, 0 or more")
    return float(spent)


def newest(annotations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The newest annotation of each person, in the order they came."""
    last: dict[Any, dict[str, Any]] = {}
    for one in sorted(annotations, key=lambda a: a.get("id") or 0):
        person = one.get("completed_by")
        last[person.get("id") if isinstance(person, dict) else person] = one
    return list(last.values())
