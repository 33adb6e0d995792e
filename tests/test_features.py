"""Feature maps of a frozen encoder: the same from disk as computed, made once, refused where they are damaged."""

import copy
import errno

import pytest
import torch
from torch.nn import functional as F

from segxal.core.eem import ErrorMask
from segxal.core.errors import CheckpointMismatch, ConfigError, DataInvalid, StorageError
from segxal.core.gradcam import traced
from segxal.core.labels import VOID
from segxal.models import build_model
from segxal.models.checkpoints import load_model, save_model
from segxal.models.encoder_unet import bilinear, frozen_encoder, windows_around
from segxal.models.encoders import build_encoder
from segxal.models.explain import error_masks
from segxal.models.features import BATCH, FrozenEncoder
from segxal.models.settings import MaskConfig, ModelConfig
from segxal.storage.tensors import write_tensors
from segxal.training.engine import fit
from segxal.training.predict import confusion_of, predict
from segxal.training.settings import TrainConfig
from segxal.training.task import Task

TRAIN = TrainConfig(steps=4, cycle_steps=1, batch=2, crop=1.0, jitter=0.0, evaluations=1, pixels=50, amp="off")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file with the weights of a tiny encoder of timm."""
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    torch.manual_seed(0)
    write_tensors(file, dict(build_encoder("test_efficientnet", "", 2).state_dict()))
    return str(file)


@pytest.fixture
def config(weights):
    frozen_encoder.cache_clear()
    return ModelConfig(encoder="test_efficientnet", weights=weights, frozen=True, dropout=0.2)


@pytest.fixture
def network(config):
    return build_model(config, 19, seeded()).eval()


@pytest.fixture
def passes(monkeypatch):
    """How many images each pass of a frozen encoder held."""
    seen = []
    run = FrozenEncoder.maps

    def counting(self, x):
        seen.append(len(x))
        return run(self, x)

    monkeypatch.setattr(FrozenEncoder, "maps", counting)
    return seen


def test_from_disk_as_computed_the_mirror_image_too(network, frames, tmp_path, passes):
    computed = [network.prepare(part).maps for part in (frames.images, frames.images.flip(-1))]
    network.keep_features(frames.images, tmp_path, mirrored=True)
    passes.clear()
    for maps, images in zip(computed, (frames.images, frames.images.flip(-1)), strict=True):
        kept = network.prepare(images).maps
        assert all(torch.allclose(a, b, atol=2e-3, rtol=1e-3) for a, b in zip(maps, kept, strict=True))
        assert all(part.is_contiguous(memory_format=torch.channels_last) for part in kept)
        shuffled = network.prepare(images[[3, 1, 3]]).maps
        assert all(torch.equal(a[[3, 1, 3]], b) for a, b in zip(kept, shuffled, strict=True))
    assert passes == [], "nothing was computed again"


def test_made_once_and_found_by_other_networks_and_processes(network, config, frames, tmp_path, passes):
    network.keep_features(frames.images, tmp_path)
    assert passes == [BATCH] * (len(frames) // BATCH)
    network.keep_features(frames.images, tmp_path)
    other = build_model(config, 5, seeded(1))
    assert other.encoder is network.encoder is copy.deepcopy(network).encoder
    frozen_encoder.cache_clear()  # as in another process
    build_model(config, 19, seeded()).keep_features(frames.images, tmp_path)
    assert len(passes) == len(frames) // BATCH


def test_images_that_are_not_kept_are_computed(network, frames, tmp_path, passes):
    network.keep_features(frames.images[:4], tmp_path)
    passes.clear()
    network.prepare(frames.images[:4])
    network.prepare(frames.images[:4].float() / 255)
    network.prepare(frames.images[2:6])
    assert passes == [4, 4]


def test_another_encoder_and_other_images_have_maps_of_their_own(network, config, frames, tmp_path):
    network.keep_features(frames.images, tmp_path)
    network.keep_features(frames.images[:4], tmp_path)
    torch.manual_seed(1)
    write_tensors(tmp_path / "w.safetensors", dict(build_encoder("test_efficientnet", "", 2).state_dict()))
    other = build_model(ModelConfig(**vars(config) | {"weights": str(tmp_path / "w.safetensors")}), 19, seeded())
    other.keep_features(frames.images, tmp_path)
    assert len({place for place in tmp_path.iterdir() if place.is_dir()}) == 3


@pytest.mark.parametrize("damage", ["cut", "others"])
def test_damaged_maps_are_refused(network, frames, tmp_path, damage):
    network.keep_features(frames.images, tmp_path)
    (place,) = (place for place in tmp_path.iterdir() if place.is_dir())
    if damage == "cut":
        rows = place / "features.npy"
        rows.write_bytes(rows.read_bytes()[:-7])
    else:
        index = place / "index.json"
        index.write_text(index.read_text().replace('"images": [\n  "', '"images": [\n  "x'))
    network.encoder.stores.clear()
    with pytest.raises(DataInvalid, match="delete this folder to have them made again"):
        network.keep_features(frames.images, tmp_path)


def test_a_full_disk_leaves_nothing_half_written(network, frames, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("segxal.models.features.write_json", full)  # the maps are written, their index is not
        with pytest.raises(StorageError, match="No space left"):
            network.keep_features(frames.images, tmp_path)
    assert not network.encoder.stores and not [place for place in tmp_path.iterdir() if place.is_dir()]
    network.keep_features(frames.images, tmp_path)
    assert len(network.encoder.stores) == 1


def test_the_deepest_map_is_explained_and_can_be_chosen_by_name(network, frames):
    assert network.layer() is network.deepest and network.layer_names()[0] == "deepest"
    shapes = []
    network.deepest.register_forward_hook(lambda _m, _i, output: shapes.append(tuple(output.shape[2:])))
    network(network.prepare(frames.images[:1]))
    assert shapes == [(1, 2)], "32x64 at 32 pixels per cell"


def test_only_the_decoder_is_trained_and_written(network, config, tmp_path):
    names = set(network.state_dict())
    assert names and not any(name.startswith("encoder") for name in names)
    save_model(tmp_path / "m.safetensors", network)
    again = load_model(tmp_path / "m.safetensors", config, 19)
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in network.state_dict().items())
    trained = ModelConfig(encoder="test_efficientnet", dropout=0.2)
    with pytest.raises(CheckpointMismatch, match="frozen"):
        load_model(tmp_path / "m.safetensors", trained, 19)


def test_what_a_network_draws_does_not_depend_on_whether_its_encoder_was_there(config):
    first = build_model(config, 19, seeded(5))
    second = build_model(config, 19, seeded(5))
    assert first.encoder is second.encoder
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_an_encoder_that_is_trained_has_a_tenth_of_the_rate():
    network = build_model(ModelConfig(encoder="test_efficientnet"), 19, seeded())
    decoder, encoder = network.parameter_groups(0.01)
    assert (decoder["lr"], encoder["lr"]) == (0.01, pytest.approx(0.001))
    assert len(decoder["params"]) + len(encoder["params"]) == len(list(network.parameters()))
    assert {id(w) for w in encoder["params"]} == {id(w) for w in network.encoder.parameters()}


@pytest.mark.parametrize("size", [(4, 6), (3, 5)])
def test_single_pixels_are_read_as_interpolation_gives_them(size):
    maps = torch.randn(2, 3, *size, generator=seeded())
    whole = F.interpolate(maps, (32, 48), mode="bilinear", align_corners=False)
    where = torch.nonzero(torch.ones(2, 32, 48), as_tuple=True)
    image, row, column = where
    assert torch.allclose(bilinear(maps, where, (32, 48)), whole[image, :, row, column], atol=1e-5)


@pytest.mark.parametrize("size", [(4, 6), (2, 2)])
def test_windows_hold_the_cells_around_a_pixel_and_their_shares(size):
    maps = torch.randn(2, 3, *size, generator=seeded())
    where = torch.nonzero(torch.ones(2, 32, 48), as_tuple=True)
    windows, shares = windows_around(maps, where, (32, 48))
    found = (windows[:, :, 1:3, 1:3] * shares.unsqueeze(1)).sum((2, 3))
    assert torch.allclose(found, bilinear(maps, where, (32, 48)), atol=1e-5)
    weights = torch.randn(5, 3, 3, 3, generator=seeded(1))
    whole = F.conv2d(maps, weights, padding=1)
    around = (F.conv2d(windows, weights) * shares.unsqueeze(1)).sum((2, 3))
    assert torch.allclose(around, bilinear(whole, where, (32, 48)), atol=1e-4)


@pytest.mark.parametrize(
    "encoder", [{}, {"encoder": "test_efficientnet"}, {"encoder": "test_efficientnet", "stride": 2}]
)
def test_logits_of_single_pixels_are_those_of_the_map(frames, encoder):
    network = build_model(ModelConfig(base=4, depth=2, **encoder), 19, seeded()).eval()
    x = network.prepare(frames.images[:2, :, :30, :50])  # sides that no encoder divides
    where = (torch.tensor([0, 1, 1]), torch.tensor([0, 29, 7]), torch.tensor([49, 0, 20]))
    with torch.no_grad():
        whole = network(x)
        for many in (1, 40):  # few enough for windows, and so many that the whole maps are cheaper
            wanted = tuple(part.repeat(many) for part in where)
            found = whole[wanted[0], :, wanted[1], wanted[2]]
            assert torch.allclose(network.logits_at(x, wanted), found, atol=1e-4)


def test_training_and_masks_use_what_is_kept(network, frames, tmp_path, passes):
    network.keep_features(frames.images, tmp_path, mirrored=True)
    passes.clear()
    task = Task(frames, (0, 2), frames.labels[[0, 2]], frames.select([1, 3]), 4, seeded())
    trained = fit(network, task, TRAIN).model
    confusion_of(trained, frames, "off")
    list(predict(trained, frames.images, "off"))
    assert passes == []
    masks = list(
        error_masks(trained, frames.images, frames.depth, frames.classes, MaskConfig(batch=4, depth="dataset"), "off")
    )
    assert passes == [4, 4], "one pass of the encoder for each depth-informed image"
    assert sum(len(part.eem) for part in masks) == 8 and isinstance(masks[0], ErrorMask)
    assert all(bool(part.eem.isfinite().all()) for part in masks)


def test_gradcam_goes_back_through_the_decoder_to_the_deepest_map(network, frames):
    x = network.prepare(frames.images[:2])
    *finer, deepest = x.maps
    leaf = deepest.clone().requires_grad_()
    logits = network.classify([*finer, leaf], (32, 64))
    expected = torch.autograd.grad(logits[:, 3].sum(), leaf)[0]
    with traced(network, network.layer()) as trace:
        seen = trace(x)
        found = torch.autograd.grad(seen.logits[:, 3].sum(), seen.activation)[0]
    assert torch.equal(seen.activation, deepest) and float(expected.abs().max()) > 0
    assert torch.allclose(found, expected)


def test_one_annotated_pixel_in_all_is_enough(network, frames):
    labels = torch.full_like(frames.labels[:1], VOID)
    labels[0, 5, 7] = 3
    result = fit(network, Task(frames, (0,), labels, frames.select([1]), 4, seeded()), TRAIN)
    found = confusion_of(result.model, frames.select([0]), "off")
    assert found.pixels > 0, "classes that nobody annotated are predicted by chance, or not at all"


def test_mirror_images_are_the_only_views_of_a_frozen_encoder(tiny, weights):
    model = {"encoder": "test_efficientnet", "weights": weights, "frozen": True}
    with pytest.raises(ConfigError, match=r"train\.crop = 0\.5, train\.jitter = 0\.3 with model\.frozen"):
        tiny.with_changes(model=model)
    with pytest.raises(ConfigError, match="a frozen encoder needs both"):
        ModelConfig(encoder="test_efficientnet", frozen=True)
    with pytest.raises(ConfigError, match="has one of its own"):
        ModelConfig("fcn_resnet50", encoder="test_efficientnet")
