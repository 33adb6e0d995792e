"""Slides of the workshop: ``python -m segxal.workshop.slides --reveal FOLDER`` makes reveal.js pages of the parts.

Without ``--reveal`` the pages fetch reveal.js from the network when they are opened. With it they need no network:
the folder is that of an unpacked reveal.js 4 or 5 (it holds ``dist/reveal.js``) and is copied beside the pages.
"""

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter

from segxal.errors import DataMissing, SegxalError
from segxal.files import replacing, write_text
from segxal.paths import ROOT
from segxal.workshop.blanks import FOLDER, exercise_file, solutions

PARTS = ("dist", "plugin", "LICENSE")  # of reveal.js that a page needs
# The mathematics and the widgets of nbconvert's page come from the network; the parts need neither.
ELSEWHERE = re.compile(r'<script[^>]*src="https?://[^"]*"[^>]*>\s*</script>|<link[^>]*href="https?://[^"]*"[^>]*>')


def page(notebook: Path, reveal: str = "") -> str:
    """A notebook as one page of slides, as its ``slideshow`` metadata divides it.

    Args:
        notebook: an executed notebook.
        reveal: address of reveal.js as seen from the page; empty for nbconvert's default, on the network.

    Returns:
        HTML. With ``reveal`` nothing in it is fetched from the network.
    """
    exporter = SlidesExporter()
    if reveal:
        exporter.reveal_url_prefix = reveal
        exporter.require_js_url = exporter.mathjax_url = exporter.jquery_url = exporter.widget_renderer_url = ""
    text, _ = exporter.from_notebook_node(nbformat.read(notebook, as_version=4))
    return ELSEWHERE.sub("", text) if reveal else text


def vendored(reveal: Path, out: Path) -> str:
    """Copy what a page needs of an unpacked reveal.js beside the pages; gives its address as seen from them.

    Raises:
        DataMissing: if the folder holds no reveal.js.
    """
    if not (reveal / "dist" / "reveal.js").is_file():
        raise DataMissing(
            f"{reveal} holds no dist/reveal.js; unpack reveal.js there (`npm pack reveal.js@4`, tar xf ..., folder "
            "`package`), or leave --reveal out: the pages then need the network"
        )
    with replacing(out / "reveal.js") as temporary:
        temporary.mkdir()
        for part in (reveal / name for name in PARTS if (reveal / name).exists()):
            (shutil.copytree if part.is_dir() else shutil.copy)(part, temporary / part.name)
    return "reveal.js"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a page of every part, its exercises and its solutions."""
    parser = argparse.ArgumentParser("python -m segxal.workshop.slides", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "slides", help="where the pages go")
    parser.add_argument("--reveal", type=Path, help="folder of an unpacked reveal.js, for pages that need no network")
    options = parser.parse_args(arguments)
    try:
        address = vendored(options.reveal, options.out) if options.reveal else ""
        for solution in solutions(FOLDER):
            for notebook in (exercise_file(solution), solution):
                write_text(options.out / f"{notebook.stem}.html", page(notebook, address))
    except SegxalError as error:
        print(f"segxal: {error}", file=sys.stderr)
        return 1
    print(f"{options.out}: open one of the pages; space goes on, s shows the speaker's notes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
