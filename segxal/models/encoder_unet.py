"""The paper's U-Net with a published encoder in place of its contracting path (section 3.1)."""

import typing
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segxal.core.seeds import drawing_from
from segxal.models.encoder_decoder import EncoderDecoder
from segxal.models.encoders import build_encoder, checksum
from segxal.models.features import FrozenEncoder
from segxal.models.settings import ModelConfig

WIDTH = 64  # channels of the expanding path
NARROW = 32  # its channels where it is finer than COARSE, which has four times the cells
COARSE = 8  # pixels per side of a cell
WINDOW = 4  # cells per side of what a 3x3 convolution sees of the four cells around a pixel


def build_encoder_unet(config: ModelConfig, classes: int) -> "EncoderUNet":
    """A U-Net for C classes on the encoder of the settings.

    Raises:
        ConfigError: if there is no such encoder.
        CheckpointMismatch: if the weights are damaged or of another encoder.
        WeightsMissing: if the weights are not on this machine and cannot be downloaded.
    """
    identity: dict[str, Any] = {"name": "unet", "classes": classes, "encoder": config.encoder, "stride": config.stride}
    if not config.frozen:
        return EncoderUNet(build_encoder(config.encoder, config.weights, config.stride), classes, config, identity)
    frozen = frozen_encoder(config.encoder, config.weights, config.stride)
    return EncoderUNet(frozen, classes, config, identity | {"frozen": frozen.key})


@lru_cache(maxsize=4)
def frozen_encoder(encoder: str, weights: str, stride: int) -> FrozenEncoder:
    """The one frozen encoder of these weights in this process.

    Whether it is made now or was made before, the network around it draws the same initial weights.
    """
    with drawing_from(torch.Generator()):
        module = build_encoder(encoder, weights, stride)
    return FrozenEncoder(module, f"{encoder}-{stride}-{checksum(module)[:16]}")


