"""Two forms of fusion for near objects: entropy dimmed where it is far, and PAE times EBU."""

import dataclasses

import numpy as np
import pytest
import torch

from segxal.acquisition.strategies import MAPS
from segxal.core.eem import proximity, soft_attention
from segxal.methods.learner import learner_of
from segxal.models.explain import error_masks

CANDIDATES = [0, 2, 3]


@pytest.fixture
def learner(tiny, tiny_run):
    found = learner_of(tiny_run[-1], tiny)
    return dataclasses.replace(found, mask=dataclasses.replace(found.mask, batch=2))


def maps(name, learner, frames):
    return torch.cat(list(MAPS[name].maps(learner, frames, CANDIDATES, np.random.default_rng(0))))


def test_the_product_is_high_where_both_parts_are(learner, tiny_splits):
    frames = tiny_splits.train
    depth = None if frames.depth is None else frames.depth[CANDIDATES]
    masks = error_masks(learner.model, frames.images[CANDIDATES], depth, frames.classes, learner.mask, learner.amp)
    product = torch.cat([mask.pae * mask.ebu for mask in masks])
    assert torch.allclose(maps("eem-product", learner, frames), product, atol=1e-6) and product.std() > 0


@pytest.mark.parametrize("depth", ["dataset", "geometry"])
def test_near_entropy_is_entropy_dimmed_where_it_is_far(depth, learner, tiny_splits):
    frames = tiny_splits.train
    asking = dataclasses.replace(learner, mask=dataclasses.replace(learner.mask, depth=depth))
    found, entropy = maps("near-entropy", asking, frames), maps("entropy", asking, frames)
    assert bool((found <= entropy + 1e-6).all()) and not torch.allclose(found, entropy)
    near = soft_attention(proximity(frames.depth[CANDIDATES]), "quantile", 0.5)
    assert torch.allclose(found, entropy * near, atol=1e-6) == (depth == "dataset")
