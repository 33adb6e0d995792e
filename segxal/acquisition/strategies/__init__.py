"""Query strategies by name.

ViewAL (Siddiqui et al. 2020) is not here: it compares several posed views of the same scene, with depth, and street
images come as one view each.
"""

from segxal.acquisition.strategies.bald import bald_maps
from segxal.acquisition.strategies.base import MapStrategy, UnitScores
from segxal.acquisition.strategies.class_random import class_random_scores
from segxal.acquisition.strategies.core_set import core_set_scores
from segxal.acquisition.strategies.deal import deal_maps, difficulty_entropy
from segxal.acquisition.strategies.eem import eem_maps, product_maps, top_mean
from segxal.acquisition.strategies.entropy import entropy_maps
from segxal.acquisition.strategies.least_confidence import least_confidence_maps
from segxal.acquisition.strategies.margin import margin_maps
from segxal.acquisition.strategies.near_entropy import near_entropy_maps
from segxal.acquisition.strategies.qbc import qbc_maps
from segxal.acquisition.strategies.ralis import ralis_scores
from segxal.acquisition.strategies.random import random_maps, random_scores
from segxal.acquisition.strategies.rare_margin import rare_margin_maps
from segxal.acquisition.strategies.ripu import in_squares, ripu_maps, ripu_square_maps
from segxal.acquisition.strategies.stratified import stratified_scores
from segxal.acquisition.strategies.vaal import vaal_scores
from segxal.core.errors import ConfigError
from segxal.core.regions import GRANULARITIES

# Strategies that score every pixel.
MAPS: dict[str, MapStrategy] = {
    "entropy": MapStrategy(entropy_maps),
    "margin": MapStrategy(margin_maps),
    "rare-margin": MapStrategy(rare_margin_maps),
    "least-confidence": MapStrategy(least_confidence_maps),
    "bald": MapStrategy(bald_maps),
    "qbc": MapStrategy(qbc_maps),
    "eem": MapStrategy(eem_maps),
    "eem-top": MapStrategy(eem_maps, top_mean),
    "eem-product": MapStrategy(product_maps),
    "near-entropy": MapStrategy(near_entropy_maps),
    "ripu": MapStrategy(ripu_maps),
    "deal-ds": MapStrategy(deal_maps),
    "deal-de": MapStrategy(deal_maps, difficulty_entropy),
    "random": MapStrategy(random_maps),
}
# Strategies that are more than a mean over a map; they go before a map of the same name.
UNITS: dict[str, UnitScores] = {
    "random": random_scores,
    "class-random": class_random_scores,
    "core-set": core_set_scores,
    "stratified-entropy": stratified_scores,
    "vaal": vaal_scores,
    "ralis": ralis_scores,
}
FROM_MAPS = ("pixel", "square", "component")  # granularities whose units are made from a map


def get_strategy(name: str, granularity: str = "image") -> UnitScores:
    """A query strategy by name.

    Args:
        name: a key of :data:`UNITS` or :data:`MAPS`.
        granularity: one of :data:`segxal.core.regions.GRANULARITIES`. Those of :data:`FROM_MAPS` are made from maps,
            so what comes back is a :class:`MapStrategy`; see :func:`get_maps`.

    Raises:
        ConfigError: if there is none of that name, or not at that granularity; the error lists the names.
    """
    if granularity not in GRANULARITIES:
        raise ConfigError(f"no granularity {granularity!r}; choose one of {', '.join(GRANULARITIES)}")
    if granularity in FROM_MAPS:
        return get_maps(name, granularity)
    if name not in UNITS and name not in MAPS:
        raise ConfigError(f"no strategy {name!r} for {granularity}; choose one of {', '.join({**MAPS, **UNITS})}")
    return UNITS[name] if name in UNITS else MAPS[name]


def get_maps(name: str, granularity: str = "pixel") -> MapStrategy:
    """A strategy that scores every pixel, by name.

    Args:
        name: a key of :data:`MAPS`.
        granularity: for ``square`` a pixel's score is that of the square around it: the mean of the map in it, for
            ``ripu`` what RIPU has.

    Raises:
        ConfigError: if there is none of that name; the error lists the names.
    """
    if name not in MAPS:
        raise ConfigError(f"no strategy {name!r} for {granularity}; choose one of {', '.join(MAPS)}")
    if granularity != "square":
        return MAPS[name]
    return MapStrategy(ripu_square_maps if name == "ripu" else in_squares(MAPS[name].maps))
