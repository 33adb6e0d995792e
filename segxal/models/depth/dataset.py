"""The data set's own depth."""

from torch import Tensor

from segxal.core.errors import DataMissing
from segxal.core.labels import Classes


def depth_from_dataset(images: Tensor, prediction: Tensor, classes: Classes, measured: Tensor | None) -> Tensor:
    """The data set's own depth; pixels that were not measured (NaN) count as far.

    Args:
        images: not used.
        prediction: (N, H, W) integer; only its shape is used.
        classes: not used.
        measured: (N, H, W) float relative inverse depth, or None.

    Returns:
        (N, H, W) float32 relative inverse depth.

    Raises:
        DataMissing: if the data set has no depth.
    """
    if measured is None:
        raise DataMissing(
            f"this data set has no depth for its {len(prediction)} images; set mask.depth to geometry or streets-net, "
            "or add the depth files (Cityscapes: the disparity folder)"
        )
    return measured.float().nan_to_num(0.0)
