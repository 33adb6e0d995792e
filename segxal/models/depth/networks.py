"""Depth by pretrained networks: MiDaS, DINOv2 and Depth Anything through ``transformers``."""

from functools import lru_cache
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from segxal.core.errors import CheckpointMismatch
from segxal.core.labels import Classes
from segxal.core.seeds import drawing_from
from segxal.models.depth.cache import cached_maps
from segxal.models.depth.checkpoint import Checkpoint
from segxal.models.device import device
from segxal.storage import paths

VERSION = 1  # of what is done around the network; raise it when a map changes: caches depend on it
NEAREST = 0.1  # metres; a metric network's nonsense nearer than this counts as this near
# Weights that published checkpoints lack because no output depends on them.
UNUSED = ("neck.fusion_stage.layers.0.residual_layer1.", "backbone.embeddings.mask_token")


class NetworkDepth:
    """A provider: what a network says about the images, kept on disk.

    Args:
        checkpoint: of the network; it is loaded when the first map has to be made.

    Source: MiDaS with DPT (Ranftl et al. 2021), DINOv2 with a DPT head (Oquab et al. 2023), Depth Anything V2 (Yang
    et al. 2024); SegXAL section 3.2.2 takes the first two.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint

    def __call__(self, images: Tensor, prediction: Tensor, classes: Classes, measured: Tensor | None) -> Tensor:
        """Relative inverse depth (N, H, W) float32 of images (N, 3, H, W) uint8; nothing else is used.

        Raises:
            CheckpointMismatch: if the weights do not fit the configuration, or the network gives no numbers.
            StorageError: if a map cannot be written.
        """
        kind = "metric" if self.checkpoint.metric else "inverse"
        folder = paths.DEPTHS / f"{self.checkpoint.family}-{kind}-v{VERSION}-{self.checkpoint.digest[:16]}"
        return cached_maps(folder, images, lambda part: network_depth(self.checkpoint, part))


@torch.no_grad()
def network_depth(checkpoint: Checkpoint, images: Tensor) -> Tensor:
    """Make the maps of a batch.

    Args:
        checkpoint: of the network.
        images: (N, 3, H, W) uint8 of any size.

    Returns:
        (N, H, W) float32 relative inverse depth, >= 0, on the device.

    Raises:
        CheckpointMismatch: as :class:`NetworkDepth`.
    """
    network, processor = load_network(checkpoint)
    pixels, border = prepared(processor, images.to(device()))
    said = network(pixel_values=pixels).predicted_depth.float().unsqueeze(1)
    if any(border):
        top, left, bottom, right = border
        said = resized(said, tuple(pixels.shape[2:]))
        said = said[..., top : said.shape[2] - bottom, left : said.shape[3] - right]
    said = resized(said, tuple(images.shape[2:]))[:, 0]
    if not torch.isfinite(said).all():
        raise CheckpointMismatch(f"the network {checkpoint.name} gives NaN or infinite depth; its weights are damaged")
    return as_inverse(said, checkpoint.metric)


def as_inverse(values: Tensor, metric: bool) -> Tensor:
    """What a network gives as inverse depth: metres (``metric``) are inverted, inverse depth is kept; never below 0."""
    return 1 / values.clamp(min=NEAREST) if metric else values.clamp(min=0)


def resized(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Maps (N, 1, h, w) at another size, bicubic as ``transformers`` does it."""
    return F.interpolate(maps, size, mode="bicubic", align_corners=False)


def prepared(processor: Any, images: Tensor) -> tuple[Tensor, tuple[int, int, int, int]]:
    """Images as a checkpoint's own image processor makes them.

    Args:
        processor: resizes, scales and pads as ``preprocessor_config.json`` says.
        images: (N, 3, H, W) uint8.

    Returns:
        (N, 3, h, w) float32, and the width of the border it padded: top, left, bottom, right.
    """
    options: dict[str, Any] = {"return_tensors": "pt", "input_data_format": "channels_first"}
    pixels = processor(images=list(images), **options | {"do_pad": False})["pixel_values"]
    if not getattr(processor, "do_pad", False):
        return pixels, (0, 0, 0, 0)
    height, width = (-side % processor.size_divisor for side in pixels.shape[2:])
    top, left = height // 2, width // 2
    border = (top, left, height - top, width - left)
    return F.pad(pixels, (left, border[3], top, border[2])), border


@lru_cache(maxsize=1)
def load_network(checkpoint: Checkpoint) -> tuple[nn.Module, Any]:
    """The network, in evaluation mode on the device, and its image processor.

    Raises:
        CheckpointMismatch: if the files are damaged, or weights are missing.
    """
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation  # seconds of import

    options: dict[str, Any] = {"local_files_only": True}
    try:
        processor = AutoImageProcessor.from_pretrained(checkpoint.folder, **options)
        with drawing_from(torch.Generator()):  # weights that the file lacks are drawn at random
            network, report = AutoModelForDepthEstimation.from_pretrained(
                checkpoint.folder, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **options
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointMismatch(f"the network {checkpoint.name} cannot be loaded: {error}") from error
    lacking = sorted(name for name in report["missing_keys"] if not name.startswith(UNUSED))
    lacking += sorted(str(entry[0]) for entry in report["mismatched_keys"])
    if lacking:
        raise CheckpointMismatch(
            f"the checkpoint {checkpoint.name} lacks {len(lacking)} weights of its network, for example {lacking[0]}; "
            "its depth would be random. Fetch it again"
        )
    return network.eval().to(device()), processor
