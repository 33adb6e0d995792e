"""All pages in one folder, ready for Sphinx."""

from pathlib import Path

from segxal.apps.site.api import write_api
from segxal.apps.site.books import write_books
from segxal.apps.site.gallery import write_gallery
from segxal.apps.site.methods import write_methods
from segxal.apps.site.offline_copy import write_offline_copy
from segxal.apps.site.pages import write_pages
from segxal.apps.site.sources import Sources
from segxal.apps.site.tables import write_tables


def stage(folder: Path) -> bool:
    """Put every page into a folder; pages from an earlier call that are no longer needed are removed.

    Args:
        folder: outside of what git tracks; it is Sphinx' source folder afterwards.

    Returns:
        Whether anything was removed.

    Raises:
        DataInvalid: if a figure's JSON cannot be read.
    """
    sources = Sources(folder)
    for write in (write_pages, write_methods, write_api, write_books, write_gallery, write_tables, write_offline_copy):
        write(sources)
    return sources.tidy()
