"""All pages in one folder, ready for Sphinx."""

from pathlib import Path

from segxal.apps.annotate.cli import DESCRIPTION
from segxal.apps.site.api import write_api
from segxal.apps.site.books import write_books
from segxal.apps.site.gallery import write_gallery
from segxal.apps.site.methods import write_methods
from segxal.apps.site.offline_copy import write_offline_copy
from segxal.apps.site.readme import including, write_pieces
from segxal.apps.site.sources import Sources
from segxal.apps.site.tables import write_tables
from segxal.storage import paths

DOCS = paths.ROOT / "docs"  # the pages written by hand, and Sphinx' settings


def stage(folder: Path) -> bool:
    """Put every page into a folder; what an earlier call left there and is no longer wanted goes.

    Args:
        folder: outside of what git tracks; it is Sphinx' source folder afterwards.

    Returns:
        Whether anything went.

    Raises:
        DataInvalid: if a figure's JSON cannot be read.
    """
    sources = Sources(folder)
    for file in sorted(file for file in DOCS.rglob("*") if file.is_file() and "__pycache__" not in file.parts):
        sources.copy(file, file.relative_to(DOCS).as_posix())
    write_pieces(sources, including(DOCS))
    sources.write("readme/annotate.md", f"```text\n{DESCRIPTION}```\n")
    for write in (write_methods, write_api, write_books, write_gallery, write_tables, write_offline_copy):
        write(sources)
    return sources.tidy()
