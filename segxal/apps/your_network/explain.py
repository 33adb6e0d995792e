"""The explainable error mask of any segmentation network, and what it is made of: ``segxal.explain``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor, nn

from segxal.apps.your_network.images import Images
from segxal.apps.your_network.wrapped import wrapped
from segxal.core.eem import ErrorMask
from segxal.core.labels import Classes
from segxal.models.explain import error_masks
from segxal.models.foreign.normalisation import Three
from segxal.models.settings import MaskConfig


@dataclass(frozen=True)
class Explanation:
    """The error mask of N images and its parts.

    Attributes:
        images: (N, H, W, 3) uint8, RGB, as the network was shown them.
        prediction: (N, H, W) uint8, number of the class.
        confidence: (N, H, W) float32, the largest class probability.
        depth: (N, H, W) float32 relative inverse depth, larger = nearer.
        attention: (N, H, W) float32 in [0, 1], the soft attention that dims what is far.
        ebu: (N, H, W) float32 in [0, 1], entropy of the class probabilities, 1 = uniform.
        pae: (N, H, W) float32 in [0, 1], what the network looks at on the depth-informed image.
        eem: (N, H, W) float32 in [0, 1], the explainable error mask: w_pae * PAE + w_ebu * EBU.
        classes: of the prediction.
        layer: name of the layer that PAE comes from.
        mean: of the images the network expects, RGB in [0, 1].
        std: standard deviation of the images the network expects.
    """

    images: np.ndarray
    prediction: np.ndarray
    confidence: np.ndarray
    depth: np.ndarray
    attention: np.ndarray
    ebu: np.ndarray
    pae: np.ndarray
    eem: np.ndarray
    classes: Classes
    layer: str
    mean: Three
    std: Three


def explain(
    network: nn.Module, images: Images, *, classes: Classes | Sequence[str] | None = None,
    depth: str | np.ndarray | Tensor = "", layer: str = "", reshape: Callable[[Tensor], Tensor] | None = None,
    logits: Callable[[Any], Tensor] | None = None, mean: Three | None = None, std: Three | None = None,
    size: tuple[int, int] | None = None, mask: MaskConfig | None = None,
) -> Explanation:  # fmt: skip
    """The explainable error mask of images, and its parts, for any segmentation network of PyTorch.

    Args:
        network: takes normalised images (N, 3, H, W) and returns logits (N, C, h, w): as a tensor, as ``out`` or
            ``logits`` of a mapping, or as ``.logits`` of an object; h and w may be smaller than H and W. It runs in
            evaluation mode; its modes, gradient flags, hooks and device are as before afterwards, also after an error.
        images: a tensor or an array, (3, H, W), (H, W, 3), N of either, or grey (H, W), integers 0..255 or floats in
            [0, 1], not normalised; a picture of Pillow; a path; or a list of these. All have one size, or ``size`` is
            given.
        classes: names in the order of the logits, or names with colours; None: those the network states, or numbers.
        depth: name of a depth provider (:mod:`segxal.models.depth`), empty for that of ``mask``; or relative inverse
            depth (N, H, W), larger = nearer.
        layer: name of the layer Grad-CAM looks at, as in ``network.named_modules()``; empty for the deepest map before
            the head.
        reshape: brings what the named layer gives to (N, K, h, w) by moving its numbers; None: tokens (N, T, K) and
            maps with the channels last are recognised.
        logits: takes the logits out of what the network returns, where they are not found.
        mean: of the images the network expects, RGB in [0, 1]; None: what the network says of itself, or ImageNet's.
        std: standard deviation of the images the network expects; None as for the mean.
        size: (height, width) to which the images are resized before the network; None keeps theirs.
        mask: how the mask is made, with the images of one pass (``batch``); None for the defaults.

    Raises:
        ShapeError: if images or depth have another form.
        DataInvalid: if an image holds NaN or values out of range, or a file cannot be read.
        DataMissing: if a file is not there.
        ConfigError: if the network's output, its layer, its number of classes or a setting does not fit; the error says
            what was given and what would do.

    Source: SegXAL section 3.2.
    """
    settings, measured = with_depth(mask, depth)
    with wrapped(network, images, classes, measured, layer, reshape, logits, mean, std, size, settings) as ready:
        model, frames = ready.learner.model, ready.frames
        parts = [
            {name: getattr(part, name).cpu().numpy() for name in ErrorMask.__dataclass_fields__}
            for part in error_masks(model, frames.images, frames.depth, frames.classes, settings, ready.learner.amp)
        ]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        shown = frames.images.permute(0, 2, 3, 1).numpy()
        return Explanation(
            images=shown, classes=frames.classes, layer=model.explained, mean=model.mean, std=model.std, **joined
        )


def with_depth(
    mask: MaskConfig | None, depth: str | np.ndarray | Tensor
) -> tuple[MaskConfig, np.ndarray | Tensor | None]:
    """The settings of the mask with the depth that is asked for, and the depth that was given or None."""
    settings = mask or MaskConfig()
    if not isinstance(depth, str):
        return replace(settings, depth="dataset", depth_weights=""), depth
    return (replace(settings, depth=depth) if depth else settings), None  # type: ignore[arg-type]
