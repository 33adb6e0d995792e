"""Networks of segmentation_models.pytorch by name, with encoders of timm."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from segxal.core.errors import ConfigError
from segxal.core.seeds import drawing_from
from segxal.models.encoder_decoder import EncoderDecoder
from segxal.models.encoders import check_encoder, checksum, encoder_weights, fill
from segxal.models.features import FrozenEncoder
from segxal.models.settings import ModelConfig

# Our name -> the library's. DPT is not among them: its encoders, vision transformers, give one scale alone; nor PAN,
# which cannot take small images.
NETWORKS = {
    "smp-unet": "Unet", "smp-unetplusplus": "UnetPlusPlus", "smp-manet": "MAnet", "smp-linknet": "Linknet",
    "smp-fpn": "FPN", "smp-pspnet": "PSPNet", "smp-deeplabv3": "DeepLabV3",
    "smp-deeplabv3plus": "DeepLabV3Plus", "smp-upernet": "UPerNet", "smp-segformer": "Segformer",
}  # fmt: skip


def build_smp(config: ModelConfig, classes: int) -> "SmpNetwork":
    """A network of segmentation_models.pytorch for C classes on the encoder of the settings.

    Raises:
        ConfigError: if no encoder is named, there is none of that name, the network cannot take it, or dropout is
            asked for.
        CheckpointMismatch: if the weights are damaged or of another encoder.
        WeightsMissing: if the weights are not on this machine and cannot be downloaded.
    """
    if not config.encoder or config.dropout:
        what = f"dropout = {config.dropout}, but its dropout is fixed" if config.encoder else "no encoder"
        raise ConfigError(
            f"{config.name} with {what}; set model.encoder, tf_efficientnet_lite0 for example, and model.dropout: 0"
        )
    check_encoder(config.encoder)
    network = _made(config.name, config.encoder, classes)
    if config.weights and not config.frozen:
        fill(network.encoder.model, config.encoder, encoder_weights(config.encoder, config.weights), config.weights)
    identity = {"name": config.name, "classes": classes, "encoder": config.encoder}
    if not config.frozen:
        return SmpNetwork(network, network.encoder, identity)
    frozen = frozen_encoder(config.name, config.encoder, config.weights)
    return SmpNetwork(network, frozen, identity | {"frozen": frozen.key})


@lru_cache(maxsize=4)
def frozen_encoder(name: str, encoder: str, weights: str) -> FrozenEncoder:
    """The one frozen encoder of these weights in this process; a network may dilate it, so it is kept by network."""
    with drawing_from(torch.Generator()):  # as in encoder_unet: the network around it draws the same
        module = _made(name, encoder, 2).encoder
    fill(module.model, encoder, encoder_weights(encoder, weights), weights)
    return FrozenEncoder(Scaled(module), f"{name}-{encoder}-{checksum(module)[:16]}")


def _made(name: str, encoder: str, classes: int) -> Any:
    import segmentation_models_pytorch  # seconds of import that only these networks need

    try:
        return getattr(segmentation_models_pytorch, NETWORKS[name])(
            f"tu-{encoder}", encoder_weights=None, classes=classes
        )
    except (RuntimeError, AttributeError, ValueError, KeyError, TypeError, NotImplementedError) as error:
        raise ConfigError(
            f"{name} cannot take the encoder {encoder} ({error}); choose another: model.encoder"
        ) from error


class Scaled(nn.Module):
    """An encoder of the library without its first map, which is the image itself and which no decoder here reads."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor) -> list[Tensor]:
        """Maps (N, K, h, w), the finest first."""
        return list(self.encoder(x)[1:])


class SmpNetwork(EncoderDecoder):
    """A network of segmentation_models.pytorch.

    Args:
        network: the library's: ``encoder``, ``decoder`` and ``segmentation_head``.
        encoder: its encoder, or a frozen one like it.
        identity: what a checkpoint must agree in.
    """

    explained = "deepest"
    multiple = 32

    def __init__(self, network: Any, encoder: Any, identity: dict[str, Any]) -> None:
        super().__init__(encoder if isinstance(encoder, FrozenEncoder) else Scaled(encoder))
        self.identity = identity
        self.mean, self.std = (network.encoder.model.pretrained_cfg[key] for key in ("mean", "std"))
        self.deepest = nn.Identity()  # the encoder's deepest map passes here, where Grad-CAM can look at it
        self.decoder, self.head = network.decoder, network.segmentation_head

    def decode(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Logits (N, C, H', W')."""
        *finer, deepest = maps
        image = deepest.new_empty(len(deepest), 0, *size)  # stands for the map that is not read
        return self.head(self.decoder([image, *finer, self.deepest(deepest)]))
