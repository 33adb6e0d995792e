"""What surrounds ``segxal.explain``: image forms, guessed maps and normalisation, ``segxal.rank``, the explorer."""

import json

import numpy as np
import pytest
import torch
from foreign_networks import Kinds, Linear
from PIL import Image
from torch import nn

import segxal
from segxal.acquisition.settings import StrategyConfig
from segxal.apps.explore.mask.networks import Networks
from segxal.apps.workshop.seen import learner_of
from segxal.apps.your_network.images import read_images
from segxal.apps.your_network.rank import LACKING
from segxal.core.errors import ConfigError, DataInvalid, DataMissing, ShapeError
from segxal.core.labels import CITYSCAPES, Classes
from segxal.models.base import MEAN, STD
from segxal.models.foreign.layers import deepest_first
from segxal.models.foreign.maps import to_map
from segxal.models.foreign.normalisation import normalisation_of
from segxal.storage.paths import ROOT

PICTURE = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
FIRST = torch.from_numpy(PICTURE).permute(2, 0, 1)


def forms(folder):
    Image.fromarray(PICTURE).save(folder / "picture.png")
    return {
        "array": PICTURE, "batch": PICTURE[None], "channels first": FIRST.numpy(), "tensor": FIRST,
        "tensors": FIRST[None], "tensor, last": torch.from_numpy(PICTURE), "float": FIRST.float() / 255,
        "int64": FIRST.long(), "pil": Image.fromarray(PICTURE), "path": folder / "picture.png",
        "text": str(folder / "picture.png"), "float64": PICTURE / 255, "float64s": (FIRST / 255).double()[None],
    }  # fmt: skip


def test_every_form_of_an_image_is_the_same_image(tmp_path):
    for name, image in forms(tmp_path).items():
        found = read_images(image)
        assert found.dtype == torch.uint8 and torch.equal(found, FIRST[None]), name
    mixed = read_images(list(forms(tmp_path).values()))
    assert torch.equal(mixed, FIRST.expand(13, -1, -1, -1))
    assert torch.equal(read_images(PICTURE[..., 0]), FIRST[None, :1].expand(1, 3, -1, -1)), "grey"
    assert read_images(Image.fromarray(PICTURE).convert("RGBA")).shape == (1, 3, 16, 24)


def test_images_of_several_sizes_need_a_size():
    with pytest.raises(ShapeError, match=r"2 sizes \(height x width\): 8x24, 16x24; give size="):
        read_images([PICTURE, PICTURE[:8]])
    assert read_images([PICTURE, PICTURE[:8]], (8, 12)).shape == (2, 3, 8, 12)
    assert segxal.explain(Kinds(), [PICTURE, PICTURE[:8]], size=(32, 64)).images.shape == (2, 32, 64, 3)


class Cut(Image.Image):
    """A picture whose file ends too early, which Pillow notices when its pixels are wanted."""

    def load(self):
        raise OSError("truncated")


def broken():
    nan = torch.zeros(3, 3, 8, 8)
    nan[1, 0, 2, 2] = torch.nan
    return [
        (nan, DataInvalid, r"image 0 holds NaN or infinite values \(in \[1\] of 3\)"),
        ([PICTURE, nan[1]], DataInvalid, "image 1 holds NaN"),
        ((FIRST / 255 - 0.485) / 0.229, DataInvalid, r"float32 values from -2\.\d+ to 2\.\d+; .* are normalised here"),
        (FIRST.float(), DataInvalid, "values from 0 to 255.*divided by it"),
        (FIRST.int() * 200, DataInvalid, "int32 values from"),
        (FIRST > 3, DataInvalid, "holds bool"),
        (PICTURE[..., :2], ShapeError, r"image 0 is \(16, 24, 2\); expected \(3, H, W\)"),
        (np.zeros((1, 1, 3, 8, 8)), ShapeError, "expected"),
        (np.zeros(3), ShapeError, "expected"),
        (7, ShapeError, "image 0 is a int; give a tensor"),
        (Cut(), DataInvalid, "image 0 cannot be read: truncated"),
        ([], DataInvalid, "no images; give at least one"),
        ("nowhere.png", DataMissing, "nowhere.png not found"),
        (ROOT / "docs", DataInvalid, r"docs is a folder; give its files: sorted\("),
        (ROOT / "README.md", DataInvalid, "cannot be read as an image"),
    ]  # fmt: skip


