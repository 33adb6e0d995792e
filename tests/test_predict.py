"""Predictions and scores of a network."""

import dataclasses
import math

import pytest
import torch

from segxal.core.errors import TrainingDiverged
from segxal.core.labels import VOID
from segxal.models import build_model
from segxal.models.settings import ModelConfig
from segxal.training.predict import evaluate, evaluate_parts, predict


def unet():
    return build_model(ModelConfig(base=4, depth=2), 19, torch.Generator().manual_seed(0))


def weights_of(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def equal(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_predict_gives_probabilities_and_restores_flags(frames):
    model = unet().train()
    model.bottleneck[1].eval()
    flags, before = [module.training for module in model.modules()], weights_of(model)
    chunks = list(predict(model, frames.images, "off", batch=3))
    assert [len(chunk) for chunk in chunks] == [3, 3, 2]
    probs = torch.cat(chunks)
    assert probs.dtype == torch.float32 and torch.allclose(probs.sum(1), torch.ones(8, 32, 64), atol=1e-5)
    assert [module.training for module in model.modules()] == flags and equal(weights_of(model), before)
    assert torch.allclose(probs, torch.cat(list(predict(model, frames.images, "off", batch=1))), atol=1e-5)
    next(predict(model, frames.images, "off", batch=3))  # a reader that stops early
    assert [module.training for module in model.modules()] == flags


def test_evaluate_counts_labelled_pixels(frames):
    labels = frames.labels.clone()
    labels[0] = VOID
    scores = evaluate(unet(), dataclasses.replace(frames, labels=labels), "off", batch=3)
    assert scores.confusion.pixels == int((labels != VOID).sum()) and 0 <= scores.calibration.ece <= 1


def test_parts_of_one_pass_score_as_if_each_had_its_own(frames):
    near = torch.where(frames.depth > frames.depth.median(), frames.labels, VOID)
    found = evaluate_parts(unet(), frames, {"all": frames.labels, "near": near}, "off", batch=3)
    for name, labels in (("all", frames.labels), ("near", near)):
        alone = evaluate(unet(), dataclasses.replace(frames, labels=labels), "off", batch=3)
        assert found[name].confusion.to_list() == alone.confusion.to_list()
        assert found[name].calibration.ece == alone.calibration.ece
    assert 0 < found["near"].confusion.pixels < found["all"].confusion.pixels


def test_scores_of_a_broken_network_are_refused(frames):
    model = unet()
    with torch.no_grad():
        model.head.bias.fill_(math.nan)
    with pytest.raises(TrainingDiverged, match="output is NaN"):
        evaluate(model, frames, "off")
