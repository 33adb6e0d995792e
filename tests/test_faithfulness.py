"""Faithfulness: the sanity check drops where it must, and the curves on a network whose answer is known."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity
from torch import nn

from segxal.core.errors import ConfigError, ShapeError
from segxal.core.faithfulness import SHARES, Curve, faithfulness_curves, randomisation_check
from segxal.core.gradcam import gradcam, traced
from segxal.core.seeds import drawing_from, generator
from segxal.models.base import MEAN, STD, Network
from segxal.models.unet import UNet
from segxal.training.predict import probabilities


def pictures(count=3, size=(32, 48), seed=0):
    """Smooth random pictures: noise at a quarter of the size, enlarged."""
    small = torch.rand((count, 3, size[0] // 4, size[1] // 4), generator=generator(seed, "pictures"))
    return (nn.functional.interpolate(small, size, mode="bilinear") * 255).to(torch.uint8)


def prepared(images):
    """Pictures as a network takes them."""
    return UNet(2, 4, 1).normalise(images)


@pytest.fixture
def unet():
    with drawing_from(generator(0, "weights")):
        return UNet(5, base=4, depth=2)


class Brightness(Network):
    """Linear per pixel: class 1 where an image is bright, class 0 where it is dark."""

    def __init__(self, gain=8.0):
        super().__init__()
        self.score = nn.Conv2d(3, 2, 1)
        with torch.no_grad():
            std, mean = torch.tensor(STD), torch.tensor(MEAN)
            self.score.weight.copy_(torch.stack([-std, std]).view(2, 3, 1, 1) * gain / 3)
            self.score.bias.copy_(torch.tensor([-1.0, 1.0]) * gain * (mean.mean() - 0.5))

    def features(self, x):
        return x

    def classify(self, features, size):
        return self.score(features)


def points(size=(40, 40), count=60):
    """White points on black, so that a blur changes every pixel towards the other class."""
    image = torch.zeros((1, 3, *size))
    chosen = torch.randperm(size[0] * size[1] // 4, generator=generator(0, "points"))[:count]
    image[:, :, 2 * (chosen // (size[1] // 2)), 2 * (chosen % (size[1] // 2))] = 1
    return image


def curves_of(model, *args, **options):
    curves = faithfulness_curves(partial(probabilities, model, amp="off"), *args, generator(0, "order"), **options)
    return {(curve.kind, curve.order): curve for curve in curves}


def test_the_first_stage_is_the_network_as_it_is(unet):
    first = randomisation_check(unet, unet.bottleneck, unet.prepare(pictures()), generator(0, "check"))[0]
    assert (first.number, first.layer) == (0, "")
    assert first.spearman == pytest.approx(1)
    assert first.ssim == pytest.approx(1)


def test_similarity_drops_when_layers_are_randomised(unet):
    stages = randomisation_check(unet, unet.bottleneck, unet.prepare(pictures(6)), generator(0, "check"))
    later = stages[len(stages) // 2 :]
    assert max(stage.spearman for stage in later) < 0.9
    assert np.mean([stage.spearman for stage in later]) < 0.6
    assert np.mean([stage.ssim for stage in later]) < 0.8


def test_layers_go_from_the_output_to_the_input_each_with_its_normalisation(unet):
    stages = randomisation_check(unet, unet.bottleneck, unet.prepare(pictures(1)), generator(0, "check"))
    assert [s.layer for s in stages] == [
        "", "head", "up.1.3", "up.1.0", "upsample.1", "up.0.3", "up.0.0", "upsample.0",
        "bottleneck.3", "bottleneck.0", "down.1.3", "down.1.0", "down.0.3", "down.0.0",
    ]  # fmt: skip
    assert [s.number for s in stages] == list(range(len(stages)))


def test_the_stages_are_those_of_a_network_randomised_by_hand():
    """One map, one layer after the target: the numbers can be computed directly."""
    with drawing_from(generator(1, "weights")):
        model = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 1)).eval()
    x = prepared(pictures(1))
    stages = randomisation_check(model, model[1], x, generator(0, "check"))
    with traced(model, model[1]) as trace:
        prediction = model(x).argmax(1)
        original = gradcam(trace(x), None, prediction)[0].numpy()
        with drawing_from(generator(0, "check")):
            model[2].reset_parameters()
        after = gradcam(trace(x), None, prediction)[0].numpy()
    assert stages[1].layer == "2"
    assert stages[1].spearman == pytest.approx(spearmanr(original, after, axis=None).statistic)
    assert stages[1].ssim == pytest.approx(structural_similarity(original, after, data_range=1.0))


def test_an_explanation_that_ignores_the_network_survives_and_is_caught():
    """With one channel the map can only be that channel or nothing: randomising the head is not seen."""
    model = nn.Sequential(nn.Conv2d(3, 1, 1), nn.Identity(), nn.Conv2d(1, 2, 1))
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[0].bias.fill_(10.0)
        model[2].weight.copy_(torch.tensor([1.0, 2.0]).view(2, 1, 1, 1))
    draws = [
        randomisation_check(model, model[1], prepared(pictures()), generator(seed, "check"))[1] for seed in range(8)
    ]
    survived = [stage for stage in draws if stage.spearman != 0]
    assert survived
    assert all(stage.spearman == pytest.approx(1) and stage.ssim == pytest.approx(1) for stage in survived)


def test_the_callers_network_is_not_touched(unet):
    unet.train()
    unet.bottleneck.eval()
    unet.head.weight.requires_grad_(False)
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    modes, flags = [m.training for m in unet.modules()], [p.requires_grad for p in unet.parameters()]
    images, state = pictures(), torch.get_rng_state()
    kept = images.clone()
    randomisation_check(unet, unet.bottleneck, unet.prepare(images), generator(0, "check"))
    assert all(torch.equal(value, before[name]) for name, value in unet.state_dict().items())
    assert modes == [m.training for m in unet.modules()]
    assert flags == [p.requires_grad for p in unet.parameters()]
    assert all(p.grad is None for p in unet.parameters())
    assert not any(m._forward_hooks for m in unet.modules())
    assert torch.equal(images, kept)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_same_seed_gives_the_same_stages(unet):
    run = [
        randomisation_check(unet, unet.bottleneck, unet.prepare(pictures()), generator(seed, "check"))
        for seed in (0, 0, 1)
    ]
    assert run[0] == run[1] != run[2]


def test_without_any_original_map_there_is_no_similarity():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1))
    nn.init.zeros_(model[0].weight)
    stages = randomisation_check(model, model[1], prepared(pictures()), generator(0, "check"))
    assert all(math.isnan(stage.spearman) and math.isnan(stage.ssim) for stage in stages)


def test_bad_input_of_the_check_is_refused(unet):
    with pytest.raises(ConfigError, match="not part of the network"):
        randomisation_check(unet, nn.Conv2d(3, 3, 1), unet.prepare(pictures()), generator(0, "check"))
    with pytest.raises(ShapeError, match="SSIM needs at least 7"):
        randomisation_check(unet, unet.bottleneck, unet.prepare(pictures(size=(4, 48))), generator(0, "check"))

    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(torch.ones(1))

        def forward(self, x):
            return x * self.factor

    model = nn.Sequential(nn.Conv2d(3, 4, 1), Scale())
    with pytest.raises(ConfigError, match=r"layer 1 \(Scale\) cannot be randomised"):
        randomisation_check(model, model[0], prepared(pictures()), generator(0, "check"))


def test_a_linear_network_falls_at_every_step_and_in_the_order_of_the_map():
    model, image = Brightness(), points()
    maps = image.mean(1)
    found = curves_of(model, image, maps)
    for curve in found.values():
        steps = np.diff(curve.probability)
        assert (steps < 0).all() if curve.kind == "deletion" else (steps > 0).all()
        assert curve.shares == SHARES
    deletion = {order: found["deletion", order].kept_area for order in ("map", "random", "reverse")}
    insertion = {order: found["insertion", order].kept_area for order in ("map", "random", "reverse")}
    assert deletion["map"] < deletion["random"] < deletion["reverse"]
    assert insertion["map"] > insertion["random"] > insertion["reverse"]


def test_curves_begin_and_end_with_the_whole_and_the_blurred_image(unet):
    images = pictures()
    maps = torch.rand((3, 32, 48), generator=generator(0, "maps"))
    found = curves_of(unet.eval(), images, maps)
    with torch.no_grad():
        highest = unet(unet.prepare(images)).softmax(1).amax(1).mean().item()
    ends = set()
    for (kind, _), curve in found.items():
        whole, blurred = (0, -1) if kind == "deletion" else (-1, 0)
        assert curve.kept[whole] == 1
        assert curve.probability[whole] == pytest.approx(highest, abs=1e-5)
        ends.add((round(curve.kept[blurred], 6), round(curve.probability[blurred], 6)))
    assert len(found) == 6
    assert len(ends) == 1


def test_deletion_in_one_order_is_insertion_in_the_other_read_backwards():
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    found = curves_of(Brightness(), points(), points().mean(1) + torch.rand((1, 40, 40)) / 100, shares=shares)
    assert found["deletion", "map"].kept == found["insertion", "reverse"].kept[::-1]
    assert found["deletion", "map"].probability == found["insertion", "reverse"].probability[::-1]


@pytest.mark.parametrize(("values", "area"), [((1, 1, 1), 1), ((1, 0.5, 0), 0.5), ((0, 1, 1), 0.75)])
def test_areas_are_those_of_trapezoids(values, area):
    curve = Curve("deletion", "map", (0.0, 0.4, 0.8), values, values)
    assert curve.probability_area == pytest.approx(area)
    assert replace(curve, kept=(0, 0, 0)).kept_area == 0


def test_ties_are_broken_at_random_and_curves_repeat():
    image, flat = points(), torch.zeros((1, 40, 40))
    first, again = (curves_of(Brightness(), image, flat) for _ in range(2))
    assert first == again
    for order in ("map", "random", "reverse"):
        assert first["deletion", order].kept_area == pytest.approx(first["deletion", "random"].kept_area, abs=0.02)


def test_curves_leave_everything_as_it_was(unet):
    unet.train()
    images, maps = pictures(), torch.rand((3, 32, 48))
    kept, values, state = images.clone(), maps.clone(), torch.get_rng_state()
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    curves_of(unet, images, maps)
    assert unet.training
    assert unet.bottleneck.training
    assert torch.equal(images, kept)
    assert torch.equal(maps, values)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in unet.state_dict().items())


def test_bad_input_of_the_curves_is_refused(unet):
    with pytest.raises(ShapeError, match="one map per image"):
        curves_of(unet, pictures(), torch.rand((3, 16, 48)))
    for shares in ((0.5,), (0.5, 0.1), (0.0, 1.2), (0.1, 0.1)):
        with pytest.raises(ConfigError, match="growing shares"):
            curves_of(unet, pictures(), torch.rand((3, 32, 48)), shares=shares)
