"""A view of labels from nobody: how much of each class is labelled, by which doubt, and where that is wrong."""

import ipywidgets as widgets

from segxal.apps.explore.keys import Keys
from segxal.apps.explore.labels.doubted import Doubted
from segxal.apps.explore.labels.pictures import labels_picture, labels_text
from segxal.apps.explore.page import STYLE
from segxal.apps.explore.picture import png

START = 50  # percent of every class, as in ESL
WIDE = {"description_width": "90px"}


class LabelsExplorer(widgets.VBox):
    """Sliders for the share of every class, or of one, that a machine labels.

    Args:
        view: of :func:`segxal.apps.explore.labels.doubted.doubted`.
    """

    def __init__(self, view: Doubted) -> None:
        self.view = view
        names = view.frames.classes.names
        self.shares = [START / 100] * len(names)
        self.image = widgets.IntSlider(1, 1, len(view.frames), description="image", style=WIDE)
        self.every = widgets.IntSlider(START, 0, 100, description="every class (%)", style=WIDE)
        options = [(names[category], category) for category in view.predicted]
        self.category = widgets.Dropdown(options=options, description="class", style=WIDE)
        self.one = widgets.IntSlider(START, 0, 100, description="this class (%)", style=WIDE)
        self.picture, self.text = widgets.Image(format="png"), widgets.HTML()
        self.picture.layout.max_width = "100%"
        self.picture.add_class("segxal-labels")
        self.image.observe(self._show, "value")
        self.every.observe(self._move_all, "value")
        self.category.observe(self._choose, "value")
        self.one.observe(self._move_one, "value")
        self._show()
        choose = widgets.HBox([self.image, self.every, self.category, self.one], layout={"flex_flow": "row wrap"})
        super().__init__([widgets.HTML(STYLE), choose, self.picture, self.text, Keys()])

    def _move_all(self, _change: object) -> None:
        self.shares = [self.every.value / 100] * len(self.shares)
        self._choose()

    def _choose(self, _change: object = None) -> None:
        """The slider of one class stands where that class is; setting it is no move."""
        self.one.unobserve(self._move_one, "value")
        self.one.value = round(100 * self.shares[self.category.value])
        self.one.observe(self._move_one, "value")
        self._show()

    def _move_one(self, _change: object) -> None:
        self.shares[self.category.value] = self.one.value / 100
        self._show()

    def _show(self, _change: object = None) -> None:
        self.picture.value = png(labels_picture(self.view, self.image.value - 1, self.shares))
        self.text.value = labels_text(self.view, self.shares, self.category.value)
