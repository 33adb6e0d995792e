"""The networks that come with the workshop, and the images they are shown.

Three small U-Nets, trained on rendered streets by ``python -m segxal.apps.workshop.make_networks``:

============= ===============================================================================
trained       knows the streets as well as such a small network can
overconfident has learned six images by heart: no augmentation, no decay, trained on and on
start         what the labelling game starts from: a smaller network, trained on a few images
============= ===============================================================================
"""

from dataclasses import dataclass, field
from pathlib import Path

from segxal.core.errors import ConfigError, WeightsMissing
from segxal.core.labels import CITYSCAPES
from segxal.data import open_dataset
from segxal.data.base import Frames, load_frames
from segxal.models.base import Network
from segxal.models.checkpoints import load_model
from segxal.models.device import device
from segxal.models.settings import ModelConfig
from segxal.storage.paths import PACKAGE
from segxal.training.settings import TrainConfig

FOLDER = PACKAGE / "apps" / "workshop" / "checkpoints"
WORLD = 5  # seed of the rendered streets; the studies live in world 0
SIZE = (64, 128)  # pixels, every image of the workshop


@dataclass(frozen=True)
class Recipe:
    """How one network was made.

    Attributes:
        images: how many images of the training split it saw.
        steps: optimiser steps.
        train: the rest of its training.
        model: its sizes.
    """

    images: int
    steps: int
    train: TrainConfig
    model: ModelConfig = field(default_factory=lambda: ModelConfig(base=8, depth=4))


GOOD = TrainConfig(steps=1, cycle_steps=1, lr=6e-3, evaluations=1, class_weights="none", amp="off")
BY_HEART = TrainConfig(
    steps=1, cycle_steps=1, lr=6e-3, evaluations=1, class_weights="none", amp="off", crop=1.0, flip=False, jitter=0.0,
    weight_decay=0.0,
)  # fmt: skip
RECIPES = {
    "start": Recipe(4, 400, GOOD, ModelConfig(base=8, depth=3)),
    "overconfident": Recipe(6, 500, BY_HEART),
    "trained": Recipe(240, 1200, GOOD),
}


def recipe_of(name: str) -> Recipe:
    """How a network of the workshop was made.

    Raises:
        ConfigError: if there is no such network; the error lists the names.
    """
    if name not in RECIPES:
        raise ConfigError(f"the workshop has no network {name!r}; choose one of {', '.join(RECIPES)}")
    return RECIPES[name]


def file_of(name: str, folder: Path = FOLDER) -> Path:
    """Where the weights of a network are."""
    recipe_of(name)
    return folder / f"{name}.safetensors"


def load_network(name: str, folder: Path = FOLDER) -> Network:
    """A network of the workshop on the device, in evaluation mode.

    Args:
        name: a key of ``RECIPES``.
        folder: where the weights are.

    Raises:
        ConfigError: if there is no such network.
        WeightsMissing: if the package was installed without its weights.
        CheckpointMismatch: if the file is damaged, or belongs to another network.
    """
    file = file_of(name, folder)
    if not file.is_file():
        raise WeightsMissing(
            f"the workshop's network {name!r} has no weights: {file} not found; make it with "
            "`python -m segxal.apps.workshop.make_networks` (minutes on one core)"
        )
    return load_model(file, recipe_of(name).model, len(CITYSCAPES)).to(device())


def load_images(split: str, count: int) -> Frames:
    """The first ``count`` images of a split of the workshop's streets, with labels and exact depth.

    Args:
        split: ``train``, ``val`` or ``test``; no network of the workshop has seen ``val`` or ``test``.
        count: number of images.
    """
    return load_frames(open_dataset("streets", split, SIZE, count=count, seed=WORLD), bar=False)


def clear_bars() -> None:
    """In a notebook, remove what the cell has shown so far: its progress bars, when the work is done."""
    from IPython import get_ipython  # half a second of import, and only notebooks show bars as outputs
    from IPython.display import clear_output

    if get_ipython() is not None:
        clear_output()
