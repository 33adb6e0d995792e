"""Mean and standard deviation of the images a network was trained on, where the network says so."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from segxal.models.base import MEAN, STD, Network

Three = tuple[float, float, float]
PROCESSOR = "preprocessor_config.json"  # beside the weights of a network of transformers


def normalisation_of(network: nn.Module) -> tuple[Three, Three]:
    """What to subtract from images in [0, 1], RGB, and what to divide by; ImageNet's where nothing is said.

    A network of this package has attributes; a network of timm, or one of segmentation_models.pytorch with an encoder
    of timm, has a ``pretrained_cfg``; beside the weights of a network of transformers lies the file of its image
    processor, in the folder it was loaded from or in the hub's cache. Nothing is downloaded.
    """
    if isinstance(network, Network):
        return network.mean, network.std
    for known in _statements(network):
        mean, std = _three(known.get("mean")), _three(known.get("std"))
        if mean and std:
            return mean, std
    return MEAN, STD


def _statements(network: nn.Module) -> Iterator[Mapping[str, Any]]:
    """What the parts of a network say of their images, the outermost first."""
    for part in network.modules():
        known = getattr(part, "pretrained_cfg", None)
        if isinstance(known, Mapping):
            yield known
        origin = getattr(getattr(part, "config", None), "_name_or_path", "")
        if isinstance(origin, str) and origin:
            yield _processor(origin)


def _processor(origin: str) -> dict[str, Any]:
    """Mean and std of the image processor of a folder or of a name on the hub; empty where it is not here."""
    file = Path(origin) / PROCESSOR
    if not file.is_file():
        from huggingface_hub import try_to_load_from_cache  # only networks of transformers need it
        from huggingface_hub.errors import HFValidationError

        try:
            cached = try_to_load_from_cache(origin, PROCESSOR)
        except HFValidationError:  # a folder, not a name
            return {}
        if not isinstance(cached, str):
            return {}
        file = Path(cached)
    said = json.loads(file.read_text(encoding="utf-8"))
    if said.get("do_normalize") is False:
        return {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    return {"mean": said.get("image_mean"), "std": said.get("image_std")}


def _three(values: Any) -> Three | None:
    if not isinstance(values, (tuple, list)) or len(values) != 3:
        return None
    red, green, blue = (float(value) for value in values)
    return red, green, blue
