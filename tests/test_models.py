"""Networks by name: sizes, checkpoints, pretrained weights without a download, seeds."""

import urllib.error

import pytest
import torch
from torch import nn
from torchvision.models import segmentation

from segxal.core.errors import CheckpointMismatch, ConfigError, DataMissing, ShapeError
from segxal.core.seeds import drawing_from
from segxal.models import MODELS, build_model
from segxal.models.base import MEAN, STD
from segxal.models.checkpoints import folded, load_model, save_model
from segxal.models.settings import ModelConfig
from segxal.models.torchvision import LAYERS
from segxal.models.unet import UNet

LRASPP = "lraspp_mobilenet_v3_large"


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def same(one, other):
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("name", MODELS)
def test_every_network_maps_odd_images_to_logits_of_the_same_size(name):
    config = ModelConfig(name, base=4, depth=3, encoder="test_resnet" if name.startswith("smp-") else "")
    model = build_model(config, 5, seeded())
    assert model.training and isinstance(model.layer(), nn.Module)
    with torch.no_grad():
        assert model.eval()(torch.zeros(2, 3, 33, 50)).shape == (2, 5, 33, 50)
    features = []
    model.layer().register_forward_hook(lambda _m, _i, output: features.append(output.shape))
    with torch.no_grad():
        model(torch.zeros(1, 3, 33, 50))
    assert len(features) == 1 and len(features[0]) == 4  # it runs once and gives one map


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (16, 16), (17, 31), (33, 50)])
@pytest.mark.parametrize("depth", [0, 1, 4])
def test_unet_takes_any_size(size, depth):
    with torch.no_grad():
        assert UNet(3, 4, depth).eval()(torch.zeros(1, 3, *size)).shape == (1, 3, *size)


def test_padding_repeats_the_border():
    model = UNet(3, 4, 2).eval()
    x = torch.randn(1, 3, 8, 8, generator=seeded())
    x[..., 6:, :], x[..., 6:] = x[..., 5:6, :], x[..., 5:6]
    assert torch.allclose(model(x[..., :6, :6]), model(x)[..., :6, :6], atol=1e-6)


def test_the_unet_of_ronneberger_has_31_million_weights():
    weights = sum(weight.numel() for weight in UNet(2, 64, 4).parameters())
    assert weights == pytest.approx(31.0e6, rel=0.01)


def test_dropout_has_no_weights_and_acts_in_training_only(tmp_path):
    plain, dropping = ModelConfig(base=8, depth=2), ModelConfig(base=8, depth=2, dropout=0.5)
    without, with_it = build_model(plain, 3, seeded()), build_model(dropping, 3, seeded())
    assert same(without, with_it)
    x = torch.randn(2, 3, 9, 14, generator=seeded())
    assert torch.equal(without.eval()(x), with_it.eval()(x))
    for written, read in ((plain, dropping), (dropping, plain)):
        save_model(tmp_path / "m.safetensors", build_model(written, 3, seeded()))
        again = load_model(tmp_path / "m.safetensors", read, 3)
        assert again.dropout.train()(torch.ones(1, 64, 1, 1)).eq(1).all() == (read is plain)
    features = with_it.features(with_it.pad(x))
    with_it.dropout.train()
    with drawing_from(seeded()):
        one, other = (with_it.classify(features, (12, 16)) for _ in range(2))
    assert not torch.equal(one, other)


def test_classify_of_features_is_the_network(unet):
    x = torch.randn(2, 3, 9, 14, generator=seeded())
    features = unet.features(unet.pad(x))
    assert features.shape == (2, 4, 12, 16)  # padded to multiples of 4
    assert torch.equal(unet.classify(features, (12, 16))[..., :9, :14], unet(x))
    assert torch.equal(unet(x), unet.head(features)[..., :9, :14])


def test_only_the_unet_drops_out():
    with pytest.raises(ConfigError, match=r"model\.dropout = 0\.2 for lraspp.*; only U-Nets have dropout: set it to 0"):
        build_model(ModelConfig(LRASPP, dropout=0.2), 3, seeded())


