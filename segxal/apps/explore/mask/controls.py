"""The controls of the explorer: every one has a description, an explanation on hover, and is reached by keyboard."""

from dataclasses import dataclass, replace
from typing import Any

import ipywidgets as widgets

from segxal.acquisition.strategies.base import Learner
from segxal.apps.explore.mask.maps import Setting
from segxal.core.cams import LIBRARY_CAMS
from segxal.core.labels import Classes
from segxal.models.depth import DEPTHS
from segxal.models.depth.checkpoint import DEFAULTS
from segxal.models.settings import MaskConfig

LABEL = "104px"  # width of the descriptions
ALL = "all predicted"
ALL_CLASSES = -1  # a Dropdown takes None for "nothing chosen"
BY_AREA, BY_LEVEL = "the highest share", "EEM at least"
NOTES = {  # below the name of a group
    "Error mask": (
        '<div style="font-size:11px;line-height:1.35"><b>EBU</b>: entropy, how unsure the network is.<br>'
        "<b>PAE</b>: explanation, what it looks at nearby.<br>"
        "<b>EEM</b>: their weighted mean, the error mask.</div>"
    ),
}
IMAGE = ("data", "split", "image", "network")  # controls that say what is looked at, and through whose eyes
MAPS = ("depth", "threshold", "quantile", "cam", "layer", "category")  # controls that need the network again
MASK = ("w_ebu", "w_pae", "part", "area", "level")  # controls that only mix, cut and price
PROVIDERS = (*DEPTHS, *DEFAULTS)


@dataclass(frozen=True)
class Controls:
    """The widgets a person moves; see the attributes' descriptions in :func:`build`."""

    data: widgets.Dropdown
    split: widgets.Dropdown
    image: widgets.Dropdown
    upload: widgets.FileUpload
    network: widgets.Dropdown
    depth: widgets.Dropdown
    threshold: widgets.Dropdown
    quantile: widgets.FloatSlider
    cam: widgets.Dropdown
    layer: widgets.Dropdown
    category: widgets.Dropdown
    w_ebu: widgets.FloatSlider
    w_pae: widgets.FloatSlider
    part: widgets.Dropdown
    area: widgets.FloatSlider
    level: widgets.FloatSlider
    opacity: widgets.FloatSlider
    row: widgets.IntSlider
    column: widgets.IntSlider
    follow: widgets.Checkbox

    @property
    def chosen_class(self) -> int | None:
        """Train id of the class that is explained; None for all predicted classes."""
        return None if self.category.value == ALL_CLASSES else self.category.value

    def setting(self, learner: Learner) -> Setting:
        """The current setting, for a network whose mask supplies the rest.

        Raises:
            ConfigError: if it makes no mask: both weights 0.
        """
        value: dict[str, Any] = {name: getattr(self, name).value for name in (*MAPS, *MASK)}
        numbers = {name: round(value[name], 4) for name in ("quantile", "w_ebu", "w_pae", "area")}
        choices = {name: value[name] for name in ("depth", "threshold", "cam")}
        weights = "" if choices["depth"] != learner.mask.depth else learner.mask.depth_weights
        own = value["layer"] == learner.model.explained
        return Setting(
            replace(learner.mask, **numbers, **choices, depth_weights=weights), "" if own else value["layer"],
            self.chosen_class, round(value["level"], 4) if value["part"] == BY_LEVEL else None,
        )  # fmt: skip

    def offer(self, classes: Classes, layers: tuple[str, ...], layer: str, former: str, whose: str) -> None:
        """Offer the classes and layers of another network; what is chosen stays chosen where it has that too.

        Args:
            classes: of the network.
            layers: names of the layers Grad-CAM can look at.
            layer: its own layer.
            former: the own layer of the network before, whose place it takes.
            whose: layer it is.
        """
        named, offered = _layers(layers, layer, whose), _categories(classes)
        if offered != list(self.category.options):
            self.category.options = offered
            self.category.value = ALL_CLASSES
        chosen = self.layer.value
        if named != list(self.layer.options):
            self.layer.options = named
        self.layer.value = layer if chosen == former or chosen not in layers else chosen

    def in_words(self, names: tuple[str, ...]) -> dict[str, str]:
        """Description of controls -> value in words."""
        found = [getattr(self, name) for name in names]
        return {one.description: _value_in_words(one) for one in found}

    def column_of_all(self) -> widgets.VBox:
        """The controls under each other, in groups."""
        groups = {
            "Image and network": ("data", "split", "image", "upload", "network"),
            "Near matters": ("depth", "threshold", "quantile"),
            "Explanation": ("cam", "layer", "category"),
            "Error mask": ("w_ebu", "w_pae", "part", "area", "level", "opacity"),
            "Pixel": ("row", "column", "follow"),
        }
        parts: list[Any] = []
        for title, names in groups.items():
            head = f"<b>{title}</b>" + NOTES.get(title, "")
            parts += [widgets.HTML(head), *(getattr(self, name) for name in names)]
        return widgets.VBox(parts, layout={"width": "310px", "max_width": "100%", "flex": "0 0 310px"})


