"""Oracles by name: who answers a query."""

from collections.abc import Callable

import numpy as np

from segxal.acquisition.oracles.base import Oracle
from segxal.acquisition.oracles.gt_patch import GtPatchOracle
from segxal.acquisition.oracles.human import HumanOracle
from segxal.acquisition.oracles.noisy import NoisyOracle
from segxal.acquisition.oracles.pixel import PixelOracle
from segxal.acquisition.oracles.pseudo import PseudoOracle, flip_scale, teacher
from segxal.acquisition.oracles.region import RegionOracle
from segxal.acquisition.oracles.superpixel import SuperpixelOracle
from segxal.acquisition.oracles.whole_image import WholeImageOracle
from segxal.acquisition.settings import OracleConfig
from segxal.core.errors import ConfigError
from segxal.models.base import Network

ORACLES = ("pseudo", "gt-patch", "human", "whole-image", "region", "superpixel", "pixel")
LABELLERS = {"flip-scale": flip_scale, "teacher": teacher}


def get_oracle(
    name: str, config: OracleConfig, models: dict[str, Network], amp: str, rng: np.random.Generator | None = None
) -> Oracle:
    """An oracle by name.

    Args:
        name: one of ``ORACLES``.
        config: its settings.
        models: ``model``, the current network, and ``teacher``, its moving average; in evaluation mode.
        amp: precision of the pseudo oracle's labeller.
        rng: source of the errors of people; needed only with ``oracle.noise_boundary`` or ``oracle.noise_class``.

    Raises:
        ConfigError: if there is no oracle of that name (the error lists the names), or people are noisy without
            ``rng``.
    """
    network = models["teacher" if config.labeller == "teacher" else "model"]
    makers: dict[str, Callable[[], Oracle]] = {
        "pseudo": lambda: PseudoOracle(LABELLERS[config.labeller](network, amp), config.confidence),
        "gt-patch": lambda: GtPatchOracle(config.patch),
        "human": lambda: HumanOracle(config.overlap),
        "whole-image": WholeImageOracle,
        "region": RegionOracle,
        "superpixel": SuperpixelOracle,
        "pixel": PixelOracle,
    }
    if name not in makers:
        raise ConfigError(f"no oracle {name!r}; choose one of {', '.join(ORACLES)}")
    oracle = makers[name]()
    if name == "pseudo" or (config.noise_boundary == 0 and config.noise_class == 0):
        return oracle
    if rng is None:
        raise ConfigError(f"the oracle {name} must make errors, but got no generator for them; give rng to get_oracle")
    return NoisyOracle(oracle, config.noise_boundary, config.noise_class, rng)
