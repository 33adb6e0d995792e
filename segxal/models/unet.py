"""U-Net (paper section 3.1): encoder, bottleneck, decoder with skip connections."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segxal.models.base import Network
from segxal.models.settings import ModelConfig


def build_unet(config: ModelConfig, classes: int) -> "UNet":
    """A U-Net of the width, depth and dropout of the settings, for C classes."""
    return UNet(classes, config.base, config.depth, config.dropout)


def double_conv(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch normalisation and ReLU; keeps height and width."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class UNet(Network):
    """Encoder-decoder with skip connections.

    Sizes that do not divide by ``2 ** depth`` are padded at the right and bottom by repeating the
    border, and the logits are cropped back.

    Args:
        classes: number of classes C.
        base: channels of the first level; every level down doubles them.
        depth: number of 2x2 max poolings.
        dropout: share of the channels before the last convolution that are dropped in training mode; it has no
            weights, so checkpoints fit with and without.

    Source: SegXAL (arXiv 2408.04482) section 3.1; convolution, pooling, ReLU and batch normalisation down,
    transposed convolutions and concatenated skips up. Departure: the paper gives neither width nor depth;
    ``base=64, depth=4`` is the network of Ronneberger et al. with padded convolutions. The dropout is not in the
    paper; MC-dropout methods (BALD, QBC) need a network that was trained with it.
    """

    def __init__(self, classes: int, base: int = 64, depth: int = 4, dropout: float = 0.0) -> None:
        super().__init__()
        widths = [base * 2**level for level in range(depth + 1)]
        self.multiple = 2**depth
        self.explained = "bottleneck"
        self.identity = {"name": "unet", "classes": classes, "base": base, "depth": depth}
        self.down = nn.ModuleList(double_conv(i, o) for i, o in zip([3, *widths], widths[:-1], strict=False))
        self.bottleneck = double_conv(widths[-2] if depth else 3, widths[-1])
        self.upsample = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in reversed(widths[:-1]))
        self.up = nn.ModuleList(double_conv(2 * w, w) for w in reversed(widths[:-1]))
        self.dropout = nn.Dropout2d(dropout) if dropout else nn.Identity()
        self.head = nn.Conv2d(base, classes, 1)

    def features(self, x: Tensor) -> Tensor:
        """Everything before the dropout: (N, base, H', W')."""
        skips = []
        for level in self.down:
            x = level(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottleneck(x)  # (N, base * 2 ** depth, H' / 2 ** depth, W' / 2 ** depth)
        for upsample, level in zip(self.upsample, self.up, strict=True):
            x = level(torch.cat([skips.pop(), upsample(x)], dim=1))
        return x

    def classify(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Logits (N, C, H', W'): the dropout and the last convolution."""
        return self.head(self.dropout(features))
