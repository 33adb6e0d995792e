"""S4AL (arXiv 2210.08403): grid cells are asked for, and cycles also learn from images without labels."""

from segxal.methods.baselines import SPARSE
from segxal.methods.cycles import CycleMethod


def _s4al(name: str, strategy: str) -> CycleMethod:
    return CycleMethod(
        name=name, family="s4al", strategy=strategy, oracle="region", granularity="grid",
        changes={"train": {"objective": "s4al", **SPARSE}},
    )  # fmt: skip


METHODS = (_s4al("s4al", "entropy"), _s4al("s4al-random", "random"))
