"""Fig. 6: vanilla Grad-CAM against the proximity-aware explanation (PAE)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from segxal.acquisition.strategies.base import Learner
from segxal.core.eem import depth_informed
from segxal.core.errors import ConfigError
from segxal.core.gradcam import gradcam, traced
from segxal.data.splits import Splits
from segxal.methods.learner import learner_of
from segxal.models.device import autocast, device
from segxal.results.figures.base import (
    Sheet,
    new_sheet,
    outline,
    page_height,
    percent,
    scale,
    show_image,
    show_map,
    styled,
)
from segxal.results.figures.view import View, view_of
from segxal.study.state import Cycle


@dataclass(frozen=True)
class AttentionMaps:
    """Grad-CAM of the plain and of the depth-informed image, for all predicted classes and for one.

    Attributes:
        view: the image and its maps.
        category: name of the one class.
        informed: (H, W, 3) float in [0, 1], the depth-informed image.
        maps: (``plain`` or ``pae``, ``all`` or ``one``) -> (H, W) float in [0, 1].
    """

    view: View
    category: str
    informed: np.ndarray
    maps: dict[tuple[str, str], np.ndarray]

    @property
    def near(self) -> np.ndarray:
        """(H, W) bool, the pixels at least as near as the image's threshold."""
        return self.view.attention >= 1

    def near_share(self, image: str, classes: str) -> float:
        """Share of the mass of a map that lies on near pixels; NaN for an empty map."""
        values = self.maps[image, classes]
        return float(values[self.near].sum() / values.sum()) if values.sum() else float("nan")

    @property
    def numbers(self) -> dict[str, Any]:
        """What the figure shows, in numbers."""
        shares = {f"near_{image}_{classes}": round(self.near_share(image, classes), 4) for image, classes in self.maps}
        return {"image": self.view.id, "category": self.category, "near_area": round(float(self.near.mean()), 4),
                **shares}  # fmt: skip


def attention_maps(cycle: Cycle, splits: Splits, image: str = "", category: str = "car") -> AttentionMaps:
    """Explain the network a cycle left, on a plain and on a depth-informed image.

    The maps of the one class explain the same pixels in both: those predicted as it on the plain image.

    Args:
        cycle: a finished cycle.
        splits: the data of its study.
        image: name of a training image; empty for a bright one that holds much of the class.
        category: name of the one class.

    Raises:
        ConfigError: if there is no such image or class.
    """
    frames = splits.train
    if category not in frames.classes.names:
        raise ConfigError(f"no class {category!r}; choose one of {', '.join(frames.classes.names)}")
    number, learner = frames.classes.index(category), learner_of(cycle, cycle.settings)
    index = frames.position(image or _most_of(splits, number))
    view = view_of(learner, frames, index)
    plain = frames.images[index].unsqueeze(0)
    informed = depth_informed(plain, torch.from_numpy(view.attention).unsqueeze(0))
    maps = _cams(learner, plain, "plain", view.prediction, number)
    maps |= _cams(learner, informed, "pae", view.prediction, number)
    return AttentionMaps(view, category, informed[0].permute(1, 2, 0).numpy(), maps | {("pae", "all"): view.pae})


def _most_of(splits: Splits, category: int) -> str:
    """The image that holds most of a class, of the brighter half of the images: night scenes print badly."""
    light = splits.train.images.float().mean((1, 2, 3))
    area = (splits.train.labels == category).sum((1, 2)) * (light >= light.median())
    return splits.train.ids[int(area.argmax())]


def _cams(
    learner: Learner, images: torch.Tensor, name: str, prediction: np.ndarray, category: int
) -> dict[tuple[str, str], np.ndarray]:
    pixels = torch.from_numpy(prediction.astype(np.int64)).unsqueeze(0).to(device())
    with traced(learner.model.ready(), learner.model.layer()) as trace:
        with autocast(learner.amp):
            seen = trace(learner.model.prepare(images))
        found = {"all": gradcam(seen), "one": gradcam(seen, category, pixels)}
    return {(name, classes): cam[0].cpu().numpy() for classes, cam in found.items()}


@styled
def attention_figure(shown: AttentionMaps) -> Sheet:
    """Fig. 6: Grad-CAM and PAE, for all predicted classes (upper row) and one class (lower row)."""
    view, one = shown.view, shown.category
    sheet = new_sheet(page_height(view.truth.shape, 2, 3, 0.4, side=0.65))
    axes = sheet.subplots(2, 3)
    area = percent(float(shown.near.mean()))
    show_image(axes[0, 0], view.image, "(a) image", view.id)
    show_image(axes[1, 0], shown.informed, "(d) depth-informed image", f"line: near pixels, {area} of the area")
    outline(axes[1, 0], shown.near, "white", 0.8)
    titles = {
        ("plain", "all"): "(b) vanilla Grad-CAM, all classes", ("pae", "all"): "(c) PAE, all classes",
        ("plain", "one"): f"(e) vanilla Grad-CAM, {one}", ("pae", "one"): f"(f) PAE, {one}",
    }  # fmt: skip
    for (image, classes), title in titles.items():
        panel = axes[int(classes == "one"), 1 + int(image == "pae")]
        share = shown.near_share(image, classes)
        note = f"no pixel speaks for {one}" if np.isnan(share) else f"{percent(share)} of its mass is near"
        heat = show_map(panel, shown.maps[image, classes], title, note)
        outline(panel, shown.near, "white", 0.6)
        if image == "pae":
            scale(panel, heat, "0 to 1, per image", "right")
    return sheet
