"""The only file that knows folders."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
ROOT = PACKAGE.parent
NOTEBOOKS = ROOT / "notebooks"
PRESETS = PACKAGE / "study" / "presets"
PUBLISHED = PACKAGE / "results" / "published"
RUNS = ROOT / "papermill_runs"
DEPTHS = RUNS / "depth"  # maps of depth networks, kept for all studies
FIGURES = ROOT / "figures"


def data_roots(data_root: str | Path = "") -> list[Path]:
    """Folders searched for data sets, in order: ``data_root``, ``$SEGXAL_DATA``, ``../shared``.

    Args:
        data_root: a folder named by the user; empty for none. When it is given only it is searched.

    Returns:
        Existing and non-existing folders alike; the data set's loader says what it found.
    """
    if str(data_root):
        return [Path(data_root).expanduser()]
    roots = [Path(os.environ["SEGXAL_DATA"]).expanduser()] if os.environ.get("SEGXAL_DATA") else []
    return [*roots, ROOT.parent / "shared"]
