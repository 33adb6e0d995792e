"""Segmentation networks and depth networks by name, and the device they run on."""

from collections.abc import Callable

import torch

from segxal.core.errors import ConfigError
from segxal.core.seeds import drawing_from
from segxal.models.base import Network
from segxal.models.encoder_unet import build_encoder_unet
from segxal.models.settings import ModelConfig
from segxal.models.smp import NETWORKS, build_smp
from segxal.models.torchvision import LAYERS, build_torchvision
from segxal.models.unet import build_unet


def _unet(config: ModelConfig, classes: int) -> Network:
    return build_encoder_unet(config, classes) if config.encoder else build_unet(config, classes)


# Who builds a network of a name. A kind of network is one file, whose builder is entered here.
MODELS: dict[str, Callable[[ModelConfig, int], Network]] = {
    "unet": _unet,
    **dict.fromkeys(LAYERS, build_torchvision),
    **dict.fromkeys(NETWORKS, build_smp),
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
        CheckpointMismatch: if the weights are damaged or of another encoder.
        DataMissing: if the weights of a network of torchvision cannot be downloaded.
        WeightsMissing: if the weights of an encoder cannot be.
    """
    if config.name not in MODELS:
        raise ConfigError(f"no model {config.name!r}; choose one of {', '.join(MODELS)}")
    with drawing_from(generator):
        model = MODELS[config.name](config, classes)
    model.explained = config.target_layer or model.explained
    model.layer()  # a wrong name is refused here, before anything is trained
    return model
