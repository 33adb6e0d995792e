"""The keyboard belongs to an explorer while it has the focus."""

from pathlib import Path

import anywidget


class Keys(anywidget.AnyWidget):
    """An invisible child of a view: it makes arrow keys move its sliders in Notebook 7 as in JupyterLab."""

    _esm = Path(__file__).with_name("keys.js")
