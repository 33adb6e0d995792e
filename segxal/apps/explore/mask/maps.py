"""The maps of one image as one network sees it: computed once, kept while a person may ask again.

Three stages, each of which needs the one before and the settings beside it:

=========== ============================================= ============================ ====================
stage       holds                                         changes with                 costs
=========== ============================================= ============================ ====================
seen        class probabilities, prediction, EBU          image, network, target layer one forward pass
near        depth, proximity                              depth provider               the provider
explained   attention, depth-informed image, PAE          threshold, CAM method, class one pass, there and back
=========== ============================================= ============================ ====================

Weights, mask area and opacity touch none of them (:mod:`segxal.apps.explore.mask.reading`).
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from segxal.acquisition.strategies.base import Learner
from segxal.core.eem import proximity
from segxal.data.base import Frames
from segxal.models.depth import get_depth
from segxal.models.explain import Explainer, depth_of
from segxal.models.settings import MaskConfig

KEPT = 12  # stages kept in memory, the latest ones
NETWORKS = 2  # networks made ready to explain, kept in memory


@dataclass(frozen=True)
class Subject:
    """One image, and the network it is seen by.

    Attributes:
        name: of the image, unique in a session (data set, split and image).
        frames: the image alone, with its labels (all void when it has none) and depth, if any.
        network: name of the network, unique in a session.
        learner: the network, with the settings of its study.
    """

    name: str
    frames: Frames
    network: str
    learner: Learner


@dataclass(frozen=True)
class Setting:
    """What a person can set.

    Attributes:
        mask: how the error mask is made.
        layer: name of Grad-CAM's target layer; empty for the study's.
        category: train id of the class that is explained; None for all predicted classes together.
        level: ask where EEM is at least this, in [0, 1]; None asks for ``mask.area`` of the image.
    """

    mask: MaskConfig
    layer: str = ""
    category: int | None = None
    level: float | None = None


@dataclass(frozen=True)
class ImageMaps:
    """Everything but the fusion, for one image of height H and width W.

    Attributes:
        probs: (C, H, W) float32 class probabilities.
        prediction: (H, W) uint8 train ids.
        ebu: (H, W) float32 in [0, 1].
        depth: (H, W) float32 relative inverse depth, larger = nearer.
        near: (H, W) float32 proximity in [0, 1], 1 = nearest.
        attention: (H, W) float32 in [0, 1], 1 at and above the threshold of the proximity.
        informed: (H, W, 3) float32 in [0, 1], the depth-informed image.
        pae: (H, W) float32 in [0, 1].
    """

    probs: np.ndarray
    prediction: np.ndarray
    ebu: np.ndarray
    depth: np.ndarray
    near: np.ndarray
    attention: np.ndarray
    informed: np.ndarray
    pae: np.ndarray


class Kept:
    """The latest results by key; the oldest is dropped when there are more than ``size``."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._results: OrderedDict[Hashable, Any] = OrderedDict()

    def __len__(self) -> int:
        """Number of results kept."""
        return len(self._results)

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The result for a key, computed if it is not kept."""
        if key not in self._results:
            self._results[key] = make()
        self._results.move_to_end(key)
        while len(self._results) > self.size:
            self._results.popitem(last=False)
        return self._results[key]


class MapStore:
    """Makes the maps of subjects and keeps the latest; memory is bounded by ``kept`` stages of one image each."""

    def __init__(self, kept: int = KEPT) -> None:
        self._stages = Kept(kept)
        self._explainers = Kept(NETWORKS)
        self._maps = Kept(1)

    def maps(self, subject: Subject, setting: Setting) -> ImageMaps:
        """The maps of a subject at a setting; the same object while nothing they depend on has changed.

        Raises:
            ConfigError: if a name (provider, CAM method, layer, class) is unknown; the error lists the names.
            DataMissing: if the depth provider needs depth that the image does not have.
        """
        mask = setting.mask
        first = (subject.name, subject.network, setting.layer, mask.entropy)
        second = (*first, mask.depth, mask.depth_weights)
        # the quantile says nothing where Otsu's rule finds the threshold
        rule = (mask.threshold, mask.quantile if mask.threshold == "quantile" else None)
        third = (*second, *rule, mask.cam, setting.category)
        return self._maps.get(third, lambda: self._joined(subject, setting, first, second, third))

    def _joined(
        self, subject: Subject, setting: Setting, first: Hashable, second: Hashable, third: Hashable
    ) -> ImageMaps:
        seen = self._stages.get(("seen", first), lambda: self._seen(subject, setting))
        depth = self._stages.get(("near", second), lambda: _near(subject, setting, seen["prediction"]))
        explained = self._stages.get(("explained", third), lambda: self._explained(subject, setting, depth["near"]))
        return ImageMaps(**{name: _array(part) for name, part in (seen | depth | explained).items()})

    def _explainer(self, subject: Subject, setting: Setting) -> Explainer:
        """A network ready for inference with its target layer."""

        def make() -> Explainer:
            learner = subject.learner
            return Explainer(learner.model, learner.amp, setting.layer)

        return self._explainers.get((subject.network, setting.layer), make)

    def _seen(self, subject: Subject, setting: Setting) -> dict[str, Tensor]:
        seen = self._explainer(subject, setting).see(subject.frames.images, setting.mask.entropy)
        return {"probs": seen.probs, "prediction": seen.prediction, "ebu": seen.ebu}

    def _explained(self, subject: Subject, setting: Setting, near: Tensor) -> dict[str, Tensor]:
        explainer = self._explainer(subject, setting)
        found = explainer.explain(subject.frames.images, near, setting.mask, setting.category)
        return {"attention": found.attention, "informed": found.informed.permute(0, 2, 3, 1), "pae": found.pae}


def _near(subject: Subject, setting: Setting, prediction: Tensor) -> dict[str, Tensor]:
    frames, provider = subject.frames, get_depth(setting.mask.depth, setting.mask.depth_weights)
    depth = depth_of(provider, frames.images, prediction, frames.classes, frames.depth)
    return {"depth": depth, "near": proximity(depth)}


def _array(part: Tensor) -> np.ndarray:
    """The only image of a batch of one; train ids as uint8."""
    image = part[0].detach().cpu()
    return image.float().numpy() if part.is_floating_point() else image.numpy().astype(np.uint8)
