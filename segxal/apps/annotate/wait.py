"""Where the loop waits for people: a cycle's query goes out, and the cycle continues once all answers are back."""

import shlex
from collections.abc import Sequence

from segxal.acquisition.oracles.label_studio import LabelStudioOracle
from segxal.acquisition.query import Ask
from segxal.apps.annotate.answers import Answers, read_answers
from segxal.apps.annotate.first import first_folder
from segxal.apps.annotate.pictures import training_images, zoom_for
from segxal.apps.annotate.project import PROJECT, Project, read_project, write_project
from segxal.core.errors import AnnotationsWanted, ConfigError
from segxal.core.labels import Classes
from segxal.storage import paths
from segxal.study.settings import Preset
from segxal.study.state import Cycle


def answered(cycle: Cycle, asks: Sequence[Ask], classes: Classes, data_root: str = "") -> Answers:
    """What people answered to a cycle's query; writes the query as a project when there is none.

    Args:
        cycle: the cycle that asks.
        asks: its query.
        classes: the classes of the data set.
        data_root: folder that holds the data sets.

    Returns:
        The answers to every image asked for. A skipped image has a time and no labels.

    Raises:
        AnnotationsWanted: if images are left; says how many, where the project is and what to do.
        ConfigError: if the project there belongs to another query; it is left as it is.
    """
    if not (cycle.project / PROJECT).is_file():
        zoom = zoom_for(cycle.settings.data.width)
        images = training_images(cycle.settings, [one.index for one in asks], zoom, data_root)
        write_project(cycle.project, cycle.digest, asks, classes, images, cycle.settings.oracle.overlap)
    project = check_project(cycle)
    if set(project.ids) != {one.query.id for one in asks}:
        raise ConfigError(
            f"{project.folder} asks about other images than this cycle would: an earlier cycle was computed again or "
            "the data set changed. Its annotations are untouched; move the folder away to ask again"
        )
    answers = read_answers(project.folder)
    if left := answers.left(project.ids):
        raise AnnotationsWanted(_wanted(cycle, len(left), len(project.ids), data_root))
    return answers


def annotators(cycle: Cycle, asks: Sequence[Ask], classes: Classes, data_root: str) -> LabelStudioOracle:
    """Real people for :func:`segxal.study.loop.run_cycle`; see :func:`answered` for what it raises."""
    answers = answered(cycle, asks, classes, data_root)
    return LabelStudioOracle(answers.labels, answers.undecided, answers.lead_time)


def check_project(cycle: Cycle) -> Project:
    """The project of a cycle.

    Raises:
        ConfigError: if there is none, or it was made with other settings.
    """
    project = read_project(cycle.project)
    if project.digest != cycle.digest:
        raise ConfigError(
            f"{project.folder} was made with other settings (digest {project.digest}, now {cycle.digest}); annotations "
            "for different settings are never mixed. Go back to those settings, or move the folder away to ask again"
        )
    return project


def command(cycle: Cycle, action: str, data_root: str = "") -> str:
    """The command line of an action for a cycle's run."""
    ablation = f" --ablation {cycle.ablation}" if cycle.ablation != "none" else ""
    return _line(cycle.preset, action, f" --method {cycle.method} --seed {cycle.seed}{ablation}", data_root)


def all_done(run: Sequence[Cycle]) -> str:
    """The message for a run that asks nothing more."""
    return f"all cycles of {run[-1].method}, seed {run[-1].seed}, are done; there is nothing left to annotate"


def first_command(preset: Preset, action: str, data_root: str = "") -> str:
    """The command line of an action for the first labels."""
    return _line(preset, action, " --first", data_root)


def first_wanted(preset: Preset, data_root: str = "") -> str:
    """How far the first labels are and how to go on, as a line to be added; empty where nobody was asked for them."""
    folder = first_folder(preset)
    if not folder.is_dir():
        return ""
    ids, answers = read_project(folder).ids, read_answers(folder)
    done = len(ids) - len(answers.left(ids))
    return f"\nfirst labels: {done} of {len(ids)} answered; continue with `{first_command(preset, 'pull', data_root)}`"


def _line(preset: Preset, action: str, words: str, data_root: str) -> str:
    name = preset.name if preset.name in paths.preset_names() else f"{preset.name}.yml"
    root = f" --data-root {shlex.quote(data_root)}" if data_root else ""  # people copy this line into their shell
    return f"segxal annotate {action} --preset {shlex.quote(name)}{words}{root}"


def _wanted(cycle: Cycle, left: int, asked: int, data_root: str) -> str:
    return (
        f"{left} of {asked} annotations wanted for cycle {cycle.number} of {cycle.method}, seed {cycle.seed}.\n"
        f"The project is {cycle.project}\n"
        f"1. upload to Label Studio:  {command(cycle, 'push', data_root)}\n"
        "2. annotate every task there: Submit, or Skip if an image should stay unannotated\n"
        f"3. fetch the answers:      {command(cycle, 'pull', data_root)}\n"
        "4. start the same command again; it continues from here\n"
        "Without a token: import label_config.xml and tasks.json of the project by hand, export in the "
        f"format JSON, and give that file to `{command(cycle, 'import FILE', data_root)}`."
    )
