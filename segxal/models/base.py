"""Segmentation networks by name, with the layer Grad-CAM looks at, saved without pickle."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from segxal.core.errors import CheckpointMismatch, ConfigError, DataMissing, ShapeError
from segxal.core.seeds import lent
from segxal.models.settings import ModelConfig
from segxal.models.unet import UNet
from segxal.storage.tensors import read_tensors, write_tensors

# Mean and standard deviation of ImageNet, RGB in [0, 1] (paper section 4).
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class LogitsOnly(nn.Module):
    """A torchvision segmentation network that returns its main logits alone."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, C, H, W) of normalised images (N, 3, H, W)."""
        return self.network(x)["out"]


# Torchvision's networks and the layer Grad-CAM looks at: the last feature map before the classifier.
TORCHVISION = {
    "fcn_resnet50": "network.backbone.layer4",
    "fcn_resnet101": "network.backbone.layer4",
    "deeplabv3_resnet50": "network.backbone.layer4",
    "deeplabv3_resnet101": "network.backbone.layer4",
    "deeplabv3_mobilenet_v3_large": "network.backbone.16",
    "lraspp_mobilenet_v3_large": "network.backbone.16",
}
MODELS = ("unet", *TORCHVISION)


def build_model(config: ModelConfig, classes: int, generator: torch.Generator) -> nn.Module:
    """A network with C output channels, in training mode.

    Args:
        config: name, sizes and pretrained weights. ``weights`` goes to torchvision unchanged, which downloads
            them on first use; their head is replaced by a fresh one for C classes.
        classes: number of classes C.
        generator: source of the initial weights.

    Returns:
        A module that maps normalised images (N, 3, H, W) to logits (N, C, H, W).

    Raises:
        ConfigError: if there is no such model or no such weights, or another network than the U-Net is to drop out.
        DataMissing: if the weights cannot be downloaded.
    """
    if config.name not in MODELS:
        raise ConfigError(f"no model {config.name!r}; choose one of {', '.join(MODELS)}")
    if config.dropout and config.name != "unet":
        raise ConfigError(
            f"model.dropout = {config.dropout} for {config.name}; only the U-Net takes it: set it to 0, or model.name "
            "to unet"
        )
    with lent(generator):
        if config.name == "unet":
            return UNet(classes, config.base, config.depth, config.dropout)
        return LogitsOnly(_torchvision(config, classes))


def _torchvision(config: ModelConfig, classes: int) -> nn.Module:
    from torchvision.models import segmentation  # seconds of import that the U-Net does not need

    build = getattr(segmentation, config.name)
    if not config.weights:
        return build(weights=None, weights_backbone=None, num_classes=classes)
    try:
        network: Any = build(weights=config.weights)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{config.name} has no weights {config.weights!r} ({error}); try weights: DEFAULT") from error
    except OSError as error:  # no network
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise DataMissing(
            f"cannot download the weights {config.weights} of {config.name} ({error}); put the file into {folder}, or "
            "leave model.weights empty"
        ) from error
    network.aux_classifier = None  # an auxiliary loss is not part of the study
    _replace_last_conv(network.classifier, classes)
    return network


def _replace_last_conv(head: nn.Module, classes: int) -> None:
    names = [name for name, part in head.named_modules() if isinstance(part, nn.Conv2d)]
    for name in names[-1:] if not hasattr(head, "high_classifier") else ["low_classifier", "high_classifier"]:
        old: Any = head.get_submodule(name)
        parent, _, last = name.rpartition(".")
        setattr(head.get_submodule(parent), last, nn.Conv2d(old.in_channels, classes, 1))


def target_layer(model: nn.Module, config: ModelConfig) -> nn.Module:
    """The layer Grad-CAM looks at: ``config.target_layer``, or the model's default.

    Raises:
        ConfigError: if the model has no such layer; the error lists the names it has at the top.
    """
    default = "bottleneck" if config.name == "unet" else TORCHVISION[config.name]
    name = config.target_layer or default
    try:
        return model.get_submodule(name)
    except AttributeError as error:
        names = [n for n, _ in model.named_modules() if n and n.count(".") <= 2]
        raise ConfigError(f"{config.name} has no layer {name!r}; it has {', '.join(names[:40])}") from error


def folded(model: nn.Module, layer: nn.Module) -> tuple[nn.Module, nn.Module]:
    """A faster copy for inference: batch normalisation becomes part of the convolution right before it.

    Args:
        model: the network; it is not changed.
        layer: one of its modules. A convolution that is itself ``layer`` keeps its own output and is not merged.

    Returns:
        The copy in evaluation mode, and ``layer`` in it; outputs agree with the network's up to rounding.
    """
    names = {module: name for name, module in model.named_modules()}
    copied = copy.deepcopy(model).eval()
    place = copied.get_submodule(names[layer])
    for block in copied.modules():
        if not isinstance(block, nn.Sequential):
            continue
        for i in range(len(block) - 1):
            first, second = block[i], block[i + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d) and place not in (first, second):
                block[i], block[i + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
    return copied, place


def normalise(images: Tensor) -> Tensor:
    """Images as the network wants them.

    Args:
        images: (N, 3, H, W) uint8 in 0..255, or float in [0, 1]; RGB.

    Returns:
        (N, 3, H, W) float32, ImageNet mean and standard deviation removed.

    Raises:
        ShapeError: if the images are not (N, 3, H, W).
    """
    if images.dim() != 4 or images.shape[1] != 3:
        raise ShapeError(f"images are {tuple(images.shape)}, expected (N, 3, H, W); put the channel second")
    x = images.float() / 255 if images.dtype == torch.uint8 else images
    mean = torch.tensor(MEAN, device=x.device).view(1, 3, 1, 1)
    std = torch.tensor(STD, device=x.device).view(1, 3, 1, 1)
    return (x - mean) / std


def save_model(path: Path, model: nn.Module, config: ModelConfig, classes: int) -> None:
    """Write the weights as safetensors; the file says which network they belong to."""
    write_tensors(path, dict(model.state_dict()), model=_identity(config, classes))


def load_model(path: Path, config: ModelConfig, classes: int) -> nn.Module:
    """Read a network that :func:`save_model` wrote, in evaluation mode.

    Raises:
        CheckpointMismatch: if the file is truncated or belongs to another network.
    """
    tensors = read_tensors(path)
    with safe_open(path, framework="pt") as file:
        found = (file.metadata() or {}).get("model", "an unknown network")
    wanted = _identity(config, classes)
    if found != wanted:
        raise CheckpointMismatch(
            f"{path} holds {found}, the settings ask for {wanted}; use the preset it was trained with, or delete it"
        )
    offline = replace(config, weights="")  # the file holds all weights
    model = build_model(offline, classes, torch.Generator())
    model.load_state_dict(tensors)
    return model.eval()


def _identity(config: ModelConfig, classes: int) -> str:
    sizes = {"base": config.base, "depth": config.depth} if config.name == "unet" else {}
    return json.dumps({"name": config.name, "classes": classes, **sizes})
