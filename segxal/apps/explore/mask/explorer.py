"""The EEM explorer: move a slider, see the error mask change."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets
from torch import nn

from segxal.acquisition.strategies.base import Learner
from segxal.apps.explore import page
from segxal.apps.explore.keys import Keys
from segxal.apps.explore.later import Later
from segxal.apps.explore.mask import panels, sources, words
from segxal.apps.explore.mask.controls import BY_LEVEL, IMAGE, MAPS, MASK, Controls, build
from segxal.apps.explore.mask.maps import MapStore, Setting
from segxal.apps.explore.mask.networks import Networks
from segxal.apps.explore.mask.reading import Reading, asked_for, error_mask, pixel_facts, read
from segxal.apps.explore.mask.what_if import next_cycle
from segxal.apps.explore.mask.what_if_view import WhatIf
from segxal.apps.explore.picture import png
from segxal.apps.explore.pointer import Pointer
from segxal.core.errors import ConfigError, SegxalError
from segxal.core.labels import CITYSCAPES, Classes
from segxal.data.base import Frames
from segxal.data.splits import open_splits
from segxal.study.state import Cycle


class Explorer(widgets.VBox):
    """The error mask of one image under your fingers.

    Args:
        run: cycles of one run in order; those that are not finished are left out.
        image: name of the training image shown first; empty for the best-ranked query of the last cycle.
        data_root: folder that holds the data sets.
        networks: further networks by name, with their settings, or modules of any package alone; the first of them is
            shown first. Without any it is the network that asked in the last cycle.
        classes: of the further networks.

    Attributes:
        controls: what can be moved; setting ``value`` in code does what a hand does.
        images: name of a picture (:data:`segxal.apps.explore.mask.panels.PANELS`) -> its ``Image`` widget.
        store: the cached maps.
        subject: the image and network that are chosen.
        maps: what is shown of them; the previous ones while they cannot be shown, with a note.

    Raises:
        ConfigError: if no cycle of the run is finished, there is no such image, or a further network does not tell
            ``classes`` apart.
    """

    def __init__(
        self, run: Sequence[Cycle], image: str = "", data_root: str = "",
        networks: Mapping[str, Learner | nn.Module] | None = None, classes: Classes = CITYSCAPES,
    ) -> None:  # fmt: skip
        self.run = [cycle for cycle in run if cycle.is_done()]
        if not self.run:
            raise ConfigError("no cycle of this run is finished; compute it first: study.run_cycles(run)")
        self.preset, self.data_root = self.run[-1].settings, data_root
        self.splits = open_splits(self.preset.data, data_root, self._cache)
        self.networks = Networks(self.run, self.splits, networks or {}, classes)
        self.store, self._shown = MapStore(), dict[str, str]()
        self._quiet, self._later = False, Later()
        self._first = self._position(image)
        self._look_through(self.networks.first, "first", self.splits.train.select([self._first]))
        self.controls = self._controls()
        self._widgets()
        super().__init__(self._arranged())
        self.add_class("segxal-explorer")
        self._listen()
        self._enable()
        self._fill_images()
        self._say_numbers()

    @property
    def _cache(self) -> Any:
        return self.run[0].study / "cache"

    def _position(self, image: str) -> int:
        train, queries = self.splits.train, self.run[-1].queries()
        return train.position(image or (str(queries[0]["id"]) if queries else train.ids[0]))

    def _controls(self) -> Controls:
        learner, number, data_sets = self.subject.learner, self.networks.first, sources.data_sets
        return build(
            learner.mask, self.networks.classes(number), self.networks.options, number, learner.model.layer_names(),
            learner.model.explained, self.networks.whose(number), data_sets(self.preset, self.data_root), self.shape,
        )  # fmt: skip

    def _widgets(self) -> None:
        self.pointer = Pointer(rows=self.shape[0], columns=self.shape[1])
        full = {"width": "100%"}
        self.images = {name: widgets.Image(layout=full) for name in panels.PANELS}
        self.scales = {name: widgets.HTML() for name in panels.PANELS}
        self.titles = {name: widgets.HTML(page.title(panel.title)) for name, panel in panels.PANELS.items()}
        self.pointer.watch(self.images, {name: panel.title for name, panel in panels.PANELS.items()})
        self.status, self.numbers, self.pixel = (widgets.HTML() for _ in range(3))
        self.what_if = WhatIf(self._question, self.data_root)

    def _arranged(self) -> list[widgets.Widget]:
        def panel(name: str, width: str, least: str = "0") -> widgets.VBox:
            parts = [self.titles[name], self.images[name], self.scales[name]]
            return widgets.VBox(parts, layout={"width": width, "min_width": least, "align_items": "stretch"})

        beside = widgets.VBox([self.numbers, self.pixel], layout={"flex": "1 1 220px", "padding": "0 0 0 12px"})
        wrap = {"flex_flow": "row wrap", "width": "100%"}  # a phone has them under each other
        top = widgets.HBox([panel("asked", "58%", "min(100%, 420px)"), beside], layout=wrap)
        columns = "repeat(auto-fill, minmax(210px, 1fr))"
        rest = widgets.GridBox(
            [panel(name, "auto") for name in panels.SMALL],
            layout={"grid_template_columns": columns, "grid_gap": "8px 14px", "width": "100%"},
        )
        pictures = widgets.VBox([self.status, top, rest, self.what_if], layout={"flex": "1 1 420px", "min_width": "0"})
        return [
            widgets.HTML(page.STYLE),
            widgets.HBox([self.controls.column_of_all(), pictures], layout=wrap),
            self.pointer, Keys(),
        ]  # fmt: skip

    def _listen(self) -> None:
        one = self.controls
        groups: list[tuple[tuple[str, ...], Callable[[], None]]] = [
            (("data", "split"), self._fill_images), (("image",), self._open_image), (("upload",), self._open_upload),
            (("network",), self._change_network), (MAPS, self.show), (MASK, self.show_mask),
            (("opacity",), self._show_asked), (("row", "column"), self._show_pixel),
        ]  # fmt: skip
        for names, act in groups:
            for name in names:
                getattr(one, name).observe(lambda _change, act=act: self._safely(act), "value")
        self.pointer.on_click(lambda row, column: self._safely(lambda: self._point(row, column)))
        one.follow.observe(lambda change: setattr(self.pointer, "follow", change["new"]), "value")

    def _enable(self) -> None:
        """Enable only the controls that have an effect."""
        one = self.controls
        one.quantile.disabled = one.threshold.value != "quantile"
        one.level.disabled, one.area.disabled = one.part.value != BY_LEVEL, one.part.value == BY_LEVEL

    def _safely(self, act: Callable[[], None]) -> None:
        """Do it; if it cannot be done, say so beside the pictures and leave them as they were."""
        if self._quiet:
            return
        try:
            self._enable()
            act()
            message = self._note()
        except SegxalError as error:
            message = str(error)
        self.status.value = page.status_text("\n".join(part for part in (message, self._still()) if part))

    def _note(self) -> str:
        """The note to show for this setting.

        Raises:
            SegxalError: if it cannot be shown, so that other settings' pictures are never shown without notice.
        """
        maps, category = self.store.maps(self.subject, self.setting), self.controls.chosen_class
        if category is not None and not maps.pae.any():
            name = self.subject.frames.classes.names[category]
            return f"{name} is not predicted in the depth-informed image: its PAE is 0 everywhere."
        return ""

    def _still(self) -> str:
        """What is shown, where it differs from the controls."""
        now = self.controls.in_words((*IMAGE, *MAPS, *MASK))
        others = ", ".join(f"{name} {value}" for name, value in self._shown.items() if value != now[name])
        return f"Still showing {others}." if others else ""

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the image."""
        height, width = self.subject.frames.labels.shape[1:]
        return int(height), int(width)

    @property
    def setting(self) -> Setting:
        """What the controls say.

        Raises:
            ConfigError: if they make no mask: both weights 0.
        """
        return self.controls.setting(self.subject.learner)

    def _question(self) -> tuple[Cycle, Setting, float]:
        number = self.networks.cycle(self.controls.network.value)
        return next_cycle(self.run[-1], number), self.setting, float(self.asked.mean())

    @property
    def reading(self) -> Reading:
        """The current setting in numbers."""
        return read(self.maps, self.setting, panels.truth_of(self.frames), self.preset.oracle.overlap)

    def _fill_images(self) -> None:
        one = self.controls
        names = sources.image_names(self.preset, one.data.value, one.split.value, self.data_root, self._cache)
        home = (one.data.value, one.split.value) == (self.preset.data.name, "train")
        self._quiet = True
        one.image.options = [(name, k) for k, name in enumerate(names)]
        one.image.value = self._first if home else 0
        self._quiet = False
        self._open_image()

    def _open_image(self) -> None:
        one = self.controls
        frames = sources.open_image(
            self.preset, one.data.value, one.split.value, one.image.value, self.data_root, self._cache
        )  # fmt: skip
        self._look_at(f"{one.data.value} {one.split.value} {one.image.value}", frames)

    def _open_upload(self) -> None:
        for file in self.controls.upload.value:
            content, classes = bytes(file["content"]), self.subject.frames.classes
            self._look_at(sources.UPLOADED, sources.read_upload(content, file["name"], self.preset, classes))

    def _look_through(self, number: int, name: str, frames: Frames) -> None:
        """Choose a network and an image, whose labels are kept for networks that know its classes."""
        learner = self.networks.learner(number)
        known = sources.known_to(self.networks.classes(number), frames)
        self.subject, self._opened = sources.subject_of(name, known, str(number), learner), (name, frames)

    def _look_at(self, name: str, frames: Frames) -> None:
        self._look_through(self.controls.network.value, name, frames)
        self._chosen = self.controls.in_words(IMAGE)
        if frames.depth is None and self.controls.depth.value == "dataset":
            self._quiet = True
            self.controls.depth.value = "geometry"  # what works for every image
            self._quiet = False
        self.show()

    def _change_network(self) -> None:
        number, former = self.controls.network.value, self.subject.learner.model.explained
        learner = self.networks.learner(number)
        self._quiet = True
        self.controls.offer(
            self.networks.classes(number), learner.model.layer_names(), learner.model.explained, former,
            self.networks.whose(number),
        )  # fmt: skip
        self._quiet = False
        self._look_at(*self._opened)

    def _point(self, row: int, column: int) -> None:
        self._quiet = True
        self.controls.row.value, self.controls.column.value = row, column
        self._quiet = False
        self._show_pixel()

    def show(self) -> None:
        """Redraw everything."""
        self.maps, self.frames = self.store.maps(self.subject, self.setting), self.subject.frames
        self._shown |= self._chosen | self.controls.in_words(MAPS)
        for name, image in panels.map_pictures(self.maps, self.frames).items():
            self.images[name].value = png(image)
        for name, text in panels.scale_texts(self.maps, self.frames).items():
            self.scales[name].value = text
        self.titles["asked"].value = page.title(f"{self.frames.ids[0]} · {panels.PANELS['asked'].title}")
        self.show_mask()

    def show_mask(self) -> None:
        """Draw what depends on weights and on what is asked for."""
        setting = self.setting
        self.eem = error_mask(self.maps, setting)
        self.asked = asked_for(self.eem, setting)
        self._shown |= self.controls.in_words(MASK)
        self.images["eem"].value = png(panels.eem_picture(self.eem))
        self._show_pixel()
        self._later(lambda: self._safely(self._say_numbers))

    def _say_numbers(self) -> None:
        """Price and AUROC, which take longer than the pictures."""
        self.numbers.value = words.reading_text(self.reading)

    @property
    def chosen_pixel(self) -> tuple[int, int]:
        """(row, column) of the pixel that is looked at."""
        return self.controls.row.value, self.controls.column.value

    def _show_asked(self) -> None:
        image = panels.image_of(self.frames)
        opacity = self.controls.opacity.value
        self.images["asked"].value = png(panels.asked_picture(image, self.eem, self.asked, opacity, self.chosen_pixel))

    def _show_pixel(self) -> None:
        truth, classes = panels.truth_of(self.frames), self.frames.classes
        facts = pixel_facts(self.maps, self.eem, self.asked, truth, classes, self.chosen_pixel)
        self.pixel.value = words.pixel_text(facts)
        self._show_asked()
