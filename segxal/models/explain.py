"""From images to explainable error masks with a network and a depth provider (paper section 3.2, Figs. 1 and 2)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from segxal.core.cams import check_cam, library_cam
from segxal.core.eem import ErrorMask, depth_informed, fuse, proximity, soft_attention
from segxal.core.entropy import entropy_map, patch_entropy_map
from segxal.core.gradcam import gradcam, traced
from segxal.core.labels import Classes
from segxal.data.base import Frames
from segxal.models.base import folded, normalise
from segxal.models.depth import get_depth
from segxal.models.device import autocast, device
from segxal.models.settings import MaskConfig


def error_masks(
    model: nn.Module, layer: nn.Module, images: Tensor, measured: Tensor | None, classes: Classes,
    config: MaskConfig, amp: str,
) -> Iterator[ErrorMask]:  # fmt: skip
    """Explainable error masks of images, batch by batch (memory stays flat).

    Each batch costs one forward pass on the images (prediction and entropy) and one forward pass on the
    depth-informed images with back-propagation to the target layer.

    Args:
        model: the segmentation network; it is moved to the device and not changed.
        layer: the target layer of Grad-CAM.
        images: (N, 3, H, W) uint8.
        measured: (N, H, W) float depth of the data set, or None.
        classes: the classes of the network.
        config: how the mask is made.
        amp: precision of the forward passes.

    Yields:
        Masks of at most ``config.batch`` images, on the device.

    Source: SegXAL section 3.2, Figs. 1 and 2.
    """
    check_cam(config.cam)
    place, provider = device(), get_depth(config.depth, config.depth_weights)
    fast, target = folded(model.to(place), layer)
    fast.to(memory_format=torch.channels_last)
    for start in range(0, len(images), config.batch):
        chunk = images[start : start + config.batch].to(place)
        with traced(fast, target) as trace:
            with torch.no_grad(), autocast(amp):
                probs = fast(normalise(chunk).contiguous(memory_format=torch.channels_last)).float().softmax(1)
            confidence, prediction = probs.max(1)
            depth_here = None if measured is None else measured[start : start + config.batch].to(place)
            depth = provider(chunk, prediction, classes, depth_here)
            attention = soft_attention(proximity(depth), config.threshold, config.quantile)
            x = normalise(depth_informed(chunk, attention)).contiguous(memory_format=torch.channels_last)
            if config.cam == "gradcam":
                with autocast(amp):
                    seen = trace(x)
                pae = gradcam(seen)
        if config.cam != "gradcam":
            pae = library_cam(config.cam, model, layer, x)
        ebu = entropy_map(probs)
        if config.entropy == "patch":
            ebu = patch_entropy_map(prediction, len(classes))
        eem = fuse(pae, ebu, config.w_pae, config.w_ebu)
        yield ErrorMask(prediction.to(torch.uint8), confidence, depth, attention, ebu, pae, eem)


def near_pixels(frames: Frames, quantile: float = 0.5) -> Tensor:
    """What is near in images of known truth: the same for every network that is scored on them.

    Args:
        frames: images with the data set's depth, or, without one, labels from which ``geometry`` makes it.
        quantile: of the proximity of each image, from which on a pixel is near.

    Returns:
        (N, H, W) bool.
    """
    provider = get_depth("geometry" if frames.depth is None else "dataset")
    near = proximity(provider(frames.images, frames.labels, frames.classes, frames.depth))
    return soft_attention(near, "quantile", quantile) >= 1
