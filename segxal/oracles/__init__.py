"""Oracles by name: who answers a query."""

from collections.abc import Callable

from torch import nn

from segxal.config import LoopConfig
from segxal.errors import ConfigError
from segxal.oracles.base import Oracle
from segxal.oracles.gt_patch import GtPatchOracle
from segxal.oracles.human import HumanOracle
from segxal.oracles.pseudo import PseudoOracle, flip_scale, teacher
from segxal.oracles.whole_image import WholeImageOracle

ORACLES = ("pseudo", "gt-patch", "human", "whole-image")
LABELLERS = {"flip-scale": flip_scale, "teacher": teacher}


def get_oracle(name: str, config: LoopConfig, models: dict[str, nn.Module], amp: str) -> Oracle:
    """An oracle by name.

    Args:
        name: one of ``ORACLES``.
        config: its settings.
        models: ``model``, the current network, and ``teacher``, its moving average; in evaluation mode.
        amp: precision of the pseudo oracle's labeller.

    Raises:
        ConfigError: if there is no oracle of that name; the error lists the names.
    """
    network = models["teacher" if config.labeller == "teacher" else "model"]
    makers: dict[str, Callable[[], Oracle]] = {
        "pseudo": lambda: PseudoOracle(LABELLERS[config.labeller](network, amp), config.confidence),
        "gt-patch": lambda: GtPatchOracle(config.patch),
        "human": lambda: HumanOracle(config.overlap),
        "whole-image": WholeImageOracle,
    }
    if name not in makers:
        raise ConfigError(f"no oracle {name!r}; choose one of {', '.join(ORACLES)}")
    return makers[name]()
