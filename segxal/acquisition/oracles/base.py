"""What an oracle is asked, what it answers, and what a click is."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import ndimage

from segxal.core.errors import AnnotationError
from segxal.core.labels import VOID
from segxal.core.price import CORNERS, TOLERANCE


@dataclass(frozen=True)
class Query:
    """One image an oracle is asked about.

    Attributes:
        id: name of the image.
        image: (3, H, W) uint8, RGB.
        prediction: (H, W) uint8 train ids, the network's answer.
        asked: (H, W) bool, the part of the image that is asked for.
        truth: (H, W) uint8 train ids, 255 = void; only simulated humans may look at it.
        eem: (H, W) float in [0, 1], the explainable error mask; None where the method makes none.
        partition: (H, W) int32 numbers of the regions asked for, -1 elsewhere; None where no regions are asked for.
    """

    id: str
    image: np.ndarray
    prediction: np.ndarray
    asked: np.ndarray
    truth: np.ndarray
    eem: np.ndarray | None = None
    partition: np.ndarray | None = None

    def mask(self) -> np.ndarray:
        """The error mask, for oracles and views that need one.

        Raises:
            AnnotationError: if the method that asks makes none.
        """
        if self.eem is None:
            raise AnnotationError(f"{self.id} is asked about without an error mask; choose one of SegXAL's methods")
        return self.eem


@dataclass(frozen=True)
class Annotation:
    """What an oracle answers for one image.

    Attributes:
        labels: (H, W) uint8 train ids, 255 = not annotated.
        undecided: (H, W) bool, pixels the oracle looked at and could not label.
        pixels: pixels a person annotated (void ones are paid for too); 0 for a machine.
        clicks: clicks a person made; 0 for a machine.
        lead_time: seconds a person was seen to spend; 0 where nobody was timed.
    """

    labels: np.ndarray
    undecided: np.ndarray
    pixels: int
    clicks: int
    lead_time: float = 0.0

    def reannotated(self, prediction: np.ndarray) -> np.ndarray:
        """The re-annotated map of section 3.3: the prediction with the oracle's labels in place; undecided = 255."""
        kept = np.where(self.labels != VOID, self.labels, prediction)
        return np.where(self.undecided, VOID, kept).astype(np.uint8)


class Oracle(Protocol):
    """A machine or a person that answers queries."""

    def annotate(self, query: Query) -> Annotation:
        """Answer one query."""


def check_annotation(annotation: Annotation, query: Query, classes: int) -> Annotation:
    """Check an oracle's answer before anything is done with it.

    Raises:
        AnnotationError: if its size is not the image's or a label is neither a class nor 255.
    """
    if annotation.labels.shape != query.prediction.shape:
        raise AnnotationError(
            f"annotation of {query.id} is {annotation.labels.shape}, the image {query.prediction.shape}; "
            "annotate the image at its own size"
        )
    unknown = np.setdiff1d(annotation.labels, [*range(classes), VOID])
    if len(unknown):
        raise AnnotationError(f"annotation of {query.id} holds {unknown.tolist()}; expected 0..{classes - 1} or {VOID}")
    return annotation


def polygon_clicks(labels: np.ndarray, inside: np.ndarray, right: np.ndarray | None = None) -> int:
    """Clicks to outline every labelled piece with a polygon.

    Args:
        labels: (H, W) uint8 true train ids, 255 = void (not outlined).
        inside: (H, W) bool, the part that is annotated.
        right: (H, W) bool, pixels the prediction has right; a piece that is right everywhere costs one click (confirm).

    Returns:
        Sum over the connected pieces of each class of the vertices of their outlines, holes included, each outline
        simplified to within one pixel and counted with at least 3 vertices.
    """
    clicks = 0
    for category in np.unique(labels[inside]):
        if category == VOID:
            continue
        pieces, _ = ndimage.label(inside & (labels == category))
        for number, box in enumerate(ndimage.find_objects(pieces), 1):
            piece = pieces[box] == number
            confirmed = right is not None and right[box][piece].all()
            clicks += 1 if confirmed else _vertices(piece)
    return clicks


def _vertices(piece: np.ndarray) -> int:
    from skimage.measure import approximate_polygon, find_contours  # a second of import that only clicks need

    outlines = find_contours(np.pad(piece, 1).astype(float), 0.5)
    return sum(max(CORNERS, len(approximate_polygon(outline, TOLERANCE)) - 1) for outline in outlines)
