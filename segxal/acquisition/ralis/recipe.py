"""How RALIS's policy is trained: the release's recipe, and one that mends what does not work in it."""

from dataclasses import dataclass, replace
from typing import Literal

from segxal.acquisition.ralis.features import Form


@dataclass(frozen=True)
class Recipe:
    """Numbers of the deep Q-learning.

    Source: RALIS section 4.1 and its release for CamVid.

    Attributes:
        form: of the features.
        relative: whether the first reward of an episode is a change, too; in the release it is the whole score.
        decay_each: what the learning rate falls after; in the release after every step, so that it is 1e-31 at the end.
        target: whose action the target network values: that of the policy (``code``: the release, double Q-learning) or
            its own (``text``: the paper's words, whose value then comes from the policy).
    """

    form: Form
    relative: bool
    decay_each: Literal["step", "episode"]
    target: Literal["code", "text"] = "code"
    rate: float = 1e-3
    decay: float = 0.97
    momentum: float = 0.95
    weight_decay: float = 1e-3
    discount: float = 0.999
    batch: int = 16
    replay: int = 600  # transitions, one for each pool of a step
    copy_each: int = 5  # steps between two copies of the policy to the target network
    explore_first: float = 0.9  # share of steps at random, at the start and in the end
    explore_last: float = 0.05
    explore_steps: float = 10.0  # steps over which the difference shrinks to a third


_FAITHFUL = Recipe(Form(counts=True, whole_steps=True, own_bins=True), relative=False, decay_each="step")
_MENDED = Recipe(Form(), relative=True, decay_each="episode")
RECIPES = {
    "mended": _MENDED,
    "faithful": _FAITHFUL,
    "text": replace(_FAITHFUL, target="text"),
    # Mended but for one point, which is as in the release: what mending it is worth.
    "whole-reward": replace(_MENDED, relative=False),
    "step-decay": replace(_MENDED, decay_each="step"),
    "counts": replace(_MENDED, form=Form(counts=True)),
    "whole-steps": replace(_MENDED, form=Form(whole_steps=True)),
    "own-bins": replace(_MENDED, form=Form(own_bins=True)),
    # Mended, with a part of the features left out (RALIS Table E.1).
    "3h": replace(_MENDED, form=Form(parts="3H")),
    "1h": replace(_MENDED, form=Form(parts="1H")),
}
