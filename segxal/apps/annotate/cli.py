"""The command ``segxal annotate``: a cycle's query to people and back."""

import argparse
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from segxal.core.errors import AnnotationError, AnnotationsWanted, ConfigError, DataMissing
from segxal.storage import paths

if TYPE_CHECKING:  # what an action needs is imported by it: `segxal --help` shall not wait for PyTorch
    from segxal.apps.annotate.answers import Answers
    from segxal.apps.annotate.project import Project
    from segxal.study.state import Cycle

METHOD = "segxal-label-studio"
URL, TOKEN = "$LABEL_STUDIO_URL", "$LABEL_STUDIO_API_KEY"
DESCRIPTION = f"""\
Real people annotate in Label Studio what SegXAL asks for. Each action works on the first cycle of the run that is
not done; `export` computes cycles until annotations are wanted.

  segxal annotate first --preset mine.yml --count 9  first of all, for pictures without any labels: whole images
  segxal annotate export --preset quick --seed 0     the query of the cycle as a project folder
  segxal annotate push   --preset quick --seed 0     upload the project to a server; repeated: only what is missing
  segxal annotate pull   --preset quick --seed 0     fetch what people submitted or skipped
  segxal annotate import FILE --preset quick         read the same from a file that Label Studio exported (format JSON)
  segxal annotate status --preset quick              what is answered, and what is left
  segxal annotate serve  --preset quick              pre-labels for the running server; trains when all is answered

With --first, push, pull, import and status work on the first labels; they are saved in labels/ of the data set.
The server's address and a token come from --url and --token or from {URL} and {TOKEN};
they are not stored. `make label-studio` starts a server of your own.
"""
ACTIONS = {
    "first": "write a project to label your own pictures that have no labels yet",
    "export": "compute the query and write the project folder", "push": "upload the project to the server",
    "pull": "fetch the annotations", "import": "read an exported file", "status": "list what is left",
    "serve": "run the server's machine-learning backend",
}  # fmt: skip


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``annotate`` with its actions to the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        "annotate", help="let real people annotate in Label Studio", description=DESCRIPTION, formatter_class=raw
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, words in ACTIONS.items():
        action = actions.add_parser(name, help=words, description=words)
        if name == "import":
            action.add_argument("file", type=Path, help="file exported from Label Studio in the format JSON")
        action.add_argument(
            "--preset",
            default="quick",
            help=f"{', '.join(paths.preset_names())} or a .yml file (default: quick)",
        )
        action.add_argument("--data-root", default="", help="folder that holds the data sets")
        if name == "first":
            action.add_argument("--count", type=int, required=True, help="number of whole images to label")
        else:
            action.add_argument("--method", default=METHOD, help=f"one that asks real people (default: {METHOD})")
            action.add_argument("--seed", type=int, default=0, help="seed of the run (default: 0)")
            action.add_argument("--ablation", default="none", help="ablation of the run (default: none)")
        if name in ("push", "pull", "import", "status"):
            action.add_argument("--first", action="store_true", help="use the first labels instead of a cycle's query")
        if name in ("push", "pull", "serve"):
            action.add_argument("--url", default="", help=f"address of the server (default: {URL})")
            action.add_argument("--token", default="", help=f"token of a user there (default: {TOKEN}, which is safer)")
            action.add_argument("--title", default="", help="title of the project there (default: from the run's name)")
        if name in ("pull", "import"):
            action.add_argument("--keep-going", action="store_true", help="import what fits and list the rest")
        if name == "serve":
            words = "port on this machine (default: %(default)s, as Label Studio suggests)"
            action.add_argument("--port", type=int, default=9090, help=words)


def run(options: argparse.Namespace) -> None:
    """Do one action.

    Raises:
        SegxalError: as the action does; all of them say what to do next.
    """
    from segxal.apps.annotate.first import ask_first, first_project
    from segxal.apps.annotate.wait import all_done, check_project, command, first_command
    from segxal.methods import get_method
    from segxal.study.grid import run_of
    from segxal.study.preflight import claim
    from segxal.study.settings import load_preset

    preset = load_preset(options.preset)
    if options.action in ("first", "export"):  # which write into the study's folder
        claim(preset, options.preset)
    if options.action == "first":
        project = ask_first(preset, options.count, options.data_root)
        print(f"project    {project.folder} with {len(project.ids)} images")
        print(f"upload it: {first_command(preset, 'push', options.data_root)}")
        return None
    if not get_method(options.method).asks_people:
        raise ConfigError(f"{options.method} asks no real people; leave --method out, or name one that does: {METHOD}")
    cycles = run_of(preset, options.method, options.seed, options.ablation)
    export = command(cycles[-1], "export", options.data_root)
    after = all_done(cycles) if cycles[-1].is_done() else export
    if getattr(options, "first", False):
        return _exchange(first_project(preset), options, first_command(preset, "pull", options.data_root), after)
    if options.action == "export":
        return _export(cycles, options.data_root)
    cycle = next((one for one in cycles if not one.is_done()), cycles[-1])
    if cycle.previous is None:
        raise ConfigError(
            f"there is no query yet: the first training has not run. `{export}` runs it and computes the query. "
            "If your own pictures have no labels, run `segxal annotate first` before, and use --first with push, pull "
            "and status"
        )
    project = check_project(cycle)
    if options.action == "serve":
        return _serve(cycles, cycle, options)
    return _exchange(project, options, command(cycle, "pull", options.data_root), after)


