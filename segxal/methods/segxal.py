"""SegXAL: the explainable error mask asks, one of its oracles answers, the Dice gate decides (paper section 3)."""

from segxal.methods.base import PEOPLE
from segxal.methods.cycles import CycleMethod


def _segxal(name: str, oracle: str) -> CycleMethod:
    return CycleMethod(
        name=f"segxal-{name}", family="segxal", strategy="eem", oracle=oracle, gated=True, notebook="al_cycle"
    )


METHODS = (
    _segxal("pseudo", "pseudo"),
    _segxal("gt-patch", "gt-patch"),
    _segxal("human", "human"),
    _segxal("label-studio", PEOPLE),
)
