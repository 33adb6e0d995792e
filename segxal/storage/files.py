"""State on disk: written atomically, read without pickle.

A file is written beside its place and renamed into it, so a reader sees the old content or the new
content and never half of either; a full disk leaves the old file as it was.
"""

import csv
import gzip
import io
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from segxal.core.errors import DataInvalid, StorageError


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
        _take_place(temporary, path)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}. What was there before is intact. "
            "Free some space or choose a writable folder, then start the same command again."
        ) from error
    finally:
        _remove(temporary)


def _take_place(temporary: Path, path: Path) -> None:
    """Rename over a file at once; a folder is moved aside first and comes back if the rename fails.

    Only a folder takes a folder's place: ``os.replace`` refuses the others.
    """
    if not (path.is_dir() and temporary.is_dir()):
        os.replace(temporary, path)
        return
    aside = path.with_name(f".{path.name}.{os.getpid()}.old.tmp")
    path.rename(aside)
    try:
        os.replace(temporary, path)
    except OSError:
        aside.rename(path)
        raise
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    elif path.exists():
        path.unlink()


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
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataInvalid(f"{path} is not valid JSON ({error}); delete it to have it made again") from error


def write_rows(path: Path, columns: list[str], rows: list[dict[str, Any]]) -> None:
    """Write rows as CSV atomically, with exactly ``columns`` in that order; compressed where the name ends in .gz.

    The same rows give the same bytes.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = text.getvalue().encode()
    with replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read rows that :func:`write_rows` wrote, every cell as the text it is.

    Raises:
        DataInvalid: if the file is not UTF-8 text, or truncated.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataInvalid(f"{path} is not a readable table ({error}); restore it, or delete it") from error
    return list(csv.DictReader(io.StringIO(text)))


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write named arrays as a compressed ``.npz`` atomically."""
    with replacing(path) as temporary, temporary.open("wb") as handle:
        np.savez_compressed(handle, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read a ``.npz`` without pickle.

    Raises:
        DataInvalid: if the file is truncated or holds pickled objects.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise DataInvalid(f"{path} is not a readable .npz ({error})") from error