def _exchange(project: "Project", options: argparse.Namespace, then: str, after: str) -> None:
    """Push, pull, import and status are the same for a cycle's query and for the first labels."""
    from segxal.apps.annotate.answers import read_answers
    from segxal.apps.annotate.first import write_labels
    from segxal.apps.annotate.server import push

    if options.action == "push":
        done = push(project.folder, options.url, options.token, options.title)
        print(f"project {done.project}: {done.new} tasks added, {done.known} were already there")
        print(f"once they are annotated: {then}")
        return
    answers = read_answers(project.folder) if options.action == "status" else _fetched(project, options)
    left = answers.left(project.ids)
    _status(project, answers)
    if options.first and options.action != "status":
        written = write_labels(project, answers, options.data_root)
        waiting = f": they are written once the {len(left)} that are left are answered or skipped" if left else ""
        print(f"written    {len(written)} new label maps" + (f" into {written[0].parent}" if written else waiting))
    if not left:
        print(f"next       {after}")
    if answers.problems:
        raise AnnotationError(
            "\n".join([f"{len(answers.problems)} tasks have problems and were left out:", *answers.problems])
        )


def _export(cycles: "list[Cycle]", data_root: str) -> None:
    from segxal.apps.annotate.wait import all_done, annotators, first_wanted
    from segxal.study.grid import run_cycles

    try:
        run_cycles(cycles, data_root, annotators)
    except AnnotationsWanted as wanted:
        print(wanted)
    except DataMissing as error:
        raise DataMissing(f"{error}{first_wanted(cycles[0].preset, data_root)}") from error
    else:
        print(all_done(cycles))


def _fetched(project: "Project", options: argparse.Namespace) -> "Answers":
    from segxal.apps.annotate.answers import save_answers
    from segxal.apps.annotate.export import read_export_file
    from segxal.apps.annotate.server import pull

    if options.action == "pull":
        return pull(project.folder, options.url, options.token, options.title, options.keep_going)
    return save_answers(project.folder, read_export_file(options.file, project, options.keep_going))


def _status(project: "Project", answers: "Answers") -> None:
    left = answers.left(project.ids)
    print(f"project    {project.folder}")
    print(f"answered   {len(answers.labels)} of {len(project.ids)}, {len(answers.skipped)} skipped, {len(left)} left")
    print(f"time       {sum(answers.lead_time.values()) / 60:.1f} minutes")
    for name, share in answers.agreement.items():
        print(f"agreement  {share:.3f}  {name}")
    for name in left:
        print(f"left       {name}")


def _serve(cycles: "list[Cycle]", cycle: "Cycle", options: argparse.Namespace) -> None:
    from segxal.apps.annotate.backend import Backend, make_server
    from segxal.apps.annotate.local import HOST
    from segxal.apps.annotate.server import connect, pull, push

    account = (options.url, options.token, options.title)

    def offer(asking: "Cycle") -> None:
        push(asking.project, *account)
        number = connect(asking.project, address, *account)
        print(f"project    {number} on the server asks for cycle {asking.number}", flush=True)

    backend = Backend(cycles, lambda c: pull(c.project, *account, keep_going=True), offer, options.data_root)
    server = make_server(backend, options.port)
    address = f"http://{HOST}:{server.server_port}"
    print(f"backend    {address}   (stop it with Ctrl-C)", flush=True)
    answering = threading.Thread(target=server.serve_forever, daemon=True)
    answering.start()  # before the server is told: it looks at once whether somebody answers
    try:
        offer(cycle)
        backend.notice("START_TRAINING")  # what was annotated while no backend ran is told by nobody
        answering.join()
    finally:
        server.shutdown()
        backend.close()
