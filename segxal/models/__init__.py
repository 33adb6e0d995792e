"""Segmentation networks and depth networks by name, and the device they run on."""

from collections.abc import Callable

import torch

from segxal.core.errors import ConfigError
from segxal.core.seeds import drawing_from
from segxal.models.base import Network
from segxal.models.settings import ModelConfig
from segxal.models.torchvision import LAYERS, build_torchvision
from segxal.models.unet import build_unet

# Who builds a network of a name. A kind of network is one file, whose builder is entered here.
MODELS: dict[str, Callable[[ModelConfig, int], Network]] = {
    "unet": build_unet,
    **dict.fromkeys(LAYERS, build_torchvision),
}


def build_model(config: ModelConfig, classes: int, generator: torch.Generator) -> Network:
    """A network with C output channels, in training mode.

    Args:
        config: name, sizes, pretrained weights, and the layer Grad-CAM explains.
        classes: number of classes C.
        generator: source of the initial weights.

    Raises:
        ConfigError: if there is no such network, no such weights or no such layer, or the network cannot do what the
            settings ask for.
        DataMissing: if the weights cannot be downloaded.
    """
    if config.name not in MODELS:
        raise ConfigError(f"no model {config.name!r}; choose one of {', '.join(MODELS)}")
    with drawing_from(generator):
        model = MODELS[config.name](config, classes)
    model.explained = config.target_layer or model.explained
    model.layer()  # a wrong name is refused here, before anything is trained
    return model
