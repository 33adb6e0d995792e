"""The ground plane as a depth provider."""

from torch import Tensor

from segxal.core.geometry import ground_plane_depth
from segxal.core.labels import Classes


def depth_from_geometry(images: Tensor, prediction: Tensor, classes: Classes, measured: Tensor | None) -> Tensor:
    """Depth from the predicted classes alone, see :func:`segxal.core.geometry.ground_plane_depth`.

    Args:
        images: not used.
        prediction: (N, H, W) integer train ids.
        classes: which classes are ground and sky.
        measured: not used.

    Returns:
        (N, H, W) float32 relative inverse depth.
    """
    return ground_plane_depth(prediction, classes)
