"""Tiny depth networks with random weights, of the same classes as the real ones: they prove the path, not the depth."""

from pathlib import Path
from typing import Any

import torch

from segxal.core.errors import ConfigError
from segxal.core.seeds import drawing_from

WIDTHS = [16, 16, 16, 16]
PROCESSORS: dict[str, dict[str, Any]] = {  # as the real checkpoints do it, at a smaller size
    "midas": {"size": {"height": 64, "width": 64}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3},
    "dinov2": {"do_resize": False, "do_pad": True, "size_divisor": 14, "do_rescale": False,
               "image_mean": [123.675, 116.28, 103.53], "image_std": [58.395, 57.12, 57.375]},
    "depth-anything": {"size": {"height": 56, "width": 56}, "ensure_multiple_of": 14, "keep_aspect_ratio": True,
                       "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]},
}  # fmt: skip


def save_untrained_network(family: str, folder: Path, generator: torch.Generator, metric: bool = False) -> Path:
    """Save a network with random weights and its image processor, as ``transformers`` saves checkpoints.

    Args:
        family: ``midas``, ``dinov2`` or ``depth-anything``.
        folder: where it goes.
        generator: of the weights.
        metric: for ``depth-anything``: whether it gives metres.

    Returns:
        ``folder``, which ``mask.depth_weights`` can name.

    Raises:
        ConfigError: if there is no such family.
    """
    from transformers import DPTImageProcessor

    if family not in PROCESSORS:
        raise ConfigError(f"no family {family!r}; choose one of {', '.join(PROCESSORS)}")
    with drawing_from(generator):
        network = _network(family, metric)
        for weights in network.parameters():  # the library's own start gives almost constant maps
            if weights.dim() > 1:
                torch.nn.init.normal_(weights, std=weights[0].numel() ** -0.5)
        *_, last, _ = network.head.parameters()
        last.data.abs_()  # so that the rectifier after it cuts nothing off
    network.save_pretrained(folder)
    DPTImageProcessor(**PROCESSORS[family]).save_pretrained(folder)
    return folder


def _network(family: str, metric: bool) -> Any:
    from transformers import (
        DepthAnythingConfig,
        DepthAnythingForDepthEstimation,
        Dinov2Config,
        DPTConfig,
        DPTForDepthEstimation,
    )

    small: dict[str, Any] = {"hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 2}
    shared: dict[str, Any] = {"neck_hidden_sizes": WIDTHS, "fusion_hidden_size": 16}
    if family == "midas":
        config = DPTConfig(
            **small, **shared, intermediate_size=48, image_size=64, patch_size=16, backbone_out_indices=[0, 1, 2, 3],
            use_auxiliary_head=False,
        )  # fmt: skip
        return DPTForDepthEstimation(config)
    stages = [f"stage{k}" for k in range(1, 5)]
    backbone = Dinov2Config(  # type: ignore[call-arg]
        **small, image_size=56, patch_size=14, out_features=stages, reshape_hidden_states=False, apply_layernorm=False
    )
    if family == "dinov2":
        return DPTForDepthEstimation(DPTConfig(**shared, backbone_config=backbone, use_auxiliary_head=False))
    kind: dict[str, Any] = {"depth_estimation_type": "metric", "max_depth": 80} if metric else {}
    return DepthAnythingForDepthEstimation(
        DepthAnythingConfig(
            **shared, backbone_config=backbone, reassemble_hidden_size=24, head_hidden_size=8, patch_size=14, **kind
        )
    )
