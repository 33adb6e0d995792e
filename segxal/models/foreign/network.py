"""Any segmentation network of PyTorch as a network of this package."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from segxal.core.errors import ConfigError, SegxalError
from segxal.core.gradcam import gradcam, traced
from segxal.core.labels import VOID
from segxal.core.modes import evaluating
from segxal.models.base import Network
from segxal.models.device import device
from segxal.models.foreign.layers import deepest_first, map_layers
from segxal.models.foreign.maps import to_map
from segxal.models.foreign.normalisation import Three, normalisation_of
from segxal.models.foreign.output import check_logits, logits_of

MULTIPLES = (1, 32, 14)  # a network that refuses a size gets multiples of 32 (encoders) or of 14 (DINOv2's patches)
OFFERED = 8  # layers that an error names
# What networks raise on images they cannot take; an error of ours inside a hook goes through.
_REFUSALS = (RuntimeError, ValueError, TypeError, AssertionError, IndexError, KeyError, AttributeError)


class Foreign(Network):
    """A module of any package; it is neither copied nor changed, see :func:`borrowed` for where it lies.

    Args:
        network: a module that takes normalised images (N, 3, H, W) alone.
        mean: of the images it expects, RGB in [0, 1]; None for what the network says of itself.
        std: their standard deviation; None as for the mean.
        reshape: brings the output of the target layer, which is then named too, to (N, K, h, w) by moving its numbers;
            None: it is guessed (:func:`segxal.models.foreign.maps.to_map`).
        logits: takes the logits (N, C, h, w) out of what the network returns; None: they are found
            (:func:`segxal.models.foreign.output.logits_of`).

    Raises:
        ConfigError: if it is no module, or mean and std are not three numbers each, std above 0.
    """

    foldable = False

    def __init__(
        self, network: nn.Module, mean: Three | None = None, std: Three | None = None,
        reshape: Callable[[Tensor], Tensor] | None = None, logits: Callable[[Any], Tensor] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if not isinstance(network, nn.Module):
            raise ConfigError(f"the network is a {type(network).__name__}; give a torch.nn.Module")
        self.network = network
        guessed = normalisation_of(network)
        self.mean, self.std = (guessed[0] if mean is None else mean), (guessed[1] if std is None else std)
        if [np.shape(self.mean), np.shape(self.std)] != [(3,), (3,)] or not min(self.std) > 0:
            raise ConfigError(f"mean = {self.mean}, std = {self.std}; give three numbers for R, G, B each, std above 0")
        self.identity = {"name": type(network).__name__}
        self.explained = ""
        self._reshape, self._logits = reshape, logits
        self._images = (1, 1, 1)  # number, height and width of those in the pass
        self._maps: dict[str, tuple[int, int, int]] = {}  # (K, h, w) of the layers that give a map, as they end

    def ready(self) -> "Foreign":
        """The network itself, on the device; the memory format stays, because a module may use ``view``."""
        return self.to(device())

    def located(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) normalised, where the network's weights lie and of their type."""
        weight = next((w for w in self.parameters() if w.is_floating_point()), torch.empty(0, device=device()))
        return self.normalise(images.to(weight.device)).to(weight.dtype)

    def features(self, x: Tensor) -> Tensor:
        """The images: a module may drop out anywhere, so all of it is :meth:`classify`."""
        return x

    def classify(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Logits (N, C, h, w) of normalised images.

        Raises:
            ConfigError: if the network cannot take the images, returns no logits, or they are not finite.
        """
        self._images = (len(features), *size)
        try:
            output = self.network(features)
        except (SegxalError, torch.OutOfMemoryError):
            raise
        except _REFUSALS as error:
            raise ConfigError(
                f"{self.identity['name']} cannot take images {tuple(features.shape)}: {type(error).__name__}: {error}. "
                "It must run as network(images); give another size, size=(512, 512) for example, or wrap it"
            ) from error
        found = logits_of(output if self._logits is None else self._logits(output))
        if not bool(found.sum().isfinite()):  # the same as all of them, several times as fast
            raise ConfigError(
                f"{self.identity['name']} gives NaN or infinite logits for finite images; look at its weights, and at "
                "mean and std"
            )
        return found

    def as_map(self, output: Tensor) -> Tensor:
        """What a layer gives, or the gradient of it, as (N, K, h, w).

        Raises:
            ConfigError: if it does not become one.
        """
        if self._reshape is None:
            return to_map(output, self._images)
        try:
            found = self._reshape(output)
        except _REFUSALS as error:
            raise ConfigError(f"reshape cannot take {tuple(output.shape)}: {type(error).__name__}: {error}") from error
        if not isinstance(found, Tensor) or found.dim() != 4 or len(found) != self._images[0]:
            given = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ConfigError(
                f"reshape makes {given} of {tuple(output.shape)}; expected (N, K, h, w) with N = {self._images[0]}"
            )
        return found

    def layer(self, name: str = "") -> nn.Module:
        """The layer Grad-CAM explains, or another one by the name it has in the network.

        Raises:
            ConfigError: if the network has no such layer; the error lists those that give maps.
        """
        layers = dict(self.network.named_modules())
        wanted = name or self.explained
        if not wanted:
            raise ConfigError(
                f"{self.identity['name']} has no layer that runs once, gives a map and leads to the logits; name one "
                "and say how it becomes a map: layer='backbone', reshape=lambda output: ..., for example"
            )
        if wanted not in layers:
            raise ConfigError(f"{self.identity['name']} has no layer {wanted!r}; {self._offer()}")
        return layers[wanted]

    def layer_names(self) -> tuple[str, ...]:
        """The blocks that run once and give a map, and the layer that is explained, in the order they end."""
        offered = {*self._blocks(), self.explained} - {""}
        return tuple(name for name in {**self._maps, self.explained: ()} if name in offered)

    def look(self, images: Tensor, layer: str = "") -> None:
        """Run the network on one image: what sides it takes, how many classes it knows, what can be explained.

        Args:
            images: (N, 3, H, W) uint8; the first is looked at.
            layer: name of the layer Grad-CAM is to explain; empty for the deepest map before the head.

        Raises:
            ConfigError: if it cannot take the image, its output is of an unknown kind, it has no such layer, or the
                layer does not fit Grad-CAM.
        """
        if self._reshape is not None and not layer:
            raise ConfigError("reshape is made for one layer; name it too, layer='encoder.norm' for example")
        x = self.located(images[:1])
        with evaluating(self), torch.no_grad():
            logits = self._first(x)
            classes = logits.shape[1]
            if classes > VOID:
                raise ConfigError(
                    f"{self.identity['name']} gives {classes} logits per pixel; at most {VOID} classes fit"
                )
            check_logits(logits)
            self._maps = map_layers(self.network, lambda: self(x), lambda output: to_map(output, self._images))
        self.identity = self.identity | {"classes": classes}
        if layer:
            self.layer(layer)
            self._check(x, layer)
        self.explained = layer or self._own() or self._deepest(x)

    def _first(self, x: Tensor) -> Tensor:
        """Logits of an image, at the first multiple of sides that the network takes."""
        refused: list[ConfigError] = []
        for multiple in MULTIPLES:
            self.multiple = multiple
            try:
                return self(x)
            except ConfigError as error:
                if not isinstance(error.__cause__, _REFUSALS):
                    raise
                refused.append(error)
        raise refused[0]

    def _own(self) -> str:
        """The layer that a network of this package states."""
        return self.network.explained if isinstance(self.network, Network) else ""

    def _deepest(self, x: Tensor) -> str:
        for name in deepest_first(self._maps, self.identity["classes"]):
            try:
                self._explained(x, name)
            except ConfigError:  # an auxiliary branch, for example: it does not lead to the logits
                continue
            return name
        return ""  # not every question needs a layer

    def _check(self, x: Tensor, name: str) -> None:
        try:
            self._explained(x, name)
        except ConfigError as error:
            raise ConfigError(f"layer {name!r}: {error}. {self._offer()}") from error

    def _explained(self, x: Tensor, name: str) -> None:
        with traced(self, self.layer(name), self.as_map) as trace:
            gradcam(trace(x))

    def _blocks(self) -> list[str]:
        """Layers with parts of their own that give a map, the deepest first; those without where there are none."""
        parts, deepest = dict(self.network.named_modules()), deepest_first(self._maps, self.identity["classes"])
        return [name for name in deepest if any(True for _ in parts[name].children())] or deepest

    def _offer(self) -> str:
        blocks = self._blocks()
        more = f" and {len(blocks) - OFFERED} more" if len(blocks) > OFFERED else ""
        return f"Grad-CAM can look at {', '.join(blocks[:OFFERED]) or 'nothing'}{more}"


@contextmanager
def borrowed(network: nn.Module) -> Iterator[None]:
    """Afterwards a network lies on the device where it lay, also after an error.

    Modes, gradient flags and hooks are restored by those who change them.
    """
    there = next((weight.device for weight in network.parameters()), None) if isinstance(network, nn.Module) else None
    try:
        yield
    finally:
        if there is not None:
            network.to(there)
