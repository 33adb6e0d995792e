"""Depth networks: conventions, preprocessing, cache and missing weights; tiny random networks take the real path."""

import json
import os
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from segxal import paths
from segxal.config import MaskConfig
from segxal.depth import checkpoint, get_depth, networks
from segxal.depth.cache import cached_maps, image_key, read_map, write_map
from segxal.depth.checkpoint import DEFAULTS, family_of, fetch_command, find_checkpoint, is_metric
from segxal.depth.tiny import PROCESSORS, save_tiny_network
from segxal.errors import CheckpointMismatch, ConfigError, WeightsMissing
from segxal.labels import CITYSCAPES
from segxal.study import run_cycles, run_of

FAMILIES = ("midas", "dinov2", "depth-anything")


def images_of(height=40, width=72, count=3, seed=0):
    noise = torch.rand(count, 3, height // 8, width // 8, generator=torch.Generator().manual_seed(seed))
    return (255 * F.interpolate(noise, (height, width), mode="bilinear")).to(torch.uint8)


def depth_of(provider, images):
    return provider(images, torch.zeros(len(images), *images.shape[2:]), CITYSCAPES, None)


@pytest.fixture(autouse=True)
def no_hub_of_the_user(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(paths, "DEPTHS", tmp_path / "depths")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("networks")
    made = {name: save_tiny_network(name, root / name, torch.Generator().manual_seed(1)) for name in FAMILIES}
    metric = save_tiny_network("depth-anything", root / "metric", torch.Generator().manual_seed(1), metric=True)
    return made | {"metric": metric}


@pytest.fixture
def calls(monkeypatch):
    """How many images each forward pass of a network held."""
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


def constructed(monkeypatch, values):
    """A network that says ``values`` (h, w) whatever it is shown."""

    def forward(pixel_values):
        return SimpleNamespace(predicted_depth=torch.tensor(values).expand(len(pixel_values), -1, -1))

    def processor(images, **options):
        return {"pixel_values": torch.stack(images).float()}

    monkeypatch.setattr(networks, "load_network", lambda found: (forward, processor))


@pytest.mark.parametrize(
    ("config", "family", "metric"),
    [
        ({"model_type": "dpt"}, "midas", False),
        ({"model_type": "dpt", "backbone_config": {"model_type": "bit"}}, "midas", False),
        ({"model_type": "dpt", "backbone_config": {"model_type": "beit"}}, "midas", False),
        ({"model_type": "dpt", "backbone_config": None}, "midas", False),
        ({"model_type": "dpt", "depth_estimation_type": "metric"}, "midas", True),
        ({"model_type": "dpt", "backbone_config": {"model_type": "dinov2"}}, "dinov2", True),
        ({"model_type": "depth_anything"}, "depth-anything", False),
        ({"model_type": "depth_anything", "depth_estimation_type": "relative"}, "depth-anything", False),
        ({"model_type": "depth_anything", "depth_estimation_type": "metric"}, "depth-anything", True),
    ],
)
def test_the_configuration_says_family_and_convention(config, family, metric):
    assert family_of(config) == family and is_metric(config) is metric


@pytest.mark.parametrize(("family", "nearest"), [("midas", 1), ("dinov2", 0), ("depth-anything", 1), ("metric", 0)])
def test_larger_is_nearer_whatever_the_network_gives(folders, monkeypatch, family, nearest):
    constructed(monkeypatch, [8 * [2.0] + 8 * [8.0]] * 8)
    provider = get_depth("depth-anything" if family == "metric" else family, str(folders[family]))
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
def test_maps_have_the_size_of_the_images(folders, family, size):
    images = images_of(*size, count=2)
    before = images.clone()
    near = depth_of(get_depth(family, str(folders[family])), images)
    assert near.shape == (2, *size) and near.dtype == torch.float32
    assert near.isfinite().all() and near.min() >= 0 and near.std() > 0
    assert not torch.equal(near[0], near[1]) and torch.equal(images, before)


@pytest.mark.parametrize("family", ["midas", "depth-anything"])
def test_maps_are_those_of_transformers_itself(folders, family):
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    images = images_of(40, 72)
    processor = AutoImageProcessor.from_pretrained(folders[family])
    network = AutoModelForDepthEstimation.from_pretrained(folders[family]).eval()
    pictures = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]
    with torch.no_grad():
        said = network(**processor(images=pictures, return_tensors="pt"))
    expected = processor.post_process_depth_estimation(said, target_sizes=[(40, 72)] * 3)
    near = depth_of(get_depth(family, str(folders[family])), images)
    for one, other in zip(near, expected, strict=True):
        torch.testing.assert_close(one, other["predicted_depth"].clamp(min=0), rtol=1e-4, atol=1e-5)


def test_the_padding_of_dinov2_is_the_processors_and_is_taken_off_again(folders, monkeypatch):
    from transformers import AutoImageProcessor

    images = images_of(40, 72)  # padded to 42 x 84
    processor = AutoImageProcessor.from_pretrained(folders["dinov2"])
    pixels, border = networks.prepared(processor, images)
    expected = processor(images=list(images), return_tensors="pt", input_data_format="channels_first")["pixel_values"]
    torch.testing.assert_close(pixels, expected)
    assert border == (1, 6, 1, 6)
    mean, std = (torch.tensor(PROCESSORS["dinov2"][name]).view(3, 1, 1) for name in ("image_mean", "image_std"))
    torch.testing.assert_close(pixels[:, :, 1:-1, 6:-6], (images - mean) / std)
    column = torch.arange(84.0).expand(42, 84) + 1  # metres that grow to the right
    said = SimpleNamespace(predicted_depth=column.expand(3, 42, 84))
    monkeypatch.setattr(networks, "load_network", lambda found: (lambda pixel_values: said, processor))
    near = depth_of(get_depth("dinov2", str(folders["dinov2"])), images)
    torch.testing.assert_close(1 / near[0, 0], torch.arange(7.0, 79.0))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_equals_its_images(folders, family):
    images = images_of(40, 72, count=4)
    found = find_checkpoint(family, str(folders[family]))
    together = networks.network_depth(found, images)
    apart = torch.cat([networks.network_depth(found, image[None]) for image in images])
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("value", [0, 255])
def test_constant_images_have_a_depth_too(folders, family, value):
    images = torch.full((1, 3, 28, 42), value, dtype=torch.uint8)
    assert depth_of(get_depth(family, str(folders[family])), images).isfinite().all()


def test_loading_leaves_the_global_generator_alone(folders):
    networks.load_network.cache_clear()
    before = torch.get_rng_state()
    depth_of(get_depth("midas", str(folders["midas"])), images_of())
    assert torch.equal(torch.get_rng_state(), before)


def test_the_second_pass_runs_no_network(folders, calls):
    images = images_of(count=5)
    provider = get_depth("midas", str(folders["midas"]))
    first = torch.cat([depth_of(provider, part) for part in images.split(2)])
    assert calls == [2, 2, 1]
    again = depth_of(get_depth("midas", str(folders["midas"])), images)
    assert calls == [2, 2, 1] and torch.equal(first, again)
    depth_of(provider, torch.cat([images[:2], images_of(count=1, seed=9)]))
    assert calls == [2, 2, 1, 1]  # the new image alone
    assert len(list(paths.DEPTHS.rglob("*.npz"))) == 6


def test_other_weights_have_other_maps(folders, tmp_path, calls):
    other = save_tiny_network("midas", tmp_path / "other", torch.Generator().manual_seed(2))
    images = images_of()
    one, two = (depth_of(get_depth("midas", str(folder)), images) for folder in (folders["midas"], other))
    assert calls == [3, 3] and not torch.equal(one, two)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in folders["midas"].iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert torch.equal(depth_of(get_depth("midas", str(copy)), images), one)
    assert calls == [3, 3]  # the same bytes in another folder are the same network
    (copy / "preprocessor_config.json").write_text((copy / "preprocessor_config.json").read_text().replace("64", "96"))
    depth_of(get_depth("midas", str(copy)), images)
    assert calls == [3, 3, 3]


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [lambda c: b"", lambda c: c[: len(c) // 2], flipped, lambda c: b"nonsense"],
    ids=["empty", "half", "bit", "words"],
)
def test_a_damaged_map_is_made_again(folders, calls, damage):
    images = images_of()
    provider = get_depth("midas", str(folders["midas"]))
    first = depth_of(provider, images)
    file = sorted(paths.DEPTHS.rglob("*.npz"))[0]
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    torch.testing.assert_close(depth_of(provider, images), first, rtol=1e-4, atol=1e-5)  # another batch: last bits
    assert calls == [3, 1] and read_map(file, (40, 72)) is not None
    assert len(file.read_bytes()) == pytest.approx(len(whole), rel=0.1)


def test_a_wrong_checksum_or_shape_is_noticed(tmp_path):
    file, values = tmp_path / "a.npz", np.arange(6, dtype=np.float32).reshape(2, 3)
    write_map(file, values)
    assert np.array_equal(read_map(file, (2, 3)), values) and read_map(file, (3, 2)) is None
    assert read_map(tmp_path / "b.npz", (2, 3)) is None
    arrays = dict(np.load(file))
    np.savez(file, depth=values + 1, sha256=arrays["sha256"])
    assert read_map(file, (2, 3)) is None
    np.savez(file, depth=values)
    assert read_map(file, (2, 3)) is None


def test_keys_tell_images_apart():
    image = np.zeros((3, 4, 6), np.uint8)
    changed = image.copy()
    changed[2, 3, 5] = 1
    assert len({image_key(image), image_key(changed), image_key(image.reshape(3, 6, 4))}) == 3


def test_nothing_half_is_left_when_the_network_fails(tmp_path):
    def fails(images):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        cached_maps(tmp_path / "maps", images_of(), fails)
    assert not (tmp_path / "maps").exists()


def copied(folder, target):
    target.mkdir()
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


def test_missing_and_damaged_weights_are_refused(folders, tmp_path):
    broken = copied(folders["midas"], tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    name = next(key for key in weights if "reassemble" in key)
    save_file(
        {key: value for key, value in weights.items() if key != name}, broken / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(CheckpointMismatch, match=f"lacks 1 weights of its network, {name}"):
        depth_of(get_depth("midas", str(broken)), images_of())
    unused = {key: v for key, v in weights.items() if not key.startswith(networks.UNUSED[0])}
    assert len(unused) < len(weights)  # published checkpoints lack these; nothing depends on them
    save_file(unused, broken / "model.safetensors", {"format": "pt"})
    expected = depth_of(get_depth("midas", str(folders["midas"])), images_of())
    assert torch.equal(depth_of(get_depth("midas", str(broken)), images_of()), expected)
    (broken / "model.safetensors").write_bytes(b"half")
    with pytest.raises(CheckpointMismatch, match="cannot be loaded"):
        depth_of(get_depth("midas", str(broken)), images_of())


def test_a_network_that_gives_nan_is_refused(folders, monkeypatch):
    constructed(monkeypatch, [[float("nan"), 1.0]])
    with pytest.raises(CheckpointMismatch, match="NaN or infinite"):
        depth_of(get_depth("midas", str(folders["midas"])), images_of())


def test_a_checkpoint_of_another_family_is_refused(folders, tmp_path):
    with pytest.raises(ConfigError, match=r"family dinov2; set mask\.depth to dinov2"):
        get_depth("midas", str(folders["dinov2"]))
    other = copied(folders["midas"], tmp_path / "other")
    (other / "config.json").write_text(json.dumps({"model_type": "glpn"}))
    with pytest.raises(ConfigError, match=r"'glpn'\) is no depth network segxal knows"):
        get_depth("midas", str(other))


def test_a_folder_without_safetensors_says_so(folders, tmp_path):
    folder = copied(folders["midas"], tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(WeightsMissing, match=r"has no model\.safetensors \(other forms of weights, pickles"):
        get_depth("midas", str(folder))
    with pytest.raises(WeightsMissing, match="no folder and no name of the hub"):
        get_depth("midas", str(tmp_path / "not" / "there"))


@pytest.mark.parametrize("family", FAMILIES)
def test_without_weights_the_error_says_what_to_do(family):
    started = time.perf_counter()
    with pytest.raises(WeightsMissing) as caught:
        get_depth(family)
    assert time.perf_counter() - started < 5
    said = str(caught.value)
    repository = DEFAULTS[family].split("@")[0]
    assert f".venv/bin/hf download {repository} config.json preprocessor_config.json model.safetensors" in said
    for words in ("HF_HUB_OFFLINE is set", "mask.depth_weights: FOLDER", "dataset", "geometry", "streets-net"):
        assert words in said
    assert isinstance(caught.value, FileNotFoundError)


def test_the_command_names_the_revision():
    assert fetch_command("owner/name@refs/pr/5").endswith("model.safetensors --revision refs/pr/5")
    hf = os.path.join(os.path.dirname(sys.executable), "hf")  # noqa: PTH118, PTH120 - no symlink must be followed
    if not os.path.exists(hf):  # noqa: PTH110
        pytest.skip("hf is not beside this Python")
    words = fetch_command("owner/name@refs/pr/5").split()[1:]
    done = subprocess.run([hf, *words], capture_output=True, text=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    assert done.returncode and "usage" not in (done.stderr + done.stdout).lower(), "hf must understand the command"


def silent_server():
    """A port that takes connections and never answers, as a network does that drops packets."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(8)
    return server


def test_a_silent_network_costs_seconds_not_minutes(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(checkpoint, "WAIT", 0.5)
    with silent_server() as server:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        started = time.perf_counter()
        with pytest.raises(WeightsMissing, match="does not answer: timed out"):
            get_depth("midas")
        assert time.perf_counter() - started < 5


def test_a_hub_name_is_found_in_the_hubs_cache(folders, tmp_path):
    kept = tmp_path / "hub" / "models--owner--name"
    (kept / "refs" / "refs" / "pr").mkdir(parents=True)
    (kept / "refs" / "refs" / "pr" / "5").write_text("a" * 40)
    (kept / "snapshots").mkdir()
    copied(folders["midas"], kept / "snapshots" / ("a" * 40))
    found = find_checkpoint("midas", "owner/name@refs/pr/5")
    assert found.name == "owner/name@refs/pr/5"
    assert found.digest == find_checkpoint("midas", str(folders["midas"])).digest
    (kept / "snapshots" / ("a" * 40) / "model.safetensors").unlink()
    with pytest.raises(WeightsMissing, match="could not be fetched"):
        find_checkpoint("midas", "owner/name@refs/pr/5")  # a download that was broken off


def test_weights_without_a_network_are_a_mistake():
    with pytest.raises(ConfigError, match="depth is geometry, which takes none"):
        MaskConfig(depth_weights="owner/name")


def test_a_whole_cycle_with_a_local_network(tiny, folders, tmp_path, calls):
    preset = tiny.with_changes(mask={"depth": "midas", "depth_weights": str(folders["midas"])})
    cycles = run_cycles(run_of(preset, "segxal-human", 0, runs=tmp_path / "runs"))
    assert cycles[-1].is_done() and cycles[-1].metrics()["depth"] == "midas"
    assert sum(calls) == len(list(paths.DEPTHS.rglob("*.npz"))) <= 12  # no image was looked at twice
