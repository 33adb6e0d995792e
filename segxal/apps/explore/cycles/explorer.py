"""A cycle slider: one image through the cycles of a run, and what each cycle's labels changed."""

from collections.abc import Sequence

import ipywidgets as widgets

from segxal.apps.explore.cycles.scenes import Scene, scene_picture, scene_text, scenes, tops_of
from segxal.apps.explore.keys import Keys
from segxal.apps.explore.picture import png
from segxal.core.errors import ConfigError
from segxal.data.splits import Splits
from segxal.results.figures.cycles import spectator
from segxal.study.state import Cycle

INTERVAL = 1500  # milliseconds a cycle is shown while it plays


class CycleExplorer(widgets.VBox):
    """A slider and a player over the cycles of a run, for any training image.

    Args:
        run: the finished cycles of a run in order, cycle 0 included.
        splits: the data of its study.
        image: name of the training image to begin with; empty for one that is never labelled.
    """

    def __init__(self, run: Sequence[Cycle], splits: Splits, image: str = "") -> None:
        self.run, self.splits = run, splits
        last = run[-1].number
        if last == 0:
            raise ConfigError("the run has only cycle 0, in which nothing is asked; run it to a later cycle")
        first = splits.train.position(image or spectator(run, splits))
        self.image = widgets.Dropdown(
            options=list(splits.train.ids), value=splits.train.ids[first], description="image"
        )
        self.slider = widgets.IntSlider(1, 1, last, description="cycle")
        self.play = widgets.Play(min=1, max=last, interval=INTERVAL, description="play the cycles")
        widgets.jslink((self.play, "value"), (self.slider, "value"))
        self.picture, self.text = widgets.Image(format="png"), widgets.HTML()
        self.picture.layout.max_width = "100%"
        choose = widgets.HBox([self.play, self.slider, self.image], layout={"flex_flow": "row wrap"})
        self.image.observe(self._load, "value")
        self.slider.observe(self._show, "value")
        self._load()
        super().__init__([choose, self.text, self.picture, Keys()])

    @property
    def scene(self) -> Scene:
        """The cycle that is shown."""
        return self.scenes[self.slider.value - 1]

    def _load(self, _change: object = None) -> None:
        found = scenes(self.run, self.splits, self.image.value)  # the slider may move meanwhile
        self.scenes, self._tops = found, tops_of(found)
        self._show()

    def _show(self, _change: object = None) -> None:
        self.picture.value = png(scene_picture(self.scene, self._tops))
        self.text.value = scene_text(self.scene, self.scenes)
