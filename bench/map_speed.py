"""Error masks and Grad-CAM against pytorch-grad-cam as its segmentation tutorial uses it, and against the floor."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import SemanticSegmentationTarget
from scene import Sizes, predicted, streets
from timer import Row, medians
from torch import Tensor, nn
from torch.nn import functional as F

from segxal.core.gradcam import class_maps, gradcam, traced
from segxal.core.impurity import impurity
from segxal.models.base import Network
from segxal.models.device import device
from segxal.models.explain import error_masks
from segxal.models.settings import MaskConfig

Work = Callable[[], Any]
RADIUS = 32  # of the window of the impurity, pixels; that of RIPU where it asks for pixels
CACHED = 4 * 128 * 256  # pixels of a batch of masks; larger ones leave the caches of the CPUs we measured


def rows(model: Network, sizes: Sizes, repeats: int) -> list[Row]:
    """All rows about maps, for each image size."""
    return [row for size in sizes.images for row in _rows(model, size, sizes, repeats)]


def _rows(model: Network, size: tuple[int, int], sizes: Sizes, repeats: int) -> list[Row]:
    frames = streets(size, sizes.batch, "test")
    plain = copy.deepcopy(model).to(device(), memory_format=torch.contiguous_format)  # NCHW, as the tutorial has it
    x = model.normalise(frames.images.to(device()))
    category = int(predicted(plain, x).flatten().mode().values)
    classes = predicted(plain, x).flatten(1)
    many = sum(len(row.unique()) for row in classes) / len(x)
    cases: dict[str, Work] = _ours(model, x, category)
    cases |= _tutorial(plain, plain.layer(), x, category)
    cases |= _masks(model, frames)
    cases["floor"] = lambda: [_floor(model, part) for part in x.split(sizes.batch)]
    times = {name: 1000 * value / len(x) for name, value in medians(cases, repeats).items()}  # ms per image
    note = f"{many:.1f} classes are predicted per image on average; the peer makes one map for each"
    compared = [
        ("Grad-CAM, one class", "one class", "tutorial, one class", 2.0, ""),
        ("Grad-CAM, one class, image by image", "one class alone", "tutorial, one class", None, ""),
        ("Grad-CAM, all predicted classes at once", "all classes", "tutorial, each class", 5.0, note),
        ("Grad-CAM, one map per predicted class", "each class", "tutorial, each class", None, ""),
        ("one map per class, image by image", "each class alone", "tutorial, each class", None, ""),
        ("whole EEM (depth known) / one class", "EEM", "tutorial, one class", 2.0, "two forward passes and the fusion"),
        ("whole EEM (depth known) / each class", "EEM", "tutorial, each class", 5.0, ""),
        (
            "whole EEM (depth known) / floor",
            "EEM",
            "floor",
            None,
            "floor: a forward, a forward + backward to the layer",
        ),
        ("whole EEM (geometry depth) / floor", "EEM geometry", "floor", None, ""),
    ]
    where = f"{size[0]}x{size[1]}"
    found = [Row(n, where, times[a], times[b], times[b] / times[a], t, "ms/image", m) for n, a, b, t, m in compared]
    return [*found, _impurity(classes.view(len(x), *size), len(frames.classes), where, repeats)]


def _impurity(prediction: Tensor, classes: int, where: str, repeats: int) -> Row:
    """RIPU's impurity against one convolution per class of the window's size, image by image."""
    one, side = prediction[:1].cpu(), 2 * RADIUS + 1
    kernel = torch.ones(classes, 1, side, side)

    def peer() -> Tensor:
        planes = F.one_hot(one, classes).permute(0, 3, 1, 2).float()
        counts = F.conv2d(planes, kernel, padding=RADIUS, groups=classes)
        return torch.special.entr(counts / counts.sum(1, keepdim=True)).sum(1)

    times = medians({"ours": lambda: impurity(one, classes, RADIUS), "peer": peer}, min(3, repeats))
    ours, other = 1000 * times["ours"], 1000 * times["peer"]
    note = f"a window of {side} x {side} pixels; equal to 1e-6"
    return Row("impurity / one convolution per class", where, ours, other, other / ours, 10, "ms/image", note)


def _ours(model: Network, x: Tensor, category: int) -> dict[str, Work]:
    x = x.contiguous(memory_format=torch.channels_last)
    model.to(device(), memory_format=torch.channels_last)

    def run(make: Callable[[Any], Any], batch: int) -> Work:
        def act() -> None:
            with traced(model, model.layer()) as trace:
                for part in x.split(batch):
                    make(trace(part))

        return act

    whole = len(x)
    return {
        "one class": run(lambda trace: gradcam(trace, category), whole),
        "one class alone": run(lambda trace: gradcam(trace, category), 1),
        "all classes": run(gradcam, whole),
        "each class": run(class_maps, whole),
        "each class alone": run(class_maps, 1),
    }


def _tutorial(model: nn.Module, layer: nn.Module, x: Tensor, category: int) -> dict[str, Work]:
    """As the tutorial does: a forward pass for the mask, then the library's own call; one image at a time."""

    def maps(image: Tensor, wanted: int | None) -> None:
        found = model(image)[0].softmax(0).argmax(0).cpu().numpy()  # the tutorial records gradients here too
        with GradCAM(model=model, target_layers=[layer]) as cam:
            for each in np.unique(found) if wanted is None else [wanted]:
                cam(input_tensor=image, targets=[SemanticSegmentationTarget(int(each), np.float32(found == each))])

    return {
        "tutorial, one class": lambda: [maps(image, category) for image in x.split(1)],
        "tutorial, each class": lambda: [maps(image, None) for image in x.split(1)],
    }


def _masks(model: Network, frames: Any) -> dict[str, Work]:
    def run(depth: Any) -> Work:
        config = MaskConfig(depth=depth, batch=max(1, CACHED // frames.labels[0].numel()))
        return lambda: list(error_masks(model, frames.images, frames.depth, frames.classes, config, "off"))

    return {"EEM": run("dataset"), "EEM geometry": run("geometry")}


def _floor(model: Network, x: Tensor) -> None:
    """What no mask can do without: one plain forward pass, one with back-propagation to the layer."""
    x = x.contiguous(memory_format=torch.channels_last)
    kept: list[Tensor] = []

    def leaf(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        kept.append(output.detach().requires_grad_())
        return kept[-1].clone()

    with torch.no_grad():
        model(x)
    wanted = [weight.requires_grad for weight in model.parameters()]
    model.requires_grad_(False)
    handle = model.layer().register_forward_hook(leaf)
    torch.autograd.grad(model(x).amax(1).sum(), kept)
    handle.remove()
    for weight, flag in zip(model.parameters(), wanted, strict=True):
        weight.requires_grad_(flag)
