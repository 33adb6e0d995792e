"""The other class-activation methods of pytorch-grad-cam, by name."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from segxal.core.errors import ConfigError
from segxal.core.modes import evaluating

LIBRARY_CAMS = {
    "gradcam++": "GradCAMPlusPlus",
    "xgradcam": "XGradCAM",
    "hirescam": "HiResCAM",
    "gradcam-elementwise": "GradCAMElementWise",
    "layercam": "LayerCAM",
    "eigencam": "EigenCAM",
    "eigengradcam": "EigenGradCAM",
    "scorecam": "ScoreCAM",
}


def check_cam(name: str) -> None:
    """Check the name of a class-activation method.

    Raises:
        ConfigError: if it is neither ``gradcam`` (ours) nor a method of the library; the error lists the names.
    """
    if name != "gradcam" and name not in LIBRARY_CAMS:
        raise ConfigError(f"no CAM method {name!r}; choose one of gradcam, {', '.join(LIBRARY_CAMS)}")


def predicted_classes(logits: Tensor) -> Tensor:
    """Score of one image (C, H, W) over all predicted classes: the sum of the largest logit of each pixel."""
    return logits.amax(0).sum()


def one_class(category: int, logits: Tensor) -> Tensor:
    """Score of one image (C, H, W) for one class: the sum of its logits over the pixels predicted as it."""
    return (logits[category] * (logits.argmax(0) == category)).sum()


def library_cam(
    name: str, model: nn.Module, layer: nn.Module, x: Tensor, category: int | None = None,
    as_map: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:  # fmt: skip
    """Activation maps of a library method for one class, or for all predicted classes together.

    Args:
        name: a key of ``LIBRARY_CAMS``.
        model: the segmentation network; its flags and the gradients of its weights are restored.
        layer: the target layer.
        x: (N, 3, H, W) normalised images.
        category: train id of a class; None for all predicted classes together.
        as_map: brings what the layer gives to (N, K, h, w); None where it gives that.

    Returns:
        (N, H, W) float32 in [0, 1], scaled per image by the library.

    Raises:
        ConfigError: if there is no such method.
    """
    import pytorch_grad_cam  # seconds of import that our own Grad-CAM does not need

    check_cam(name)
    target = predicted_classes if category is None else partial(one_class, category)
    method: Any = getattr(pytorch_grad_cam, LIBRARY_CAMS[name])
    kept = [(weight, weight.grad) for weight in model.parameters()]
    try:
        with evaluating(model), method(model, [layer], as_map) as cam:
            maps = cam(input_tensor=x, targets=[target] * len(x))
    finally:
        for weight, gradient in kept:
            weight.grad = gradient
    return torch.from_numpy(maps).float().to(x.device)
