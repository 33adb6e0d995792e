"""Methods (strategy + oracle + gate + granularity) and ablations by name; a run is a method with a seed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from segxal.core.errors import ConfigError
from segxal.study.settings import Preset


@dataclass(frozen=True)
class Method:
    """How a method asks and what it accepts.

    Attributes:
        strategy: name of the query strategy.
        oracle: name of the oracle that answers.
        gated: whether the Dice gate decides what joins the labelled pool.
        granularity: what is asked for, see :data:`segxal.core.regions.GRANULARITIES`.
        start: the first training it continues: ``none``, shared by most, or an ablation that changes the network.
        changes: settings that are the method's own, as of :meth:`segxal.study.settings.Preset.with_changes`.
    """

    strategy: str
    oracle: str
    gated: bool = False
    granularity: str = "image"
    start: str = "none"
    changes: Mapping[str, dict[str, Any]] = field(default_factory=dict)


PEOPLE = "label-studio"  # the oracle that is no simulation: a cycle waits until somebody has annotated
WITHOUT_TRUTH = ("pseudo", PEOPLE)  # oracles that can be asked about images without ground truth
DROPOUT = ("bald", "qbc")  # strategies whose network is trained with dropout
BY_MAP = ("entropy", "margin", "least-confidence", *DROPOUT, "eem")  # strategies that score every pixel
BY_IMAGE = ("random", "class-random", *BY_MAP, "eem-top", "core-set", "deal-ds", "deal-de", "vaal")
STRATEGIES_AT = {  # granularity -> strategies that have it
    "image": BY_IMAGE,
    "grid": ("random", "class-random", *BY_MAP, "core-set", "deal-ds"),
    "superpixel": ("random", "class-random", *BY_MAP, "core-set", "deal-ds"),
    "component": BY_MAP,
    "pixel": ("random", *BY_MAP),
}
ORACLE_AT = {
    "image": "whole-image", "grid": "region", "superpixel": "superpixel", "component": "region", "pixel": "pixel",
}  # fmt: skip
# Images with a few annotated pixels would otherwise crowd out the whole images of the start.
SPARSE = {"sampling": "sqrt-pixels"}


def _plain(strategy: str, granularity: str) -> Method:
    """A strategy whose every answer joins the labelled pool."""
    start = "dropout" if strategy in DROPOUT else "none"
    changes = {} if granularity == "image" else {"train": SPARSE}
    return Method(strategy, ORACLE_AT[granularity], granularity=granularity, start=start, changes=changes)


METHODS = {
    "segxal-pseudo": Method("eem", "pseudo", gated=True),
    "segxal-gt-patch": Method("eem", "gt-patch", gated=True),
    "segxal-human": Method("eem", "human", gated=True),
    "segxal-label-studio": Method("eem", PEOPLE, gated=True),
    **{
        strategy if granularity == "image" else f"{strategy}-{granularity}": _plain(strategy, granularity)
        for granularity, strategies in STRATEGIES_AT.items()
        for strategy in strategies
    },
    "s4al": Method("entropy", "region", granularity="grid", changes={"train": {"semi": "s4al", **SPARSE}}),
    "s4al-random": Method("random", "region", granularity="grid", changes={"train": {"semi": "s4al", **SPARSE}}),
}
SEGXAL = tuple(name for name in METHODS if name.startswith("segxal"))
START = "start"  # the first training on the initial labels; all methods of a seed continue from it
SUPERVISED = "supervised"  # all training images labelled

# Settings that an ablation changes (paper Table 3; the gate's two other sides; dropout for BALD and QBC; noisy people).
ABLATIONS: dict[str, dict[str, dict[str, Any]]] = {
    "none": {},
    "without-ebu": {"mask": {"w_pae": 1.0, "w_ebu": 0.0}},
    "without-pae": {"mask": {"w_pae": 0.0, "w_ebu": 1.0}},
    "gate-low": {"gate": {"accept": "low"}},
    "gate-all": {"gate": {"accept": "all"}},
    "dropout": {"model": {"dropout": 0.2}},
    "noise-boundary": {"oracle": {"noise_boundary": 0.5}},
    "noise-class": {"oracle": {"noise_class": 0.1}},
}


def depth_of(name: str, provider: str) -> str:
    """The depth provider of a method's records: ``none`` where no error mask is made."""
    masked = name != SUPERVISED and get_method(name).strategy in ("eem", "eem-top")
    return provider if masked else "none"


def get_method(name: str) -> Method:
    """A method by name.

    Raises:
        ConfigError: if there is none of that name; the error lists the names.
    """
    if name not in METHODS:
        raise ConfigError(f"no method {name!r}; choose one of {', '.join((*METHODS, SUPERVISED))}")
    return METHODS[name]


def random_selection(methods: Iterable[str]) -> str:
    """What the other methods are compared with: random whole images, else the first random parts; empty without any."""
    found = [m for m in methods if m.startswith("random")]  # s4al-random asks so too, but trains in another way
    return "random" if "random" in found else next(iter(found), "")


def split_name(share: float) -> str:
    """Name of the ablation that starts from another share of labelled images, for example ``split-25``."""
    return f"split-{100 * share:g}"


def ablate(preset: Preset, ablation: str) -> Preset:
    """The preset as an ablation changes it.

    Args:
        preset: the settings of the study.
        ablation: a key of ``ABLATIONS``, or ``split-P``: protocol ``split``, P percent of the images labelled at the
            start, then as many cycles as in ``grow``.

    Raises:
        ConfigError: if there is no such ablation; the error lists the names.
    """
    splits = {split_name(share): share for share in preset.splits}
    if ablation in splits:
        return preset.with_changes(pool={"start": splits[ablation]})
    if ablation not in ABLATIONS:
        raise ConfigError(f"no ablation {ablation!r}; choose one of {', '.join((*ABLATIONS, *splits))}")
    return preset.with_changes(**ABLATIONS[ablation])
