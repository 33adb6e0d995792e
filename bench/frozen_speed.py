"""What a frozen encoder saves: retraining, masks and feature maps against passes of the whole network."""

import tempfile
from pathlib import Path

import torch
from scene import Sizes, streets
from steady import growth
from timer import Row, medians
from torch import Tensor

from segxal.core.labels import VOID
from segxal.core.seeds import generator
from segxal.data.base import Frames
from segxal.models import build_model
from segxal.models.base import Network
from segxal.models.explain import error_masks
from segxal.models.features import FrozenEncoder
from segxal.models.settings import MaskConfig, ModelConfig
from segxal.training.engine import fit
from segxal.training.predict import predict
from segxal.training.settings import TrainConfig
from segxal.training.task import Task

ENCODER = "tf_efficientnet_lite0"
IMAGES = 24
PIXELS = 10  # annotated in each image, for the row on few of them


def rows(sizes: Sizes, repeats: int, stream: int) -> list[Row]:
    """Retraining of a cycle, a mask, feature maps, and the memory of a stream."""
    frames = streets(sizes.frozen, IMAGES)
    with tempfile.TemporaryDirectory() as folder:
        network = _network(frames, frozen=True)
        network.keep_features(frames.images, Path(folder), mirrored=True)
        return [
            _retraining(network, frames, sizes, repeats),
            _few_pixels(network, frames, sizes, repeats),
            *_passes(network, frames, repeats),
            _memory(network, sizes, stream),
        ]


def _network(frames: Frames, frozen: bool) -> Network:
    config = ModelConfig(encoder=ENCODER, weights="imagenet", frozen=frozen)
    return build_model(config, len(frames.classes), generator(0, "bench", "weights"))


def _retraining(network: Network, frames: Frames, sizes: Sizes, repeats: int) -> Row:
    """The same decoder, images, loss and steps; the peer trains the encoder too, on the images themselves."""
    steps = max(2, sizes.steps // 20)
    config = TrainConfig(
        steps=steps, cycle_steps=1, batch=sizes.batch, evaluations=1, crop=1.0, jitter=0.0, pixels=20000, amp="off"
    )
    val, everything = frames.select([0]), tuple(range(len(frames)))

    def train(model: Network) -> None:
        fit(model, Task(frames, everything, frames.labels, val, steps, generator(0, "bench", "train")), config)

    trained = _network(frames, frozen=False)
    times = medians({"ours": lambda: train(network), "peer": lambda: train(trained)}, min(3, repeats))
    speed = {name: steps / value for name, value in times.items()}
    note = f"{steps} steps of {sizes.batch} images; peer: the same network, its encoder trained along"
    return Row("retraining on cached features / fine-tuning", _where(frames), speed["ours"], speed["peer"],
               times["peer"] / times["ours"], 15.0, "steps/s", note)  # fmt: skip


def _few_pixels(network: Network, frames: Frames, sizes: Sizes, repeats: int) -> Row:
    """Ten random annotated pixels in each image; the peer makes maps of full size and takes the loss there."""
    steps, source = max(2, sizes.steps // 20), generator(0, "bench", "pixels")
    labels = torch.full_like(frames.labels, VOID)
    places = torch.randint(labels[0].numel(), (len(labels), PIXELS), generator=source)
    labels.flatten(1).scatter_(1, places, frames.labels.flatten(1).gather(1, places))
    val, everything = frames.select([0]), tuple(range(len(frames)))

    def train(pixels: int) -> None:
        config = TrainConfig(
            steps=steps, cycle_steps=1, batch=sizes.batch, evaluations=1, crop=1.0, jitter=0.0, pixels=pixels, amp="off"
        )
        fit(network, Task(frames, everything, labels, val, steps, generator(0, "bench", "train")), config)

    times = medians({"ours": lambda: train(20000), "peer": lambda: train(0)}, min(3, repeats))
    speed = {name: steps / value for name, value in times.items()}
    note = f"{PIXELS} annotated pixels in each image; peer: the loss on maps of full size"
    return Row("training on few pixels / on whole maps", _where(frames), speed["ours"], speed["peer"],
               times["peer"] / times["ours"], None, "steps/s", note)  # fmt: skip


def _passes(network: Network, frames: Frames, repeats: int) -> list[Row]:
    """A mask and the making of feature maps, against passes of the network and of its encoder."""
    few, depth = frames.images[:8], frames.depth[:8]
    fresh = torch.roll(few, 1, 3)  # not among those that are kept

    def mask() -> None:
        list(error_masks(network, few, depth, frames.classes, MaskConfig(depth="dataset", batch=8), "off"))

    def whole() -> None:
        list(predict(network, fresh, "off", 8))

    encoder = network.encoder
    assert isinstance(encoder, FrozenEncoder)
    x = network.located(fresh)

    def plain() -> None:
        with torch.no_grad():
            encoder.module(x)

    def kept() -> None:
        with tempfile.TemporaryDirectory() as folder:
            encoder.keep(fresh, Path(folder), lambda part: encoder.maps(network.located(part)))
            encoder.stores.pop()

    times = {name: 1000 * value / len(few) for name, value in
             medians({"mask": mask, "whole": whole, "plain": plain, "kept": kept}, repeats).items()}  # fmt: skip
    compared = (
        ("EEM with a frozen encoder / one forward pass", "mask", "whole", 1 / 1.6, "below 1: costs more; depth known"),
        ("feature maps to disk / the encoder alone", "kept", "plain", 1 / 1.1, "below 1: costs more"),
    )
    return [
        Row(name, _where(frames), times[ours], times[peer], times[peer] / times[ours], target, "ms/image", note)
        for name, ours, peer, target, note in compared
    ]


def _memory(network: Network, sizes: Sizes, count: int) -> Row:
    """Growth of the resident memory while images are scored."""

    def scores(images: Tensor, _: Frames) -> None:
        for probs in predict(network, images, "off"):
            probs.amax(1).mean().item()

    return growth("memory growth over scoring with a frozen encoder", sizes, count, scores)


def _where(frames: Frames) -> str:
    return f"{frames.images.shape[-2]}x{frames.images.shape[-1]}"
