"""Methods (strategy + oracle + gate) and ablations by name; a run is a method with a seed."""

from dataclasses import dataclass
from typing import Any

from segxal.config import Preset
from segxal.errors import ConfigError


@dataclass(frozen=True)
class Method:
    """How a method asks and what it accepts.

    Attributes:
        strategy: name of the query strategy that ranks images.
        oracle: name of the oracle that answers.
        gated: whether the Dice gate decides what joins the labelled pool.
    """

    strategy: str
    oracle: str
    gated: bool


METHODS = {
    "segxal-pseudo": Method("eem", "pseudo", gated=True),
    "segxal-gt-patch": Method("eem", "gt-patch", gated=True),
    "segxal-human": Method("eem", "human", gated=True),
    "random": Method("random", "whole-image", gated=False),
}
SEGXAL = tuple(name for name in METHODS if name.startswith("segxal"))
START = "start"  # the first training on the initial labels; all methods of a seed continue from it
SUPERVISED = "supervised"  # all training images labelled

# Settings that an ablation changes (paper Table 3; the gate's two other sides).
ABLATIONS: dict[str, dict[str, dict[str, Any]]] = {
    "none": {},
    "without-ebu": {"mask": {"w_pae": 1.0, "w_ebu": 0.0}},
    "without-pae": {"mask": {"w_pae": 0.0, "w_ebu": 1.0}},
    "gate-low": {"loop": {"accept": "low"}},
    "gate-all": {"loop": {"accept": "all"}},
}


def depth_of(name: str, provider: str) -> str:
    """The depth provider of a method's records: ``none`` where no error mask is made."""
    return provider if name in SEGXAL else "none"


def get_method(name: str) -> Method:
    """A method by name.

    Raises:
        ConfigError: if there is none of that name; the error lists the names.
    """
    if name not in METHODS:
        raise ConfigError(f"no method {name!r}; choose one of {', '.join((*METHODS, SUPERVISED))}")
    return METHODS[name]


def split_name(share: float) -> str:
    """Name of the ablation that starts from another share of labelled images, for example ``split-25``."""
    return f"split-{100 * share:g}"


def ablate(preset: Preset, ablation: str) -> Preset:
    """The preset as an ablation changes it.

    Args:
        preset: the settings of the study.
        ablation: ``none``, ``without-ebu``, ``without-pae``, ``gate-low``, ``gate-all``, or ``split-P``: protocol
            ``split``, P percent of the images labelled at the start, then as many cycles as in ``grow``.

    Raises:
        ConfigError: if there is no such ablation; the error lists the names.
    """
    splits = {split_name(share): share for share in preset.splits}
    if ablation in splits:
        return preset.with_changes(loop={"start": splits[ablation]})
    if ablation not in ABLATIONS:
        raise ConfigError(f"no ablation {ablation!r}; choose one of {', '.join((*ABLATIONS, *splits))}")
    return preset.with_changes(**ABLATIONS[ablation])
