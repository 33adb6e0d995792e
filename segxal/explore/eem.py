"""The EEM explorer: move a slider, see the error mask change."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from segxal.checks import asker_of, learner_of
from segxal.data.base import Frames
from segxal.data.splits import open_splits
from segxal.errors import ConfigError, SegxalError
from segxal.explore import panels, sources, words
from segxal.explore.controls import BY_LEVEL, Controls, build
from segxal.explore.keys import Keys
from segxal.explore.later import Later
from segxal.explore.maps import Kept, MapStore, Setting, layer_name, layer_names
from segxal.explore.picture import png
from segxal.explore.pointer import Pointer
from segxal.explore.reading import Reading, asked_for, error_mask, pixel_facts, read
from segxal.explore.what_if import next_cycle
from segxal.explore.what_if_view import WhatIf
from segxal.figures.view import find_image
from segxal.state import Cycle
from segxal.strategies.base import Learner

NETWORKS = 2  # of the run, kept in memory
MAPS = ("depth", "threshold", "quantile", "cam", "layer", "category")  # controls that need the network again
MASK = ("w_ebu", "w_pae", "part", "area", "level")  # controls that only mix, cut and price


class Explorer(widgets.VBox):
    """The error mask of one image under your fingers.

    Args:
        run: cycles of one run in order; those that are not finished are left out.
        image: name of the training image shown first; empty for the best-ranked query of the last cycle.
        data_root: folder that holds the data sets.

    Attributes:
        controls: what can be moved; setting ``value`` in code does what a hand does.
        images: name of a picture (:data:`segxal.explore.panels.PANELS`) -> its ``Image`` widget.
        store: the cached maps.
        subject: the image and network that are shown.
        maps: their maps.

    Raises:
        ConfigError: if no cycle of the run is finished, or there is no such image.
    """

    def __init__(self, run: Sequence[Cycle], image: str = "", data_root: str = "") -> None:
        self.run = [cycle for cycle in run if cycle.is_done()]
        if not self.run:
            raise ConfigError("no cycle of this run is finished; compute it first: study.run_cycles(run)")
        self.preset, self.data_root = self.run[-1].settings, data_root
        self.splits = open_splits(self.preset, data_root, self._cache)
        self.store, self._learners = MapStore(), Kept(NETWORKS)
        self._quiet, self._later = False, Later()
        self._first = self._position(image)
        asker = max(0, len(self.run) - 2)  # the network that asked in the last cycle
        shown = sources.only(self.splits.train, self._first)
        self.subject = sources.subject_of(image, shown, str(asker), self._learner(asker))
        self.controls = self._controls(asker)
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
        return find_image(train, image, str(queries[0]["id"]) if queries else train.ids[0])

    def _controls(self, asker: int) -> Controls:
        learner = self.subject.learner
        networks = [(f"after cycle {c.number}" if c.number else "after the start", k) for k, c in enumerate(self.run)]
        found = build(
            learner.mask, self.splits.train.classes, networks, layer_names(learner), layer_name(learner),
            sources.data_sets(self.preset, self.data_root), self.shape,
        )  # fmt: skip
        found.network.value = asker
        return found

    def _widgets(self) -> None:
        self.pointer = Pointer(rows=self.shape[0], columns=self.shape[1])
        full = {"width": "100%"}
        self.images = {name: widgets.Image(layout=full) for name in panels.PANELS}
        self.scales = {name: widgets.HTML() for name in panels.PANELS}
        self.titles = {name: widgets.HTML(words.title(panel.title)) for name, panel in panels.PANELS.items()}
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
            widgets.HTML(words.STYLE),
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
        """Only what has an effect can be moved."""
        one = self.controls
        one.quantile.disabled = one.threshold.value != "quantile"
        one.level.disabled, one.area.disabled = one.part.value != BY_LEVEL, one.part.value == BY_LEVEL

    def _safely(self, act: Callable[[], None]) -> None:
        """Do it; what cannot be done is said beside the pictures, which stay as they were."""
        if self._quiet:
            return
        try:
            self._enable()
            act()
            self.status.value = words.status_text(self._note())
        except SegxalError as error:
            self.status.value = words.status_text(str(error))

    def _note(self) -> str:
        """What is to be said of this setting.

        Raises:
            SegxalError: as long as it cannot be shown, so that what is not of this setting is never shown unsaid.
        """
        maps, category = self.store.maps(self.subject, self.setting), self.controls.chosen_class
        if category is not None and not maps.pae.any():
            name = self.subject.frames.classes.names[category]
            return f"{name} is not predicted in the depth-informed image: its PAE is 0 everywhere."
        return ""

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
        value: dict[str, Any] = {name: getattr(self.controls, name).value for name in (*MAPS, *MASK)}
        numbers = {name: round(value[name], 4) for name in ("quantile", "w_ebu", "w_pae", "area")}
        choices = {name: value[name] for name in ("depth", "threshold", "cam")}
        study = self.subject.learner.mask
        weights = "" if choices["depth"] != study.depth else study.depth_weights
        own = value["layer"] == layer_name(self.subject.learner)
        return Setting(
            replace(study, **numbers, **choices, depth_weights=weights), "" if own else value["layer"],
            self.controls.chosen_class, round(value["level"], 4) if value["part"] == BY_LEVEL else None,
        )  # fmt: skip

    def _question(self) -> tuple[Cycle, Setting, float]:
        number = self.run[self.controls.network.value].number
        return next_cycle(self.run[-1], number), self.setting, float(self.asked.mean())

    @property
    def reading(self) -> Reading:
        """The current setting in numbers."""
        return read(self.maps, self.setting, panels.truth_of(self.subject.frames), self.preset.loop.overlap)

    def _learner(self, network: int) -> Learner:
        """The network of a cycle, with the mask it asked with in the next one, if there was one."""

        def load() -> Learner:
            asked = network + 1 < len(self.run)
            return asker_of(self.run[network + 1], self.splits) if asked else learner_of(self.run[network], self.splits)

        return self._learners.get(network, load)

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
            self.preset, one.data.value, one.split.value, one.image.value, self.splits.train.classes, self.data_root,
            self._cache,
        )  # fmt: skip
        self._look_at(frames, f"{one.data.value} {one.split.value} {one.image.value}")

    def _open_upload(self) -> None:
        for file in self.controls.upload.value:
            content, classes = bytes(file["content"]), self.splits.train.classes
            self._look_at(sources.read_upload(content, file["name"], self.preset, classes), sources.UPLOADED)

    def _look_at(self, frames: Frames, name: str) -> None:
        network = self.controls.network.value
        self.subject = sources.subject_of(name, frames, str(network), self._learner(network))
        if frames.depth is None and self.controls.depth.value == "dataset":
            self._quiet = True
            self.controls.depth.value = "geometry"  # what works for every image
            self._quiet = False
        self.show()

    def _change_network(self) -> None:
        network = self.controls.network.value
        self.subject = replace(self.subject, network=str(network), learner=self._learner(network))
        self.show()

    def _point(self, row: int, column: int) -> None:
        self._quiet = True
        self.controls.row.value, self.controls.column.value = row, column
        self._quiet = False
        self._show_pixel()

    def show(self) -> None:
        """Draw everything anew."""
        self.maps = self.store.maps(self.subject, self.setting)
        for name, image in panels.map_pictures(self.maps, self.subject.frames).items():
            self.images[name].value = png(image)
        for name, text in panels.scale_texts(self.maps, self.subject.frames).items():
            self.scales[name].value = text
        self.show_mask()

    def show_mask(self) -> None:
        """Draw what depends on weights and on what is asked for."""
        setting = self.setting
        self.eem = error_mask(self.maps, setting)
        self.asked = asked_for(self.eem, setting)
        self.images["eem"].value = png(panels.eem_picture(self.eem))
        self._show_pixel()
        self._later(lambda: self._safely(self._say_numbers))

    def _say_numbers(self) -> None:
        """Price and AUROC, which take longer than the pictures."""
        self.numbers.value = words.reading_text(self.reading)

    @property
    def place(self) -> tuple[int, int]:
        """(row, column) of the pixel that is looked at."""
        return self.controls.row.value, self.controls.column.value

    def _show_asked(self) -> None:
        image = panels.image_of(self.subject.frames)
        opacity = self.controls.opacity.value
        self.images["asked"].value = png(panels.asked_picture(image, self.eem, self.asked, opacity, self.place))

    def _show_pixel(self) -> None:
        frames = self.subject.frames
        facts = pixel_facts(self.maps, self.eem, self.asked, panels.truth_of(frames), frames.classes, self.place)
        self.pixel.value = words.pixel_text(facts)
        self._show_asked()
