"""Depth providers: one interface, relative inverse depth, larger = nearer (paper section 3.2.2).

============== ============================================== ================ =====================
name           what says what is near                          needs            gives
============== ============================================== ================ =====================
dataset        the data set itself                             depth files      inverse depth
geometry       the ground plane and the predicted classes      nothing          inverse depth
streets-net    a small network trained on rendered streets     nothing          its logarithm
midas          DPT of MiDaS (the paper's Manual-M)             a checkpoint     inverse depth
dinov2         DINOv2 with a DPT head (the paper's Manual-D)   a checkpoint     metres, inverted here
depth-anything Depth Anything (V2)                             a checkpoint     inverse depth
============== ============================================== ================ =====================
"""

from segxal.core.errors import ConfigError
from segxal.models.depth.base import Provider
from segxal.models.depth.checkpoint import DEFAULTS, find_checkpoint
from segxal.models.depth.dataset import depth_from_dataset
from segxal.models.depth.geometry import depth_from_geometry
from segxal.models.depth.networks import NetworkDepth
from segxal.models.depth.streets_net import depth_from_streets_net

__all__ = ["DEPTHS", "Provider", "depth_from_dataset", "depth_from_geometry", "depth_from_streets_net", "get_depth"]

DEPTHS: dict[str, Provider] = {
    "dataset": depth_from_dataset,
    "geometry": depth_from_geometry,
    "streets-net": depth_from_streets_net,
}


def get_depth(name: str, weights: str = "") -> Provider:
    """A depth provider by name.

    Args:
        name: one of the table above.
        weights: of ``midas``, ``dinov2`` and ``depth-anything``: a folder, or the name of a checkpoint on the hub,
            ``owner/name`` or ``owner/name@revision``; empty for the default. The first call downloads it.

    Raises:
        ConfigError: if there is no such provider (the error lists the names), if it takes no weights, or if the
            checkpoint is of another family.
        WeightsMissing: if the checkpoint is neither on this machine nor downloadable.
    """
    if name in DEFAULTS:
        return NetworkDepth(find_checkpoint(name, weights))
    if name not in DEPTHS:
        raise ConfigError(f"no depth provider {name!r}; choose one of {', '.join((*DEPTHS, *DEFAULTS))}")
    if weights:
        raise ConfigError(
            f"depth provider {name} takes no weights, but was given {weights!r}; leave mask.depth_weights empty"
        )
    return DEPTHS[name]
