"""Networks on disk, without pickle, and a faster copy of a network for inference."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from segxal.core.errors import CheckpointMismatch
from segxal.models import build_model
from segxal.models.base import Network
from segxal.models.settings import ModelConfig
from segxal.storage.tensors import read_tensors, write_tensors


def save_model(path: Path, model: Network) -> None:
    """Write the weights as safetensors; the file says which network they belong to."""
    write_tensors(path, dict(model.state_dict()), model=json.dumps(model.identity))


def load_model(path: Path, config: ModelConfig, classes: int) -> Network:
    """Read a network that :func:`save_model` wrote, in evaluation mode.

    Args:
        path: the file.
        config: the network the file is to fit.
        classes: number of classes C.

    Raises:
        CheckpointMismatch: if the file is truncated or belongs to another network.
        ConfigError: as :func:`segxal.models.build_model`.
    """
    tensors = read_tensors(path)
    with safe_open(path, framework="pt") as file:
        found = (file.metadata() or {}).get("model", "an unknown network")
    whole = config if config.frozen else replace(config, weights="")  # the file holds all weights but frozen ones
    model = build_model(whole, classes, torch.Generator())
    wanted = json.dumps(model.identity)
    if found != wanted:
        raise CheckpointMismatch(
            f"{path} holds {found}, but the settings ask for {wanted}; use the preset it was trained with, or delete it"
        )
    model.load_state_dict(tensors)
    return model.eval()


def folded(model: Network, layer: str = "") -> Network:
    """A faster copy for inference: batch normalisation becomes part of the convolution right before it.

    Args:
        model: the network; it is not changed.
        layer: name of a layer whose output is looked at; empty for the one Grad-CAM explains. A convolution that is
            itself this layer keeps its own output and is not merged.

    Returns:
        The copy in evaluation mode; outputs, those of the layer too, agree with the network's up to rounding.

    Raises:
        ConfigError: if the network has no such layer.
    """
    copied = copy.deepcopy(model).eval()
    kept = copied.layer(layer)
    for block in copied.modules():
        if not isinstance(block, nn.Sequential):
            continue
        for i in range(len(block) - 1):
            first, second = block[i], block[i + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d) and kept not in (first, second):
                block[i], block[i + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
    return copied
