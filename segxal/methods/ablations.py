"""Ablations by name: the settings that each changes."""

from typing import Any, TypeVar

from segxal.core.errors import ConfigError
from segxal.methods.settings import RunSettings

# Paper Table 3; the gate's two other sides; dropout for BALD and QBC; people who err; the policy of RALIS: the recipe
# of its release, mended but for one point, with fewer features (its Table E.1), and other pools and rounds (E.1, E.3).
ABLATIONS: dict[str, dict[str, dict[str, Any]]] = {
    "none": {},
    "without-ebu": {"mask": {"w_pae": 1.0, "w_ebu": 0.0}},
    "without-pae": {"mask": {"w_pae": 0.0, "w_ebu": 1.0}},
    "gate-low": {"gate": {"accept": "low"}},
    "gate-all": {"gate": {"accept": "all"}},
    "dropout": {"model": {"dropout": 0.2}},
    "noise-boundary": {"oracle": {"noise_boundary": 0.5}},
    "noise-class": {"oracle": {"noise_class": 0.1}},
    "policy-faithful": {"policy": {"recipe": "faithful"}},
    "policy-whole-reward": {"policy": {"recipe": "whole-reward"}},
    "policy-step-decay": {"policy": {"recipe": "step-decay"}},
    "policy-counts": {"policy": {"recipe": "counts"}},
    "policy-whole-steps": {"policy": {"recipe": "whole-steps"}},
    "policy-own-bins": {"policy": {"recipe": "own-bins"}},
    "policy-one-update": {"train": {"round_steps": 1}},
    "policy-3h": {"policy": {"recipe": "3h"}},
    "policy-1h": {"policy": {"recipe": "1h"}},
    "policy-candidates-20": {"strategy": {"candidates": 20}},
    "policy-rounds-10": {"pool": {"rounds": 10}},
    "policy-rounds-40": {"pool": {"rounds": 40}},
}
POLICY_ABLATIONS = tuple(name for name in ABLATIONS if name.startswith("policy-"))
Settings = TypeVar("Settings", bound=RunSettings)


def split_name(share: float) -> str:
    """Name of the ablation that starts from another share of labelled images, for example ``split-25``."""
    return f"split-{100 * share:g}"


def starts_anew(ablation: str) -> bool:
    """Whether a run with this ablation has a first training of its own: another share of labelled images."""
    return ablation.startswith("split-")


def ablate(settings: Settings, ablation: str, splits: tuple[float, ...]) -> Settings:
    """Settings as an ablation changes them.

    Args:
        settings: of the study.
        ablation: a key of ``ABLATIONS``, or ``split-P``: protocol ``split``, P percent of the images labelled at the
            start, then as many cycles as in ``grow``.
        splits: the shares that the study knows.

    Raises:
        ConfigError: if there is no such ablation; the error lists the names.
    """
    shares = {split_name(share): share for share in splits}
    if ablation in shares:
        return settings.with_changes(pool={"start": shares[ablation]})
    if ablation not in ABLATIONS:
        raise ConfigError(f"no ablation {ablation!r}; choose one of {', '.join((*ABLATIONS, *shares))}")
    return settings.with_changes(**ABLATIONS[ablation])
