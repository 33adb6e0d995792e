"""Networks made of an encoder with published weights and a decoder of their own; the encoder may be frozen."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from segxal.models.base import Network
from segxal.models.features import FrozenEncoder, Maps

ENCODER_RATE = 0.1  # of the learning rate, for an encoder that is trained


class EncoderDecoder(Network):
    """An encoder that gives feature maps, and a decoder that makes logits of them.

    A frozen encoder is no part of the weights: all networks share it, checkpoints do not hold it, and where the feature
    maps of an image are kept (:meth:`keep_features`) it does not run on the image again.

    Args:
        encoder: a module that is trained along, or a frozen one. It gives maps (N, K, h, w), the finest first.
    """

    encoder: nn.Module | FrozenEncoder

    def __init__(self, encoder: nn.Module | FrozenEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    @abstractmethod
    def decode(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Logits (N, C, H', W') of the encoder's maps of images padded to ``size``."""

    def features(self, x: Tensor) -> Sequence[Tensor]:
        """The encoder's maps."""
        return self.encoder.maps(x) if isinstance(self.encoder, FrozenEncoder) else self.encoder(x)

    def classify(self, features: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Logits (N, C, H', W'): the decoder."""
        return self.decode(features, size)

    def prepare(self, images: Tensor | Maps) -> Tensor | Maps:
        """Images normalised; where the encoder is frozen their feature maps, from disk if they are kept."""
        if isinstance(images, Maps):
            return images
        if not isinstance(self.encoder, FrozenEncoder):
            return super().prepare(images)
        maps = self.encoder.kept(images) or self._maps(images)
        return Maps(maps, (images.shape[-2], images.shape[-1]))

    def begun(self, x: Tensor | Maps) -> tuple[Any, tuple[int, int], tuple[int, int]]:
        """The encoder's maps, which a frozen encoder has given already where images were prepared."""
        if not isinstance(x, Maps):
            return super().begun(x)
        height, width = x.size
        return x.maps, (height + -height % self.multiple, width + -width % self.multiple), x.size

    def keep_features(self, images: Tensor, folder: Path, mirrored: bool = False) -> None:
        """Have the feature maps of images on disk, so that a frozen encoder does not run on them again.

        See :meth:`segxal.models.features.FrozenEncoder.keep`; where the encoder is trained nothing is kept.
        """
        if isinstance(self.encoder, FrozenEncoder):
            self.encoder.keep(images, folder, self._maps, mirrored)

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """The decoder at the rate of the settings, an encoder that is trained at a tenth of it."""
        inner = {id(weight) for weight in self.encoder.parameters()} if isinstance(self.encoder, nn.Module) else set()
        groups = [{"params": [w for w in self.parameters() if id(w) not in inner], "lr": rate}]
        tuned = [weight for weight in self.parameters() if id(weight) in inner]
        return [*groups, {"params": tuned, "lr": rate * ENCODER_RATE}] if tuned else groups

    def _maps(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.features(self.pad(self.located(images))))