class EncoderUNet(EncoderDecoder):
    """Encoder of timm, and a light expanding path with a skip connection at every level.

    Args:
        encoder: of timm, trained along or frozen.
        classes: number of classes C.
        config: ``dropout`` is the share of the channels before the last convolution that training drops.
        identity: what a checkpoint must agree in.

    Source: SegXAL section 3.1; Ronneberger et al. 2015. Departure: the contracting path is a published encoder trained
    on ImageNet. Its maps are standardised by batch normalisation and brought to one number of channels by 1x1
    convolutions; on the way up they are added, not concatenated (Lin et al. 2017), and 3x3 convolutions follow at 8
    pixels per cell and at every finer level, which is half as wide. Logits are enlarged from the finest level.
    """

    explained = "deepest"

    def __init__(self, encoder: Any, classes: int, config: ModelConfig, identity: dict[str, Any]) -> None:
        super().__init__(encoder)
        self.identity = identity
        module: Any = encoder.module if isinstance(encoder, FrozenEncoder) else encoder
        self.mean, self.std = module.pretrained_cfg["mean"], module.pretrained_cfg["std"]
        info = list(zip(module.feature_info.channels(), module.feature_info.reduction(), strict=True))
        self.multiple = info[0][1]
        self.deepest = nn.Identity()  # the encoder's deepest map passes here, where Grad-CAM can look at it
        self.skips, self.joins = nn.ModuleList(), nn.ModuleList()
        width = WIDTH
        for channels, stride in reversed(info):
            narrower = stride < COARSE and width == WIDTH
            below, width = width, NARROW if narrower else width
            standardised = nn.BatchNorm2d(channels, affine=False)
            self.skips.append(nn.Sequential(standardised, nn.Conv2d(channels, width, 1, bias=False)))
            self.joins.append(Join(below, width, convolved=stride <= COARSE or stride == info[0][1]))
        self.dropout = nn.Dropout2d(config.dropout) if config.dropout else nn.Identity()
        self.head = nn.Conv2d(width, classes, 1)

    def decode(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Logits (N, C, H', W'), enlarged bilinearly."""
        coarse = self.coarse(maps).contiguous()  # a softmax over channels that lie last is three times as slow
        return F.interpolate(coarse, size, mode="bilinear", align_corners=False)

    def coarse(self, maps: Sequence[Tensor]) -> Tensor:
        """Logits (N, C, h, w) at the resolution of the finest map."""
        last: Any = self.joins[-1]
        return self.head(self.dropout(last.smoothed(self.summed(maps))))

    def summed(self, maps: Sequence[Tensor]) -> Tensor:
        """The way up to the finest level, (N, width, h, w): all of it but the last level's convolution."""
        deepest, *finer = reversed(maps)
        below, joins = self.skips[0](self.deepest(deepest)), typing.cast(Any, self.joins)
        for level, skip, join, before in zip(finer, self.skips[1:], joins[1:], joins[:-1], strict=True):
            below = join.added(skip(level), before.smoothed(below))
        return below

    def logits_at(self, x: Any, where: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Logits (P, C) of some pixels, read bilinearly from the coarse ones: no map of full size is made.

        Where the pixels are few, the last convolution runs around them alone: in training, its batch normalisation then
        sees what lies around annotated pixels, not whole images.
        """
        maps, padded, _ = self.begun(x)
        summed, last = self.summed(maps), typing.cast(Any, self.joins[-1])
        if WINDOW**2 * len(where[0]) > summed[:, 0].numel() or min(summed.shape[-2:]) < 2:
            return bilinear(self.head(self.dropout(last.smoothed(summed))), where, padded)
        windows, shares = windows_around(last.before(summed), where, padded)
        corners = self.head(self.dropout(last.inside(windows)))
        return (corners * shares.unsqueeze(1)).sum((2, 3))


class Join(nn.Module):
    """One step of the expanding path: what comes from below, enlarged, plus the skip connection.

    Args:
        below: channels of what comes from below.
        width: channels of the result.
        convolved: whether batch normalisation, ReLU and a 3x3 convolution with both follow.
    """

    def __init__(self, below: int, width: int, convolved: bool) -> None:
        super().__init__()
        self.narrowed = nn.Conv2d(below, width, 1, bias=False) if below != width else nn.Identity()
        self.smoothed = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width), nn.ReLU(inplace=True),
        ) if convolved else nn.Identity()  # fmt: skip

    def added(self, skip: Tensor, below: Tensor) -> Tensor:
        """(N, width, h, w) at the resolution of the skip connection, before what follows."""
        size = (skip.shape[-2], skip.shape[-1])
        return skip + F.interpolate(self.narrowed(below), size, mode="bilinear", align_corners=False)

    def before(self, x: Tensor) -> Tensor:
        """What the convolution is given."""
        layers: Any = self.smoothed
        return layers[:2](x)

    def inside(self, windows: Tensor) -> Tensor:
        """Windows (P, width, h, w) of :meth:`before` -> (P, width, h - 2, w - 2): ``smoothed`` where they are whole."""
        layers: Any = self.smoothed
        convolution, *after = layers[2:]
        x = F.conv2d(windows, convolution.weight, convolution.bias)
        for layer in after:
            x = layer(x)
        return x


def bilinear(maps: Tensor, where: tuple[Tensor, Tensor, Tensor], size: tuple[int, int]) -> Tensor:
    """Values of maps at some pixels of the size they stand for.

    Args:
        maps: (N, C, h, w).
        where: P image numbers, rows and columns of pixels of (H, W).
        size: (H, W).

    Returns:
        (P, C), what ``F.interpolate(maps, size, mode="bilinear", align_corners=False)`` has there.
    """
    image, *pixels = where
    values, corners = maps.permute(0, 2, 3, 1), []
    for pixel, side, full in zip(pixels, maps.shape[-2:], size, strict=True):
        place = ((pixel + 0.5) * side / full - 0.5).clamp(0, side - 1)
        low = place.floor().long()
        corners.append((low, (low + 1).clamp(max=side - 1), (place - low).unsqueeze(1)))
    (top, bottom, down), (left, right, along) = corners
    upper = (1 - along) * values[image, top, left] + along * values[image, top, right]
    lower = (1 - along) * values[image, bottom, left] + along * values[image, bottom, right]
    return (1 - down) * upper + down * lower


def windows_around(maps: Tensor, where: tuple[Tensor, Tensor, Tensor], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """What a 3x3 convolution needs of maps so that some pixels of the size they stand for can be read bilinearly.

    Args:
        maps: (N, K, h, w), h and w at least 2.
        where: P image numbers, rows and columns of pixels of (H, W).
        size: (H, W).

    Returns:
        Windows (P, K, 4, 4), 0 outside the maps, and the shares (P, 2, 2) with which the four cells in the middle make
        up the pixel, as in :func:`bilinear`.
    """
    image, *pixels = where
    steps, cells, shares = torch.arange(WINDOW, device=maps.device), [], []
    for pixel, side, full in zip(pixels, maps.shape[-2:], size, strict=True):
        place = ((pixel + 0.5) * side / full - 0.5).clamp(0, side - 1)
        low = place.floor().clamp(max=side - 2)
        cells.append(low.long().unsqueeze(1) + steps)  # one more than in the maps, as these are padded
        shares.append(torch.stack([low + 1 - place, place - low], 1))
    values = F.pad(maps, (1, 1, 1, 1)).permute(0, 2, 3, 1)
    windows = values[image.view(-1, 1, 1), cells[0].unsqueeze(2), cells[1].unsqueeze(1)].permute(0, 3, 1, 2)
    return windows, shares[0].unsqueeze(2) * shares[1].unsqueeze(1)
