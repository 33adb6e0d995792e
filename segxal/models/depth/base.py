"""What every depth provider is."""

from collections.abc import Callable

from torch import Tensor

from segxal.core.labels import Classes

# (images, prediction, classes, measured) -> (N, H, W) float32 relative inverse depth, larger = nearer:
#   images (N, 3, H, W) uint8, RGB; prediction (N, H, W) integer train ids of the segmentation network; the classes it
#   knows; measured (N, H, W) float depth of the data set, or None. Nothing is changed in place.
Provider = Callable[[Tensor, Tensor, Classes, Tensor | None], Tensor]
