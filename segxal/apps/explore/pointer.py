"""Which pixel of a picture a person points at."""

from collections.abc import Callable, Mapping
from pathlib import Path

import anywidget
import traitlets
from ipywidgets import Image

NOWHERE = [-1, -1]  # before a click, and after it was heard: a second click on the same pixel is a change too


class Pointer(anywidget.AnyWidget):
    """Listens to clicks on the pictures of an explorer and tells the pixel of the map under them.

    It is invisible and stands beside the plain ``Image`` widgets that it is told to ``watch``. A picture shows one map
    of ``rows`` x ``columns`` pixels over its whole area, at any size on the screen. Where the front end cannot load it,
    only pointing is missing: offer sliders for row and column too.

    Attributes:
        target: CSS class of the pictures.
        rows: height of the map, pixels.
        columns: width of the map, pixels.
        pixel: [row, column] of the last click, each from 0; ``NOWHERE`` again when it was heard.
        follow: whether moving the pointer over a picture counts like a click.
        listening: whether it is told at all; not while the kernel is busy, which would hear the clicks afterwards.
        texts: CSS class of one picture -> what a screen reader says about it.
    """

    _esm = Path(__file__).with_name("pointer.js")
    target = traitlets.Unicode("").tag(sync=True)
    rows = traitlets.Int(1).tag(sync=True)
    columns = traitlets.Int(1).tag(sync=True)
    pixel = traitlets.List(traitlets.Int(), default_value=NOWHERE, minlen=2, maxlen=2).tag(sync=True)
    follow = traitlets.Bool(False).tag(sync=True)
    listening = traitlets.Bool(True).tag(sync=True)
    texts = traitlets.Dict(value_trait=traitlets.Unicode(), key_trait=traitlets.Unicode()).tag(sync=True)

    def watch(self, pictures: Mapping[str, Image], texts: Mapping[str, str]) -> None:
        """Listen to pictures, by name; each gets the CSS class ``segxal-`` + name and its text for screen readers."""
        self.target = f"segxal-{self.model_id[:12]}"
        for name, picture in pictures.items():
            for word in ("segxal-map", self.target, f"segxal-{name}"):
                picture.add_class(word)
        self.texts = {f"segxal-{name}": text for name, text in texts.items()}

    def on_click(self, act: Callable[[int, int], None]) -> None:
        """Call ``act(row, column)`` at every click."""

        def heard(change: dict[str, list[int]]) -> None:
            if change["new"] != NOWHERE:
                if self.listening:
                    act(*change["new"])
                self.pixel = NOWHERE

        self.observe(heard, "pixel")
