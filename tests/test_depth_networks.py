"""Depth networks: conventions, preprocessing and maps; tiny random networks take the real path."""

from types import SimpleNamespace

import pytest
import torch
from depth_maps import FAMILIES, copied, depth_of, images_of
from PIL import Image
from safetensors.torch import load_file, save_file

from segxal.core.errors import CheckpointMismatch, WeightsMissing
from segxal.models.depth import get_depth, networks
from segxal.models.depth.checkpoint import find_checkpoint
from segxal.results.untrained_depth import PROCESSORS
from segxal.storage import paths
from segxal.study.grid import run_cycles, run_of

pytestmark = pytest.mark.usefixtures("own_caches")


def constructed(monkeypatch, values):
    """A network that says ``values`` (h, w) whatever it is shown."""

    def forward(pixel_values):
        return SimpleNamespace(predicted_depth=torch.tensor(values).expand(len(pixel_values), -1, -1))

    def processor(images, **options):
        return {"pixel_values": torch.stack(images).float()}

    monkeypatch.setattr(networks, "load_network", lambda found: (forward, processor))


@pytest.mark.parametrize(("family", "nearest"), [("midas", 1), ("dinov2", 0), ("depth-anything", 1), ("metric", 0)])
def test_larger_is_nearer_whatever_the_network_gives(networks_on_disk, monkeypatch, family, nearest):
    constructed(monkeypatch, [8 * [2.0] + 8 * [8.0]] * 8)
    provider = get_depth("depth-anything" if family == "metric" else family, str(networks_on_disk[family]))
    near = depth_of(provider, images_of(8, 16))[0]
    left, right = near[0, 0], near[0, -1]  # what was said to be 2, and 8
    assert int(right > left) == nearest
    assert (left, right) == ((2, 8) if nearest else (1 / 2, 1 / 8))


def test_inversion_in_closed_form():
    metres = torch.tensor([0.5, 2.0, 80.0, 0.0, -1.0])
    assert networks.as_inverse(metres, metric=True).tolist() == pytest.approx([2, 0.5, 0.0125, 10, 10])
    assert networks.as_inverse(torch.tensor([-0.1, 3.0]), metric=False).tolist() == [0, 3]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(40, 72), (42, 56), (33, 97)])
def test_maps_have_the_size_of_the_images(networks_on_disk, family, size):
    images = images_of(*size, count=2)
    before = images.clone()
    near = depth_of(get_depth(family, str(networks_on_disk[family])), images)
    assert near.shape == (2, *size) and near.dtype == torch.float32
    assert near.isfinite().all() and near.min() >= 0 and near.std() > 0
    assert not torch.equal(near[0], near[1]) and torch.equal(images, before)


@pytest.mark.parametrize("family", ["midas", "depth-anything"])
def test_maps_are_those_of_transformers_itself(networks_on_disk, family):
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    images = images_of(40, 72)
    processor = AutoImageProcessor.from_pretrained(networks_on_disk[family])
    network = AutoModelForDepthEstimation.from_pretrained(networks_on_disk[family]).eval()
    pictures = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]
    with torch.no_grad():
        said = network(**processor(images=pictures, return_tensors="pt"))
    expected = processor.post_process_depth_estimation(said, target_sizes=[(40, 72)] * 3)
    near = depth_of(get_depth(family, str(networks_on_disk[family])), images)
    for one, other in zip(near, expected, strict=True):
        torch.testing.assert_close(one, other["predicted_depth"].clamp(min=0), rtol=1e-4, atol=1e-5)


