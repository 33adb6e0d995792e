"""From images to explainable error masks with a network and a depth provider (paper section 3.2, Figs. 1 and 2)."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from segxal.core.cams import check_cam, library_cam
from segxal.core.eem import ErrorMask, depth_informed, fuse, proximity, soft_attention
from segxal.core.entropy import entropy_map, patch_entropy_map
from segxal.core.gradcam import gradcam, traced
from segxal.core.labels import Classes
from segxal.core.modes import evaluating
from segxal.data.base import Frames
from segxal.models.base import Network
from segxal.models.checkpoints import folded
from segxal.models.depth import get_depth
from segxal.models.depth.base import Provider
from segxal.models.device import autocast, device
from segxal.models.settings import MaskConfig


@dataclass(frozen=True)
class Seen:
    """What a network says about N images.

    Attributes:
        probs: (N, C, H, W) float32 class probabilities.
        confidence: (N, H, W) float32, the largest of them.
        prediction: (N, H, W) int64 train id of the largest.
        ebu: (N, H, W) float32 in [0, 1].
    """

    probs: Tensor
    confidence: Tensor
    prediction: Tensor
    ebu: Tensor


@dataclass(frozen=True)
class Explained:
    """Where a network looked for near objects in N images.

    Attributes:
        attention: (N, H, W) float in [0, 1], 1 at and above the threshold of the proximity.
        informed: (N, 3, H, W) float in [0, 1], the depth-informed images.
        pae: (N, H, W) float in [0, 1].
    """

    attention: Tensor
    informed: Tensor
    pae: Tensor


class Explainer:
    """A network made ready to say what it sees and why, stage by stage; the steps of an error mask.

    A faster copy of the network is made and kept (:func:`segxal.models.checkpoints.folded`), if it may be copied.

    Args:
        model: the segmentation network; it is moved to the device and not changed.
        amp: precision of the forward passes.
        layer: name of the layer Grad-CAM explains; empty for the network's own.

    Raises:
        ConfigError: if the network has no such layer.
    """

    def __init__(self, model: Network, amp: str, layer: str = "") -> None:
        self._model, self._layer, self._amp = model.to(device()), layer, amp
        self._fast = folded(model, layer).ready() if model.foldable else model.ready()

    def see(self, images: Tensor, entropy: str) -> Seen:
        """Prediction and entropy: one forward pass.

        Args:
            images: (N, 3, H, W) uint8.
            entropy: ``pixel`` or ``patch``.
        """
        with torch.no_grad(), evaluating(self._fast), autocast(self._amp):
            probs = self._fast(self._fast.prepare(images)).float().softmax(1)
        confidence, prediction = probs.max(1)
        ebu = patch_entropy_map(prediction, probs.shape[1]) if entropy == "patch" else entropy_map(probs)
        return Seen(probs, confidence, prediction, ebu)

    def explain(self, images: Tensor, near: Tensor, config: MaskConfig, category: int | None = None) -> Explained:
        """Proximity-aware attention: one forward pass on the depth-informed images, and back to the target layer.

        Args:
            images: (N, 3, H, W) uint8.
            near: (N, H, W) proximity in [0, 1], on the device.
            config: the threshold of the proximity and the method of class activation.
            category: train id of the class that is explained; None for all predicted classes together.
        """
        attention = soft_attention(near, config.threshold, config.quantile)
        informed = depth_informed(images.to(device()), attention)
        if config.cam != "gradcam":
            x, layer = self._model.located(informed), self._model.layer(self._layer)
            pae = library_cam(config.cam, self._model, layer, x, category, self._model.as_map)
            return Explained(attention, informed, pae)
        x = self._fast.prepare(informed)
        with traced(self._fast, self._fast.layer(self._layer), self._fast.as_map) as trace:
            with autocast(self._amp):
                seen = trace(x)
            return Explained(attention, informed, gradcam(seen, category))


def depth_of(
    provider: Provider, images: Tensor, prediction: Tensor, classes: Classes, measured: Tensor | None
) -> Tensor:
    """Relative inverse depth (N, H, W) float32 on the device; see :data:`segxal.models.depth.base.Provider`."""
    return provider(images.to(device()), prediction, classes, None if measured is None else measured.to(device()))


def error_masks(
    model: Network, images: Tensor, measured: Tensor | None, classes: Classes, config: MaskConfig, amp: str,
    layer: str = "",
) -> Iterator[ErrorMask]:  # fmt: skip
    """Explainable error masks of images, batch by batch (memory stays flat).

    Each batch costs one forward pass on the images (prediction and entropy) and one forward pass on the
    depth-informed images with back-propagation to the target layer.

    Args:
        model: the segmentation network; it is moved to the device and not changed.
        images: (N, 3, H, W) uint8.
        measured: (N, H, W) float depth of the data set, or None.
        classes: the classes of the network.
        config: how the mask is made.
        amp: precision of the forward passes.
        layer: name of the layer Grad-CAM explains; empty for the network's own.

    Yields:
        Masks of at most ``config.batch`` images, on the device.

    Source: SegXAL section 3.2, Figs. 1 and 2.
    """
    check_cam(config.cam)
    provider, explainer = get_depth(config.depth, config.depth_weights), Explainer(model, amp, layer)
    for start in range(0, len(images), config.batch):
        part = slice(start, start + config.batch)
        chunk = images[part].to(device())
        seen = explainer.see(chunk, config.entropy)
        depth = depth_of(provider, chunk, seen.prediction, classes, None if measured is None else measured[part])
        found = explainer.explain(chunk, proximity(depth), config)
        eem = fuse(found.pae, seen.ebu, config.w_pae, config.w_ebu)
        prediction = seen.prediction.to(torch.uint8)
        yield ErrorMask(prediction, seen.confidence, depth, found.attention, seen.ebu, found.pae, eem)


def near_pixels(frames: Frames, quantile: float = 0.5) -> Tensor:
    """What is near in images with known truth: the same for every network that is scored on them.

    Args:
        frames: images with the data set's depth, or, without one, labels from which ``geometry`` makes it.
        quantile: of the proximity of each image, from which on a pixel is near.

    Returns:
        (N, H, W) bool.
    """
    provider = get_depth("geometry" if frames.depth is None else "dataset")
    near = proximity(provider(frames.images, frames.labels, frames.classes, frames.depth))
    return soft_attention(near, "quantile", quantile) >= 1
