"""Training of streets-net on rendered streets: ``python -m segxal.training.streets_net``."""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from segxal.core.depth_scores import mean_scores
from segxal.core.errors import DataMissing, SegxalError, TrainingDiverged
from segxal.core.geometry import ground_plane_depth
from segxal.core.seeds import drawing_from, generator
from segxal.data import open_dataset
from segxal.data.base import Frames, load_frames
from segxal.models.base import Network
from segxal.models.depth.dataset import depth_from_dataset
from segxal.models.depth.streets_net import BASE, LEVELS, WEIGHTS, inverse_depth, new_network
from segxal.storage import paths
from segxal.storage.files import write_json
from segxal.storage.tensors import write_tensors

RECORD = paths.SHIPPED_RUNS / "streets_net.json"
WORLD = 20_408  # seed of the rendered world it learns from; the studies' worlds have other seeds
HELD_OUT = 0  # seed of the world it is scored on: the one of the studies
SIZE = (96, 192)  # pixels, of the rendered images
SIZES = ((48, 96), (64, 96), (64, 128), (96, 128))  # pixels, of the crops; every step draws one
IMAGES, SCORED = 2000, 120
SCORED_SIZES = ((32, 64), (48, 96), (96, 192))  # pixels
STEPS, BATCH, LR, DECAY = 2400, 8, 4e-3, 1e-2
FAR = 300.0  # metres; sky and all that is farther count as this far
SHIFT = 0.85  # share of the mean error of an image that is forgiven


def loss(log: Tensor, exact: Tensor) -> Tensor:
    """Scale-invariant error of the logarithm of the inverse depth, mean over images.

    Args:
        log: (N, H, W) logarithm of the predicted inverse depth.
        exact: (N, H, W) inverse depth, 1 / metres.

    Returns:
        Scalar: mean of e^2 minus ``SHIFT`` (mean of e)^2 with e the error of the logarithm, so that most of a common
        factor costs nothing: a crop does not say how far the camera is from what it shows.

    Source: Eigen, Puhrsch, Fergus, "Depth map prediction from a single image", NeurIPS 2014, equation 4. Departure:
    they forgive half, we 0.85 (Lee et al., BTS, 2019); inverse depth instead of depth changes only the sign of e.
    """
    error = (log - exact.clamp(min=1 / FAR).log()).flatten(1)
    return (error.square().mean(1) - SHIFT * error.mean(1).square()).mean()


