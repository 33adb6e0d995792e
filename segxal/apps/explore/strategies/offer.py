"""What the next cycle of a run may ask about: the images on offer, and the network that asks."""

from collections.abc import Sequence

from segxal.core.errors import ConfigError
from segxal.data.splits import Splits
from segxal.methods.cycles import asked_pixels
from segxal.methods.learner import asking_learner
from segxal.methods.purchase import Offer
from segxal.study.state import Cycle


def offer_of(cycle: Cycle, splits: Splits, images: Sequence[str] = ()) -> Offer:
    """What one cycle of a run may ask about; the cycle before it must be done.

    Args:
        cycle: the cycle whose choice is made, 1 or later.
        splits: the study's splits.
        images: names of training images that are not annotated yet; empty for all of them.

    Raises:
        ConfigError: if nothing is asked in the cycle, an image is unknown or annotated already.
    """
    before = cycle.previous
    if before is None:
        raise ConfigError(f"cycle 0 of {cycle.method} asks nothing; choose cycle 1 or later")
    train, asked = splits.train, asked_pixels(before, splits.train)
    free = [i for i in range(len(train)) if train.labelled[i] and not asked[i].any()]
    chosen = [train.position(name) for name in images] or free
    taken = [train.ids[i] for i in chosen if i not in free]
    if taken or not chosen:
        some = ", ".join(train.ids[i] for i in free[:5]) or "none"
        raise ConfigError(f"{', '.join(taken) or 'every image'} was already asked about; still free: {some}")
    learner = asking_learner(before, cycle.settings, train)
    return Offer(learner, train, tuple(chosen), asked, cycle.seed, cycle.number, cycle.settings.oracle)
