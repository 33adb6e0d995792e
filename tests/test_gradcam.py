"""Grad-CAM: equal to pytorch-grad-cam, one forward pass, nothing left behind."""

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import SemanticSegmentationTarget
from torch import nn

from segxal.core.errors import ConfigError
from segxal.core.gradcam import class_maps, class_scores, gradcam, traced, unit_range
from segxal.models import build_model
from segxal.models.settings import ModelConfig


def images(count, height=32, width=64):
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=["unet", "lraspp_mobilenet_v3_large"])
def network(request):
    config = ModelConfig(request.param, base=8, depth=3)
    model = build_model(config, 6, torch.Generator().manual_seed(0)).eval()
    last = model.head if request.param == "unet" else model.network.classifier.low_classifier
    with torch.no_grad():
        last.bias -= model(images(2)).mean((0, 2, 3))  # so that several classes are predicted
    return model, model.layer()


def reference(model, layer, x, targets):
    with GradCAM(model=model, target_layers=[layer]) as cam:
        return cam(input_tensor=x, targets=targets)


def test_one_class_equals_the_library(network):
    model, layer = network
    x = images(2)
    prediction = model(x).argmax(1)
    for category in prediction.unique().tolist():
        masks = [(p == category).float().numpy() for p in prediction]
        targets = [SemanticSegmentationTarget(category, mask) for mask in masks]
        with traced(model, layer) as trace:
            ours = gradcam(trace(x), category)
        np.testing.assert_allclose(ours.numpy(), reference(model, layer, x, targets), atol=1e-4)


def test_all_predicted_classes_equal_the_library(network):
    model, layer = network
    x = images(2)
    prediction = model(x).argmax(1)
    assert len(prediction.unique()) > 1

    def all_classes(logits):  # the sum of SemanticSegmentationTarget over the predicted classes
        own = logits.argmax(0)
        return sum((logits[c] * (own == c)).sum() for c in own.unique())

    with traced(model, layer) as trace:
        ours = gradcam(trace(x))
    np.testing.assert_allclose(ours.numpy(), reference(model, layer, x, [all_classes] * 2), atol=1e-4)


def test_the_forward_pass_runs_once_for_all_maps(network):
    model, layer = network
    calls = []
    handle = model.register_forward_hook(lambda *_: calls.append(1))
    with traced(model, layer) as trace:
        seen = trace(images(2))
        maps = class_maps(seen)
        gradcam(seen)
    handle.remove()
    assert len(maps) > 1 and len(calls) == 1


def test_back_propagation_stops_at_the_layer_and_leaves_gradients_alone(unet):
    layer = unet.get_submodule("bottleneck")
    kept = {name: torch.full_like(w, 7.0) for name, w in unet.named_parameters() if "head" in name or "down" in name}
    for name, weight in unet.named_parameters():
        weight.grad = kept.get(name)
    with traced(unet, layer) as trace:
        seen = trace(images(1))
        assert seen.activation.is_leaf and seen.activation.requires_grad
        gradcam(seen)
    for name, weight in unet.named_parameters():
        assert weight.grad is kept.get(name)
        assert weight.grad is None or weight.grad.eq(7).all()


def state_of(model):
    flags = [module.training for module in model.modules()]
    hooks = [len(module._forward_hooks) + len(module._backward_hooks) for module in model.modules()]
    weights = [value.clone() for value in model.state_dict().values()]
    return flags, [weight.requires_grad for weight in model.parameters()], hooks, weights


@pytest.mark.parametrize("fails", [False, True])
def test_flags_hooks_and_weights_are_restored(unet, fails):
    unet.train()
    unet.bottleneck[1].eval()  # a mixed state must come back mixed
    unet.head.weight.requires_grad_(False)
    before = state_of(unet)
    try:
        with traced(unet, unet.bottleneck) as trace:
            assert not any(module.training for module in unet.modules())
            gradcam(trace(images(2)))
            if fails:
                raise KeyError("in the block")
    except KeyError:
        assert fails
    after = state_of(unet)
    assert after[:3] == before[:3]
    assert all(torch.equal(a, b) for a, b in zip(after[3], before[3], strict=True))


def test_a_batch_equals_its_images(unet):
    x = images(3)
    with traced(unet, unet.bottleneck) as trace:
        together = gradcam(trace(x))
        alone = torch.cat([gradcam(trace(one)) for one in x.split(1)])
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("name", ["bottleneck.1", "down.0.4", "up.1", "head"])
def test_any_layer_can_be_named_also_before_an_in_place_module(unet, name):
    x = images(2, 20, 30)
    plain = unet(x)
    with traced(unet, unet.get_submodule(name)) as trace:
        seen = trace(x)
        maps = gradcam(seen)
    assert torch.equal(seen.logits, plain)
    assert maps.shape == (2, 20, 30) and 0 <= maps.min() and maps.max() <= 1


def test_maps_are_scaled_per_image_and_an_absent_class_gives_zeros(unet):
    with traced(unet, unet.bottleneck) as trace:
        seen = trace(images(3))
        maps = gradcam(seen)
        prediction = seen.logits.argmax(1)
        absent = next(c for c in range(19) if c not in prediction.unique())
        zeros = gradcam(seen, absent)
        ignored = gradcam(seen, prediction=torch.full_like(prediction, 255))
    assert maps.amin((1, 2)).eq(0).all()
    assert all(top == 0 or top == pytest.approx(1) for top in maps.amax((1, 2)).tolist())
    assert zeros.eq(0).all() and ignored.eq(0).all()


def test_closed_form_of_a_linear_network():
    head = nn.Conv2d(2, 2, 1)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]).view(2, 2, 1, 1))
        head.bias.copy_(torch.tensor([0.0, -100.0]))
    model = nn.Sequential(nn.Identity(), head)
    x = torch.tensor([[1.0, 2.0], [3.0, 5.0]]).expand(1, 2, 2, 2)
    with traced(model, model[0]) as trace:  # class 0 everywhere: alpha = (1, 0), the map is the first channel
        maps = gradcam(trace(x))
    assert torch.allclose(maps, torch.tensor([[[0, 0.25], [0.5, 1]]]))


def test_class_scores_closed_form():
    logits = torch.arange(8.0).view(1, 2, 2, 2)
    prediction = torch.tensor([[[0, 1], [1, 0]]])
    assert class_scores(logits, prediction, 0).tolist() == [0 + 3]
    assert class_scores(logits, prediction, 1).tolist() == [5 + 6]


def test_bad_layers_and_classes_are_refused(unet):
    with traced(unet, nn.Conv2d(3, 3, 1)) as trace, pytest.raises(ConfigError, match="did not run"):
        trace(images(1))
    flat = nn.Sequential(nn.Flatten(), nn.Linear(12, 4))
    with traced(flat, flat[0]) as trace, pytest.raises(ConfigError, match=r"gives no .* tensor; name another layer"):
        trace(torch.zeros(1, 3, 2, 2))
    with traced(unet, unet.bottleneck) as trace, pytest.raises(ConfigError, match=r"category 19 is not a class"):
        gradcam(trace(images(1)), 19)


def test_unit_range_closed_form():
    maps = torch.tensor([[[2.0, 4.0]], [[3.0, 3.0]]])
    assert unit_range(maps).tolist() == [[[0, 1]], [[0, 0]]]
