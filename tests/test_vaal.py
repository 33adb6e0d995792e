"""VAAL: the autoencoder's loss, and that images unlike the annotated ones come first."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies import vaal
from segxal.acquisition.strategies.base import Learner, best, whole_images
from segxal.acquisition.strategies.vaal import (
    LATENT,
    Autoencoder,
    autoencoder_loss,
    discriminator,
    least_annotated,
    vaal_scores,
)
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.core.seeds import rng
from segxal.models.settings import MaskConfig
from segxal.training.settings import TrainConfig

CANDIDATES = [1, 4, 6]
PIXELS = 32 * 64


@pytest.fixture
def learner(unet):
    mask, loop, train = MaskConfig(), StrategyConfig(), TrainConfig(epochs=1)
    return Learner(unet.train(), mask, loop, train, (0, 2, 3))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(vaal, "SIZE", (16, 32))
    monkeypatch.setattr(vaal, "ITERATIONS", 2)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# the networks


def test_the_loss_by_hand():
    image, rebuilt = torch.zeros(4, 3, 2, 2), torch.full((4, 3, 2, 2), 0.5)
    mean, spread = torch.zeros(4, LATENT), torch.zeros(4, LATENT)
    assert autoencoder_loss(image, rebuilt, mean, spread).item() == pytest.approx(0.25)  # already N(0, 1)
    one = autoencoder_loss(image, image, mean + 1, spread).item()
    assert one == pytest.approx(1e-3 * 0.5 * LATENT)  # the same for any number of images
    wide = autoencoder_loss(image, image, mean, spread + math.log(4)).item()
    assert wide == pytest.approx(1e-3 * 0.5 * LATENT * (4 - 1 - math.log(4)))


def test_divergence_equals_torch():
    mean, log_variance = torch.randn(5, LATENT, generator=seeded()), torch.randn(5, LATENT, generator=seeded(1))
    image = torch.zeros(5, 3, 2, 2)
    normal = torch.distributions.Normal(mean, (log_variance / 2).exp())
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    assert autoencoder_loss(image, image, mean, log_variance).item() == pytest.approx(1e-3 * expected.item(), rel=1e-4)


def test_shapes_and_noise():
    vae, x = Autoencoder().eval(), torch.rand(2, 3, *vaal.SIZE)
    rebuilt, mean, log_variance = vae(x, seeded())
    assert rebuilt.shape == x.shape and mean.shape == log_variance.shape == (2, LATENT)
    assert discriminator()(mean).shape == (2, 1)
    assert torch.equal(rebuilt, vae(x, seeded())[0]) and not torch.equal(rebuilt, vae(x, seeded(1))[0])
    with torch.no_grad():
        vae.log_variance.weight.zero_()
        vae.log_variance.bias.fill_(-80.0)  # no variance, no noise
    assert torch.allclose(vae(x, seeded())[0], vae.decoder(mean), atol=1e-6)


# as a strategy


@pytest.mark.parametrize("seed", range(3))
def test_images_unlike_the_annotated_ones_come_first(monkeypatch, seed):
    monkeypatch.setattr(vaal, "SIZE", (16, 16))
    monkeypatch.setattr(vaal, "ITERATIONS", 30)  # twice as many, and the autoencoder fools the judge in one seed of ten
    noise = torch.rand(36, 3, 16, 16, generator=seeded(seed)) * 0.3
    noise[24:] += 0.6  # bright images, of which none is annotated
    scores = least_annotated(noise[:12], noise[12:], seeded(seed))
    assert scores[12:].min() > scores[:12].max()
    assert scores.dtype == np.float64 and scores.min() >= 0 and scores.max() <= 1


def test_scores_are_repeatable_and_pure(learner, frames, quick):
    before = [value.clone() for value in learner.model.state_dict().values()]
    images, state, units = frames.images.clone(), torch.random.get_rng_state(), whole_images(CANDIDATES, PIXELS)
    one, again, other = (vaal_scores(learner, frames, units, 2 * PIXELS, rng(seed)) for seed in (0, 0, 1))
    assert one.scores.shape == (3,) and np.isfinite(one.scores).all()
    assert np.array_equal(one.scores, again.scores) and not np.array_equal(one.scores, other.scores)
    assert one.order == best(one.scores, units.size, 2 * PIXELS) and len(one.order) == 2
    assert all(torch.equal(a, b) for a, b in zip(before, learner.model.state_dict().values(), strict=True))
    assert all(module.training for module in learner.model.modules())
    assert torch.equal(frames.images, images) and torch.equal(torch.random.get_rng_state(), state)


def test_no_label_is_looked_at(learner, frames, quick):
    blind = dataclasses.replace(frames, labels=torch.full_like(frames.labels, VOID))
    units = whole_images(CANDIDATES, PIXELS)
    one, other = (vaal_scores(learner, part, units, PIXELS, rng(0)).scores for part in (frames, blind))
    assert np.array_equal(one, other)


def test_regions_are_refused(learner, frames):
    units = dataclasses.replace(whole_images(CANDIDATES, PIXELS), partition=lambda index: np.zeros((32, 64), np.int32))
    with pytest.raises(ConfigError, match="vaal scores whole images, not regions"):
        vaal_scores(learner, frames, units, PIXELS, rng(0))


def test_nothing_annotated(learner, frames):
    with pytest.raises(ConfigError, match=r"no annotated images to compare with; label at least one \(pool\.start\)"):
        vaal_scores(dataclasses.replace(learner, labelled=()), frames, whole_images([1], PIXELS), PIXELS, rng(0))