def build(
    mask: MaskConfig, classes: Classes, networks: list[tuple[str, int]], network: int, layers: tuple[str, ...],
    layer: str, whose: str, data_sets: tuple[str, ...], shape: tuple[int, int],
) -> Controls:  # fmt: skip
    """The controls at the settings of a network.

    Args:
        mask: of the network.
        classes: of the network.
        networks: (what it is called, its number).
        network: number of the one that is shown.
        layers: names of the layers Grad-CAM can look at.
        layer: the network's own.
        whose: layer that is.
        data_sets: names of the data sets that are here, the study's own first.
        shape: (H, W) of the images.
    """
    rules = [("quantile of proximity", "quantile"), ("Otsu's threshold", "otsu")]
    middle = (shape[0] // 2, shape[1] // 2)
    return Controls(
        data=_choice("data set", data_sets, data_sets[0], "where the image comes from"),
        split=_choice("split", ("train", "val", "test"), "train", "part of the data set"),
        image=_choice("image", (), None, "name of the image"),
        upload=widgets.FileUpload(
            accept=".png,.jpg,.jpeg", description="or your own image", tooltip="PNG or JPEG, at most 20 MB",
            layout={"width": "98%"},
        ),
        network=_choice("network", networks, network, "the network: after a cycle of this run, or another one"),
        depth=_choice("depth from", PROVIDERS, mask.depth, "what decides what is near"),
        threshold=_choice("threshold", rules, mask.threshold, "threshold from which a pixel is near"),
        quantile=_share("quantile", mask.quantile, "share of the image that is far and gets dimmed"),
        cam=_choice("CAM method", ("gradcam", *LIBRARY_CAMS), mask.cam, "how the network is explained"),
        layer=_choice(
            "target layer", _layers(layers, layer, whose), layer, "the layer whose channels the CAM method weights"
        ),
        category=_choice("class", _categories(classes), ALL_CLASSES, "whose score is explained"),
        w_ebu=_share("w_EBU", mask.w_ebu, "weight of EBU: entropy, how unsure the network is"),
        w_pae=_share("w_PAE", mask.w_pae, "weight of PAE: what the network looks at nearby"),
        part=_choice("ask for", (BY_AREA, BY_LEVEL), BY_AREA, "what part of the image is asked for"),
        area=_share("share asked", mask.area, "share of the image that is asked for", 0.01, 0.01, ".0%"),
        level=_share("EEM at least", 0.5, "everything with at least this EEM is asked for", 0.01),
        opacity=_share("opacity", 0.5, "of the error mask over the image"),
        row=_coordinate("row", middle[0], shape[0], "row of the pixel, 0 = top; or click on a picture"),
        column=_coordinate("column", middle[1], shape[1], "column of the pixel, 0 = left; or click on a picture"),
        follow=widgets.Checkbox(False, description="pixel follows the pointer", indent=False,
                                tooltip="otherwise a click on a picture chooses the pixel"),
    )  # fmt: skip


def _layers(names: tuple[str, ...], own: str, whose: str) -> list[tuple[str, str]]:
    return [(f"{name} ({whose})" if name == own else name, name) for name in names]


def _categories(classes: Classes) -> list[tuple[str, int]]:
    return [(ALL, ALL_CLASSES), *((name, c) for c, name in enumerate(classes.names))]


def _value_in_words(one: Any) -> str:
    """The value of a control as it stands beside it."""
    return str(one.label) if isinstance(one, widgets.Dropdown) else format(one.value, one.readout_format)


def _wide(words: str, hint: str) -> dict[str, Any]:
    """What all controls share."""
    return {
        "description": words, "tooltip": hint, "style": {"description_width": LABEL}, "layout": {"width": "98%"},
    }  # fmt: skip


def _choice(words: str, options: Any, value: Any, hint: str) -> widgets.Dropdown:
    return widgets.Dropdown(options=options, value=value, **_wide(words, hint))


def _share(
    words: str, value: float, hint: str, step: float = 0.05, low: float = 0.0, form: str = ".2f"
) -> widgets.FloatSlider:  # fmt: skip
    return widgets.FloatSlider(value=value, min=low, max=1, step=step, readout_format=form, **_wide(words, hint))


def _coordinate(words: str, value: int, count: int, hint: str) -> widgets.IntSlider:
    return widgets.IntSlider(value=value, min=0, max=count - 1, **_wide(words, hint))
