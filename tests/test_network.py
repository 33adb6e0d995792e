"""The base class of networks: padding, what is repeated with dropout, normalisation, layers by name, rates."""

import pytest
import torch
from torch import nn

from segxal.core.errors import ConfigError
from segxal.core.seeds import drawing_from
from segxal.models import MODELS, build_model
from segxal.models.base import Network
from segxal.models.settings import ModelConfig

LRASPP = "lraspp_mobilenet_v3_large"
# Networks that drop nothing.
WITHOUT = (LRASPP, "smp-unet", "smp-unetplusplus", "smp-manet", "smp-linknet", "smp-upernet", "smp-segformer")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class Toy(Network):
    """The least a network has to say of itself; normalised in its own way, sides divided by 4."""

    mean, std, multiple = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), 4

    def __init__(self):
        super().__init__()
        self.explained, self.identity = "encoder", {"name": "toy", "classes": 3}
        self.encoder = nn.Sequential(nn.Conv2d(3, 6, 4, stride=4), nn.ReLU())
        self.decoder = nn.Sequential(nn.Dropout2d(0.5), nn.ConvTranspose2d(6, 3, 4, stride=4))
        self.ran = []

    def features(self, x):
        self.ran.append(tuple(x.shape[2:]))
        return self.encoder(x)

    def classify(self, features, size):
        return self.decoder(features)


def test_the_base_class_pads_crops_and_repeats_only_what_drops_out():
    toy = Toy().eval()
    x = torch.randn(2, 3, 9, 14, generator=seeded())
    assert toy(x).shape == (2, 3, 9, 14) and toy.ran == [(12, 16)]
    again = toy.repeated(x)
    with toy.dropping(), drawing_from(seeded()):
        one, other = again(), again()
    assert len(toy.ran) == 2 and one.shape == (2, 3, 9, 14) and not torch.equal(one, other)
    assert torch.equal(again(), toy(x)), "outside, nothing is dropped"


def test_each_network_normalises_in_its_own_way():
    images = torch.full((1, 3, 4, 8), 255, dtype=torch.uint8)
    assert Toy().prepare(images).eq(2).all()
    assert Toy().prepare(images).is_contiguous(memory_format=torch.channels_last)


def test_layers_that_can_be_explained_by_name():
    toy = Toy()
    assert toy.layer() is toy.encoder and toy.layer("encoder.0") is toy.encoder[0]
    assert toy.layer_names() == ("encoder",) and toy.training
    with pytest.raises(ConfigError, match=r"toy has no layer 'encodr'; Grad-CAM can look at encoder$"):
        toy.layer("encodr")
    assert toy.training and not any(part._forward_hooks for part in toy.modules())


@pytest.mark.parametrize("name", MODELS)
def test_every_dropout_of_a_network_comes_after_its_features(name):
    encoder = "test_resnet" if name.startswith("smp-") else ""
    config = ModelConfig(name, base=4, depth=2, dropout=0.5 if name == "unet" else 0.0, encoder=encoder)
    model = build_model(config, 3, seeded())
    ran = []
    for part in model.modules():
        if "Dropout" in type(part).__name__:
            part.register_forward_hook(lambda part, *_: ran.append(part))
    x = model.pad(torch.randn(2, 3, 32, 32, generator=seeded()))
    features = model.features(x)
    assert not ran
    model.classify(features, (32, 32))
    assert bool(ran) is (name not in WITHOUT)


@pytest.mark.parametrize("name", [LRASPP, "deeplabv3_mobilenet_v3_large"])
def test_networks_of_torchvision_say_what_torchvision_says(name):
    model = build_model(ModelConfig(name), 3, seeded()).eval()
    x = torch.randn(1, 3, 33, 50, generator=seeded())
    with torch.no_grad():
        assert torch.equal(model(x), model.network(x)["out"])


def test_all_weights_are_trained_at_one_rate(unet):
    (group,) = unet.parameter_groups(0.01)
    assert group["lr"] == 0.01 and len(group["params"]) == len(list(unet.parameters()))
