"""``make site``: stage the pages, let Sphinx make HTML of them, follow every link of it."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from segxal.apps.site.links import problems
from segxal.apps.site.stage import stage
from segxal.core.errors import SegxalError
from segxal.storage import paths

SITE = paths.ROOT / "build" / "site"
TOOLS = {"sphinx": "sphinx", "myst_parser": "myst-parser", "furo": "furo"}  # module -> package
SHOWN = 20  # broken links that an error names


class SiteFailed(SegxalError, RuntimeError):
    """The site could not be built, or a link in it leads nowhere."""


def missing_tools() -> list[str]:
    """Packages of the extra ``docs`` that are not installed."""
    return [package for module, package in TOOLS.items() if importlib.util.find_spec(module) is None]


def build(folder: Path = SITE) -> Path:
    """Build the site; a second call only remakes what changed.

    Sphinx warns of a page only when it reads it, and leaves the HTML of pages that are gone: what it remembers is used
    after a build without any warning alone, and while no page goes.

    Args:
        folder: gets ``source`` (what Sphinx reads), ``trees`` (what it remembers), ``html``, and the mark ``sound``.

    Returns:
        The start page.

    Raises:
        SiteFailed: if a tool is missing, Sphinx warns of anything, or a link leads nowhere.
    """
    if missing := missing_tools():
        raise SiteFailed(f"{', '.join(missing)} not installed; `pip install {' '.join(missing)}`, or `make site`")
    source, trees, html, mark = (folder / name for name in ("source", "trees", "html", "sound"))
    known = mark.is_file()
    mark.unlink(missing_ok=True)
    if stage(source) or not known:
        for stale in (trees, html):
            shutil.rmtree(stale, ignore_errors=True)
    options = ["-b", "html", "-q", "-W", "-j", "auto", "-d", str(trees)]
    if subprocess.run([sys.executable, "-m", "sphinx", *options, str(source), str(html)], cwd=paths.ROOT).returncode:
        raise SiteFailed("Sphinx gave warnings, see above; fix these pages and links")
    mark.touch()
    if broken := problems(html):
        rest = f"\n... and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        raise SiteFailed(f"{len(broken)} links lead nowhere:\n" + "\n".join(broken[:SHOWN]) + rest)
    return html / "index.html"
