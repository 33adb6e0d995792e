"""The learner that asks: a finished stage's network with what it was trained on, and the mask it asks with."""

from dataclasses import replace

from segxal.acquisition.pool import Pool
from segxal.acquisition.query import masks_of
from segxal.acquisition.strategies.base import Learner
from segxal.core.eem import learn_weights
from segxal.data.base import Frames
from segxal.methods.base import State
from segxal.methods.settings import RunSettings

FUSION_IMAGES = 64  # labelled images the learned fusion is fitted on, at most


def learner_of(state: State, settings: RunSettings) -> Learner:
    """The network of a finished stage as strategies see it, with the annotations it was trained on."""
    pool, model = state.pool(), state.networks()["model"]
    labels = state.labels_of([pool.ids[i] for i in pool.labelled])
    return Learner(model, settings.mask, settings.strategy, settings.train, tuple(pool.labelled), labels)


def asking_learner(state: State, settings: RunSettings, train: Frames) -> Learner:
    """The same, with the fusion weights fitted first where they are to be learned (``mask.fusion``)."""
    learner = learner_of(state, settings)
    learned = settings.mask.fusion == "learned" and learner.labelled  # nothing to fit where nothing is labelled yet
    return with_learned_fusion(learner, state.pool(), train) if learned else learner


def with_learned_fusion(learner: Learner, pool: Pool, train: Frames) -> Learner:
    """Fusion weights from the labelled images that joined last; their masks are in memory at once."""
    latest = sorted(range(len(learner.labelled)), key=lambda k: pool.since[learner.labelled[k]])[-FUSION_IMAGES:]
    masks = masks_of(learner, train, [learner.labelled[k] for k in latest])
    w_pae, w_ebu = learn_weights(masks, learner.labels[latest])
    return replace(learner, mask=replace(learner.mask, w_pae=w_pae, w_ebu=w_ebu))
