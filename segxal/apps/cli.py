"""The command ``segxal``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segxal.apps.annotate import cli as cli_annotate
from segxal.core.errors import SegxalError
from segxal.storage import paths

if TYPE_CHECKING:
    from segxal.data import DatasetReport

REPRODUCE = """\
Run a study: trained networks, error masks, annotations, active-learning cycles, tables and figures. Each cycle,
ablation, figure and table is a notebook that papermill executes; Snakemake knows which of them are missing. Stop it
at any moment (Ctrl-C, or a crash) and start the same command again: it continues where it stopped.

  segxal reproduce                              the quick study on rendered streets, minutes on a laptop
  segxal reproduce --preset camvid --data-root ~/data     real driving video, in ~/data/camvid
  segxal reproduce --preset camvid --seeds 0 --methods segxal-human random supervised
"""
DATA = """\
List the data sets: what was found where, what is missing and how to get it. segxal looks for data sets in --data-root,
or else in the folder $SEGXAL_DATA. `streets` is rendered and always available. --check reads every file and ends with

  0  every data set that was found is whole
  3  files are damaged, do not pair up or hold wrong labels
  4  a part of a data set is missing, or --data-root holds none
  5  all can be used, but files are passed over, or something looks wrong (the lines with ~)
"""
DAMAGED, LACKING, REMARKS = 3, 4, 5


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("segxal", description="Explainable active learning for driving scenes.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    reproduce = commands.add_parser("reproduce", help="run a study", description=REPRODUCE, formatter_class=raw)
    reproduce.add_argument("--jobs", type=_jobs, default=0, help="notebooks run at the same time (default: cores + 1)")
    reproduce.add_argument("--seeds", type=int, nargs="+", default=[], help="seeds instead of the preset's, e.g. 0 1 2")
    reproduce.add_argument("--methods", nargs="+", default=[], help="methods instead of the preset's: docs/methods.md")
    reproduce.add_argument("--dry-run", action="store_true", help="only list the notebooks that would run")
    records = commands.add_parser("records", help="collect results.csv and the other tables from finished runs")
    for command in (reproduce, records):
        command.add_argument(
            "--preset",
            default="quick",
            help=f"{', '.join(paths.preset_names())} or a .yml file (default: quick)",
        )

    data = commands.add_parser("data", help="list and check the data sets", description=DATA, formatter_class=raw)
    data.add_argument("--check", action="store_true", help="read every file and list all problems")
    doctor = commands.add_parser("doctor", help="show versions, device, threads, data sets, writable folders")
    for command in (reproduce, data, doctor):
        command.add_argument("--data-root", default="", help="folder that holds the data sets")

    cli_annotate.add_parser(commands)
    notebook = commands.add_parser(
        "notebook",
        help="run one notebook with papermill; unknown parameters are refused",
        description="Run one notebook from notebooks/.",
    )
    notebook.add_argument("name", help="name of the notebook, without .ipynb")
    notebook.add_argument("output", type=Path, help="where to write the executed notebook, a .ipynb file")
    notebook.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter")
    return parser


def _jobs(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; give a number of notebooks, at least 1")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; errors meant for people are printed without a traceback.

    Returns:
        0, or 1 after such an error; `data --check` has more, see its help.
    """
    options = _parser().parse_args(arguments)
    try:
        status = {
            "reproduce": _reproduce, "records": _records, "data": _data, "doctor": _doctor, "notebook": _notebook,
            "annotate": cli_annotate.run,
        }[options.command](options)  # fmt: skip
    except SegxalError as error:
        print("segxal: " + str(error).replace("\n", "\n  "), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("segxal: stopped; start the same command again and it goes on from here", file=sys.stderr)
        return 1
    return status or 0


def _reproduce(options: argparse.Namespace) -> None:
    from segxal.methods import random_selection
    from segxal.study.grid import select
    from segxal.study.records import TABLES, listed, outdated
    from segxal.study.reproduce import planned, reproduce
    from segxal.study.settings import load_preset

    preset = select(load_preset(options.preset), options.seeds, options.methods)
    if options.dry_run:
        steps = planned(preset, options.preset, options.data_root)
        print("\n".join(f"{count:>5}  {name}" for name, count in steps.items()) or "nothing is left to run")
        return
    if others := outdated(preset):
        print(
            f"cycles with other settings than this study's: {listed(others)}; those the study needs are computed again"
        )
    study = reproduce(preset, options.preset, options.data_root, options.jobs)
    print(f"tables     {study / 'tables'}")
    if (paths.FIGURES / study.name).is_dir():  # a study of real people alone has none
        print(f"figures    {paths.FIGURES / study.name}")
    if not random_selection(preset.methods):
        print("comparison none: the methods include no random selection; the notebook takes another `reference`")
    print(f"notebooks  {study / 'notebooks'}")
    others = [file for file in list(TABLES.values())[1:] if (study / file).is_file()]
    print(f"records    {study / 'results.csv'}, and next to it {', '.join(others)}")
    print(f"report     {study / 'report.html'}  (open it in a browser)")


def _records(options: argparse.Namespace) -> None:
    from segxal.study.preflight import claim
    from segxal.study.records import collect, listed, outdated
    from segxal.study.settings import load_preset

    preset = load_preset(options.preset)
    claim(preset, options.preset)
    if others := outdated(preset):  # before their rows go
        print(f"cycles with other settings than this study's, left out of its tables: {listed(others)}")
    print(collect(preset))


def _data(options: argparse.Namespace) -> int:
    from segxal.data import report

    found = report(options.data_root)
    statuses = [_say(entry, options) for entry in found]
    if options.data_root and not any(entry.where for entry in found if entry.name != "streets"):
        statuses.append(LACKING)
    return min(filter(None, statuses), default=0) if options.check else 0


def _say(entry: "DatasetReport", options: argparse.Namespace) -> int:
    """Print what was found of a data set; returns what --check ends with because of it."""
    from segxal.data import check, remarks

    counts = ", ".join(f"{split} {count}" for split, count in entry.counts.items())
    print(f"{entry.name:<11} {entry.state:<11} {entry.where or '-'}  {counts}".rstrip())
    problems, notes = list(entry.problems), list(entry.passed)
    if options.check and entry.state != "missing":
        problems = check(entry.name, options.data_root)
        notes = notes if problems else remarks(entry.name, options.data_root, sys.maxsize)
        print(f"{'':<11} every file was read: {len(problems) or 'no'} problem{'' if len(problems) == 1 else 's'}")
    for mark, sentences in (("!", problems), ("~", notes)):
        for sentence in sentences:
            print(f"{'':<11} {mark} {sentence}")
    if entry.state != "ready":
        print(f"{'':<11} {entry.how_to_get}")
    if entry.state == "missing":
        return 0
    return LACKING if entry.lacking else DAMAGED if problems else REMARKS if notes else 0


def _doctor(options: argparse.Namespace) -> None:
    from segxal.apps.doctor import as_text, report

    print(as_text(report(options.data_root)))


def _notebook(options: argparse.Namespace) -> None:
    # jsonschema would build a grammar for checks of addresses, which no notebook needs: a second for every notebook
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from segxal.study.execution import execute

    print(execute(options.name, options.output, dict(options.p)))


if __name__ == "__main__":
    sys.exit(main())
