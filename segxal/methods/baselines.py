"""What SegXAL is compared with: a query strategy whose every answer joins the labelled pool."""

from segxal.methods.ablations import ABLATIONS
from segxal.methods.cycles import CycleMethod

DROPOUT = ("bald", "qbc")  # strategies whose network is trained with dropout
BY_MAP = ("entropy", "margin", "rare-margin", "least-confidence", *DROPOUT, "eem")  # strategies that score every pixel
BY_IMAGE = (
    "random",
    "class-random",
    *BY_MAP,
    "stratified-entropy",
    "eem-top",
    "core-set",
    "deal-ds",
    "deal-de",
    "vaal",
)
STRATEGIES_AT = {  # granularity -> strategies that have it
    "image": BY_IMAGE,
    "grid": ("random", "class-random", *BY_MAP, "core-set", "deal-ds", "ripu"),
    "superpixel": ("random", "class-random", *BY_MAP, "core-set", "deal-ds", "ripu"),
    "component": BY_MAP,
    "square": ("random", "entropy", "eem", "ripu"),
    "pixel": ("random", *BY_MAP, "eem-product", "near-entropy", "ripu"),
}
ORACLE_AT = {
    "image": "whole-image", "grid": "region", "superpixel": "superpixel", "component": "region", "square": "region",
    "pixel": "pixel",
}  # fmt: skip
# Images with a few annotated pixels would otherwise crowd out the whole images of the start.
SPARSE = {"sampling": "sqrt-pixels"}


def _baseline(strategy: str, granularity: str) -> CycleMethod:
    first = "dropout" if strategy in DROPOUT else "none"
    return CycleMethod(
        name=strategy if granularity == "image" else f"{strategy}-{granularity}",
        family="baseline",
        strategy=strategy,
        oracle=ORACLE_AT[granularity],
        granularity=granularity,
        first=first,
        changes=ABLATIONS[first] | ({} if granularity == "image" else {"train": SPARSE}),
    )


METHODS = tuple(
    _baseline(strategy, granularity) for granularity, strategies in STRATEGIES_AT.items() for strategy in strategies
)
