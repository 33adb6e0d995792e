"""Makes the workshop's networks: ``python -m segxal.apps.workshop.make_networks``; one seed, always the same files."""

import argparse
import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from segxal.apps.workshop.checkpoints import FOLDER, RECIPES, SIZE, WORLD, file_of, load_images, recipe_of
from segxal.core.errors import SegxalError
from segxal.core.seeds import generator
from segxal.data.base import Frames
from segxal.models import build_model
from segxal.models.base import Network
from segxal.models.checkpoints import save_model
from segxal.storage.files import read_json, write_json
from segxal.training.engine import fit
from segxal.training.predict import evaluate
from segxal.training.task import Task

SCORED = 60  # images of the test split
RECORD = "record.json"


def train(name: str, images: Frames, steps: int, seed: int) -> Network:
    """Train a network of the workshop by its recipe; the weights after the last step are kept.

    Args:
        name: a key of ``RECIPES``.
        images: the images it learns from, all their labels known.
        steps: optimiser steps.
        seed: of the weights, the order and the augmentation.
    """
    recipe = recipe_of(name)
    network = build_model(recipe.model, len(images.classes), generator(seed, "workshop", name, "weights"))
    random = generator(seed, "workshop", name, "train")
    task = Task(images, tuple(range(len(images))), images.labels, images, steps, random)
    return fit(network, task, recipe.train).model


def scores(network: Network, images: Frames) -> dict[str, float]:
    """What a network is worth on images it has not seen; shares in 0..1."""
    found = evaluate(network, images, "off")
    return {
        "miou": round(found.confusion.miou, 4), "accuracy": round(found.confusion.accuracy, 4),
        "ece": round(found.calibration.ece, 4),
    }  # fmt: skip


def make(name: str, seed: int, folder: Path, most: int) -> dict[str, Any]:
    """Train one network, write its weights and give its row of the record."""
    recipe, started = recipe_of(name), time.perf_counter()
    steps = min(recipe.steps, most)
    network = train(name, load_images("train", recipe.images), steps, seed)
    file = file_of(name, folder)
    save_model(file, network)
    return {
        "images": recipe.images, "steps": steps, "seconds": round(time.perf_counter() - started),
        "bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        **scores(network, load_images("test", SCORED)),
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Train all networks, write them and a record that says what they are."""
    parser = argparse.ArgumentParser("python -m segxal.apps.workshop.make_networks", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="folder for the weights (default: the package)")
    parser.add_argument(
        "--only", nargs="+", choices=RECIPES, default=list(RECIPES), help="networks to make; the others stay"
    )
    parser.add_argument("--most", type=int, default=10**9, help="at most this many steps, to try the command")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        rows = {name: make(name, options.seed, options.folder, options.most) for name in options.only}
        file = options.folder / RECORD
        rows = (read_json(file)["networks"] if file.is_file() else {}) | rows
        write_json(file, {
            "command": f"python -m segxal.apps.workshop.make_networks --seed {options.seed}", "seed": options.seed,
            "torch": torch.__version__, "threads": 1, "world": WORLD, "size": SIZE,
            "scored": f"the first {SCORED} images of the test split", "networks": rows,
        })  # fmt: skip
    except SegxalError as error:
        print(f"segxal: {error}", file=sys.stderr)
        return 1
    for name, row in rows.items():
        print(f"{name}: {row['bytes'] / 1e6:.2f} MB, mIoU {row['miou']:.3f}, ECE {row['ece']:.3f}, {row['seconds']} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
