"""Does a map point at the errors of the network? Scores of EEM, EBU and PAE against the true error map."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from segxal.core.eem import ErrorMask, fuse
from segxal.core.errors import ShapeError
from segxal.core.labels import VOID

PIXEL_CAP = 3_000_000  # pixels AUROC and AP are computed from; a split with more is sampled
AREAS = (0.05, 0.10, 0.20)  # shares of an image's area
Pixels = Literal["all", "near"]
PIXELS: tuple[Pixels, ...] = ("all", "near")


@dataclass(frozen=True)
class Detection:
    """How well one map finds errors.

    Attributes:
        map: ``eem``, ``ebu``, ``pae``, ``learned`` or ``random``.
        pixels: ``all``, or ``near`` for those nearer than their image's proximity threshold.
        auroc: 0..1, chance that an erroneous pixel scores higher than a correct one; 0.5 = random.
        ap: 0..1, average precision; a random map has ``error_rate``.
        top5: 0..1, share of all errors inside the 5 % of each image's area where the map is highest.
        top10: the same for 10 %.
        top20: the same for 20 %.
        error_rate: 0..1, erroneous pixels among these pixels; NaN when there is no pixel.
    """

    map: str
    pixels: Pixels
    auroc: float
    ap: float
    top5: float
    top10: float
    top20: float
    error_rate: float


@dataclass(frozen=True)
class _Scored:
    """What is kept of one image: counts over its pixels that are not void, and the pixels AUROC and AP look at.

    Attributes:
        counts: per ``all`` / ``near`` the numbers of errors and of pixels.
        tops: per map and ``all`` / ``near`` the errors inside each share of the area.
        maps: per map the values of the sampled pixels.
        wrong: whether the network errs at the sampled pixels.
        near: whether the sampled pixels are near.
    """

    counts: dict[Pixels, tuple[int, int]]
    tops: dict[tuple[str, Pixels], np.ndarray]
    maps: dict[str, np.ndarray]
    wrong: np.ndarray
    near: np.ndarray


def detection_scores(
    masks: Iterable[ErrorMask], truth: Tensor, generator: torch.Generator,
    learned: tuple[float, float] | None = None, cap: int = PIXEL_CAP,
) -> list[Detection]:  # fmt: skip
    """Score the maps of a split against the errors its network really makes; nothing is retrained.

    An error is a pixel whose predicted class is not its true class; void pixels are left out everywhere. AUROC and AP
    pool the pixels of all images. The top shares take the area of each image on its own and pool the errors; pixels
    of equal value count in expectation, as if ties were broken at random, so a constant map finds exactly 5, 10, 20 %.

    Args:
        masks: error masks of the split in order, in parts of any size (``[mask]``, or what ``error_masks`` yields).
        truth: (N, H, W) uint8 true train ids, 255 = void.
        generator: source of the random map and of the sample, on the CPU; the result does not depend on the parts.
        learned: weights (w_pae, w_ebu) of a learned fusion, see :func:`segxal.core.eem.learn_weights`; None leaves it
            out.
        cap: AUROC and AP look at about this many pixels drawn evenly, when the split has more. Top shares and error
            rates always look at all.

    Returns:
        One row per map and ``all`` / ``near``. Where there is no error, or nothing but errors, all scores but
        ``error_rate`` are NaN: there is nothing to tell apart.

    Raises:
        ShapeError: if masks and truth do not fit.

    Source: SegXAL section 3.2 claims that the mask shows errors. Departure: the paper does not measure it.
    """
    share = min(1.0, cap / max(1, int((truth != VOID).sum())))
    images = [_scored(mask, k, labels, generator, learned, share) for mask, k, labels in _paired(masks, truth)]
    names = ("eem", "ebu", "pae", *(("learned",) if learned else ()), "random")
    return [_row(name, pixels, images) for pixels in PIXELS for name in names]


def _paired(masks: Iterable[ErrorMask], truth: Tensor) -> Iterator[tuple[ErrorMask, int, Tensor]]:
    position = 0
    for mask in masks:
        part = truth[position : position + len(mask.prediction)]
        if part.shape != mask.prediction.shape:
            raise ShapeError(
                f"masks from image {position} on are {tuple(mask.prediction.shape)}, truth there is "
                f"{tuple(part.shape)}; give the truth of the same images at the same size"
            )
        yield from ((mask, k, part[k]) for k in range(len(part)))
        position += len(part)
    if position != len(truth):
        raise ShapeError(f"masks of {position} images and truth of {len(truth)}; give both for the same images")


def _scored(
    mask: ErrorMask,
    k: int,
    labels: Tensor,
    generator: torch.Generator,
    learned: tuple[float, float] | None,
    share: float,
) -> _Scored:
    pae, ebu, labels = mask.pae[k].cpu(), mask.ebu[k].cpu(), labels.cpu()
    maps = {"eem": mask.eem[k].cpu(), "ebu": ebu, "pae": pae, "random": torch.rand(pae.shape, generator=generator)}
    if learned:
        maps["learned"] = fuse(pae, ebu, *learned)
    valid = labels != VOID
    values = {name: each[valid].float().numpy() for name, each in maps.items()}
    wrong = (mask.prediction[k].cpu() != labels)[valid].numpy()
    near = (mask.attention[k].cpu() >= 1)[valid].numpy()
    among: dict[Pixels, np.ndarray] = {"all": np.ones_like(near), "near": near}
    kept = among["all"] if share >= 1 else (torch.rand(pae.shape, generator=generator)[valid] < share).numpy()
    return _Scored(
        counts={pixels: (int(wrong[c].sum()), int(c.sum())) for pixels, c in among.items()},
        tops={
            (name, pixels): np.array([errors_in_top(each[c], wrong[c], area) for area in AREAS])
            for name, each in values.items()
            for pixels, c in among.items()
        },
        maps={name: each[kept] for name, each in values.items()},
        wrong=wrong[kept],
        near=near[kept],
    )


def _row(name: str, pixels: Pixels, images: list[_Scored]) -> Detection:
    nan = float("nan")
    errors, total = (sum(image.counts[pixels][i] for image in images) for i in range(2))
    if errors in (0, total):
        return Detection(name, pixels, nan, nan, nan, nan, nan, error_rate=errors / total if total else nan)
    top5, top10, top20 = (float(t) for t in np.sum([image.tops[name, pixels] for image in images], 0) / errors)
    chosen = [image.near | (pixels == "all") for image in images]
    values = np.concatenate([image.maps[name][c] for image, c in zip(images, chosen, strict=True)])
    wrong = np.concatenate([image.wrong[c] for image, c in zip(images, chosen, strict=True)])
    return Detection(name, pixels, *_ranking(values, wrong), top5, top10, top20, error_rate=errors / total)


def _ranking(values: np.ndarray, wrong: np.ndarray) -> tuple[float, float]:
    """AUROC and AP; a small sample may miss all errors."""
    from sklearn.metrics import average_precision_score  # a second of import

    if wrong.all() or not wrong.any():
        return float("nan"), float("nan")
    return auroc(values, wrong), float(average_precision_score(wrong, values))


def auroc(values: np.ndarray, wrong: np.ndarray) -> float:
    """Chance that an erroneous pixel scores higher than a correct one.

    Args:
        values: (P,) the map.
        wrong: (P,) bool, where the network errs.

    Returns:
        0..1, 0.5 = random; NaN where there is no error or nothing but errors.
    """
    from sklearn.metrics import roc_auc_score  # a second of import

    return float("nan") if wrong.all() or not wrong.any() else float(roc_auc_score(wrong, values))


def errors_in_top(values: np.ndarray, wrong: np.ndarray, area: float) -> float:
    """Errors among the ``area`` share of the pixels where a map is highest.

    Args:
        values: (P,) the map.
        wrong: (P,) bool, where the network errs.
        area: share of the P pixels in (0, 1]; ``area * P`` need not be whole.

    Returns:
        Number of errors; those among pixels of equal value at the edge count in expectation.
    """
    wanted = area * len(values)
    if not len(values):
        return 0.0
    edge = np.partition(values, -int(np.ceil(wanted)))[-int(np.ceil(wanted))]
    above, equal = values > edge, values == edge
    part = (wanted - above.sum()) / equal.sum()
    return float(wrong[above].sum() + part * wrong[equal].sum())
