"""What a training step minimises, one file each; ``train.objective`` names one."""

from segxal.core.errors import ConfigError
from segxal.training.objectives.adapted import Adapted
from segxal.training.objectives.advent import AdvEnt, MinEnt
from segxal.training.objectives.base import Objective
from segxal.training.objectives.ripu import Ripu
from segxal.training.objectives.s4al import S4AL
from segxal.training.objectives.stal import Stal
from segxal.training.objectives.supervised import Supervised

OBJECTIVES: dict[str, type[Objective]] = {
    "supervised": Supervised, "s4al": S4AL, "adapted": Adapted, "minent": MinEnt, "advent": AdvEnt, "ripu": Ripu,
    "stal": Stal,
}  # fmt: skip


def get_objective(name: str) -> Objective:
    """An objective by name, for one training.

    Raises:
        ConfigError: if there is none of that name; the error lists the names.
    """
    if name not in OBJECTIVES:
        raise ConfigError(f"no objective {name!r}; choose one of {', '.join(OBJECTIVES)}: train.objective")
    return OBJECTIVES[name]()
