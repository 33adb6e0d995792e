"""What all tests share: no display, no CUDA tests without CUDA, no data set of the user by accident."""

import os
import tempfile

os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
import torch
from smoke_study import SmokeStudy, have_study, use_sockets


def pytest_configure(config):
    """Prepare what several workers share; a notebook that is checked alone runs what it needs by itself."""
    config.pluginmanager.register(SmokeStudy())
    sockets = tempfile.TemporaryDirectory(prefix="segxal-")
    config.add_cleanup(sockets.cleanup)
    use_sockets(sockets.name)


@pytest.fixture(scope="session")
def smoke_study():
    """The smoke study is in the results folder; tests that look into it come after the others."""
    have_study()


def pytest_collection_modifyitems(items):
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason="needs a CUDA device")
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def frames():
    """Eight rendered images of 32x64 with labels and depth; shared, so nobody may change them."""
    from segxal.data import open_dataset
    from segxal.data.base import load_frames

    return load_frames(open_dataset("streets", "train", (32, 64), count=8, seed=0))


@pytest.fixture(scope="session")
def tiny():
    """The smallest study that still has all its parts: 12 training images of 16x32, two cycles."""
    from segxal.study.settings import load_preset

    return load_preset("smoke").with_changes(
        data={"height": 16, "width": 32, "counts": (12, 4, 4)},
        model={"base": 4, "depth": 2},
        train={"steps": 6, "cycle_steps": 3, "evaluations": 2, "amp": "off"},
        pool={"start": 0.25, "step": 0.17, "cycles": 2, "subset": 1.0},
        gate={"tau": 0.5},
    )


@pytest.fixture(scope="session")
def tiny_run(tiny, tmp_path_factory):
    """The finished cycles of one SegXAL run of the tiny study; shared, so nobody may change its folder."""
    from segxal.study import grid

    return grid.run_cycles(grid.run_of(tiny, "segxal-human", 0, runs=tmp_path_factory.mktemp("tiny-run")))


@pytest.fixture
def unet():
    """A small U-Net with 19 classes in evaluation mode, the same one every time."""
    from segxal.models import build_model
    from segxal.models.settings import ModelConfig

    return build_model(ModelConfig(base=4, depth=2), 19, torch.Generator().manual_seed(3)).eval()


@pytest.fixture(scope="session")
def networks_on_disk(tmp_path_factory):
    """Folder of a tiny depth network with random weights, by family; ``metric`` is a Depth Anything in metres."""
    from segxal.results.untrained_depth import PROCESSORS, save_untrained_network

    root = tmp_path_factory.mktemp("networks")
    made = {name: save_untrained_network(name, root / name, torch.Generator().manual_seed(1)) for name in PROCESSORS}
    metric = save_untrained_network("depth-anything", root / "metric", torch.Generator().manual_seed(1), metric=True)
    return made | {"metric": metric}


@pytest.fixture
def own_caches(tmp_path, monkeypatch):
    """Neither the depth maps nor the hub's cache of the user, and no network; gives the folder of the hub's cache."""
    from huggingface_hub import constants

    from segxal.storage import paths

    monkeypatch.setattr(paths, "DEPTHS", tmp_path / "depths")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


@pytest.fixture
def forward_passes(monkeypatch):
    """How many images each forward pass of a depth network held, in order."""
    from segxal.models.depth import networks

    seen = []
    load = networks.load_network

    def counting(found):
        network, processor = load(found)

        def forward(pixel_values):
            seen.append(len(pixel_values))
            return network(pixel_values=pixel_values)

        return forward, processor

    monkeypatch.setattr(networks, "load_network", counting)
    return seen


@pytest.fixture(scope="session")
def tiny_splits(tiny, tiny_run):
    """The splits of the smallest study."""
    from segxal.data.splits import open_splits

    return open_splits(tiny.data, "", tiny_run[0].study / "cache")