@pytest.mark.parametrize("name", ["unet", LRASPP])
def test_seeds_decide_the_weights_and_the_global_generator_is_left_alone(name):
    config = ModelConfig(name, base=4, depth=2)
    state = torch.random.get_rng_state()
    one, again, other = (build_model(config, 3, seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert same(one, again) and not same(one, other)


@pytest.mark.parametrize("name", ["unet", LRASPP])
def test_checkpoints_come_back_exactly(tmp_path, name):
    config = ModelConfig(name, base=4, depth=2)
    model = build_model(config, 5, seeded()).to(memory_format=torch.channels_last)
    model(torch.randn(2, 3, 32, 32, generator=seeded()))  # moves the running means
    save_model(tmp_path / "m.safetensors", model)
    again = load_model(tmp_path / "m.safetensors", config, 5)
    assert same(model, again) and not any(module.training for module in again.modules())


@pytest.mark.parametrize(
    ("config", "classes"),
    [
        (ModelConfig(base=8, depth=2), 5),
        (ModelConfig(base=4, depth=3), 5),
        (ModelConfig(base=4, depth=2), 6),
        (ModelConfig(LRASPP), 5),
    ],
)
def test_a_checkpoint_of_another_network(tmp_path, config, classes):
    own = ModelConfig(base=4, depth=2)
    save_model(tmp_path / "m.safetensors", build_model(own, 5, seeded()))
    with pytest.raises(CheckpointMismatch, match=r"the settings ask for .*; use the preset it was trained with"):
        load_model(tmp_path / "m.safetensors", config, classes)


@pytest.mark.parametrize("keep", [0, 5, 200, -10])
def test_a_truncated_checkpoint(tmp_path, keep):
    path, config = tmp_path / "m.safetensors", ModelConfig(base=4, depth=2)
    save_model(path, build_model(config, 5, seeded()))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointMismatch, match="is not a readable safetensors file"):
        load_model(path, config, 5)


def test_unknown_names_list_the_known():
    with pytest.raises(ConfigError, match=r"no model 'unet2'; choose one of unet, fcn_resnet50, .*lraspp"):
        build_model(ModelConfig("unet2"), 3, seeded())
    config = ModelConfig(base=4, depth=2, target_layer="bottlenek")
    with pytest.raises(ConfigError, match=r"unet has no layer 'bottlenek'; Grad-CAM can look at down\.0, .*bottleneck"):
        build_model(config, 3, seeded())


def test_a_layer_can_be_named():
    config = ModelConfig(base=4, depth=2, target_layer="up.1")
    model = build_model(config, 3, seeded())
    assert model.layer() is model.up[1] and model.layer("bottleneck") is model.bottleneck


def test_normalise_closed_form(unet):
    images = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    expected = torch.tensor([[-m / s for m, s in zip(MEAN, STD, strict=True)]])
    assert torch.allclose(unet.normalise(images)[0].flatten(), expected)
    assert torch.allclose(unet.normalise(images), unet.normalise(images.float() / 255))
    for shape in [(3, 4, 4), (1, 4, 4, 3)]:
        with pytest.raises(ShapeError, match="put the channel second"):
            unet.normalise(torch.zeros(shape))


# pretrained weights


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty folder of downloaded weights on a machine without a network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)

    def offline(*args, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    return tmp_path / "hub" / "checkpoints"


def test_pretrained_backbone_is_kept_and_the_head_is_fresh(hub):
    published = segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None)
    url = segmentation.LRASPP_MobileNet_V3_Large_Weights.DEFAULT.url
    hub.mkdir(parents=True)
    torch.save(published.state_dict(), hub / url.rpartition("/")[2])
    config = ModelConfig(LRASPP, weights="DEFAULT")

    model = build_model(config, 4, seeded())

    saved, loaded = published.state_dict(), model.network.state_dict()
    fresh = ("low_classifier", "high_classifier")
    kept = [key for key in saved if not any(part in key for part in fresh)]
    assert len(kept) > 200 and all(torch.equal(saved[key], loaded[key]) for key in kept)
    for part in fresh:
        assert loaded[f"classifier.{part}.weight"].shape[0] == 4
    assert same(model, build_model(config, 4, seeded())) and not same(model, build_model(config, 4, seeded(1)))
    save_model(hub / "m.safetensors", model)
    assert same(model, load_model(hub / "m.safetensors", config, 4))  # without the published file's head


def test_pretrained_weights_without_a_network_say_where_to_put_them(hub):
    with pytest.raises(DataMissing, match=r"cannot download the weights DEFAULT .*put the file into .*checkpoints"):
        build_model(ModelConfig(LRASPP, weights="DEFAULT"), 4, seeded())


def test_unknown_weights():
    with pytest.raises(ConfigError, match=f"{LRASPP} has no weights 'BEST' .*; try weights: DEFAULT"):
        build_model(ModelConfig(LRASPP, weights="BEST"), 4, seeded())


@pytest.mark.parametrize("name", LAYERS)
def test_the_replaced_head_has_the_names_of_a_new_network(name, monkeypatch):
    build = getattr(segmentation, name)
    plain = build_model(ModelConfig(name), 3, seeded()).state_dict()

    def pretrained(weights):  # what torchvision returns, without its download
        aux = {} if name == LRASPP else {"aux_loss": True}
        return build(weights=None, weights_backbone=None, num_classes=21, **aux)

    monkeypatch.setattr(segmentation, name, pretrained)
    replaced = build_model(ModelConfig(name, weights="DEFAULT"), 3, seeded()).state_dict()
    assert {k: v.shape for k, v in plain.items()} == {k: v.shape for k, v in replaced.items()}


@pytest.mark.parametrize("layer", ["bottleneck", "bottleneck.0", "bottleneck.1", "up.1"])
def test_folding_changes_neither_the_network_nor_what_it_and_its_layer_say(unet, layer):
    x = torch.randn(2, 3, 16, 32, generator=seeded())
    for part in unet.modules():  # statistics that are not the identity
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(generator=seeded())
            part.running_var.uniform_(0.5, 2, generator=seeded())
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    fast = folded(unet, layer)
    seen = {}
    for name, module in (("own", unet.layer(layer)), ("fast", fast.layer(layer))):
        module.register_forward_hook(lambda _m, _i, output, name=name: seen.update({name: output.clone()}))
    with torch.no_grad():
        assert torch.allclose(fast(x), unet(x), atol=1e-4)
    assert torch.allclose(seen["fast"], seen["own"], atol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in unet.state_dict().items())
    merged = sum(isinstance(part, torch.nn.BatchNorm2d) for part in fast.modules())
    assert merged == (1 if layer in ("bottleneck.0", "bottleneck.1") else 0), "all others are part of a convolution"
