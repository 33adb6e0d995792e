"""A network of any package as this package wants it, with the images it is asked about."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies.base import Learner
from segxal.apps.your_network.classes import classes_of
from segxal.apps.your_network.images import Images, read_images
from segxal.core.errors import ShapeError
from segxal.core.labels import VOID, Classes
from segxal.data.base import Frames
from segxal.models.foreign.network import Foreign, borrowed
from segxal.models.foreign.normalisation import Three
from segxal.models.settings import MaskConfig
from segxal.training.settings import TrainConfig


@dataclass(frozen=True)
class Wrapped:
    """A network and images, as strategies and masks take them.

    Attributes:
        learner: the network; nothing is annotated.
        frames: the images, all labels void, with depth if it was given.
    """

    learner: Learner
    frames: Frames


@contextmanager
def wrapped(
    network: nn.Module, images: Images, classes: Classes | Sequence[str] | None, depth: np.ndarray | Tensor | None,
    layer: str, reshape: Callable[[Tensor], Tensor] | None, logits: Callable[[Any], Tensor] | None,
    mean: Three | None, std: Three | None, size: tuple[int, int] | None, mask: MaskConfig,
    options: StrategyConfig | None = None,
) -> Iterator[Wrapped]:  # fmt: skip
    """The network ready to be asked, for the time of the block; see :func:`segxal.apps.your_network.explain.explain`.

    Afterwards modes, gradient flags, hooks and device are as they were, also after an error. Gradients are recorded
    inside, whatever the caller switched off.
    """
    with torch.inference_mode(False), torch.enable_grad(), borrowed(network):
        pictures = read_images(images, size)
        learner = learner_of(network, pictures, mask, layer, reshape, logits, mean, std, options)
        known = classes_of(network, learner.model.identity["classes"], classes)
        yield Wrapped(learner, _frames(pictures, known, None if depth is None else _depth(depth, pictures)))


def learner_of(
    network: nn.Module, pictures: Tensor, mask: MaskConfig, layer: str = "",
    reshape: Callable[[Tensor], Tensor] | None = None, logits: Callable[[Any], Tensor] | None = None,
    mean: Three | None = None, std: Three | None = None, options: StrategyConfig | None = None,
) -> Learner:  # fmt: skip
    """A network of any package as strategies, masks and explorers want it.

    Args:
        network: the module; it is moved to the device.
        pictures: (N, 3, H, W) uint8; the network is tried on the first.
        mask: how the error mask is made.
        layer: see :func:`segxal.apps.your_network.explain.explain`, as for the rest.
        reshape: of the layer's output.
        logits: of the network's output.
        mean: of the network's images.
        std: of the network's images.
        options: of the strategies.

    Raises:
        ConfigError: as :meth:`segxal.models.foreign.network.Foreign.look`.
    """
    model = Foreign(network, mean, std, reshape, logits).ready()
    model.look(pictures, layer)
    return Learner(model, mask, options or StrategyConfig(), TrainConfig(epochs=1, amp="off"))


def _frames(pictures: Tensor, classes: Classes, depth: Tensor | None) -> Frames:
    count, _, height, width = pictures.shape
    labels = torch.full((count, height, width), VOID, dtype=torch.uint8)
    names = tuple(f"image {place}" for place in range(count))
    return Frames(classes, names, pictures, labels, depth, ("",) * count, (False,) * count)


def _depth(depth: np.ndarray | Tensor, pictures: Tensor) -> Tensor:
    """(N, H, W) float32 of (N, H, W), or of (H, W) for one image."""
    values = torch.as_tensor(depth).detach().cpu().float()
    values = values[None] if values.dim() == 2 else values
    wanted = (len(pictures), *pictures.shape[-2:])
    if tuple(values.shape) != wanted:
        raise ShapeError(
            f"depth is {tuple(values.shape)}, the images are {wanted} (N, H, W); give relative inverse depth of that "
            "size"
        )
    return values
