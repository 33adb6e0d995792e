"""A view of one step of RALIS: the pools, the values of their candidates, and which features moved them."""

import ipywidgets as widgets

from segxal.apps.explore.keys import Keys
from segxal.apps.explore.page import STYLE
from segxal.apps.explore.picture import png
from segxal.apps.explore.policy.pictures import step_picture, step_text
from segxal.apps.explore.policy.step import Step


class PolicyExplorer(widgets.VBox):
    """Sliders over the pools of a step and the candidates of a pool.

    Args:
        step: of :func:`segxal.apps.explore.policy.step.step_of`.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        pools, candidates = step.pools.shape
        self.pool = widgets.IntSlider(1, 1, pools, description="pool")
        self.candidate = widgets.IntSlider(1, 1, candidates, description="candidate")
        self.picture, self.text = widgets.Image(format="png"), widgets.HTML()
        self.picture.layout.max_width = "100%"
        self.picture.add_class("segxal-policy")
        for slider in (self.pool, self.candidate):
            slider.observe(self._show, "value")
        self._show()
        choose = widgets.HBox([self.pool, self.candidate], layout={"flex_flow": "row wrap"})
        super().__init__([widgets.HTML(STYLE), choose, self.text, self.picture, Keys()])

    def _show(self, _change: object = None) -> None:
        place = self.pool.value - 1, self.candidate.value - 1
        self.picture.value = png(step_picture(self.step, *place))
        self.text.value = step_text(self.step, *place)
