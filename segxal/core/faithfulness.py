"""Is the explanation faithful? Parameter randomisation, deletion and insertion for segmentation maps."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from segxal.core.errors import ConfigError, ShapeError
from segxal.core.gradcam import Trace, gradcam, traced
from segxal.core.modes import evaluating
from segxal.core.seeds import drawing_from

SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of the area that is removed or inserted
BLUR = 1 / 16  # standard deviation of the blur that removes content, as a share of the shorter side
WINDOW = 7  # pixels, side of the window of SSIM
BATCH = 16
Kind = Literal["deletion", "insertion"]
Order = Literal["map", "random", "reverse"]
Predict = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Stage:
    """One stage of the randomisation check.

    Attributes:
        number: 0 = the network as it is, then one layer more at each stage.
        layer: name of the layer randomised last, empty at stage 0.
        spearman: -1..1, rank correlation with the original map, mean over images.
        ssim: -1..1, structural similarity to the original map, mean over images.
    """

    number: int
    layer: str
    spearman: float
    ssim: float


@dataclass(frozen=True)
class Curve:
    """What a network still predicts while pixels are removed or inserted.

    Attributes:
        kind: ``deletion`` or ``insertion``.
        order: ``map`` (highest first), ``reverse`` (lowest first) or ``random``.
        shares: 0..1, shares of the area, growing.
        probability: 0..1 per share: mean softmax probability of the originally predicted class over all pixels.
        kept: 0..1 per share: share of all pixels whose predicted class is the original one.
    """

    kind: Kind
    order: Order
    shares: tuple[float, ...]
    probability: tuple[float, ...]
    kept: tuple[float, ...]

    @property
    def probability_area(self) -> float:
        """Area under ``probability`` (trapezoids), divided by the range of shares: 0..1."""
        return self._area(self.probability)

    @property
    def kept_area(self) -> float:
        """Area under ``kept`` (trapezoids), divided by the range of shares: 0..1."""
        return self._area(self.kept)

    def _area(self, values: tuple[float, ...]) -> float:
        return float(np.trapezoid(values, self.shares) / (self.shares[-1] - self.shares[0]))


def randomisation_check(model: nn.Module, layer: nn.Module, x: Tensor, generator: torch.Generator) -> list[Stage]:
    """Cascading parameter randomisation of Grad-CAM: a map that survives it explains the image, not the network.

    Layer after layer gets fresh weights, from the output towards the input, and stays randomised. At each stage the
    Grad-CAM map of all classes, over the pixels and classes the *original* network predicted, is compared with the
    original map. Images whose original map is constant explain nothing and are left out; a randomised map that
    becomes constant has no ranks and counts as correlation 0.

    Args:
        model: maps ``x`` to logits (N, C, H, W); a copy is randomised, it stays as it is.
        layer: the target layer, a module of ``model``.
        x: (N, 3, H, W) float32 images as the network takes them, on its device; H and W at least 7.
        generator: source of the fresh weights.

    Returns:
        Stage 0 (nothing randomised, similarity 1) and one stage per layer. NaN when every original map is constant.

    Raises:
        ConfigError: if ``layer`` is not in ``model``, or a layer with weights cannot be initialised afresh.
        ShapeError: if the images are smaller than the window of SSIM.

    Source: Adebayo et al. 2018, Sanity Checks for Saliency Maps: cascading randomisation, rank correlation and SSIM.
    Departure: a layer is a convolution together with the normalisation that follows it, and the normalisation's
    running statistics start afresh too; HOG similarity is left out.
    """
    if min(x.shape[-2:]) < WINDOW:
        raise ShapeError(f"images are {tuple(x.shape)}; SSIM needs at least {WINDOW} pixels in height and width")
    copied = copy.deepcopy(model)
    names = {module: name for name, module in model.named_modules()}
    if layer not in names:
        raise ConfigError(
            f"the target layer {type(layer).__name__} is not part of the network; name one of its modules"
        )
    target = copied.get_submodule(names[layer])
    groups = _layers(copied, x[:1])
    with traced(copied, target) as trace:
        with torch.no_grad():
            predictions = [copied(part).argmax(1) for part in x.split(BATCH)]
        original = _maps(trace, x, predictions)
        stages = [Stage(0, "", *_similarity(original, original))]
        for number, (name, modules) in enumerate(reversed(groups), 1):
            _randomise(name, modules, generator)
            stages.append(Stage(number, name, *_similarity(original, _maps(trace, x, predictions))))
    return stages


def _layers(model: nn.Module, x: Tensor) -> list[tuple[str, list[nn.Module]]]:
    """Modules with weights in the order in which they run; a normalisation joins the layer before it."""
    ran: list[nn.Module] = []
    own = {m: name for name, m in model.named_modules() if list(m.parameters(recurse=False))}
    handles = [module.register_forward_hook(lambda m, _i, _o: ran.append(m)) for module in own]
    try:
        with evaluating(model), torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    groups: list[tuple[str, list[nn.Module]]] = []
    for module in dict.fromkeys(ran):
        if groups and isinstance(module, (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)):
            groups[-1][1].append(module)
        else:
            groups.append((own[module], [module]))
    return groups


def _randomise(name: str, modules: list[nn.Module], generator: torch.Generator) -> None:
    with drawing_from(generator):
        for module in modules:
            reset = getattr(module, "reset_parameters", None)
            if reset is None:
                raise ConfigError(
                    f"layer {name} ({type(module).__name__}) cannot be randomised: it has its own weights but no "
                    "reset_parameters(); give it that method"
                )
            reset()


def _maps(trace: Callable[[Tensor], Trace], x: Tensor, predictions: list[Tensor]) -> np.ndarray:
    parts = zip(x.split(BATCH), predictions, strict=True)
    return torch.cat([gradcam(trace(part), None, prediction).cpu() for part, prediction in parts]).numpy()


def _similarity(original: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    from scipy.stats import spearmanr  # a second of import, with the next line, that only this check needs
    from skimage.metrics import structural_similarity

    told = [(a, b) for a, b in zip(original, now, strict=True) if np.ptp(a) > 0]
    if not told:
        return float("nan"), float("nan")
    ranks = [spearmanr(a, b, axis=None).statistic if np.ptp(b) > 0 else 0.0 for a, b in told]
    likeness = [structural_similarity(a, b, win_size=WINDOW, data_range=1.0) for a, b in told]
    return float(np.mean(ranks)), float(np.mean(likeness))


def faithfulness_curves(
    predict: Predict, images: Tensor, maps: Tensor, generator: torch.Generator,
    shares: tuple[float, ...] = SHARES,
) -> list[Curve]:  # fmt: skip
    """Deletion and insertion curves of a map, against random order and the reverse of the map.

    Deletion replaces the highest pixels of the map by those of a blurred image; a map that finds what the prediction
    rests on makes it fall *faster* than random order does (smaller area under the curve), the reverse slower.
    Insertion starts from the blurred image and puts the highest pixels back: a good map rises faster (larger area).

    Args:
        predict: the network: images (b, 3, H, W) float in [0, 1] -> class probabilities (b, C, H, W); b is at most 16.
        images: (N, 3, H, W) uint8, or float in [0, 1].
        maps: (N, H, W) float, any scale; ties are broken at random.
        generator: source of the random order and of the ties, on the CPU.
        shares: of the area, growing, in [0, 1].

    Returns:
        Six curves: ``deletion`` and ``insertion``, each in the orders ``map``, ``random``, ``reverse``.

    Raises:
        ShapeError: if images and maps do not fit.
        ConfigError: if the shares do not grow from 0 or more to 1 or less.

    Source: Petsiuk et al. 2018 (RISE): deletion and insertion; Fong and Vedaldi 2017: blur as the removed content.
    Departure: both measure the score of one class of a classifier. Here it is the mean probability of the originally
    predicted class over the *whole* image, and the share of pixels that keep their class: removed pixels are part of
    what is predicted, so every order falls, and only the comparison with random order says something. Deletion
    blurs as well (RISE sets pixels to a constant there), which stays closer to real images.
    """
    if images.shape[:1] + images.shape[2:] != maps.shape:
        given = f"images are {tuple(images.shape)} and maps {tuple(maps.shape)}"
        raise ShapeError(f"{given}, expected (N, 3, H, W) and (N, H, W); give one map per image at its size")
    if len(shares) < 2 or list(shares) != sorted(set(shares)) or not 0 <= shares[0] <= shares[-1] <= 1:
        raise ConfigError(f"shares = {shares}; give at least two growing shares of the area in [0, 1]")
    sharp = (images.float() / 255 if images.dtype == torch.uint8 else images).cpu()
    blurred = _blur(sharp)
    before = torch.cat([predict(part).argmax(1).cpu() for part in sharp.split(BATCH)])
    ranks = _ranks(maps.float().cpu(), generator)
    last = maps[0].numel() - 1
    orders: dict[Order, Tensor] = {
        "map": ranks, "random": _ranks(torch.zeros_like(ranks, dtype=torch.float), generator), "reverse": last - ranks,
    }  # fmt: skip
    kinds: dict[Kind, tuple[Tensor, Tensor]] = {"deletion": (sharp, blurred), "insertion": (blurred, sharp)}
    return [
        Curve(kind, order, shares, *_curve(predict, start, end, rank, before, shares))
        for kind, (start, end) in kinds.items()
        for order, rank in orders.items()
    ]


def _blur(images: Tensor) -> Tensor:
    sigma = BLUR * min(images.shape[-2:])
    return torch.from_numpy(gaussian_filter(images.numpy(), (0, 0, sigma, sigma), truncate=2))


def _ranks(maps: Tensor, generator: torch.Generator) -> Tensor:
    """(N, H, W) int64: 0 for the highest pixel of each image, 1 for the next, ties at random."""
    rows = []
    for row in maps.flatten(1):
        shuffled = torch.randperm(len(row), generator=generator)
        order = shuffled[row[shuffled].argsort(descending=True, stable=True)]
        rows.append(order.argsort())
    return torch.stack(rows).view_as(maps)


def _curve(
    predict: Predict, start: Tensor, end: Tensor, ranks: Tensor, before: Tensor, shares: tuple[float, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Probability and kept predictions while ``end`` replaces ``start``, pixels of low rank first."""
    probability, kept = [], []
    for share in shares:
        replaced = (ranks < round(share * ranks[0].numel())).unsqueeze(1)
        chosen, same = [], []
        mixed = torch.where(replaced, end, start)
        for part, classes in zip(mixed.split(BATCH), before.split(BATCH), strict=True):
            probs = predict(part).cpu()
            chosen.append(probs.gather(1, classes.unsqueeze(1)).flatten())
            same.append((probs.argmax(1) == classes).flatten())
        probability.append(float(torch.cat(chosen).double().mean()))
        kept.append(float(torch.cat(same).double().mean()))
    return tuple(probability), tuple(kept)