class Distortion:
    """Random flip, crop, colours, greyness and blur, far beyond what the renderer draws: real cameras differ more."""

    def __init__(self) -> None:
        from torchvision.transforms import v2  # seconds of import that only training needs

        self.colours = v2.Compose([
            v2.ColorJitter(0.5, 0.5, 0.6, 0.1), v2.RandomGrayscale(0.1),
            v2.RandomApply([v2.GaussianBlur(5, (0.3, 1.5))], 0.3),
        ])  # fmt: skip
        self.places = {
            size: v2.Compose([
                v2.RandomHorizontalFlip(),
                v2.RandomResizedCrop(size, (0.25, 1.0), (0.8 * size[1] / size[0], 1.25 * size[1] / size[0])),
            ])
            for size in SIZES
        }  # fmt: skip

    def __call__(self, images: Tensor, depth: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """A batch (N, 3, H, W) uint8 and its depth (N, H, W), both at one of ``SIZES``; each image on its own."""
        from torchvision import tv_tensors

        place = self.places[SIZES[int(torch.randint(len(SIZES), (1,), generator=random))]]
        with drawing_from(random):
            pairs = [
                place(tv_tensors.Image(image), tv_tensors.Mask(part)) for image, part in zip(images, depth, strict=True)
            ]
            seen = torch.stack([self.colours(image) for image, _ in pairs]).as_subclass(Tensor)
        return seen, torch.stack([part for _, part in pairs]).as_subclass(Tensor)


def train(frames: Frames, steps: int, seed: int) -> Network:
    """Train streets-net.

    Args:
        frames: images with exact depth.
        steps: optimiser steps.
        seed: of the weights, the order and the distortions.

    Returns:
        The network after the last step, in evaluation mode.

    Raises:
        DataMissing: if the images have no depth.
        TrainingDiverged: if the loss is not finite.
    """
    if frames.depth is None:
        raise DataMissing("streets-net learns from exact depth, but these images have none; use rendered streets")
    network = new_network(generator(seed, "streets-net", "weights")).train()
    optimiser = torch.optim.AdamW(network.parameters(), LR, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LR, total_steps=steps)
    random, distort = generator(seed, "streets-net", "train"), Distortion()
    with tqdm(range(steps), desc="streets-net", unit="step") as bar:
        for step in bar:
            chosen = torch.randint(len(frames), (BATCH,), generator=random)
            images, exact = distort(frames.images[chosen], frames.depth[chosen], random)
            error = loss(network(network.prepare(images))[:, 0], exact)
            if not torch.isfinite(error):
                raise TrainingDiverged(f"the loss of streets-net is {float(error)} at step {step}; lower the rate")
            optimiser.zero_grad()
            error.backward()
            optimiser.step()
            schedule.step()
            if step % 20 == 0:
                bar.set_postfix(loss=f"{float(error.detach()):.3f}")
    return network.eval()


def held_out(network: Network, seed: int) -> list[dict[str, Any]]:
    """Errors on scenes that no training has seen: of the network, of ``geometry`` and of an untrained network.

    Args:
        network: the trained network.
        seed: of the untrained one.

    Returns:
        One row per provider and size: means over the images of :class:`segxal.core.depth_scores.DepthScores`.
    """
    untrained = new_network(generator(seed, "streets-net", "weights")).eval()
    rows = []
    for size in SCORED_SIZES:
        frames = load_frames(open_dataset("streets", "test", size, count=SCORED, seed=HELD_OUT))
        exact = depth_from_dataset(frames.images, frames.labels, frames.classes, frames.depth).numpy()
        with torch.no_grad():
            maps = {
                "streets-net": inverse_depth(network, frames.images),
                "geometry, given the true labels": ground_plane_depth(frames.labels, frames.classes),
                "streets-net before its training": inverse_depth(untrained, frames.images),
            }
        for name, guess in maps.items():
            scores = {key: round(value, 4) for key, value in mean_scores(guess.cpu().numpy(), exact).items()}
            rows.append({"provider": name, "height": size[0], "width": size[1], **scores})
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, write the weights into the package and the record into ``papermill_runs/``."""
    parser = argparse.ArgumentParser("python -m segxal.training.streets_net", description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS, help=f"optimiser steps (default: {STEPS})")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    started, worked = time.perf_counter(), time.process_time()
    try:
        frames = load_frames(open_dataset("streets", "train", SIZE, count=IMAGES, seed=WORLD))
        network = train(frames, options.steps, options.seed)
        spent = {"seconds": round(time.perf_counter() - started), "cpu_seconds": round(time.process_time() - worked)}
        write_tensors(WEIGHTS, network.state_dict(), network=f"streets-net: UNet(1, {BASE}, {LEVELS})")
        write_json(RECORD, record(network, options.steps, options.seed, spent))
    except SegxalError as error:
        print(f"segxal: {error}", file=sys.stderr)
        return 1
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size / 1e6:.2f} MB\n{RECORD}")
    return 0


def record(network: Network, steps: int, seed: int, spent: dict[str, int]) -> dict[str, Any]:
    """What was done and with what result, for ``papermill_runs/streets_net.json``."""
    return {
        "command": f"python -m segxal.training.streets_net --steps {steps} --seed {seed}", "seed": seed,
        "steps": steps,
        "batch": BATCH, "learning_rate": LR, "threads": 1, **spent, "torch": torch.__version__,
        "parameters": sum(p.numel() for p in network.parameters()), "world": WORLD, "images": IMAGES,
        "rendered_at": SIZE, "trained_at": SIZES, "target": "logarithm of the inverse depth",
        "loss": f"mean e^2 - {SHIFT} (mean e)^2 per image", "held_out_world": HELD_OUT, "held_out_images": SCORED,
        "held_out": held_out(network, seed),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