@pytest.mark.parametrize(("images", "error", "message"), broken())
def test_what_is_no_image_is_said(images, error, message):
    with pytest.raises(error, match=message):
        segxal.explain(Kinds(), images)


def test_outputs_of_layers_become_maps():
    numbers = torch.arange(2 * 5 * 24.0).view(2, 5, 4, 6)  # (N, K, h, w) of images of 32x48
    tokens, size = numbers.flatten(2).transpose(1, 2), (2, 32, 48)
    for given in (numbers, numbers.permute(0, 2, 3, 1), tokens, torch.cat([tokens[:, :5], tokens], 1)):
        assert torch.equal(to_map(given, size), numbers)
    assert to_map(torch.zeros(2, 35, 8), (2, 33, 50)).shape == (2, 8, 5, 7), "rounded up: steps of 8 in 33x50"
    assert to_map(torch.zeros(2, 24, 8), (2, 33, 50)).shape == (2, 8, 4, 6), "rounded down"
    for wrong in (torch.zeros(2, 1000, 8), torch.zeros(6, 24, 8), torch.zeros(2, 5)):
        with pytest.raises(ConfigError, match=r"which is no map .*say how it becomes a map: reshape="):
            to_map(wrong, size)


def test_the_deepest_map_comes_first_and_heads_last():
    maps = {
        "stem": (8, 16, 16), "encoder.a": (8, 4, 4), "encoder": (8, 4, 4), "squeeze": (8, 1, 1), "decoder.c": (9, 2, 2),
        "up": (8, 8, 8), "last": (5, 4, 4),
    }  # fmt: skip
    assert deepest_first(maps, 5) == ["encoder", "encoder.a", "up", "stem", "decoder.c"]


def test_networks_say_how_images_are_normalised(tmp_path, unet):
    plain = nn.Conv2d(3, 2, 1)
    assert normalisation_of(plain) == (MEAN, STD) == normalisation_of(unet)
    plain.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": [0.25, 0.25, 0.25]}
    assert normalisation_of(nn.Sequential(plain)) == ((0.5,) * 3, (0.25,) * 3)
    hub = nn.Module()
    hub.config = type("Config", (), {"_name_or_path": str(tmp_path)})()
    assert normalisation_of(hub) == (MEAN, STD)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.1] * 3, "image_std": [0.2] * 3}))
    assert normalisation_of(hub) == ((0.1,) * 3, (0.2,) * 3)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))
    assert normalisation_of(hub) == ((0.0,) * 3, (1.0,) * 3)


def halves():
    """Three images: the network is sure of nothing (black), of the left half (red), of all."""
    images = np.zeros((3, 16, 16, 3), dtype=np.uint8)
    images[1, :, :8, 0] = images[2, :, :, 0] = 255
    return images


PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
SURE = Linear(weights=((9.0, 0.0), (0.0, 9.0), (-9.0, 0.0)))  # red = class 0; black = all are as likely


@pytest.mark.parametrize("strategy", ["entropy", "margin", "least-confidence", "ripu"])
def test_images_and_pixels_that_the_network_is_unsure_of_come_first(strategy):
    found = segxal.rank(SURE, halves(), strategy, **PLAIN)
    order = [0, 1, 2] if strategy != "ripu" else found.image.tolist()
    assert found.image.tolist() == order and found.partition is None and (np.diff(found.score) <= 0).all()
    with pytest.raises(ConfigError, match=r"whole images were ranked; .*\.image"):
        found.first(1)
    pixels = segxal.rank(SURE, halves(), strategy, "pixel", options=StrategyConfig(radius=0), **PLAIN)
    unsure = halves().max(-1) == 0
    assert len(pixels.image) == unsure.size
    if strategy != "ripu":
        assert np.array_equal(pixels.first(unsure.sum()), unsure)


