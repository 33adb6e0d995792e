"""State on disk: written atomically, read without pickle.

A file is written beside its place and renamed into it, so a reader sees the old content or the new
content and never half of either; a full disk leaves the old file as it was.
"""

import csv
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from segxal.errors import CheckpointMismatch, DataInvalid, StorageError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path; when the block ends well, rename it to ``path`` (file or folder).

    Raises:
        StorageError: if the disk is full or the folder is not writable; ``path`` is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush(temporary)
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(temporary, path)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}. What was there before is intact. "
            "Free some space or choose a writable folder, then start the same command again."
        ) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb+") as handle:
                os.fsync(handle.fileno())


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; the same value gives the same bytes (keys keep their order)."""
    write_text(path, json.dumps(value, indent=1, allow_nan=True) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        DataInvalid: if the file is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataInvalid(f"{path} is not valid JSON ({error}); delete it to have it made again") from error


def write_rows(path: Path, columns: list[str], rows: list[dict[str, Any]]) -> None:
    """Write rows as CSV atomically, with exactly ``columns`` in that order."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write named arrays as a compressed ``.npz`` atomically."""
    with replacing(path) as temporary, temporary.open("wb") as handle:
        np.savez_compressed(handle, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read a ``.npz`` without pickle.

    Raises:
        DataInvalid: if the file is truncated or holds pickled objects.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise DataInvalid(f"{path} is not a readable .npz ({error})") from error


def write_tensors(path: Path, tensors: dict[str, torch.Tensor], **metadata: str) -> None:
    """Write tensors as safetensors atomically; ``metadata`` says what model they belong to."""
    with replacing(path) as temporary:
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary, metadata)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read safetensors.

    Raises:
        CheckpointMismatch: if the file is truncated or no safetensors file.
    """
    try:
        return load_file(path)
    except SafetensorError as error:
        raise CheckpointMismatch(
            f"{path} is not a readable safetensors file ({error}); delete it to have it made again"
        ) from error
