"""What a cycle leaves when it is killed, the disk is full or the loss is NaN: all that was there, and no more."""

import errno
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from segxal.core.errors import StorageError, TrainingDiverged
from segxal.storage import tensors
from segxal.study.loop import run_cycle
from segxal.study.state import Cycle
from segxal.training.objectives import supervised

RECORDS = ("metrics.json", "queries.json", "pool.json")


def chain(preset, runs):
    return [Cycle(preset, "start", 0, 0, runs=runs), *(Cycle(preset, "segxal-pseudo", 0, n, runs=runs) for n in (1, 2))]


def contents(runs):
    return {path: path.read_bytes() for path in sorted(runs.rglob("*")) if path.is_file()}


@pytest.fixture
def started(tmp_path, tiny):
    """A run whose first training is done, and its cycle 1, which is to fail."""
    start, first, _ = chain(tiny, tmp_path)
    run_cycle(start)
    return first


def no_space(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def no_space_for_weights(*args):
    raise SafetensorError(f"I/O error: {os.strerror(errno.ENOSPC)} (os error {errno.ENOSPC})")


def nan_loss(logits, labels, weights):
    return logits.sum() * torch.nan


def check_intact(cycle, error, words):
    """The cycle fails, nothing of the study changes, and the same cycle runs afterwards."""
    before = contents(cycle.runs)
    with pytest.raises(error, match=words):
        run_cycle(cycle)
    assert contents(cycle.runs) == before and not list(cycle.runs.rglob("*.tmp"))
    assert not cycle.is_done() and cycle.previous.is_done()


def test_a_nan_loss_leaves_the_earlier_state(started, monkeypatch):
    monkeypatch.setattr(supervised, "cross_entropy", nan_loss)
    check_intact(started, TrainingDiverged, r"loss became nan at step 1 of 3 \(lr .*\); lower train\.lr")
    monkeypatch.undo()
    assert run_cycle(started).is_done()


def test_a_learning_rate_that_is_too_large(tmp_path, tiny):
    wild = tiny.with_changes(train={"lr": 1e30, "schedule": "constant"})
    cycle = Cycle(wild, "start", 0, 0, runs=tmp_path)
    with pytest.raises(TrainingDiverged):
        run_cycle(cycle)
    assert not cycle.folder.exists() and not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("place", ["rename", "arrays", "weights"])
def test_a_full_disk_leaves_the_earlier_state(started, monkeypatch, place):
    with monkeypatch.context() as full:
        if place == "arrays":
            full.setattr(np, "savez_compressed", no_space)
        elif place == "weights":
            full.setattr(tensors, "save_file", no_space_for_weights)
        else:
            full.setattr(os, "replace", no_space)
        check_intact(started, StorageError, r"cannot write .*No space left on device.* is intact\. Free some space")
    assert run_cycle(started).is_done()


def test_the_state_holds_no_pickle(started):
    assert {path.suffix for path in started.runs.rglob("*") if path.is_file()} == {".json", ".npz", ".safetensors"}
    for path in started.runs.rglob("*.npz"):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        with np.load(path, allow_pickle=False) as arrays:
            assert len([arrays[name] for name in arrays.files]) == len(names)


def test_what_a_killed_process_left_is_swept(started):
    parent = started.folder.parent
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    for number in (os.getpid(), int(dead.stdout), 1):  # process 1 lives and may be writing
        (parent / f".{started.folder.name}.{number}.tmp").mkdir(parents=True)
    run_cycle(started)
    assert started.is_done() and {path.name for path in parent.glob(".*")} == {f".{started.folder.name}.1.tmp"}


# A child runs the study until it is killed: by time, and at its k-th rename. A last child runs to the end.
KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from segxal.study.settings import load_preset
from segxal.study.loop import run_cycle
from segxal.study.state import Cycle
import torch
torch.set_num_threads(1)  # before the fork, so that no thread is lost in it
torch.optim.AdamW([torch.zeros(1, requires_grad=True)])  # imports for seconds, once instead of in every child

preset = load_preset("smoke").with_changes(**eval(sys.argv[2]))
cycles = [Cycle(preset, "start", 0, 0, runs=Path(sys.argv[1]))]
cycles += [Cycle(preset, "segxal-pseudo", 0, n, runs=Path(sys.argv[1])) for n in (1, 2)]
rename = os.replace

def study(renames):
    left = renames
    def counted(*paths):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(*paths)
    os.replace = counted
    for cycle in cycles:
        run_cycle(cycle)
    os._exit(0)

def attempt(seconds, renames):
    child = os.fork()
    if child == 0:
        study(renames)
    time.sleep(seconds)
    if seconds:
        os.kill(child, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), end=" ", flush=True)

moments = random.Random(0)
for k in (1, 3, 5, 2):
    attempt(0, k)
for _ in range(5):
    attempt(moments.uniform(0.05, 0.9), -1)
for k in (4, 8, 3, 9, 6):
    attempt(0, k)
attempt(0, -1)
"""


def test_sigkill_at_any_moment_ends_with_the_same_bytes(tmp_path, tiny):
    changes = {part: vars(getattr(tiny, part)) for part in ("data", "model", "train", "pool", "gate")}
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), repr(changes)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    codes = [int(word) for word in done.stdout.split()]
    assert done.returncode == 0 and codes[-1] == 0, done.stderr[-2000:]
    assert codes.count(-9) >= 8
    for cycle, twin in zip(chain(tiny, tmp_path / "killed"), chain(tiny, tmp_path / "whole"), strict=True):
        run_cycle(twin)
        assert cycle.is_done()
        for name in (*RECORDS, "model.safetensors"):
            assert (cycle.folder / name).read_bytes() == (twin.folder / name).read_bytes(), name
