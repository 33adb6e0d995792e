"""`segxal reproduce`: a thin front end to the Snakemake graph; it resumes automatically and shows what is left."""

import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from segxal.core.errors import SegxalError, StorageError
from segxal.models.device import device
from segxal.storage import paths
from segxal.study.preflight import check_study, claim
from segxal.study.preset_file import preset_file
from segxal.study.settings import Preset

DONE = re.compile(r"(\d+) of (\d+) steps \(\d+%\) done")
PR_SET_PDEATHSIG = 1  # of Linux' prctl
PLAN = re.compile(r"^(\w+) +(\d+)$", re.M)  # a line of Snakemake's "Job stats"


class StudyFailed(SegxalError, RuntimeError):
    """A job of the study failed; the others were run to their end."""


@contextmanager
def only_one(study: Path) -> Iterator[None]:
    """Hold the study's lock, so that two commands never work on one study.

    The lock belongs to the process: after a kill it is free again and nothing has to be unlocked by hand.

    Raises:
        StudyFailed: if another process holds it.
        StorageError: if the folder cannot be made or written.
    """
    try:
        study.mkdir(parents=True, exist_ok=True)
        held = FileLock(study / ".lock", timeout=0).acquire()
    except Timeout as error:
        raise StudyFailed(
            f"another `segxal reproduce` is working on {study}; wait for it or stop it, then start again"
        ) from error
    except OSError as error:
        raise StorageError(
            f"cannot write into {study}: {error.strerror or error}. Choose another folder with $SEGXAL_HOME"
        ) from error
    with held:
        yield


def default_jobs(preset: Preset) -> int:
    """As many jobs as the processor has room for, and one that starts meanwhile; one on a GPU, which all share."""
    if device().type == "cuda":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores // preset.threads + 1


def command(preset: Preset, jobs: int) -> list[str]:
    """The Snakemake command line of a study; the rest of what its processes need is in :func:`environment`."""
    study = paths.RUNS / preset.name
    settings = [f"seeds={list(preset.seeds)}", f"methods={list(preset.methods)}"]
    return [
        sys.executable, "-m", "snakemake", "--snakefile", str(paths.ROOT / "Snakefile"), "--directory", str(study),
        "--cores", str(jobs), "--rerun-incomplete", "--keep-going", "--nolock", "--config", *settings,
    ]  # fmt: skip


def environment(preset: Preset, source: str, data_root: str) -> dict[str, str]:
    """The environment of Snakemake and its jobs, with what this machine chose: interpreter, preset file, data.

    Shell lines of the Snakefile name these variables and never their values: a folder may be called ``$(id)``.
    """
    ours = {"SEGXAL_PYTHON": sys.executable, "SEGXAL_PRESET": source, "SEGXAL_DATA_ROOT": data_root}
    return os.environ | ours | {"OMP_NUM_THREADS": str(preset.threads), "PYTHONUNBUFFERED": "1"}


def planned(preset: Preset, source: str, data_root: str = "") -> dict[str, int]:
    """What :func:`reproduce` would run: name of the step -> how often, then ``total``; empty when all is done.

    Raises:
        StudyFailed: if Snakemake cannot plan the study; the message quotes its last lines.
        ConfigError, DataMissing: as :func:`reproduce`.
    """
    source, root = _absolute(preset, source, data_root)
    line = [*command(preset, 1), "--dry-run"]
    given = environment(preset, source, root)
    found = subprocess.run(line, capture_output=True, text=True, cwd=paths.ROOT, env=given)
    if found.returncode:
        raise StudyFailed(
            "Snakemake cannot plan the study:\n" + "\n".join((found.stderr or found.stdout).splitlines()[-8:])
        )
    counts = {name: int(count) for name, count in PLAN.findall(found.stdout + found.stderr) if name != "all"}
    return counts | ({"total": counts["total"] - 1} if counts else {})


def _absolute(preset: Preset, source: str, data_root: str) -> tuple[str, str]:
    """Preset file and data root as every process can find them, after checking that all is there."""
    root = str(Path(data_root).expanduser().resolve()) if data_root else ""
    check_study(preset, root)
    return (source if source in paths.preset_names() else str(preset_file(source).resolve())), root


def reproduce(preset: Preset, source: str, data_root: str = "", jobs: int = 0) -> Path:
    """Run what is missing of a study; finished notebooks are left alone unless their inputs changed.

    Args:
        preset: the study, with the seeds and methods to run.
        source: what it was read from, see :func:`segxal.study.settings.load_preset`; Snakemake and the notebooks read
            it again.
        data_root: folder that holds the data sets.
        jobs: notebooks that run at the same time; 0 for as many as there are cores for.

    Returns:
        Folder of the study.

    Raises:
        ConfigError, DataMissing, DataInvalid, WeightsMissing: as :func:`segxal.study.preflight.check_study`; or if the
            folder holds the study of another preset file.
        StudyFailed: if a notebook failed; the message repeats the errors of the failing jobs.
    """
    source, root = _absolute(preset, source, data_root)  # before anything is started
    study = paths.RUNS / preset.name
    claim(preset, source)
    with only_one(study), (study / "log.txt").open("w", encoding="utf-8") as log:
        line = command(preset, jobs or default_jobs(preset))
        with subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(preset, source, root),
            cwd=paths.ROOT, preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        ) as process:  # fmt: skip
            reasons = _follow(process, log, preset.name)
    if process.returncode:
        tail = (study / "log.txt").read_text(encoding="utf-8").splitlines()[-8:]
        told = "\n".join(reasons or ["no notebook failed, but Snakemake did; its last lines:", *tail])
        raise StudyFailed(f"the study is not complete; see the full log in {study / 'log.txt'}\n{told}")
    return study


def _end_with_parent() -> None:
    """Ask Linux to kill Snakemake when this command is killed, as it would wait for ever on the broken pipe.

    A notebook that runs at that moment comes to its end alone; what it writes appears whole or not at all.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _follow(process: "subprocess.Popen[str]", log: object, name: str) -> list[str]:
    """Copy a job's output to the log, move the progress bar, and keep what failing notebooks say."""
    reasons: list[str] = []
    speaking = False
    form = "{desc}: {n_fmt}/{total_fmt} notebooks |{bar}| {elapsed} elapsed, about {remaining} left"
    with tqdm(desc=f"{name}, checking what is missing", bar_format=form, dynamic_ncols=True) as bar:
        for text in process.stdout or ():
            log.write(text)  # type: ignore[attr-defined]
            if found := DONE.search(text):
                bar.total, bar.desc = int(found[2]), name
                bar.update(int(found[1]) - bar.n)
            speaking = text.startswith("segxal: ") or (speaking and text.startswith("  "))
            if speaking:
                reasons.append(text.rstrip())
        bar.refresh()
    return reasons
