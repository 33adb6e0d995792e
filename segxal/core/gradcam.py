"""Grad-CAM of a segmentation network (paper section 3.2.2, equation 2)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.core.modes import evaluating


@dataclass
class Trace:
    """One forward pass that can be explained: logits, and the activation they were computed from.

    Attributes:
        logits: (N, C, H, W) float32, part of the graph that starts at ``output``.
        output: what the target layer gave, the leaf of the graph.
        as_map: brings such an output, and the gradient of it, to (N, K, h, w).
    """

    logits: Tensor
    output: Tensor
    as_map: Callable[[Tensor], Tensor]

    @property
    def activation(self) -> Tensor:
        """(N, K, h, w) activation of the target layer; the leaf itself where the layer gives a map."""
        return self.as_map(self.output)


def _is_map(output: Tensor) -> Tensor:
    return output


@contextmanager
def traced(model: nn.Module, layer: nn.Module, as_map: Callable[[Tensor], Tensor] = _is_map) -> Iterator[Any]:
    """Run a network so that back-propagation ends at ``layer``.

    Inside the block every module is in evaluation mode and no weight asks for a gradient; afterwards training flags,
    gradient flags and hooks are as they were, also after an error. The gradients of the weights are never touched.

    Args:
        model: the segmentation network.
        layer: the module whose output Grad-CAM weighs; it must run once in a pass and return one tensor.
        as_map: brings that tensor to (N, K, h, w) by moving its numbers, so that it does the same to a gradient.

    Yields:
        A function ``trace(x)`` that maps normalised images (N, 3, H, W) to a :class:`Trace`.

    Raises:
        ConfigError: if the layer gives no such tensor, did not run, or ran several times.
    """
    wanted = [(weight, weight.requires_grad) for weight in model.parameters()]
    captured: list[Tensor] = []

    def capture(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        if not isinstance(output, Tensor) or as_map(output).dim() != 4:
            raise ConfigError(f"target layer {type(layer).__name__} gives no (N, K, h, w) tensor; name another layer")
        captured.append(output.detach().requires_grad_())
        return captured[-1].clone()  # the next module may work in place (ReLU), which a leaf does not allow

    def trace(x: Tensor) -> Trace:
        captured.clear()
        with torch.enable_grad():
            logits = model(x)
        if len(captured) != 1:
            ran = f"ran {len(captured)} times" if captured else "did not run"
            raise ConfigError(
                f"target layer {type(layer).__name__} {ran} in the forward pass; name another layer, one that runs once"
            )
        return Trace(logits.float(), captured[0], as_map)

    with evaluating(model):
        for weight, _ in wanted:
            weight.requires_grad_(False)
        handle = layer.register_forward_hook(capture)
        try:
            yield trace
        finally:
            handle.remove()
            for weight, flag in wanted:
                weight.requires_grad_(flag)


def class_scores(logits: Tensor, prediction: Tensor, category: int) -> Tensor:
    """Score of one class: the sum of its logits over the pixels predicted as it.

    Args:
        logits: (N, C, H, W).
        prediction: (N, H, W) integer.
        category: train id of the class.

    Returns:
        (N,) float, 0 for an image in which the class is not predicted.
    """
    return (logits[:, category] * (prediction == category)).sum((1, 2))


def gradcam(trace: Trace, category: int | None = None, prediction: Tensor | None = None) -> Tensor:
    """Grad-CAM maps of one class, or of all predicted classes in one backward pass.

    Symbols: y^c the class score, A^k the k-th channel of the target layer, alpha^c_k the mean over positions of
    dy^c / dA^k; the map is ReLU(sum_k alpha^c_k A^k). For all predicted classes at once the score is the sum over
    classes of y^c, that is the sum over pixels of the largest logit.

    Args:
        trace: what :func:`traced` gave for the images; it may be asked again, the forward pass is not repeated.
        category: train id of a class; None for all predicted classes together.
        prediction: (N, H, W) integer classes the scores are taken over, 255 = left out; the network's own by default.

    Returns:
        (N, H, W) float32 in [0, 1], scaled per image (:func:`unit_range`), all 0 where nothing speaks for the class.

    Raises:
        ConfigError: if there is no such class, or the logits do not depend on the target layer.

    Source: SegXAL section 3.2.2, equation 2; Selvaraju et al. 2017; Vinogradova et al. 2020 (Seg-Grad-CAM).
    Departure: equation 2 leaves the class and the normaliser Z open; we take the pixels predicted as a class and the
    mean over positions, on the segmentation network itself (the release used an ImageNet classifier).
    """
    logits = trace.logits
    prediction = logits.max(1).indices if prediction is None else prediction  # argmax is slow where channels come first
    if category is not None and not 0 <= category < logits.shape[1]:
        raise ConfigError(f"category {category} is not a class; the network has 0..{logits.shape[1] - 1}")
    with torch.enable_grad():
        if category is None:
            chosen = prediction.clamp(max=logits.shape[1] - 1).long().unsqueeze(1)
            score = (logits.gather(1, chosen).squeeze(1) * (prediction != VOID)).sum()
        else:
            score = class_scores(logits, prediction, category).sum()
    if not score.requires_grad:
        raise ConfigError("the logits do not depend on the target layer; name another layer, one that leads to them")
    (gradient,) = torch.autograd.grad(score, trace.output, retain_graph=True)
    alpha = trace.as_map(gradient).float().mean((2, 3), keepdim=True)
    cam = (alpha * trace.activation.detach().float()).sum(1).relu()  # (N, h, w)
    return unit_range(F.interpolate(cam.unsqueeze(1), logits.shape[-2:], mode="bilinear").squeeze(1))


def class_maps(trace: Trace) -> dict[int, Tensor]:
    """One Grad-CAM map for each class that is predicted somewhere in the batch.

    Args:
        trace: what :func:`traced` gave.

    Returns:
        Per train id a (N, H, W) map; images in which the class is not predicted get zeros.
    """
    prediction = trace.logits.argmax(1)
    return {int(c): gradcam(trace, int(c), prediction) for c in prediction.unique()}


def unit_range(maps: Tensor) -> Tensor:
    """Each image of (N, h, w) shifted and scaled to [0, 1]; a constant image becomes 0."""
    low = maps.amin((1, 2), keepdim=True)
    span = maps.amax((1, 2), keepdim=True) - low
    return torch.where(span > 1e-12, (maps - low) / span.clamp(min=1e-12), torch.zeros_like(maps))
