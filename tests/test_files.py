"""State on disk survives a full disk, a kill and a damaged file."""

import errno
import os
import pickle
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from segxal.core.errors import CheckpointMismatch, DataInvalid, SegxalError, StorageError
from segxal.storage.files import read_arrays, read_json, replacing, write_arrays, write_json, write_rows, write_text
from segxal.storage.tensors import read_tensors, write_tensors

WRITERS = {
    "text": lambda path: write_text(path, "new"),
    "json": lambda path: write_json(path, {"new": 1}),
    "rows": lambda path: write_rows(path, ["a"], [{"a": 1}]),
    "arrays": lambda path: write_arrays(path, a=np.arange(3)),
    "tensors": lambda path: write_tensors(path, {"a": torch.arange(3)}),
}


@pytest.fixture(params=WRITERS, ids=str)
def write(request):
    return WRITERS[request.param]


def left_over(folder):
    return sorted(p.name for p in folder.iterdir())


def test_json_round_trip_gives_equal_bytes(tmp_path):
    value = {"b": [1, 2.5, None], "a": {"straße": True}}
    write_json(tmp_path / "one.json", value)
    write_json(tmp_path / "two.json", value)
    assert read_json(tmp_path / "one.json") == value
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_json_keeps_nan(tmp_path):
    write_json(tmp_path / "a.json", {"iou": float("nan")})
    assert np.isnan(read_json(tmp_path / "a.json")["iou"])


def test_rows_have_exactly_the_columns_in_order(tmp_path):
    write_rows(tmp_path / "a.csv", ["b", "a"], [{"a": 1, "b": "x,y"}, {"a": 2, "b": ""}])
    assert (tmp_path / "a.csv").read_text() == 'b,a\n"x,y",1\n,2\n'


def test_unknown_column_is_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="not in fieldnames"):
        write_rows(path, ["a"], [{"a": 1, "typo": 2}])
    assert path.read_text() == "old" and left_over(tmp_path) == ["a.csv"]


def test_arrays_round_trip(tmp_path):
    arrays = {"labels": np.arange(6, dtype=np.uint8).reshape(2, 3), "share": np.array([0.5], np.float32)}
    write_arrays(tmp_path / "a.npz", **arrays)
    again = read_arrays(tmp_path / "a.npz")
    assert set(again) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)
        assert again[name].dtype == array.dtype


def test_tensors_round_trip_without_gradients_or_strides(tmp_path):
    weights = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    write_tensors(tmp_path / "a.safetensors", {"w": weights, "t": weights.detach().t()}, model="unet")
    again = read_tensors(tmp_path / "a.safetensors")
    assert torch.equal(again["w"], weights.detach()) and torch.equal(again["t"], weights.detach().t())
    assert weights.requires_grad


def test_parent_folders_are_made(tmp_path, write):
    path = tmp_path / "runs" / "seed0" / "file"
    write(path)
    assert left_over(path.parent) == ["file"]


def full_disk(*_arguments, **_options):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_full_disk_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch, write, call):
    path = tmp_path / "state"
    path.write_text("old")
    monkeypatch.setattr(os, call, full_disk)
    with pytest.raises(StorageError, match=r"cannot write .*state: No space left on device.*intact.*start the same"):
        write(path)
    assert path.read_text() == "old" and left_over(tmp_path) == ["state"]


def test_disk_full_in_the_middle_of_a_write(tmp_path):
    path = tmp_path / "state"
    path.write_text("old")
    with pytest.raises(StorageError, match="Free some space"), replacing(path) as temporary:
        temporary.write_text("ne")
        full_disk()
    assert path.read_text() == "old" and left_over(tmp_path) == ["state"]


