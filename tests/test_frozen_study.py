"""Whole cycles with a frozen encoder: what asks, answers and learns works as with a network that is trained."""

import pytest
import torch

from segxal.apps.explore.mask.explorer import Explorer
from segxal.models.encoder_unet import frozen_encoder
from segxal.models.encoders import build_encoder
from segxal.models.features import FrozenEncoder, Maps
from segxal.storage import paths
from segxal.storage.tensors import write_tensors
from segxal.study import grid
from segxal.training.objectives.s4al import PseudoLabelled, class_mix, pasted_on, unsupervised_loss

METHODS = (
    "segxal-pseudo", "segxal-human", "bald", "qbc", "core-set", "deal-ds", "rare-margin-pixel", "eem-pixel",
    "eem-component", "entropy-superpixel", "s4al", "supervised",
)  # fmt: skip


@pytest.fixture(scope="module")
def frozen(tiny, tmp_path_factory):
    """The smallest study with a frozen encoder, and folders of its own for runs and feature maps."""
    folder = tmp_path_factory.mktemp("frozen")
    torch.manual_seed(0)
    write_tensors(folder / "tiny.safetensors", dict(build_encoder("test_efficientnet", "", 2).state_dict()))
    frozen_encoder.cache_clear()
    model = {
        "encoder": "test_efficientnet", "weights": str(folder / "tiny.safetensors"), "frozen": True, "dropout": 0.2,
    }  # fmt: skip
    train = {"crop": 1.0, "jitter": 0.0, "pixels": 200, "retrain": "scratch"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "FEATURES", folder / "features")
        # both parts at once: either alone is refused
        preset = tiny.with_changes(model=model, train=train, pool={"cycles": 1}, strategy={"cell": 4, "pieces": 12})
        yield preset, folder / "runs"


@pytest.mark.parametrize("method", METHODS)
def test_a_cycle_of_every_kind_of_method(frozen, method, monkeypatch):
    preset, runs = frozen
    passes, run = [], FrozenEncoder.maps
    monkeypatch.setattr(FrozenEncoder, "maps", lambda self, x: passes.append(len(x)) or run(self, x))
    grid.run_cycles(grid.run_of(preset, "random", 0, runs=runs)[:1])  # the start, which others continue
    passes.clear()
    last = grid.run_cycles(grid.run_of(preset, method, 0, runs=runs))[-1]
    assert 0 <= last.metrics()["report"]["miou"] <= 1
    makes_images = method in ("segxal-pseudo", "segxal-human", "eem-pixel", "eem-component")
    assert bool(passes) is makes_images, "only depth-informed images and the labeller's views need the encoder"


def test_a_killed_run_continues_to_the_same_bytes(frozen, tmp_path):
    preset, runs = frozen
    first = grid.run_cycles(grid.run_of(preset, "rare-margin-pixel", 0, runs=runs))[-1]
    frozen_encoder.cache_clear()  # as in another process: maps come from disk
    again = grid.run_cycles(grid.run_of(preset, "rare-margin-pixel", 0, runs=tmp_path))[-1]
    for name in ("metrics.json", "model.safetensors", "annotations.npz"):
        assert (first.folder / name).read_bytes() == (again.folder / name).read_bytes()


def test_the_explorer_looks_at_any_layer_of_the_decoder(frozen):
    preset, runs = frozen
    explorer = Explorer(grid.run_cycles(grid.run_of(preset, "segxal-human", 0, runs=runs)))
    names = [value for _, value in explorer.controls.layer.options]
    assert names[0] == "deepest" and len(names) > 3
    for name in names:
        explorer.controls.layer.value = name
        assert explorer.setting.layer in (name, "") and float(explorer.maps.ebu.max()) > 0


def test_classmix_pastes_cells_that_are_mostly_pasted():
    fine, coarse = (
        torch.arange(2.0).view(2, 1, 1, 1).expand(2, 1, 4, 4),
        torch.arange(2.0).view(2, 1, 1, 1).expand(2, 1, 2, 2),
    )
    pasted = torch.zeros(2, 4, 4, dtype=torch.bool)
    pasted[0, :2, :3] = True  # image 0 gets this part of image 1
    mixed = pasted_on(Maps((fine, coarse), (4, 4)), pasted)
    assert torch.equal(mixed.maps[0][0, 0], pasted[0].float())
    assert mixed.maps[1][0, 0].tolist() == [[1.0, 0.0], [0.0, 0.0]], "half a cell is not most of it"
    assert torch.equal(mixed.maps[0][1], fine[1]) and mixed.size == (4, 4)


def test_labels_are_mixed_alike_whether_images_or_maps_are():
    labels = torch.randint(0, 4, (3, 8, 8), generator=torch.Generator().manual_seed(0))
    images = torch.randint(0, 255, (3, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    maps, sure = Maps((torch.randn(3, 2, 4, 4),), (8, 8)), torch.ones(3, 8, 8)
    one, other = (class_mix(PseudoLabelled(x, labels, sure), torch.Generator().manual_seed(2)) for x in (images, maps))
    assert torch.equal(one.labels, other.labels) and isinstance(other.images, Maps)


def test_the_loss_of_all_pixels_one_by_one_is_the_loss_of_the_map():
    draw = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(2, 3, 4, 5, generator=draw), torch.randint(0, 3, (2, 4, 5), generator=draw)
    batch = PseudoLabelled(torch.zeros(2, 3, 4, 5), labels, torch.rand(2, 4, 5, generator=draw).clamp(min=0.9))
    where = torch.nonzero(torch.ones(2, 4, 5), as_tuple=True)
    each = logits[where[0], :, where[1], where[2]]
    assert unsupervised_loss(each, batch, where).item() == pytest.approx(unsupervised_loss(logits, batch).item())