@pytest.mark.parametrize("granularity", ["grid", "superpixel", "component"])
def test_regions_are_ranked_over_all_images(granularity):
    found = segxal.rank(SURE, halves(), "entropy", granularity, options=StrategyConfig(cell=8, pieces=4), **PLAIN)
    assert (np.diff(found.score) <= 0).all() and found.partition.shape == (3, 16, 16)
    if granularity == "grid":
        assert found.image.tolist()[:6] == [0, 0, 0, 0, 1, 1] and set(found.region[4:6]) == {1, 3}
        assert found.first(5)[1].sum() == 64


@pytest.mark.parametrize("strategy", ["eem", "eem-top", "eem-product", "near-entropy", "class-random", "core-set"])
def test_the_other_strategies_rank_each_image_once(strategy):
    images = torch.randint(0, 256, (4, 3, 32, 48), generator=torch.Generator().manual_seed(2)).byte()
    found = segxal.rank(Kinds(), images, strategy)
    assert sorted(found.image.tolist()) == [0, 1, 2, 3] and np.isfinite(found.score).all()


def test_chance_is_seeded_and_dropout_votes():
    images = torch.randint(0, 256, (5, 3, 16, 24), generator=torch.Generator().manual_seed(2)).byte()
    orders = [segxal.rank(Kinds(), images, "random", seed=seed).image.tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    network = nn.Sequential(Kinds(), nn.Dropout2d(0.5))
    found = segxal.rank(network, images, "bald", options=StrategyConfig(passes=3), layer="0.deep")
    assert len(found.image) == 5 and found.score[0] > 0
    with pytest.raises(ConfigError, match="Kinds has no dropout"):
        segxal.rank(Kinds(), images, "bald")


@pytest.mark.parametrize("strategy", LACKING)
def test_strategies_that_need_more_say_what_is_missing(strategy):
    with pytest.raises(ConfigError, match=rf"^{strategy} needs more than a network: .*choose one of entropy, margin"):
        segxal.rank(Kinds(), PICTURE, strategy)


def test_unknown_strategies_and_granularities_are_said():
    with pytest.raises(ConfigError, match="no strategy 'entropie'; choose one of entropy"):
        segxal.rank(Kinds(), PICTURE, "entropie")
    with pytest.raises(ConfigError, match="no granularity 'pixels'; choose one of image, grid"):
        segxal.rank(Kinds(), PICTURE, "entropy", "pixels")
    with pytest.raises(ConfigError, match=r"qbc needs more than a network: annotated images, .*dropout votes"):
        segxal.rank(Kinds(), PICTURE, "qbc", options=StrategyConfig(committee=3))


@pytest.fixture
def splits(tiny):
    from segxal.data.splits import open_splits

    return open_splits(tiny.data, "", None)


def test_the_explorer_takes_a_network_of_any_package_and_resizes_its_logits(splits):
    seven = Classes(tuple("abcdefg"), ((0, 0, 0),) * 7)
    networks = Networks([], splits, {"mine": Kinds("quarter", classes=7)}, seven)
    learner = networks.learner(0)
    assert learner.model.explained == "norm" and "norm" in learner.model.layer_names()
    x = learner.model.prepare(splits.train.images[:1])
    assert learner.model(x).shape[-2:] == splits.train.images.shape[-2:]
    with pytest.raises(ConfigError, match="the network 'mine' distinguishes 11 classes, but 7 are named"):
        Networks([], splits, {"mine": Kinds("object", classes=11)}, seven)
    with pytest.raises(ConfigError, match="the network 'mine': the network returns a tuple"):
        Networks([], splits, {"mine": Kinds("tuple", classes=7)}, seven)


def test_the_explorer_names_the_network_whose_layer_is_missing(splits):
    learner = learner_of("trained")
    assert Networks([], splits, {"ours": learner}, CITYSCAPES).learner(0) is learner
    learner.model.explained = "nowhere"
    with pytest.raises(ConfigError, match="the network 'ours': unet has no layer 'nowhere'; Grad-CAM can look at"):
        Networks([], splits, {"ours": learner}, CITYSCAPES)
