"""Fig. 2: how the proximity-aware explanation (PAE) of one image is made."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from segxal.core.eem import depth_informed, proximity
from segxal.data.splits import Splits
from segxal.results.figures.base import (
    NEAR,
    Sheet,
    new_sheet,
    outline,
    page_height,
    scale,
    show_image,
    show_map,
    styled,
)
from segxal.results.figures.view import View, first_query, letters, view_of
from segxal.results.learner import learner_that_asked
from segxal.study.state import Cycle

PROVIDERS = {
    "dataset": "the data set's depth", "geometry": "ground-plane depth", "streets-net": "depth by streets-net",
    "midas": "depth by MiDaS", "dinov2": "depth by DINOv2", "depth-anything": "depth by Depth Anything",
}  # fmt: skip


@dataclass(frozen=True)
class PaeSteps:
    """The steps of section 3.2.2 on one image.

    Attributes:
        view: the image and its maps.
        provider: name of the depth provider.
        near: (H, W) float in [0, 1], proximity, 1 = nearest.
        informed: (H, W, 3) float in [0, 1], the depth-informed image.
    """

    view: View
    provider: str
    near: np.ndarray
    informed: np.ndarray

    @property
    def kept(self) -> np.ndarray:
        """(H, W) bool, the pixels at or above the threshold: full attention."""
        return self.view.attention >= 1

    @property
    def threshold(self) -> float:
        """Smallest proximity that keeps full attention."""
        return float(self.near[self.kept].min())

    @property
    def numbers(self) -> dict[str, Any]:
        """What the figure shows, in numbers."""
        mass = self.view.pae.sum()
        return {
            "image": self.view.id, "depth": self.provider, "threshold": round(self.threshold, 4),
            "near_area": round(float(self.kept.mean()), 4),
            "pae_near": round(float(self.view.pae[self.kept].sum() / mass), 4) if mass else None,
        }  # fmt: skip


def pae_steps(cycle: Cycle, splits: Splits, image: str = "") -> PaeSteps:
    """Make the PAE of one training image step by step, as the network that asked in ``cycle`` made it.

    Args:
        cycle: a finished cycle, from 1 on.
        splits: the data of its study.
        image: name of a training image; empty for the cycle's best-ranked query.

    Raises:
        ConfigError: if there is no such image.
    """
    index = splits.train.position(image or first_query(cycle))
    view = view_of(learner_that_asked(cycle), splits.train, index)
    pixels = torch.from_numpy(view.image).permute(2, 0, 1).unsqueeze(0)
    informed = depth_informed(pixels, torch.from_numpy(view.attention).unsqueeze(0))
    near = proximity(torch.from_numpy(view.depth).unsqueeze(0))
    return PaeSteps(view, cycle.settings.mask.depth, near[0].numpy(), informed[0].permute(1, 2, 0).numpy())


@styled
def pae_figure(steps: PaeSteps) -> Sheet:
    """Fig. 2: image, depth, proximity with its threshold, attention, depth-informed image and PAE."""
    view = steps.view
    names = ("image", "depth", "proximity", "soft attention", "depth-informed image", "PAE")
    notes = (
        view.id, PROVIDERS.get(steps.provider, steps.provider), f"line: this image's threshold, {steps.threshold:.2f}",
        "(c) divided by the threshold, at most 1", "(a) × (d): what is far is dimmed", "Grad-CAM of the network on (e)",
    )  # fmt: skip
    sheet = new_sheet(page_height(view.truth.shape, 2, 3, 0.72, side=0.55))
    axes = sheet.subplots(2, 3).ravel()
    titles = list(zip(letters(names), notes, strict=True))
    show_image(axes[0], view.image, *titles[0])
    depth = show_map(axes[1], view.depth, *titles[1], cmap=NEAR, top=float(view.depth.max()))
    scale(axes[1], depth, "relative inverse depth, larger = nearer")
    scale(axes[2], show_map(axes[2], steps.near, *titles[2], cmap=NEAR), "proximity (0 = farthest, 1 = nearest)")
    outline(axes[2], steps.kept, "white", 1.0)
    scale(axes[3], show_map(axes[3], view.attention, *titles[3], cmap="gray"), "attention (0 = black, 1 = kept)")
    show_image(axes[4], steps.informed, *titles[4])
    scale(axes[5], show_map(axes[5], view.pae, *titles[5]), "PAE (0 to 1, scaled per image)")
    outline(axes[5], steps.kept, "white", 0.6)
    return sheet
