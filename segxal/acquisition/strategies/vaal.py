"""VAAL: a discriminator says which images look least like the annotated ones."""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segxal.acquisition.strategies.base import Choice, Learner, Units, best, draw
from segxal.core.errors import ConfigError
from segxal.core.seeds import drawing_from
from segxal.data.base import Frames
from segxal.models.device import device

SIZE = (48, 64)  # height and width of the images the autoencoder sees
LATENT = 32
KLD_WEIGHT = 1e-3
ITERATIONS = 300
BATCH = 8  # annotated images, and as many candidates
RATE = 5e-4


class Autoencoder(nn.Module):
    """Variational autoencoder for images of :data:`SIZE`."""

    def __init__(self) -> None:
        super().__init__()
        grid = (256, SIZE[0] // 16, SIZE[1] // 16)
        self.encoder = nn.Sequential(*_down(3, 32), *_down(32, 64), *_down(64, 128), *_down(128, 256), nn.Flatten())
        self.mean, self.log_variance = nn.Linear(math.prod(grid), LATENT), nn.Linear(math.prod(grid), LATENT)
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, math.prod(grid)), nn.Unflatten(1, grid), *_up(256, 128), *_up(128, 64), *_up(64, 32),
            nn.ConvTranspose2d(32, 3, 4, 2, 1),
        )  # fmt: skip

    def forward(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction (N, 3, H, W), mean and log variance (N, LATENT) of images in [0, 1]."""
        code = self.encoder(x)
        mean, log_variance = self.mean(code), self.log_variance(code)
        noise = torch.randn(mean.shape, generator=generator).to(mean.device)
        z = mean + noise * (0.5 * log_variance).exp()
        return self.decoder(z), mean, log_variance


def _down(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()


def _up(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()


def autoencoder_loss(image: Tensor, rebuilt: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Mean squared error plus 0.001 times the divergence from N(0, 1), which is a sum over z, averaged over images.

    Departure: the official code sums the divergence over the whole batch beside a squared error that is a mean, with
    weight 1: the divergence wins and the code collapses to nothing.
    """
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
    return F.mse_loss(rebuilt, image) + KLD_WEIGHT * divergence


def discriminator() -> nn.Sequential:
    """Logits (N, 1) of "annotated" from the means (N, LATENT) of the autoencoder."""
    return nn.Sequential(nn.Linear(LATENT, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 1))


def vaal_scores(learner: Learner, frames: Frames, units: Units, budget: int, rng: np.random.Generator) -> Choice:
    """Whole images by 1 - D(mean of the image's code): those that look least annotated. Labels are not used.

    Args:
        learner: for the positions of the annotated images.
        frames: the training split, for its images.
        units: whole images.
        budget: pixels to spend.
        rng: source of initial weights, batches and noise.

    Raises:
        ConfigError: for regions, or if no image is annotated.

    Source: VAAL (Sinha et al., ICCV 2019); its code for segmentation was never released. Departure: two networks for
    48x64 pixels, trained in :data:`ITERATIONS` steps apart from the segmentation network, annotated images and
    candidates in one batch, so that batch normalisation treats them alike.
    """
    if units.partition is not None:
        raise ConfigError("vaal scores whole images, not regions; choose another strategy for regions")
    if not learner.labelled:
        raise ConfigError("no annotated images to compare with; label at least one (pool.start)")
    known, candidates = _thumbnails(frames, list(learner.labelled)), _thumbnails(frames, units.candidates)
    scores = least_annotated(known, candidates, draw(rng))
    return Choice(best(scores, units.size, budget), scores)


def _thumbnails(frames: Frames, indices: list[int]) -> Tensor:
    """(N, 3, 48, 64) float32 in [0, 1], on the device."""
    images = [F.interpolate(frames.images[i : i + 1].float(), SIZE, mode="area") / 255 for i in indices]
    return torch.cat(images).to(device())


def least_annotated(known: Tensor, candidates: Tensor, generator: torch.Generator) -> np.ndarray:
    """Train both networks and score the candidates.

    Args:
        known: (L, 3, 48, 64) float in [0, 1], annotated images.
        candidates: (M, 3, 48, 64), the others.
        generator: source of all randomness.

    Returns:
        (M,) float64 in [0, 1], 1 - D; higher = looks less annotated.
    """
    with drawing_from(generator):
        vae, judge = Autoencoder().to(known.device), discriminator().to(known.device)
    vae_steps, judge_steps = (torch.optim.Adam(part.parameters(), lr=RATE) for part in (vae, judge))
    annotated = torch.cat([torch.ones(BATCH, 1), torch.zeros(BATCH, 1)]).to(known.device)
    for _ in range(ITERATIONS):
        for _ in range(2):
            x = _draw_both(known, candidates, generator)
            rebuilt, mean, log_variance = vae(x, generator)
            fooled = F.binary_cross_entropy_with_logits(judge(mean), torch.ones_like(annotated))
            _step(vae_steps, autoencoder_loss(x, rebuilt, mean, log_variance) + fooled)
        with torch.no_grad():
            mean = vae.mean(vae.encoder(_draw_both(known, candidates, generator)))
        _step(judge_steps, F.binary_cross_entropy_with_logits(judge(mean), annotated))
    vae.eval()
    with torch.no_grad():
        logits = torch.cat([judge(vae.mean(vae.encoder(part))) for part in candidates.split(64)])
    return (-logits[:, 0]).double().sigmoid().cpu().numpy()


def _draw_both(known: Tensor, candidates: Tensor, generator: torch.Generator) -> Tensor:
    """As many annotated images as candidates, in this order, drawn with replacement."""
    picks = [torch.randint(len(part), (BATCH,), generator=generator) for part in (known, candidates)]
    return torch.cat([part[pick.to(part.device)] for part, pick in zip((known, candidates), picks, strict=True)])


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