BIG = {
    "text": 'write_text(path, "x" * 10**6)',
    "json": "write_json(path, list(range(10**5)))",
    "rows": 'write_rows(path, ["a"], [{"a": i} for i in range(10**5)])',
    "arrays": "write_arrays(path, a=np.random.default_rng(0).random(10**5))",
    "tensors": 'write_tensors(path, {"a": torch.rand(10**5)})',
}


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_when_the_kernel_refuses_to_write_more(tmp_path):
    """A limit on file sizes stops each writer half-way, as a full disk does."""
    (tmp_path / "state").write_text("old")
    lines = ["import resource, sys", "from pathlib import Path", "import numpy as np", "import torch"]
    lines += [
        "from segxal.core.errors import StorageError",
        "from segxal.storage.files import *",
        "from segxal.storage.tensors import *",
        "path = Path(sys.argv[1])",
    ]
    lines += ["resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"]
    for call in BIG.values():
        lines += ["try:", f"    {call}", "except StorageError as error:", "    print(error)"]
    command = [sys.executable, "-c", "\n".join(lines), str(tmp_path / "state")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.count("Free some space") == len(BIG), done.stdout + done.stderr
    assert (tmp_path / "state").read_text() == "old" and left_over(tmp_path) == ["state"]


def test_a_file_in_place_of_the_folder_is_an_error_that_says_so(tmp_path, write):
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(StorageError, match="choose a writable folder"):
        write(tmp_path / "runs" / "file")


def test_other_errors_pass_through_and_clean_up(tmp_path):
    path = tmp_path / "state"
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text("half")
        _ = 1 / 0
    assert left_over(tmp_path) == []


def test_inner_storage_error_is_not_wrapped_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(StorageError, match="inner") as caught, replacing(tmp_path / "outer") as temporary:
        temporary.mkdir()
        write_text(temporary / "inner", "x")
    assert "outer:" not in str(caught.value) and left_over(tmp_path) == []


def test_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "cycle_01"
    folder.mkdir()
    (folder / "old").write_text("old")
    with replacing(folder) as temporary:
        temporary.mkdir()
        write_text(temporary / "new", "new")
    assert left_over(folder) == ["new"] and left_over(tmp_path) == ["cycle_01"]


def test_a_file_never_takes_the_place_of_a_folder(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "old").write_text("old")
    with pytest.raises(StorageError, match=r"cannot write .*results.*intact"):
        write_text(folder, "new")
    assert left_over(folder) == ["old"] and left_over(tmp_path) == ["results"]


def test_folder_stays_when_its_replacement_fails(tmp_path):
    folder = tmp_path / "cycle_01"
    folder.mkdir()
    (folder / "old").write_text("old")
    with pytest.raises(StorageError), replacing(folder) as temporary:
        temporary.mkdir()
        full_disk()
    assert left_over(folder) == ["old"] and left_over(tmp_path) == ["cycle_01"]


def test_folder_is_still_there_when_the_rename_fails(tmp_path, monkeypatch):
    folder = tmp_path / "cycle_01"
    folder.mkdir()
    (folder / "old").write_text("old")
    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(StorageError, match="intact"), replacing(folder) as temporary:
        temporary.mkdir()
    assert left_over(folder) == ["old"]


def test_killed_writer_never_leaves_half_a_file(tmp_path):
    path = tmp_path / "state.json"
    write_json(path, [0])
    source = f"""
        from pathlib import Path
        from segxal.storage.files import write_json
        print("ready", flush=True)
        while True:
            write_json(Path({str(path)!r}), list(range(50_000)))
    """
    command = [sys.executable, "-c", textwrap.dedent(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        for _ in range(200):
            assert len(read_json(path)) in {1, 50_000}
        writer.send_signal(signal.SIGKILL)
    assert len(read_json(path)) in {1, 50_000}


def cut(path, share=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.99])
def test_truncated_npz_is_refused(tmp_path, share):
    path = tmp_path / "a.npz"
    write_arrays(path, a=np.arange(10_000), b=np.ones(3))
    cut(path, share)
    with pytest.raises(DataInvalid, match=r"a\.npz is not a readable"):
        read_arrays(path)


def test_npz_with_a_damaged_member_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    write_arrays(path, a=np.random.default_rng(0).random(10_000))
    content = bytearray(path.read_bytes())
    content[5_000:5_100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(DataInvalid, match=r"a\.npz is not a readable"):
        read_arrays(path)


class Explosive:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (os.mkdir, ("unpickled",))


def test_pickles_in_npz_are_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "a.npz", a=np.array([Explosive()], dtype=object))
    with pytest.raises(DataInvalid, match="not a readable"):
        read_arrays(tmp_path / "a.npz")
    assert left_over(tmp_path) == ["a.npz"]


def test_a_plain_pickle_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.npz").write_bytes(pickle.dumps(Explosive()))
    with pytest.raises(DataInvalid, match="not a readable"):
        read_arrays(tmp_path / "a.npz")
    assert left_over(tmp_path) == ["a.npz"]


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_truncated_safetensors_is_refused(tmp_path, share):
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"w": torch.rand(1000)})
    cut(path, share)
    with pytest.raises(CheckpointMismatch, match=r"a\.safetensors is not a readable"):
        read_tensors(path)


def test_truncated_json_is_refused(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    cut(path)
    with pytest.raises(DataInvalid, match=r"a\.json is not valid JSON.*delete it"):
        read_json(path)


def test_json_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataInvalid, match="not valid JSON"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("read", [read_json, read_arrays, read_tensors])
def test_a_missing_file_is_said_to_be_missing(tmp_path, read):
    with pytest.raises(FileNotFoundError, match="nothing"):
        read(tmp_path / "nothing")


def test_all_errors_have_one_base():
    for error in (StorageError, DataInvalid, CheckpointMismatch):
        assert issubclass(error, SegxalError)
