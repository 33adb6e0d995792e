"""The regions of one person's answer as a label map."""

from typing import Any

import numpy as np

from segxal.apps.annotate.brush import decode
from segxal.apps.annotate.label_config import IMAGE, UNDECIDED
from segxal.apps.annotate.project import Project
from segxal.core.errors import AnnotationError

CORNERS = 3  # of a polygon, at least


def codes_of(project: Project) -> tuple[int, int]:
    """Numbers for "looked at and undecided" and for "not annotated": the two that follow the train ids."""
    return len(project.classes), len(project.classes) + 1


def label_map(regions: Any, project: Project) -> np.ndarray:
    """What one person drew, at the size of the network.

    Regions are laid on top of each other in the order of the answer: where two overlap, the later one counts. Then
    each block of zoom x zoom pixels gets its most frequent label; ties go to the lower train id, after the classes to
    void, and last to "not annotated".

    Args:
        regions: ``result`` of an annotation.
        project: what was asked.

    Returns:
        (H, W) int64: train ids, and the numbers of :func:`codes_of`.

    Raises:
        AnnotationError: if a region does not match the project.
    """
    nothing = codes_of(project)[1]
    codes = {name: k for k, name in enumerate((*project.classes, UNDECIDED))}
    drawn = np.full(project.shown, nothing, dtype=np.int64)
    if not isinstance(regions, list):
        raise AnnotationError("its result is not a list of regions; export in the format JSON")
    for number, region in enumerate(regions, 1):
        try:
            mask, label = _region(region, project)
            if label not in codes:
                raise AnnotationError(f"its label {label!r} is unknown; the project has {', '.join(codes)}")
        except AnnotationError as error:
            raise AnnotationError(f"region {number} of {len(regions)}: {error}") from error
        drawn[mask] = codes[label]
    return block_majority(drawn, project.zoom)


def _region(region: Any, project: Project) -> tuple[np.ndarray, str]:
    height, width = project.shown
    match region:
        case {"to_name": other} if other != IMAGE:
            raise AnnotationError(f"it is drawn on {other!r}; draw on {IMAGE!r}")
        case {"original_width": w, "original_height": h} if (h, w) != (height, width):
            raise AnnotationError(f"its image is {w} x {h}, expected {width} x {height}; the sizes must be equal")
        case {"image_rotation": turned} if turned:
            raise AnnotationError(f"its image was rotated by {turned} degrees; rotate it back")
        case {"type": "brushlabels", "original_width": _, "original_height": _,
              "value": {"rle": rle, "brushlabels": [str(label)]}}:  # fmt: skip
            return decode(rle, height, width), label
        case {"type": "polygonlabels", "original_width": _, "original_height": _,
              "value": {"points": points, "polygonlabels": [str(label)]}}:  # fmt: skip
            return fill(points, height, width), label
    kind = region.get("type") if isinstance(region, dict) else type(region).__name__
    raise AnnotationError(f"a region of kind {kind!r} without exactly one label or a size; use brush or polygon")


def fill(points: Any, height: int, width: int) -> np.ndarray:
    """The inside of a polygon: pixels whose centre lies in it.

    Args:
        points: corners [x, y] in percent of width and height, as Label Studio has them.
        height: of the image, pixels.
        width: of the image, pixels.

    Returns:
        (H, W) bool.

    Raises:
        AnnotationError: if there are fewer than three corners, or one is not a pair of numbers.
    """
    from skimage.draw import polygon  # half a second of import

    pairs = isinstance(points, list) and all(
        isinstance(p, list) and len(p) == 2 and all(isinstance(v, (int, float)) for v in p) for p in points
    )
    corners = np.array(points, dtype=float).reshape(-1, 2) / 100 if pairs else np.empty((0, 2))
    if len(corners) < CORNERS or not np.isfinite(corners).all():
        raise AnnotationError(f"a polygon needs at least {CORNERS} corners [x, y] in percent; close or delete it")
    mask = np.zeros((height, width), dtype=bool)
    mask[polygon(corners[:, 1] * height - 0.5, corners[:, 0] * width - 0.5, (height, width))] = True
    return mask


def block_majority(values: np.ndarray, zoom: int) -> np.ndarray:
    """The most frequent value of each block; of equally frequent ones the smallest.

    Args:
        values: (zoom * H, zoom * W) int, not negative.
        zoom: side of a block, pixels.

    Returns:
        (H, W) int64.
    """
    height, width = values.shape[0] // zoom, values.shape[1] // zoom
    present = np.unique(values)
    blocks = values.reshape(height, zoom, width, zoom)
    counts = np.stack([(blocks == value).sum(axis=(1, 3)) for value in present])
    return present[counts.argmax(axis=0)].astype(np.int64)
