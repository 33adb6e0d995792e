"""RALIS: a query network chooses regions, trained on the initial labels before the runs (Casanova et al. 2020)."""

import copy
from dataclasses import dataclass, replace

from segxal.acquisition.ralis.policy import new_network, read_policy
from segxal.acquisition.strategies.base import Learner
from segxal.methods.ablations import POLICY_ABLATIONS, starts_anew
from segxal.methods.base import Context, Method, Need, Outcome
from segxal.methods.baselines import SPARSE
from segxal.methods.cycles import CycleMethod
from segxal.methods.episodes import new_world, train_policy
from segxal.methods.settings import RunSettings
from segxal.methods.supervised import START


@dataclass(frozen=True, kw_only=True)
class PolicyTraining(Method):
    """Deep Q-learning on the images of the start; one stage, which leaves ``policy`` and ``untrained``.

    The images of the start are divided in two: a state set whose class histogram is like that of the rest, which every
    episode also starts from, and the rest, in which regions are chosen. Rewards come from validation images.

    Source: RALIS sections 3 and 4.1 and its release. Departure: the release starts from weights trained on GTA5, the
    episodes here from a network trained on the state set; the reward is the mIoU at every eighth pixel of some
    validation images.
    """

    def scored(self, number: int) -> bool:
        """No: it trains no segmentation network that is kept."""
        return False

    def stages(self, settings: RunSettings) -> range:
        """Stage 0 alone."""
        return range(1)

    def needs(self, number: int, ablation: str) -> tuple[Need, ...]:
        """The first training, for its labels."""
        return (Need(START.name, 0, ablation if starts_anew(ablation) else "none"),)

    def run(self, context: Context) -> Outcome:
        """Train the policy episode after episode."""
        before, train = context.before[0], context.splits.train
        pool = before.pool()
        labels = before.labels_of([train.ids[i] for i in pool.labelled])
        world = new_world(context, tuple(pool.labelled), labels)
        untrained = new_network(world.states, world.regions, context.generator("policy"))
        trained, history = train_policy(world, copy.deepcopy(untrained), context.rng("episodes"))
        files = {"policy": trained, "untrained": untrained}
        learned = {name: (dict(net.state_dict()), world.states.metadata()) for name, net in files.items()}
        return Outcome(pool, None, {}, before.budget(), learned=learned, numbers={"policy": history})


@dataclass(frozen=True, kw_only=True)
class PolicyMethod(CycleMethod):
    """Regions by a policy that was trained before.

    Attributes:
        policy: which of the two that :class:`PolicyTraining` left: ``policy``, or ``untrained`` as a control.
    """

    policy: str = "policy"

    @property
    def follows_policy(self) -> bool:
        """It does."""
        return True

    def needs(self, number: int, ablation: str) -> tuple[Need, ...]:
        """The cycle before, and the policy."""
        own = starts_anew(ablation) or ablation in POLICY_ABLATIONS
        return (*super().needs(number, ablation), Need(POLICY.name, 0, ablation if own else "none"))

    def asking(self, context: Context) -> Learner:
        """The learner that asks, with its policy."""
        return replace(super().asking(context), policy=read_policy(context.before[-1].learned(self.policy)))


def _method(name: str, policy: str) -> PolicyMethod:
    return PolicyMethod(
        name=name, family="ralis", strategy="ralis", oracle="region", granularity="grid", changes={"train": SPARSE},
        policy=policy,
    )  # fmt: skip


POLICY = PolicyTraining(name="ralis-policy", family="policy", notebook="ralis_policy")
METHODS = (_method("ralis", "policy"), _method("ralis-untrained", "untrained"))
