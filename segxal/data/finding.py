"""Files of a data set below a folder: by name, whatever the disk; what is passed over is named."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segxal.core.errors import DataInvalid

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
LABEL_SUFFIXES = (".png", ".tif", ".tiff", ".bmp")  # kinds that keep every pixel as it was written
OF_THE_SYSTEM = ("thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Found:
    """What lies below a folder.

    Attributes:
        files: by name: path from the folder without suffix, with ``/``, in the composed form of Unicode (NFC).
        others: by name, with suffix: files that are not of the kinds looked for.
        unusable: what cannot be used at all, with the reason: links that lead nowhere or in circles, names that are
            not UTF-8.
    """

    files: dict[str, Path]
    others: dict[str, Path]
    unusable: tuple[str, ...]


def find_files(folder: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> Found:
    """Files below ``folder``, nested and linked folders too; hidden files and those of the system are left out.

    Args:
        folder: where to look; it need not exist.
        suffixes: kinds of files, in lower case with the dot; case does not matter.

    Raises:
        DataInvalid: if two files have the same name but for the suffix, upper and lower case or the form of Unicode,
            or a folder cannot be read.
    """
    files: dict[str, Path] = {}
    others: dict[str, Path] = {}
    unusable: list[str] = []
    taken: dict[str, Path] = {}
    for path, reason in _walk(folder, ()) if folder.is_dir() else ():
        name = composed(path.relative_to(folder).as_posix())
        if not _is_utf8(name):
            reason = "its name is not UTF-8"
        if reason:
            unusable.append(f"{printable(name)} ({reason})")
            continue
        if path.suffix.lower() not in suffixes:
            others[name] = path
            continue
        name = name[: len(name) - len(composed(path.suffix))]
        other = taken.setdefault(name.casefold(), path)
        if other != path:
            raise DataInvalid(f"{other} and {path} have the same name; keep one of them")
        files[name] = path
    return Found(files, others, tuple(unusable))


def _walk(folder: Path, above: tuple[Path, ...]) -> Iterator[tuple[Path, str]]:
    """Every file below a folder and, where it cannot be used, why; sorted by name within each folder."""
    real = folder.resolve()
    if real in above:
        yield folder, "a link to a folder that it lies in"
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise DataInvalid(f"{folder} cannot be read ({error.strerror}); give yourself the right to read it") from error
    for path in entries:
        if path.name.startswith(".") or path.name.lower() in OF_THE_SYSTEM:
            continue
        if path.is_dir():
            yield from _walk(path, (*above, real))
        else:
            yield path, "" if path.is_file() else "a link that leads nowhere" if path.is_symlink() else "no file"


def composed(name: str) -> str:
    """A name in the composed form of Unicode: macOS keeps an ä as two letters, lists hold it as one."""
    return unicodedata.normalize("NFC", name)


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(name: str) -> str:
    """A name as it can be shown anywhere: what is not UTF-8 as an escape."""
    return name.encode(errors="backslashreplace").decode()


def image_files(folder: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> dict[str, Path]:
    """The files of :func:`find_files` alone.

    Raises:
        DataInvalid: as there.
    """
    return find_files(folder, suffixes).files


def some(names: list[str], most: int = 3) -> str:
    """The first of some names and how many more there are, for a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
