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
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from segxal.acquisition.strategies.base import Learner
from segxal.core.cams import check_cam, library_cam
from segxal.core.eem import depth_informed, proximity, soft_attention
from segxal.core.entropy import entropy_map, patch_entropy_map
from segxal.core.errors import ConfigError
from segxal.core.gradcam import gradcam, traced
from segxal.data.base import Frames
from segxal.models.base import folded, normalise
from segxal.models.depth import get_depth
from segxal.models.device import autocast, device
from segxal.models.settings import MaskConfig
from segxal.training.predict import predict

KEPT = 12  # stages kept in memory, the latest ones
NETWORKS = 2  # folded copies of networks kept in memory


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
    """The latest results by key; the oldest is forgotten when there are more than ``size``."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._results: OrderedDict[Hashable, Any] = OrderedDict()

    def __len__(self) -> int:
        """Number of results kept."""
        return len(self._results)

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The result of a key, made when it is not kept."""
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
        self._networks = Kept(NETWORKS)
        self._maps = Kept(1)

    def maps(self, subject: Subject, setting: Setting) -> ImageMaps:
        """The maps of a subject at a setting; the same object while nothing they depend on has changed.

        Raises:
            ConfigError: if a name (provider, CAM method, layer, class) is unknown; the error lists the names.
            DataMissing: if the depth provider needs depth that the image has not.
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

    def _network(self, subject: Subject, setting: Setting) -> tuple[nn.Module, nn.Module]:
        """A network ready for inference with its target layer; see :func:`segxal.models.base.folded`."""

        def fold() -> tuple[nn.Module, nn.Module]:
            learner = subject.learner
            fast, target = folded(learner.model.to(device()), layer_of(learner, setting.layer))
            return fast.to(memory_format=torch.channels_last), target

        return self._networks.get((subject.network, setting.layer), fold)

    def _seen(self, subject: Subject, setting: Setting) -> dict[str, Tensor]:
        fast, _ = self._network(subject, setting)
        (probs,) = predict(fast, subject.frames.images, subject.learner.amp)
        prediction = probs.argmax(1)
        patches = setting.mask.entropy == "patch"
        ebu = patch_entropy_map(prediction, probs.shape[1]) if patches else entropy_map(probs)
        return {"probs": probs, "prediction": prediction.to(torch.uint8), "ebu": ebu}

    def _explained(self, subject: Subject, setting: Setting, near: Tensor) -> dict[str, Tensor]:
        mask, learner = setting.mask, subject.learner
        check_cam(mask.cam)
        attention = soft_attention(near, mask.threshold, mask.quantile)
        informed = depth_informed(subject.frames.images.to(device()), attention)
        x = normalise(informed).contiguous(memory_format=torch.channels_last)
        if mask.cam == "gradcam":
            fast, target = self._network(subject, setting)
            with traced(fast, target) as trace:
                with autocast(learner.amp):
                    seen = trace(x)
                pae = gradcam(seen, setting.category)
        else:
            pae = library_cam(mask.cam, learner.model, layer_of(learner, setting.layer), x, setting.category)
        return {"attention": attention, "informed": informed.permute(0, 2, 3, 1), "pae": pae}


def _near(subject: Subject, setting: Setting, prediction: Tensor) -> dict[str, Tensor]:
    frames, provider = subject.frames, get_depth(setting.mask.depth, setting.mask.depth_weights)
    measured = None if frames.depth is None else frames.depth.to(device())
    depth = provider(frames.images.to(device()), prediction.long(), frames.classes, measured)
    return {"depth": depth, "near": proximity(depth)}


def _array(part: Tensor) -> np.ndarray:
    """The only image of a batch of one."""
    return part[0].detach().float().cpu().numpy() if part.is_floating_point() else part[0].cpu().numpy()


def layer_of(learner: Learner, name: str) -> nn.Module:
    """A target layer by name; empty for the study's.

    Raises:
        ConfigError: if the network has no such layer.
    """
    if not name:
        return learner.layer
    try:
        return learner.model.get_submodule(name)
    except AttributeError as error:
        names = ", ".join(layer_names(learner))
        raise ConfigError(f"the network has no layer {name!r}; Grad-CAM can look at {names}") from error


def layer_names(learner: Learner) -> tuple[str, ...]:
    """The blocks of a network whose output Grad-CAM can weigh, in the order they run; the last layer is none of them.

    A block is a module with parts of its own that returns one tensor (N, K, h, w), K not the number of classes.
    """
    found: dict[str, int] = {}

    def note(name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:  # None leaves the output alone
        found[name] = output.shape[1] if isinstance(output, Tensor) and output.dim() == 4 else 0

    handles = [
        part.register_forward_hook(partial(note, name))
        for name, part in learner.model.named_modules()
        if name.count(".") <= 2 and any(True for _ in part.children())
    ]
    try:
        (probs,) = predict(learner.model, torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "off")
    finally:
        for handle in handles:
            handle.remove()
    return tuple(name for name, channels in found.items() if channels not in (0, probs.shape[1]))


def layer_name(learner: Learner) -> str:
    """Name of the study's own target layer."""
    return next(name for name, part in learner.model.named_modules() if part is learner.layer)
