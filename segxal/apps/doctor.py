"""What this machine has: versions, device, threads, memory, data sets, writable folders."""

import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from segxal.data import report as data_report
from segxal.models.device import has_fast_bf16
from segxal.storage import paths

GIB = 2**30
NEEDED_DISK = 2 * GIB
NEEDED_MEMORY = 6 * GIB


@dataclass(frozen=True)
class Row:
    """One finding.

    Attributes:
        group: heading it stands under.
        name: what was looked at.
        value: what was found.
        ok: whether segxal can work with it.
        hint: what to do when it cannot, or a remark; may be empty.
    """

    group: str
    name: str
    value: str
    ok: bool = True
    hint: str = ""


def report(data_root: str | Path = "") -> list[Row]:
    """Look at the machine; nothing is changed and no image is decoded.

    Args:
        data_root: folder that holds the data sets; empty for ``$SEGXAL_DATA`` and ``../shared``.

    Returns:
        Findings in the order in which they are to be read.
    """
    return [*_versions(), *_device(), *_memory(), *_data(data_root), *_folders()]


def as_text(rows: list[Row]) -> str:
    """The report for a terminal: one line per finding, a heading per group, hints indented below."""
    width = max((len(row.name) for row in rows), default=0)
    lines: list[str] = []
    group = ""
    for row in rows:
        if row.group != group:
            lines += ["", row.group] if lines else [row.group]
            group = row.group
        lines.append(f"  {'ok ' if row.ok else 'NO '} {row.name:<{width}}  {row.value}".rstrip())
        if row.hint:
            lines.append(f"      {'':<{width}}  -> {row.hint}")
    return "\n".join(lines)


def _versions() -> list[Row]:
    group = "Versions"
    rows = [
        Row(group, "segxal", importlib.metadata.version("segxal")),
        Row(group, "Python", f"{platform.python_version()} ({sys.executable})"),
    ]
    for name in _requirements():
        try:
            rows.append(Row(group, name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            rows.append(Row(group, name, "not installed", ok=False, hint="`make test` installs what is missing"))
    return [*rows, _torchvision_fits(group)]


def _requirements() -> list[str]:
    """Names of the packages segxal needs at run time, without the test extra and other Pythons' lines."""
    names: list[str] = []
    for line in importlib.metadata.requires("segxal") or []:
        other_python = "python_version <" in line and sys.version_info >= (3, 11)
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
        if "extra ==" not in line and not other_python and name not in names:
            names.append(name)
    return names


def _torchvision_fits(group: str) -> Row:
    name = "torchvision runs"
    try:
        from torchvision.ops import nms

        nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except (RuntimeError, ImportError) as error:
        hint = "torch and torchvision must match; install both from requirements.lock"
        return Row(group, name, str(error).splitlines()[0], ok=False, hint=hint)
    return Row(group, name, "yes")


def _device() -> list[Row]:
    group = "Device"
    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / GIB
        device = Row(group, "CUDA", f"{torch.cuda.get_device_name(0)}, {memory:.0f} GiB")
    else:
        device = Row(group, "CUDA", "none", hint="everything runs on the CPU; camvid-full and paper need a GPU")
    fast = has_fast_bf16()
    slow = "" if fast else "train.amp: auto uses float32 on a CPU without AMX, float16 on a GPU without bf16"
    return [
        device,
        Row(group, "CPU", f"{_cpu_name()}, {os.cpu_count()} logical cores"),
        Row(group, "fast bf16", "yes" if fast else "no", hint=slow),
        Row(
            group,
            "torch threads",
            f"{torch.get_num_threads()} (OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', '')})",
        ),
    ]


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE) if info.is_file() else None
    return found.group(1) if found else platform.processor() or platform.machine()


def _memory() -> list[Row]:
    memory = psutil.virtual_memory()
    enough = memory.available >= NEEDED_MEMORY
    hint = "" if enough else f"the quick preset needs up to {NEEDED_MEMORY / GIB:.0f} GiB; close other programs"
    return [
        Row("Memory", "main memory", f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB free", enough, hint)
    ]


def _data(data_root: str | Path) -> list[Row]:
    """A missing data set is not a fault; one that is present but broken is."""
    rows = []
    for found in data_report(data_root):
        counts = ", ".join(f"{split} {count}" for split, count in found.counts.items())
        value = f"{found.state} {found.where} {counts}".strip()
        problems = list(found.problems) if found.state == "incomplete" else []
        hint = problems[0] if problems else "`segxal data` says how to get it" if found.state == "missing" else ""
        rows.append(Row("Data", found.name, " ".join(value.split()), found.state != "incomplete", hint))
    return rows


def _folders() -> list[Row]:
    folders = {"records": paths.RUNS, "figures": paths.FIGURES, "temporary files": Path(tempfile.gettempdir())}
    return [_folder(name, folder) for name, folder in folders.items()]


def _folder(name: str, folder: Path) -> Row:
    """Try to write where a run will write: in the folder, or in the nearest one above it that exists."""
    there = next(one for one in (folder, *folder.parents) if one.is_dir())
    free = shutil.disk_usage(there).free
    try:
        with tempfile.TemporaryFile(dir=there) as handle:
            handle.write(b"segxal")
            handle.flush()
    except OSError as error:
        return Row(
            "Folders", name, f"{folder}: {error.strerror}", ok=False, hint="choose a writable folder or free some space"
        )
    enough = free >= NEEDED_DISK
    hint = "" if enough else f"a study needs about {NEEDED_DISK / GIB:.0f} GiB"
    return Row("Folders", name, f"{folder}: writable, {free / GIB:.1f} GiB free", enough, hint)
