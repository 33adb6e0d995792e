"""Torchvision's segmentation networks by name, with their published weights or from a random start."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segxal.core.errors import ConfigError, DataMissing
from segxal.models.base import Network
from segxal.models.settings import ModelConfig

# The layer Grad-CAM explains: the last feature map before the classifier.
LAYERS = {
    "fcn_resnet50": "network.backbone.layer4",
    "fcn_resnet101": "network.backbone.layer4",
    "deeplabv3_resnet50": "network.backbone.layer4",
    "deeplabv3_resnet101": "network.backbone.layer4",
    "deeplabv3_mobilenet_v3_large": "network.backbone.16",
    "lraspp_mobilenet_v3_large": "network.backbone.16",
}


class TorchvisionNetwork(Network):
    """A segmentation network of torchvision that gives its main logits alone.

    Args:
        network: of torchvision: a backbone that gives feature maps by name, and a classifier.
        name: a key of ``LAYERS``.
        classes: number of classes C.

    Raises:
        ConfigError: if there is no such name.
    """

    def __init__(self, network: nn.Module, name: str, classes: int) -> None:
        super().__init__()
        if name not in LAYERS:
            raise ConfigError(f"no network {name!r} of torchvision here; choose one of {', '.join(LAYERS)}")
        self.network: Any = network
        self.explained = LAYERS[name]
        self.identity = {"name": name, "classes": classes}

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """The backbone's feature maps by name."""
        return self.network.backbone(x)

    def classify(self, features: dict[str, Tensor], size: tuple[int, int]) -> Tensor:
        """Logits (N, C, H', W'): the classifier, its dropout included, enlarged to the size of the images."""
        several = self.identity["name"].startswith("lraspp")  # its classifier takes two of the maps
        logits = self.network.classifier(features if several else features["out"])
        return F.interpolate(logits, size, mode="bilinear", align_corners=False)


def build_torchvision(config: ModelConfig, classes: int) -> TorchvisionNetwork:
    """A network of torchvision for C classes.

    ``config.weights`` goes to torchvision unchanged, which downloads them on first use; the head of a pretrained
    network is replaced by a fresh one.

    Raises:
        ConfigError: if there are no such weights, or the settings ask for dropout.
        DataMissing: if the weights cannot be downloaded.
    """
    from torchvision.models import segmentation  # seconds of import that the U-Net does not need

    if config.dropout:
        raise ConfigError(
            f"model.dropout = {config.dropout} for {config.name}; only U-Nets have dropout: set it to 0, or model.name "
            "to unet"
        )
    build = getattr(segmentation, config.name)
    if not config.weights:
        network = build(weights=None, weights_backbone=None, num_classes=classes)
    else:
        network = _published(build, config)
        network.aux_classifier = None  # an auxiliary loss is not part of the study
        _replace_last_conv(network.classifier, classes)
    return TorchvisionNetwork(network, config.name, classes)


def _published(build: Any, config: ModelConfig) -> Any:
    try:
        return build(weights=config.weights)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{config.name} has no weights {config.weights!r} ({error}); try weights: DEFAULT") from error
    except OSError as error:  # no network
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise DataMissing(
            f"cannot download the weights {config.weights} of {config.name} ({error}); put the file into {folder}, or "
            "leave model.weights empty"
        ) from error


def _replace_last_conv(head: nn.Module, classes: int) -> None:
    names = [name for name, part in head.named_modules() if isinstance(part, nn.Conv2d)]
    for name in names[-1:] if not hasattr(head, "high_classifier") else ["low_classifier", "high_classifier"]:
        old: Any = head.get_submodule(name)
        parent, _, last = name.rpartition(".")
        setattr(head.get_submodule(parent), last, nn.Conv2d(old.in_channels, classes, 1))
