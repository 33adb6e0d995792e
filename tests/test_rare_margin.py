"""Rare margin: the margin's map, weighted by how rare the classes are that a pixel may be of."""

import dataclasses

import numpy as np
import pytest
import torch

from segxal.acquisition.strategies import MAPS
from segxal.acquisition.strategies.rare_margin import rarity
from segxal.core.labels import VOID
from segxal.methods.learner import learner_of


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((0, 0), (1, 1)), ((3, 0), (2 / 3, 4 / 3)), ((8, 0, 3), (6 / 11, 18 / 11, 9 / 11))],
)
def test_rarity_falls_with_the_root_of_what_is_annotated(counts, expected):
    labels = torch.full((1, 4, 8), VOID, dtype=torch.uint8)
    labels.view(-1)[: sum(counts)] = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)).byte()
    assert rarity(labels, len(counts)).tolist() == pytest.approx(expected)


def test_without_annotations_it_is_the_margin_and_with_them_rare_classes_come_first(tiny, tiny_run, tiny_splits):
    learner = learner_of(tiny_run[-1], tiny)
    train = tiny_splits.train
    bare = dataclasses.replace(learner, labels=torch.full_like(learner.labels, VOID))

    def maps(name, asking):
        return torch.cat(list(MAPS[name].maps(asking, train, [0, 1, 2], np.random.default_rng(0))))

    assert torch.allclose(maps("rare-margin", bare), maps("margin", bare), atol=1e-6)
    ratio = maps("rare-margin", learner) / maps("margin", learner)
    weights = rarity(learner.labels, len(train.classes))
    assert bool((ratio >= weights.min() - 1e-5).all()) and bool((ratio <= weights.max() + 1e-5).all())
    assert float(ratio.std()) > 0
