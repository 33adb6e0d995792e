"""Slides of the workshop: ``python -m segxal.apps.workshop.slides --reveal FOLDER`` makes reveal.js pages of the parts.

Without ``--reveal`` the pages fetch reveal.js from the network when they are opened. With it they need no network:
the folder is that of an unpacked reveal.js 4 (it holds ``dist/reveal.js``) and is copied beside the pages.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter

from segxal.apps.workshop.blanks import FOLDER, exercise_file, solutions
from segxal.core.errors import DataMissing, SegxalError
from segxal.storage.files import replacing, write_text
from segxal.storage.paths import ROOT

THEME = "white"  # its fonts come with reveal.js; those of nbconvert's choice come from the network
NETWORK = "https://unpkg.com/reveal.js@4.6.1"
PARTS = ("dist", "plugin", "LICENSE")  # of reveal.js that a page needs
# nbconvert's page of slides without what it fetches for mathematics, diagrams and widgets; the parts have none.
TEMPLATE = """{%- extends 'reveal/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_css -%}
<style>.reveal .slides section { max-height: 100%; overflow-y: auto } .reveal .slides section img { margin: 0 }</style>
{%- endblock -%}
{%- block footer_js -%}
<script src="{{ resources.reveal.url_prefix }}/dist/reveal.js"></script>
<script src="{{ resources.reveal.url_prefix }}/plugin/notes/notes.js"></script>
<script>
Reveal.initialize({ hash: true, slideNumber: true, center: false, transition: 'none', width: 1100, height: 780,
                    plugins: [RevealNotes] });
</script>
{%- endblock -%}
"""


def page(notebook: Path, reveal: str = NETWORK) -> str:
    """A notebook as one page of slides, as its ``slideshow`` metadata divides it.

    Args:
        notebook: an executed notebook.
        reveal: address of reveal.js, as seen from the page.

    Returns:
        HTML; only what lies under ``reveal`` is fetched when it is opened.
    """
    exporter = SlidesExporter(raw_template=TEMPLATE, reveal_url_prefix=reveal, reveal_theme=THEME, embed_images=True)
    text, _ = exporter.from_notebook_node(nbformat.read(notebook, as_version=4), {"metadata": {"name": notebook.stem}})
    return text


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
    parser = argparse.ArgumentParser("python -m segxal.apps.workshop.slides", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "slides", help="where the pages go")
    parser.add_argument("--reveal", type=Path, help="folder of an unpacked reveal.js, for pages that need no network")
    options = parser.parse_args(arguments)
    try:
        address = vendored(options.reveal, options.out) if options.reveal else NETWORK
        for solution in solutions(FOLDER):
            for notebook in (exercise_file(solution), solution):
                write_text(options.out / f"{notebook.stem}.html", page(notebook, address))
    except SegxalError as error:
        print(f"segxal: {error}", file=sys.stderr)
        return 1
    print(f"{options.out}: open one of the pages; space moves on, s shows the speaker's notes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
