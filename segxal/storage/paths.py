"""The only file that knows folders.

Results are written into one folder, the repository unless ``$SEGXAL_HOME`` names another: studies into its
``papermill_runs/``, figures into its ``figures/``. What the repository ships is read where it lies.
"""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
ROOT = PACKAGE.parent
NOTEBOOKS = ROOT / "notebooks"
PRESETS = PACKAGE / "study" / "presets"
DIVISIONS = PACKAGE / "data" / "divisions"
PUBLISHED = PACKAGE / "results" / "published"
HOME = Path(os.environ.get("SEGXAL_HOME") or ROOT).expanduser().resolve()
RUNS = HOME / "papermill_runs"
DEPTHS = RUNS / "depth"  # maps of depth networks, kept for all studies
ENCODERS = RUNS / "encoders"  # ImageNet weights of encoders, kept once read
FEATURES = RUNS / "features"  # what frozen encoders give, kept for all studies
FIGURES = HOME / "figures"
SHIPPED_RUNS = ROOT / "papermill_runs"  # the committed records
SHIPPED_FIGURES = ROOT / "figures"


def preset_names() -> tuple[str, ...]:
    """Names of the presets that come with the package."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.yml")))


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
