"""Small networks as people bring them, for tests: each of another kind of output or layer."""

from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional as F


class Linear(nn.Module):
    """A deep map of two channels, the mean red and the mean green of 4x4 cells, and logits that are linear in it."""

    def __init__(self, weights=((1.0, 0.0), (0.0, 1.0), (-1.0, 0.5))):
        super().__init__()
        self.deep = nn.Conv2d(3, 2, 4, stride=4, bias=False)
        self.head = nn.Conv2d(2, len(weights), 1, bias=False)
        with torch.no_grad():
            self.deep.weight.zero_()
            self.deep.weight[0, 0] = self.deep.weight[1, 1] = 1 / 16
            self.head.weight.copy_(torch.tensor(weights)[..., None, None])

    def forward(self, x):
        return self.head(self.deep(x)).repeat_interleave(4, 2).repeat_interleave(4, 3)


class Kinds(nn.Module):
    """The logits of one small network in whatever form is asked for."""

    def __init__(self, kind="tensor", classes=5):
        super().__init__()
        self.kind = kind
        generator = torch.Generator().manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, stride=4, padding=1)
        self.deep = nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(12)
        self.head = nn.Conv2d(12, classes, 1)
        with torch.no_grad():
            for part in (self.stem, self.deep, self.head):
                part.weight.copy_(torch.randn(part.weight.shape, generator=generator) / part.weight[0].numel() ** 0.5)
                part.bias.zero_()

    def forward(self, x):
        small = self.head(self.norm(self.deep(self.stem(x).relu())).relu())
        logits = F.interpolate(small, x.shape[-2:], mode="bilinear")
        quarter = F.interpolate(small, scale_factor=2.0, mode="bilinear")
        return {
            "tensor": logits, "out": {"out": logits, "aux": small}, "logits": {"logits": quarter},
            "object": SimpleNamespace(logits=quarter), "quarter": quarter, "tuple": (logits, small),
            "classes": logits.argmax(1), "probabilities": logits.softmax(1), "mask": {"class_queries_logits": small},
            "text": "logits",
        }[self.kind]  # fmt: skip


class Tokens(nn.Module):
    """A transformer in small: a layer gives tokens, a class token before them or none; or a map, channels last."""

    def __init__(self, layout="tokens", classes=4):
        super().__init__()
        self.layout = layout
        self.patch = nn.Conv2d(3, 8, 8, stride=8)
        self.block = nn.LayerNorm(8)
        self.head = nn.Conv2d(8, classes, 1)

    def forward(self, x):
        maps = self.patch(x)  # (N, 8, h, w)
        size = maps.shape[-2:]
        if self.layout == "last":
            maps = self.block(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        else:
            tokens = maps.flatten(2).transpose(1, 2)
            if self.layout == "class token":
                tokens = self.block(torch.cat([tokens.mean(1, keepdim=True), tokens], 1))[:, 1:]
            else:
                tokens = self.block(tokens)
            maps = tokens.transpose(1, 2).unflatten(2, size)
        return F.interpolate(self.head(maps), x.shape[-2:], mode="bilinear")


class Twice(nn.Module):
    """A layer that runs twice in a pass."""

    def __init__(self):
        super().__init__()
        self.stem, self.again = nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Conv2d(6, 3, 1)

    def forward(self, x):
        return self.head(self.again(self.again(self.stem(x)).relu()))
