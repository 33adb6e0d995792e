"""Checks of a finished cycle: is its mask right, is its explanation faithful, what would each oracle say?"""

from dataclasses import asdict
from functools import partial
from typing import Any

import torch

from segxal.acquisition.oracles import get_oracle
from segxal.acquisition.query import masked_queries, masks_of
from segxal.core import seeds
from segxal.core.detection import detection_scores
from segxal.core.eem import depth_informed, learn_weights
from segxal.core.errors import ConfigError
from segxal.core.faithfulness import Curve, Stage, faithfulness_curves, randomisation_check
from segxal.core.gate import dice_agreement
from segxal.core.labels import VOID
from segxal.data.splits import Splits
from segxal.methods.learner import learner_of
from segxal.results.learner import learner_that_asked
from segxal.study.state import Cycle
from segxal.training.predict import probabilities

COMPARED = ("pseudo", "gt-patch", "human", "whole-image")  # oracles that answer to an error mask


def mask_quality(cycle: Cycle, splits: Splits) -> list[dict[str, Any]]:
    """Do EEM, EBU, PAE, their learned fusion and a random map point at the errors on the reported split?

    Args:
        cycle: a finished cycle; the learned fusion is fitted on the images it had labelled.
        splits: the study's splits.

    Returns:
        Rows of :func:`segxal.core.detection.detection_scores`, with the learned weights ``w_pae`` and ``w_ebu``.
    """
    learner = learner_of(cycle, cycle.settings)
    weights = learn_weights(masks_of(learner, splits.train, list(learner.labelled)), learner.labels)
    frames = splits.reported
    masks = masks_of(learner, frames, list(range(len(frames))))
    rows = detection_scores([masks], frames.labels, seeds.generator(cycle.seed, "detection"), weights)
    return [asdict(row) | {"w_pae": weights[0], "w_ebu": weights[1]} for row in rows]


def compare_oracles(cycle: Cycle, splits: Splits) -> list[dict[str, Any]]:
    """What each oracle would answer to the queries of one cycle.

    Args:
        cycle: a finished cycle with queries.
        splits: the study's splits.

    Returns:
        One row per oracle and queried image: ``share`` of the pixels that got a label, ``accuracy`` of these labels
        and of the ``prediction`` at the same pixels (shares in 0..1, void left out), ``dice``, ``pixels``, ``clicks``.

    Raises:
        ConfigError: for cycle 0, in which nothing is asked.
    """
    learner = learner_that_asked(cycle)
    settings, train = cycle.settings, splits.train
    models = (cycle.previous or cycle).networks()
    positions = {name: i for i, name in enumerate(train.ids)}
    chosen = [positions[query["id"]] for query in cycle.queries()]
    queries = masked_queries(learner, train, chosen)
    rows = []
    for name in COMPARED:
        oracle = get_oracle(
            name, settings.oracle, models, settings.train.amp, seeds.rng(cycle.seed, "noise", cycle.number)
        )
        for query in queries:
            answer = oracle.annotate(query)
            given = (answer.labels != VOID) & (query.truth != VOID)
            right = answer.labels[given] == query.truth[given]
            before_right = query.prediction[given] == query.truth[given]
            rows.append({
                "oracle": name, "id": query.id, "share": float((answer.labels != VOID).mean()),
                "accuracy": _mean(right), "prediction": _mean(before_right), "pixels": answer.pixels,
                "clicks": answer.clicks, "dice": dice_agreement(query.prediction, answer.reannotated(query.prediction)),
            })  # fmt: skip
    return rows


def faithfulness(cycle: Cycle, splits: Splits, images: int) -> tuple[list[Stage], list[Curve]]:
    """Randomisation check and deletion / insertion curves of the PAE of a finished cycle.

    Args:
        cycle: a finished cycle.
        splits: the study's splits.
        images: how many images of the reported split are looked at, evenly spread over it.

    Returns:
        Stages of the randomisation check, and the curves; both on the depth-informed images that PAE explains.

    Raises:
        ConfigError: if there are fewer images in the split.
    """
    learner, frames = learner_of(cycle, cycle.settings), splits.reported
    if not 1 <= images <= len(frames):
        raise ConfigError(f"images = {images}; the reported split holds {len(frames)}; choose 1 to {len(frames)}")
    chosen = [k * len(frames) // images for k in range(images)]
    masks = masks_of(learner, frames, chosen)
    informed = depth_informed(frames.images[chosen], masks.attention)
    model, layer = learner.model, learner.model.layer()
    stages = randomisation_check(model, layer, model.prepare(informed), seeds.generator(cycle.seed, "randomisation"))
    predict = partial(probabilities, model, amp=learner.amp)
    curves = faithfulness_curves(predict, informed, masks.pae, seeds.generator(cycle.seed, "order"))
    return stages, curves


def _mean(right: Any) -> float:
    return float(torch.from_numpy(right).float().mean())