def test_the_padding_of_dinov2_is_the_processors_and_is_taken_off_again(networks_on_disk, monkeypatch):
    from transformers import AutoImageProcessor

    images = images_of(40, 72)  # padded to 42 x 84
    processor = AutoImageProcessor.from_pretrained(networks_on_disk["dinov2"])
    pixels, border = networks.prepared(processor, images)
    expected = processor(images=list(images), return_tensors="pt", input_data_format="channels_first")["pixel_values"]
    torch.testing.assert_close(pixels, expected)
    assert border == (1, 6, 1, 6)
    mean, std = (torch.tensor(PROCESSORS["dinov2"][name]).view(3, 1, 1) for name in ("image_mean", "image_std"))
    torch.testing.assert_close(pixels[:, :, 1:-1, 6:-6], (images - mean) / std)
    column = torch.arange(84.0).expand(42, 84) + 1  # metres that grow to the right
    said = SimpleNamespace(predicted_depth=column.expand(3, 42, 84))
    monkeypatch.setattr(networks, "load_network", lambda found: (lambda pixel_values: said, processor))
    near = depth_of(get_depth("dinov2", str(networks_on_disk["dinov2"])), images)
    torch.testing.assert_close(1 / near[0, 0], torch.arange(7.0, 79.0))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_equals_its_images(networks_on_disk, family):
    images = images_of(40, 72, count=4)
    found = find_checkpoint(family, str(networks_on_disk[family]))
    together = networks.network_depth(found, images)
    apart = torch.cat([networks.network_depth(found, image[None]) for image in images])
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("value", [0, 255])
def test_constant_images_have_a_depth_too(networks_on_disk, family, value):
    images = torch.full((1, 3, 28, 42), value, dtype=torch.uint8)
    assert depth_of(get_depth(family, str(networks_on_disk[family])), images).isfinite().all()


def test_loading_leaves_the_global_generator_alone(networks_on_disk):
    networks.load_network.cache_clear()
    before = torch.get_rng_state()
    depth_of(get_depth("midas", str(networks_on_disk["midas"])), images_of())
    assert torch.equal(torch.get_rng_state(), before)


def test_missing_and_damaged_weights_are_refused(networks_on_disk, tmp_path):
    broken = copied(networks_on_disk["midas"], tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    name = next(key for key in weights if "reassemble" in key)
    save_file(
        {key: value for key, value in weights.items() if key != name}, broken / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(CheckpointMismatch, match=f"lacks 1 weights of its network, for example {name}"):
        depth_of(get_depth("midas", str(broken)), images_of())
    unused = {key: v for key, v in weights.items() if not key.startswith(networks.UNUSED[0])}
    assert len(unused) < len(weights)  # published checkpoints lack these; nothing depends on them
    save_file(unused, broken / "model.safetensors", {"format": "pt"})
    expected = depth_of(get_depth("midas", str(networks_on_disk["midas"])), images_of())
    assert torch.equal(depth_of(get_depth("midas", str(broken)), images_of()), expected)
    (broken / "model.safetensors").write_bytes(b"half")
    with pytest.raises(CheckpointMismatch, match="cannot be loaded"):
        depth_of(get_depth("midas", str(broken)), images_of())


def test_a_network_that_gives_nan_is_refused(networks_on_disk, monkeypatch):
    constructed(monkeypatch, [[float("nan"), 1.0]])
    with pytest.raises(CheckpointMismatch, match="NaN or infinite"):
        depth_of(get_depth("midas", str(networks_on_disk["midas"])), images_of())


def test_a_whole_cycle_with_a_local_network(tiny, networks_on_disk, tmp_path, forward_passes):
    preset = tiny.with_changes(mask={"depth": "midas", "depth_weights": str(networks_on_disk["midas"])})
    cycles = run_cycles(run_of(preset, "segxal-human", 0, runs=tmp_path / "runs"))
    assert cycles[-1].is_done() and cycles[-1].metrics()["depth"] == "midas"
    assert sum(forward_passes) == len(list(paths.DEPTHS.rglob("*.npz"))) <= 12  # no image was looked at twice


def test_missing_weights_are_said_before_the_first_training(tiny, tmp_path):
    gone = tiny.with_changes(mask={"depth": "midas", "depth_weights": str(tmp_path / "gone")})
    run = run_of(gone, "segxal-human", 0, runs=tmp_path / "runs")
    with pytest.raises(WeightsMissing, match="gone"):
        run_cycles(run)
    assert not run[0].folder.exists()
