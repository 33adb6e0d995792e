"""streets-net: a depth network small enough to ship, trained by this package on rendered streets.

``python -m segxal.training.streets_net`` makes its weights again (minutes on one core).
"""

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from segxal.core.errors import WeightsMissing
from segxal.core.labels import Classes
from segxal.core.seeds import drawing_from
from segxal.models.base import Network
from segxal.models.device import device
from segxal.models.unet import UNet
from segxal.storage.paths import PACKAGE
from segxal.storage.tensors import read_tensors

WEIGHTS = PACKAGE / "models" / "depth" / "streets_net.safetensors"
BASE, LEVELS = 8, 4  # of the U-Net: 1.9 MB
SIDE = 96  # pixels; the shorter side it was trained at, larger images are reduced to it


def depth_from_streets_net(images: Tensor, prediction: Tensor, classes: Classes, measured: Tensor | None) -> Tensor:
    """Depth by a U-Net that has seen nothing but rendered streets: learned, monocular, offline.

    Not kept on disk: a map of 96 x 128 pixels takes about 5 ms on one core.

    Args:
        images: (N, 3, H, W) uint8, RGB, of any size.
        prediction: not used.
        classes: not used.
        measured: not used.

    Returns:
        (N, H, W) float32 relative inverse depth, > 0, on the device of the images; about 1 / metres on `streets`, up
        to an unknown factor elsewhere.

    Raises:
        WeightsMissing: if the package was installed without the weights.

    Departure: the paper uses MiDaS or DINOv2; this makes its pipeline run offline with a learned depth.
    """
    network = load_network(WEIGHTS).to(images.device)
    with torch.no_grad():
        return inverse_depth(network, images)


def inverse_depth(network: Network, images: Tensor) -> Tensor:
    """Inverse depth (N, H, W) of images (N, 3, H, W) uint8; the network gives its logarithm."""
    height, width = images.shape[-2:]
    x = network.normalise(images)
    if min(height, width) > SIDE:
        factor = SIDE / min(height, width)
        size = (round(factor * height), round(factor * width))
        x = F.interpolate(x, size, mode="bilinear", antialias=True)
    log = network(x.contiguous(memory_format=torch.channels_last)).float()
    return F.interpolate(log, (height, width), mode="bilinear")[:, 0].exp()


def new_network(generator: torch.Generator) -> UNet:
    """The network with random weights."""
    with drawing_from(generator):
        return UNet(1, BASE, LEVELS).to(memory_format=torch.channels_last)


@lru_cache(maxsize=1)
def load_network(weights: Path) -> Network:
    """The trained network on the device, in evaluation mode.

    Raises:
        WeightsMissing: if there is no such file.
        CheckpointMismatch: if the file is damaged.
    """
    if not weights.is_file():
        raise WeightsMissing(
            f"streets-net has no weights: {weights} not found; make it with `python -m "
            "segxal.training.streets_net` (minutes on one core), or set mask.depth to geometry"
        )
    network = new_network(torch.Generator())
    network.load_state_dict(read_tensors(weights))
    return network.eval().to(device())
