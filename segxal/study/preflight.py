"""What is looked at before a study begins, so that nothing is trained in vain."""

from collections.abc import Sequence
from pathlib import Path

import psutil
import torch

from segxal.core.errors import ConfigError
from segxal.core.seeds import generator
from segxal.data import remarks
from segxal.data.splits import open_source, open_sources
from segxal.models import build_model
from segxal.models.device import device
from segxal.models.unet import UNet
from segxal.storage import paths
from segxal.storage.files import write_text
from segxal.study.grid import check_depth
from segxal.study.preset_file import preset_file
from segxal.study.settings import Preset

GIB = 1024**3
FLOAT = 4  # bytes of a float32
COPIES = 4  # of every weight in training: itself, its gradient, two moments of Adam
MAPS = 4  # maps of the first level that a training step keeps, at the least


def check_study(preset: Preset, data_root: str = "") -> None:
    """Check that data, network, depth and memory for a study are there, and print what is worth saying of the data.

    Args:
        preset: the study, with the methods to run.
        data_root: folder that holds the data sets.

    Raises:
        ConfigError: if a depth provider, a network or a layer is unknown, the precision does not fit the machine, or
            the settings need more memory than the machine has.
        DataMissing, DataInvalid: as :func:`segxal.data.splits.open_sources`.
        WeightsMissing: as :func:`segxal.study.grid.check_depth`, or as :func:`segxal.models.build_model`.
    """
    sources = open_sources(preset.data, data_root)
    for sentence in remarks(preset.data.name, data_root):
        print(f"data: {sentence}")
    if preset.train.amp == "fp16" and device().type == "cpu":
        raise ConfigError("train.amp = 'fp16' on a CPU, which only a GPU trains with; choose auto, bf16 or off")
    elsewhere = open_source(preset.data, sources[0].classes, data_root)
    check_memory(preset, [len(source) for source in (*sources, *([elsewhere] if elsewhere else []))])
    check_depth(preset, preset.methods)
    build_model(preset.model, len(sources[0].classes), generator(0, "preflight"))


def check_memory(preset: Preset, counts: Sequence[int]) -> None:
    """Hold the sizes of the settings against the memory of the machine; a low estimate, so what it refuses cannot run.

    Args:
        preset: the study.
        counts: images of each split, and of another world.

    Raises:
        ConfigError: if the images, or one training step of a U-Net from scratch, need more than there is.
    """
    there = psutil.virtual_memory().total
    pixels = preset.data.height * preset.data.width
    colours_and_labels, depth = 4, FLOAT if preset.mask.depth == "dataset" else 0
    images = sum(counts) * pixels * (colours_and_labels + depth)
    _hold(images, there, f"data.height, data.width and {sum(counts)} images", "choose smaller images, or fewer")
    if preset.model.name != "unet" or preset.model.encoder:
        return
    if device().type == "cuda":
        there = torch.cuda.get_device_properties(0).total_memory
    with torch.device("meta"):  # shapes without memory
        weights = sum(part.numel() for part in UNet(2, preset.model.base, preset.model.depth).parameters())
    step = COPIES * FLOAT * weights + MAPS * FLOAT * preset.train.batch * preset.model.base * pixels
    _hold(step, there, "a training step (train.batch, model.base, model.depth, data.height, data.width)", "lower them")


def _hold(needed: int, there: int, what: str, remedy: str) -> None:
    if needed > there:
        raise ConfigError(
            f"{what}: at least {needed / GIB:.1f} GiB are needed, this machine has {there / GIB:.1f}; {remedy}"
        )


def claim(preset: Preset, source: str) -> None:
    """Note in a study's folder from which preset file it comes, so that another file of that name does not replace it.

    Presets of the package need no note: no other file may have their names. A preset that was moved keeps its study.

    Args:
        preset: the study.
        source: what it was read from, see :func:`segxal.study.settings.load_preset`.

    Raises:
        ConfigError: if the folder holds the study of another preset file, which is still there.
    """
    if source in paths.preset_names():
        return
    file, note = preset_file(source).resolve(), paths.RUNS / preset.name / ".preset"
    owner = Path(note.read_text(encoding="utf-8")) if note.is_file() else file
    if owner.is_file() and not owner.samefile(file):
        raise ConfigError(
            f"{note.parent} holds the study of {owner}, not of {file}; give one of them another `name:`, or remove "
            "that folder if its results are not needed"
        )
    write_text(note, str(file))
