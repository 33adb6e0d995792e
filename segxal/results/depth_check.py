"""Depth providers side by side: against the exact depth where there is one, against the ground plane where not."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from segxal.core import seeds
from segxal.core.depth_scores import mean, mean_scores, near_agreement, rank_agreement
from segxal.data.base import Frames
from segxal.models.depth import get_depth
from segxal.results.untrained_depth import save_untrained_network

RANDOM = "random"  # not a provider of masks: a network that knows nothing, to compare with
WHAT = {
    "dataset": "the data set's own depth",
    "geometry": "ground plane, given the true labels",
    "streets-net": "small network trained on rendered streets",
    "midas": "MiDaS checkpoint",
    "dinov2": "DINOv2 checkpoint with a DPT head",
    "depth-anything": "Depth Anything checkpoint",
    RANDOM: "tiny DPT, random weights, loaded through transformers",
}
BATCH = 16


@dataclass(frozen=True)
class DepthCheck:
    """Maps of several providers for the same images.

    Attributes:
        frames: the N images, with exact depth or without.
        maps: provider -> (N, H, W) float32 relative inverse depth, on the CPU.
        rows: one per provider: ``provider``, ``what`` it is, and means over the images: the scores of
            :class:`segxal.core.depth_scores.DepthScores` where there is exact depth, and always ``rank_geometry`` (rank
            correlation with the ground plane) and ``near_geometry`` (share of the ground plane's nearest half found).
    """

    frames: Frames
    maps: dict[str, Tensor]
    rows: list[dict[str, Any]]


def compare_providers(frames: Frames, providers: Sequence[str], seed: int = 0) -> DepthCheck:
    """Make the maps of several providers and compare them.

    Args:
        frames: the images; their labels stand for the prediction, so ``geometry`` is better here than in a cycle.
        providers: names of providers, or ``random``: a tiny network with random weights that is saved, found, loaded
            and run as any other checkpoint.
        seed: of the random weights.

    Raises:
        ConfigError: if there is no such provider.
        WeightsMissing: if a provider's checkpoint is neither on this machine nor downloadable.
    """
    maps = {name: provider_maps(frames, name, seed) for name in providers}
    plane = maps["geometry"] if "geometry" in maps else provider_maps(frames, "geometry", seed)
    return DepthCheck(frames, maps, [_row(name, found, plane, frames) for name, found in maps.items()])


def provider_maps(frames: Frames, name: str, seed: int = 0) -> Tensor:
    """Relative inverse depth (N, H, W) of all images by one provider, or by the ``random`` network, on the CPU."""
    with tempfile.TemporaryDirectory() as folder:
        if name == RANDOM:
            save_untrained_network("midas", Path(folder), seeds.generator(seed, "depth", RANDOM))
            provider = get_depth("midas", folder)
        else:
            provider = get_depth(name)
        parts = []
        for start in tqdm(range(0, len(frames), BATCH), desc=name, unit="batch", leave=False):
            part = slice(start, start + BATCH)
            measured = None if frames.depth is None else frames.depth[part]
            parts.append(provider(frames.images[part], frames.labels[part], frames.classes, measured).cpu())
    return torch.cat(parts)


def _row(name: str, maps: Tensor, plane: Tensor, frames: Frames) -> dict[str, Any]:
    guesses, planes = maps.numpy(), plane.numpy()
    row: dict[str, Any] = {"provider": name, "what": WHAT[name]}
    if frames.depth is not None:
        row |= mean_scores(guesses, frames.depth.numpy())
    pairs = list(zip(guesses, planes, strict=True))
    row["rank_geometry"] = mean([rank_agreement(*pair) for pair in pairs])
    row["near_geometry"] = mean([near_agreement(*pair) for pair in pairs])
    return row
