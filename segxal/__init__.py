"""segxal: explainable active learning for semantic segmentation.

Ten rooms; a room imports only from the rooms above it:

===========  ===================================================================================
core         the paper's quantities: arrays and numbers in and out
storage      folders and files: every state is written at once
data         the data sets, one form of sample, rendered streets
models       segmentation networks, depth networks
training     the engine, what a training step minimises, prediction
acquisition  the pool, strategies that say where to ask, oracles that answer
methods      methods by name: SegXAL, its baselines, the upper bound
study        settings, presets, the loop of cycles, the grid of runs
results      records, statistics, tables, figures, the report
apps         the command line, explorers, annotation, the workshop, the site
===========  ===================================================================================

A test (``tests/test_house.py``) keeps it so. What a user of the library calls first is here too and is imported when it
is asked for: ``import segxal`` alone loads nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segxal.apps.your_network.explain import Explanation, explain
    from segxal.apps.your_network.rank import Ranked, rank

__version__ = "0.1.0"
__all__ = ["Explanation", "Ranked", "__version__", "explain", "rank"]

_WHERE = {
    "Explanation": "segxal.apps.your_network.explain",
    "explain": "segxal.apps.your_network.explain",
    "Ranked": "segxal.apps.your_network.rank",
    "rank": "segxal.apps.your_network.rank",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'segxal' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
