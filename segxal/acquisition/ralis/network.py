"""RALIS's query network: the value Q of asking for a region, from the state and the region's features."""

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import Tensor, nn

from segxal.acquisition.ralis.features import BINS

SIMILAR = 2 * BINS  # values that say how unlike the labelled and the other regions one is
STATE = (256, 128)  # channels of the state path
ACTION = (512, 256, 128)  # of the action path


class QueryNetwork(nn.Module):
    """Q-values of candidate regions.

    Args:
        features: d, values that describe a region (:func:`segxal.acquisition.ralis.features.region_features`).
        regions: S, regions of the state set; their order counts.

    Source: RALIS section 3.2, figure 2, and its release (390,356 weights for CamVid). Departure: the release's unused
    linear layer of 257 weights is left out.
    """

    def __init__(self, features: int, regions: int) -> None:
        super().__init__()
        self.features, self.regions = features, regions
        self.state = nn.Sequential(
            Step(features, STATE[0]), Step(STATE[0], STATE[1]), Step(STATE[1], 1), nn.Flatten(),
            nn.BatchNorm1d(regions), nn.ReLU(), nn.Linear(regions, ACTION[-1]),
        )  # fmt: skip
        widths = (features, *ACTION)
        self.action = nn.Sequential(*(Step(*pair) for pair in pairwise(widths)))
        self.fusion = nn.Sequential(
            OrderedDict(norm=nn.BatchNorm1d(2 * ACTION[-1]), linear=nn.Conv1d(2 * ACTION[-1], 1, 1))
        )
        self.gate = Step(SIMILAR, 1)

    def forward(self, state: Tensor, candidates: Tensor) -> Tensor:
        """Q-values.

        Args:
            state: (B, S, d) float32, the regions of the state set.
            candidates: (B, N, d + 64) float32, the regions that can be asked for.

        Returns:
            (B, N).
        """
        seen = self.state(state.transpose(1, 2)).unsqueeze(2)
        own = self.action(candidates[..., : self.features].transpose(1, 2))
        fused = self.fusion(torch.cat([own, seen.expand_as(own)], 1))
        return (self.gate(candidates[..., self.features :].transpose(1, 2)).sigmoid() * fused).squeeze(1)


class Step(nn.Sequential):
    """Batch normalisation, ReLU and a linear layer that all regions share: (B, from, N) -> (B, to, N)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(nn.BatchNorm1d(before), nn.ReLU(), nn.Conv1d(before, after, 1))
