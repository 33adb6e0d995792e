"""The controls of the explorer: every one has a description, an explanation on hover, and is reached by keyboard."""

from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from segxal.cams import LIBRARY_CAMS
from segxal.config import MaskConfig
from segxal.depth import DEPTHS
from segxal.depth.checkpoint import DEFAULTS
from segxal.labels import Classes

LABEL = "104px"  # width of the descriptions
ALL = "all predicted"
ALL_CLASSES = -1  # a Dropdown takes None for "nothing chosen"
BY_AREA, BY_LEVEL = "the highest share", "EEM at least"
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
            parts += [widgets.HTML(f"<b>{title}</b>"), *(getattr(self, name) for name in names)]
        return widgets.VBox(parts, layout={"width": "310px", "max_width": "100%", "flex": "0 0 310px"})


def build(
    mask: MaskConfig, classes: Classes, networks: list[tuple[str, int]], layers: tuple[str, ...], layer: str,
    data_sets: tuple[str, ...], shape: tuple[int, int],
) -> Controls:  # fmt: skip
    """The controls at the settings of a study.

    Args:
        mask: of the study.
        classes: of its networks.
        networks: (what it is called, position in the run).
        layers: names of the layers Grad-CAM can look at.
        layer: the study's own.
        data_sets: names of the data sets that are here, the study's own first.
        shape: (H, W) of the images.
    """
    categories = [(ALL, ALL_CLASSES), *((name, c) for c, name in enumerate(classes.names))]
    named = [(f"{name} (the study's)" if name == layer else name, name) for name in layers]
    rules = [("quantile of proximity", "quantile"), ("Otsu's threshold", "otsu")]
    middle = (shape[0] // 2, shape[1] // 2)
    return Controls(
        data=_choice("data set", data_sets, data_sets[0], "where the image comes from"),
        split=_choice("split", ("train", "val", "test"), "train", "part of the data set"),
        image=_choice("image", (), None, "name of the image"),
        upload=widgets.FileUpload(
            accept=".png,.jpg,.jpeg", description="or an image of yours", tooltip="PNG or JPEG, at most 20 MB",
            layout={"width": "98%"},
        ),
        network=_choice("network", networks, networks[-1][1], "the network after a cycle of this run"),
        depth=_choice("depth from", PROVIDERS, mask.depth, "who says what is near"),
        threshold=_choice("threshold", rules, mask.threshold, "from where on a pixel is near"),
        quantile=_share("quantile", mask.quantile, "share of the image that is far and gets dimmed"),
        cam=_choice("CAM method", ("gradcam", *LIBRARY_CAMS), mask.cam, "how the network is explained"),
        layer=_choice("target layer", named, layer, "the layer whose channels the CAM method weighs"),
        category=_choice("class", categories, ALL_CLASSES, "whose score is explained"),
        w_ebu=_share("w_EBU", mask.w_ebu, "weight of entropy"),
        w_pae=_share("w_PAE", mask.w_pae, "weight of the proximity-aware explanation"),
        part=_choice("ask for", (BY_AREA, BY_LEVEL), BY_AREA, "what part of the image is asked for"),
        area=_share("share asked", mask.area, "share of the image that is asked for", 0.01, 0.01, ".0%"),
        level=_share("EEM at least", 0.5, "everything from this EEM on is asked for", 0.01),
        opacity=_share("opacity", 0.5, "of the error mask over the image"),
        row=_place("row", middle[0], shape[0], "row of the pixel, 0 = top; or click on a picture"),
        column=_place("column", middle[1], shape[1], "column of the pixel, 0 = left; or click on a picture"),
        follow=widgets.Checkbox(False, description="pixel follows the pointer", indent=False,
                                tooltip="otherwise a click on a picture chooses the pixel"),
    )  # fmt: skip


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


def _place(words: str, value: int, count: int, hint: str) -> widgets.IntSlider:
    return widgets.IntSlider(value=value, min=0, max=count - 1, **_wide(words, hint))
