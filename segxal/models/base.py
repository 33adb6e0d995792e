"""What every segmentation network knows of itself: its layers, how images are prepared for it, where it drops out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.dropout import _DropoutNd

from segxal.core.errors import ConfigError, ShapeError
from segxal.core.modes import evaluating
from segxal.models.device import device

# Mean and standard deviation of ImageNet, RGB in [0, 1] (paper section 4).
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def resized(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits (N, C, h, w) at another height and width, bilinear; the same tensor where they have that size."""
    if logits.shape[-2:] == size:
        return logits
    return F.interpolate(logits, size, mode="bilinear", align_corners=False)


class Network(nn.Module, ABC):
    """A network from normalised images (N, 3, H, W) to logits (N, C, H, W) of the same height and width.

    A kind of network is a subclass that says what the attributes say and has :meth:`features` and :meth:`classify`.

    Attributes:
        mean: of the images it expects, RGB in [0, 1].
        std: standard deviation of the images it expects, RGB in [0, 1].
        multiple: height and width are padded to a multiple of this.
        foldable: whether a faster copy of it may be made (:func:`segxal.models.checkpoints.folded`).
        explained: name of the layer Grad-CAM explains when none is named.
        identity: what a checkpoint must agree in with the network it is loaded into, in the order it is written.
    """

    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD
    multiple: int = 1
    foldable: bool = True
    explained: str
    identity: dict[str, Any]

    @abstractmethod
    def features(self, x: Tensor) -> Any:
        """Everything before the first dropout.

        Args:
            x: (N, 3, H', W') normalised images, H' and W' multiples of ``multiple``.
        """

    @abstractmethod
    def classify(self, features: Any, size: tuple[int, int]) -> Tensor:
        """The rest of the network, with every dropout it has.

        Args:
            features: of :meth:`features`.
            size: (H', W') of the images they were made of.

        Returns:
            (N, C, H', W') logits; those of another size are resized.
        """

    def forward(self, x: Any) -> Tensor:
        """Logits (N, C, H, W) of what :meth:`prepare` gave, or of normalised images (N, 3, H, W)."""
        return self.repeated(x)()

    def repeated(self, x: Any) -> Callable[[], Tensor]:
        """Logits again and again: what lies before the dropout runs once, now; the rest with every call.

        Args:
            x: of :meth:`prepare`, or (N, 3, H, W) normalised images.

        Returns:
            A function that gives logits (N, C, H, W); where dropout is on (:meth:`dropping`) they differ.
        """
        features, padded, (height, width) = self.begun(x)
        return lambda: resized(self.classify(features, padded), padded)[..., :height, :width]

    def begun(self, x: Any) -> tuple[Any, tuple[int, int], tuple[int, int]]:
        """Features of images, the size they were padded to, and their own size."""
        padded = self.pad(x)
        return self.features(padded), (padded.shape[-2], padded.shape[-1]), (x.shape[-2], x.shape[-1])

    def logits_at(self, x: Any, where: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Logits of some pixels alone.

        Args:
            x: of :meth:`prepare`.
            where: P image numbers, rows and columns.

        Returns:
            (P, C).
        """
        image, row, column = where
        return self(x)[image, :, row, column]

    def pad(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) at a height and width the network can divide: the border is repeated right and below."""
        below, right = (-side % self.multiple for side in x.shape[-2:])
        return F.pad(x, (0, right, 0, below), mode="replicate") if below or right else x

    def ready(self) -> "Network":
        """The network itself, on the device and in the memory format that is fastest there."""
        return self.to(device()).to(memory_format=torch.channels_last)

    def normalise(self, images: Tensor) -> Tensor:
        """Images with the values the network wants.

        Args:
            images: (N, 3, H, W) uint8 in 0..255, or float in [0, 1]; RGB.

        Returns:
            (N, 3, H, W) float32, the network's mean and standard deviation removed.

        Raises:
            ShapeError: if the images are not (N, 3, H, W).
        """
        if images.dim() != 4 or images.shape[1] != 3:
            raise ShapeError(f"images are {tuple(images.shape)}, expected (N, 3, H, W); put the channel second")
        x = images.float() / 255 if images.dtype == torch.uint8 else images
        mean = torch.tensor(self.mean, device=x.device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=x.device).view(1, 3, 1, 1)
        return (x - mean) / std

    def prepare(self, images: Tensor) -> Any:
        """Images (N, 3, H, W) uint8, or float in [0, 1], as the network takes them fastest; :meth:`forward` takes it.

        Here that is :meth:`located`; a network with a frozen encoder gives feature maps instead.
        """
        return self.located(images)

    def located(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) normalised, channels last, where the network's weights lie."""
        return self.normalise(images.to(next(self.parameters()).device)).contiguous(memory_format=torch.channels_last)

    def layer(self, name: str = "") -> nn.Module:
        """The layer Grad-CAM explains, or another one by name.

        Raises:
            ConfigError: if the network has no such layer; the error lists those that Grad-CAM can explain.
        """
        try:
            return self.get_submodule(name or self.explained)
        except AttributeError as error:
            raise ConfigError(
                f"{self.identity['name']} has no layer {name or self.explained!r}; Grad-CAM can look at "
                f"{', '.join(self.layer_names())}"
            ) from error

    def as_map(self, output: Tensor) -> Tensor:
        """What a layer gives, or the gradient of it, as (N, K, h, w); here layers give that."""
        return output

    def layer_names(self) -> tuple[str, ...]:
        """The blocks whose output Grad-CAM can weigh, in the order they run; the last layer is not among them.

        A block is a module with parts of its own, or the one explained when none is named; it returns one tensor
        (N, K, h, w), K not the number of classes.
        """
        found: dict[str, int] = {}

        def note(name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:  # None leaves the output alone
            found[name] = output.shape[1] if isinstance(output, Tensor) and output.dim() == 4 else 0

        handles = [
            part.register_forward_hook(partial(note, name))
            for name, part in self.named_modules()
            if name == self.explained or (name.count(".") <= 2 and any(True for _ in part.children()))
        ]
        try:
            with evaluating(self), torch.no_grad():
                classes = self(self.prepare(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))).shape[1]
        finally:
            for handle in handles:
                handle.remove()
        return tuple(name for name, channels in found.items() if channels not in (0, classes))

    def keep_features(self, images: Tensor, folder: Path, mirrored: bool = False) -> None:
        """Have on disk what the network can say of images once for all; here that is nothing.

        Args:
            images: (N, 3, H, W) uint8.
            folder: for what is kept.
            mirrored: whether the mirror images are kept too.
        """

    @contextmanager
    def dropping(self) -> Iterator[None]:
        """Dropout is on, everything else, batch normalisation above all, in evaluation mode.

        Afterwards every module is in the mode it was in, also after an error.

        Raises:
            ConfigError: if nothing is dropped, so that all passes would be equal.
        """
        active = [module for module in self.modules() if isinstance(module, _DropoutNd) and module.p > 0]
        if not active:
            raise ConfigError(
                f"{self.identity['name']} has no dropout, so all passes would be equal; train a U-Net with "
                "model.dropout, for example 0.2 (or, for QBC, a committee: strategy.committee)"
            )
        with evaluating(self):
            for module in active:
                module.train()
            yield

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """The weights that are trained, in groups of one learning rate, as torch's optimisers take them.

        Args:
            rate: the learning rate of the settings.

        Returns:
            Groups with ``params`` and ``lr``; here all weights at that rate.
        """
        return [{"params": list(self.parameters()), "lr": rate}]
