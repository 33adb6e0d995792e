"""Which pixel of a picture a person points at."""

from pathlib import Path

import anywidget
import traitlets

NOWHERE = [-1, -1]  # before a click, and after it was heard: a second click on the same pixel is a change too


class Pointer(anywidget.AnyWidget):
    """Listens to clicks on the pictures of an explorer and tells the pixel of the map under them.

    It is invisible and stands beside plain ``Image`` widgets that carry the CSS class ``target`` (``add_class``). A
    picture shows one map of ``rows`` x ``columns`` pixels over its whole area, at any size on the screen. Observe
    ``pixel``. Where the front end cannot load it, only pointing is missing: offer sliders for row and column too.

    Attributes:
        target: CSS class of the pictures.
        rows: height of the map, pixels.
        columns: width of the map, pixels.
        pixel: [row, column] of the last click, each from 0; whoever heard it sets it back to ``NOWHERE``.
        follow: whether moving the pointer over a picture counts like a click.
        texts: CSS class of one picture -> what a screen reader says of it.
    """

    _esm = Path(__file__).with_name("pointer.js")
    target = traitlets.Unicode("").tag(sync=True)
    rows = traitlets.Int(1).tag(sync=True)
    columns = traitlets.Int(1).tag(sync=True)
    pixel = traitlets.List(traitlets.Int(), default_value=NOWHERE, minlen=2, maxlen=2).tag(sync=True)
    follow = traitlets.Bool(False).tag(sync=True)
    texts = traitlets.Dict(value_trait=traitlets.Unicode(), key_trait=traitlets.Unicode()).tag(sync=True)
