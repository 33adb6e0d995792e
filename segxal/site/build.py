"""``make site``: stage the pages, let Sphinx make HTML of them, follow every link of it."""

import importlib.util
import subprocess
import sys
from pathlib import Path

from segxal import paths
from segxal.errors import SegxalError
from segxal.site.links import problems
from segxal.site.stage import stage

SITE = paths.ROOT / "build" / "site"
TOOLS = {"sphinx": "sphinx", "myst_parser": "myst-parser", "furo": "furo"}  # module -> package
SHOWN = 20  # broken links that an error names


class SiteFailed(SegxalError, RuntimeError):
    """The site could not be built, or a link in it leads nowhere."""


def missing_tools() -> list[str]:
    """Packages of the extra ``docs`` that are not installed."""
    return [package for module, package in TOOLS.items() if importlib.util.find_spec(module) is None]


def build(folder: Path = SITE, jobs: str = "auto") -> Path:
    """Build the site; a second call only remakes what changed.

    Args:
        folder: gets ``source`` (what Sphinx reads), ``trees`` (what it remembers) and ``html``.
        jobs: processes that Sphinx uses; ``auto`` for as many as there are cores.

    Returns:
        The start page.

    Raises:
        SiteFailed: if a tool is missing, Sphinx warns of anything, or a link leads nowhere.
    """
    if missing := missing_tools():
        raise SiteFailed(f"{', '.join(missing)} not installed; `pip install {' '.join(missing)}`, or `make site`")
    source, html = folder / "source", folder / "html"
    stage(source)
    line = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going", "-j", jobs,
            "-d", str(folder / "trees"), str(source), str(html)]  # fmt: skip
    if subprocess.run(line, cwd=paths.ROOT).returncode:
        raise SiteFailed("Sphinx warned, see above; every page and link must be sound")
    if broken := problems(html):
        rest = f"\n... and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        raise SiteFailed(f"{len(broken)} links lead nowhere:\n" + "\n".join(broken[:SHOWN]) + rest)
    return html / "index.html"
