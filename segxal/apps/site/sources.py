"""The folder Sphinx reads: pages and copies, touched only where they changed, so that a second build is short."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from segxal.storage import paths

COPIES = "files"  # where copies of the repository's files stand, under their own paths
SCRATCH = ("smoke", "test-")  # studies that are not kept


class Sources:
    """The folder of all pages.

    Args:
        folder: it is created if missing; files in it that were not written this time are removed by :meth:`tidy`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written: set[Path] = set()

    def write(self, name: str, content: str | bytes) -> None:
        """A page or picture, by its path in the folder."""
        data = content.encode() if isinstance(content, str) else content
        file = self._target(name)
        if not file.is_file() or file.read_bytes() != data:
            file.write_bytes(data)

    def copy(self, file: Path, name: str = "") -> str:
        """A file of the repository.

        Args:
            file: where it is.
            name: where it goes; empty for :data:`COPIES` and its path in the repository.

        Returns:
            Its path in the folder as pages write it, from the root on.
        """
        name = name or f"{COPIES}/{file.relative_to(paths.ROOT).as_posix()}"
        target = self._target(name)
        old, new = target.stat() if target.is_file() else None, file.stat()
        if old is None or (old.st_size, old.st_mtime) != (new.st_size, new.st_mtime):
            shutil.copy2(file, target)
        return f"/{name}"

    def tidy(self) -> bool:
        """Remove what an earlier build left and this one did not write; returns whether there was anything."""
        stale = [file for file in self.folder.rglob("*") if file.is_file() and file not in self.written]
        for file in stale:
            file.unlink()
        return bool(stale)

    def _target(self, name: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        self.written.add(file)
        return file


def by_study(files: Iterable[tuple[str, Path]], known: Iterable[str] = ()) -> dict[str, list[Path]]:
    """Files of the kept studies.

    Args:
        files: each with its study.
        known: names that come first, in this order.

    Returns:
        Study -> its files; studies, and files that are not known, in the order of their names.
    """
    rank = {name: number for number, name in enumerate(known)}
    found: dict[str, list[Path]] = {}
    for study, file in sorted(files, key=lambda one: (one[0], rank.get(one[1].stem, len(rank)), one[1])):
        if not study.startswith(SCRATCH):
            found.setdefault(study, []).append(file)
    return found


def download(sources: Sources, file: Path, words: str) -> str:
    """MyST text of a link that downloads a copy of a repository's file."""
    return f"{{download}}`{words} <{sources.copy(file)}>`"


def scrolling(html: str, label: str) -> str:
    """A wide table in a box of its own that scrolls, also by keyboard; the page does not."""
    html = re.sub(r"\n\s*\n", "\n", html)  # an empty line would end it in Markdown
    html = re.sub(r"<td>([^<]{60,})</td>", r'<td class="words">\1</td>', html)  # sentences may break into lines
    return f'<div class="wide" role="group" tabindex="0" aria-label="{label}">\n{html}\n</div>'


def toctree(pages: Iterable[str], hidden: bool = True) -> str:
    """MyST text that puts pages into the menu; empty without pages."""
    lines = ["```{toctree}", ":titlesonly:", *([":hidden:"] if hidden else []), "", *pages, "```"]
    return "\n".join(lines) if lines[-2] else ""
