"""``segxal.explain`` on networks of any package: by hand, equal to our own path and to pytorch-grad-cam, restored."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from foreign_networks import Kinds, Linear, Tokens, Twice
from pytorch_grad_cam import GradCAM
from torch import nn

import segxal
from segxal.core.errors import ConfigError, ShapeError
from segxal.core.labels import Classes
from segxal.models.explain import error_masks
from segxal.models.settings import MaskConfig
from segxal.storage.paths import ROOT

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def pictures(count=2, height=32, width=48):
    return torch.randint(0, 256, (count, 3, height, width), generator=torch.Generator().manual_seed(1)).byte()


def state_of(network):
    hooks = [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in network.modules()]
    flags = [weight.requires_grad for weight in network.parameters()]
    return [part.training for part in network.modules()], flags, hooks, [w.clone() for w in network.parameters()]


def same_state(one, other):
    return one[:3] == other[:3] and all(torch.equal(a, b) for a, b in zip(one[3], other[3], strict=True))


def test_a_linear_network_by_hand():
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    image[:4, :4, 0], image[4:, 4:, 1], image[:4, 4:, :2] = 255, 255, (102, 204)
    mask = segxal.explain(Linear(), image, depth=np.ones((8, 8)), layer="deep", **PLAIN)
    # cells of (red, green): (1, 0) (0.4, 0.8) / (0, 0) (0, 1); the logits are red, green and green / 2 - red
    assert mask.prediction[0, ::4, ::4].tolist() == [[0, 1], [0, 1]]
    logits = torch.tensor([[1.0, 0.0, -1.0], [0.4, 0.8, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.5]]).softmax(1)
    np.testing.assert_allclose(mask.confidence[0, ::4, ::4].ravel(), logits.amax(1), atol=1e-6)
    entropy = torch.special.entr(logits).sum(1) / np.log(3)
    np.testing.assert_allclose(mask.ebu[0, ::4, ::4].ravel(), entropy, atol=1e-6)
    # half of the cells are class 0, half class 1: both channels weigh the same, and the map is red + green
    corners = mask.pae[0][[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_allclose(corners, np.array([1.0, 1.2, 0.0, 1.0]) / 1.2, atol=1e-5)
    np.testing.assert_allclose(mask.eem, (mask.pae + mask.ebu) / 2, atol=1e-6)
    assert mask.attention.min() == 1, "everything is equally near"


def test_our_own_network_as_a_foreign_one_has_the_same_mask(unet, frames):
    settings = MaskConfig(depth="geometry")
    (ours,) = error_masks(unet, frames.images, None, frames.classes, settings, "off")
    theirs = segxal.explain(unet, frames.images, classes=frames.classes, mask=settings)
    assert theirs.layer == "bottleneck" and (theirs.prediction == ours.prediction.numpy()).all()
    for name in ("confidence", "depth", "attention", "ebu", "pae", "eem"):
        np.testing.assert_allclose(getattr(theirs, name), getattr(ours, name).numpy(), atol=1e-4, err_msg=name)


@pytest.fixture(scope="module")
def lraspp():
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large

    torch.manual_seed(0)
    network = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4).eval()
    with torch.no_grad():  # so that several classes are predicted
        network.classifier.low_classifier.bias -= network(torch.randn(2, 3, 32, 48))["out"].mean((0, 2, 3))
    return network


@pytest.mark.parametrize("cam", ["gradcam", "layercam"])
def test_attention_of_a_torchvision_network_equals_the_library(lraspp, cam):
    import pytorch_grad_cam

    images = pictures()
    mask = segxal.explain(lraspp, images, depth=np.ones((2, 32, 48)), mask=MaskConfig(cam=cam))
    assert mask.layer == "backbone.16"
    x = (images / 255 - torch.tensor(mask.mean).view(3, 1, 1)) / torch.tensor(mask.std).view(3, 1, 1)

    class Logits(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = lraspp

        def forward(self, x):
            return self.network(x)["out"]

    method = GradCAM if cam == "gradcam" else pytorch_grad_cam.LayerCAM
    with method(model=Logits(), target_layers=[lraspp.backbone["16"]]) as library:
        expected = library(input_tensor=x, targets=[lambda logits: logits.amax(0).sum()] * 2)
    np.testing.assert_allclose(mask.pae, expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["out", "logits", "object", "quarter"])
def test_logits_are_found_in_every_form_and_resized(kind):
    reference, found = (segxal.explain(Kinds(k), pictures()) for k in ("tensor", kind))
    assert found.eem.shape == (2, 32, 48) and found.layer == reference.layer == "norm"
    agree = (found.prediction == reference.prediction).mean()
    assert agree == 1 if kind == "out" else agree > 0.8


def test_where_the_logits_are_can_be_said():
    told = segxal.explain(Kinds("tuple"), pictures(), logits=lambda output: output[0])
    assert np.array_equal(told.eem, segxal.explain(Kinds(), pictures()).eem)


def test_one_logit_is_background_and_object():
    network = Kinds(classes=1)
    mask = segxal.explain(network, pictures(), classes=["background", "crack"], **PLAIN)
    with torch.no_grad():
        shown = network.eval()(pictures() / 255).sigmoid()[:, 0]
    assert (mask.prediction == (shown > 0.5).numpy()).all()
    np.testing.assert_allclose(mask.confidence, torch.maximum(shown, 1 - shown).numpy(), atol=1e-5)


@pytest.mark.parametrize("layout", ["tokens", "class token", "last"])
def test_tokens_and_channels_last_are_maps(layout):
    torch.manual_seed(0)
    network = Tokens(layout)
    guessed = segxal.explain(network, pictures(), layer="block")

    def reshape(output):
        if layout == "last":
            return output.permute(0, 3, 1, 2)
        return output[:, -24:].transpose(1, 2).unflatten(2, (4, 6))

    given = segxal.explain(network, pictures(), layer="block", reshape=reshape)
    assert guessed.pae.max() == 1 and np.array_equal(guessed.pae, given.pae)
    assert segxal.explain(network, pictures()).layer == "block"
    assert np.isfinite(segxal.explain(network, pictures(), layer="block", mask=MaskConfig(cam="eigencam")).pae).all()


def test_tokens_weigh_like_the_map_they_are():
    torch.manual_seed(0)
    network = Tokens("tokens")
    network.block = nn.Identity()  # now the tokens of the block are the map of the patches
    one, other = (segxal.explain(network, pictures(), layer=layer) for layer in ("block", "patch"))
    np.testing.assert_allclose(one.pae, other.pae, atol=1e-6)


@pytest.mark.parametrize("fails", [False, True])
def test_the_network_is_as_it_was_also_after_an_error(fails):
    network = Kinds().train()
    network.norm.eval()
    network.head.weight.requires_grad_(False)
    network.stem.register_forward_hook(lambda *_: None)
    before = state_of(network)
    if fails:
        for wrong in (
            {"layer": "nowhere"},
            {"classes": ["a", "b"]},
            {"layer": "deep", "reshape": lambda output: output[0]},
        ):
            with pytest.raises(ConfigError):
                segxal.explain(network, pictures(), **wrong)
    else:
        segxal.explain(network, pictures())
        segxal.rank(network, pictures())
    assert same_state(before, state_of(network))
    assert all(weight.grad is None for weight in network.parameters())


@pytest.mark.gpu
def test_a_network_on_the_cpu_comes_back_to_it():
    network = Kinds()
    cpu = {weight.device.type for weight in network.parameters()}
    assert segxal.explain(network, pictures()).eem.shape == (2, 32, 48)
    assert {weight.device.type for weight in network.parameters()} == cpu == {"cpu"}


@pytest.mark.parametrize("switched_off", [torch.no_grad, torch.inference_mode])
def test_gradients_that_the_caller_switched_off_do_not_matter(switched_off):
    network = Kinds()
    expected = segxal.explain(network, pictures())
    with switched_off():
        found = segxal.explain(network, pictures())
    assert np.array_equal(found.eem, expected.eem) and found.pae.max() > 0


def test_a_network_of_half_precision_and_a_size_that_does_not_divide():
    half = segxal.explain(Kinds().to(torch.bfloat16), pictures(1, 33, 50))
    assert half.eem.shape == (1, 33, 50) and half.eem.dtype == np.float32

    class Picky(Kinds):
        def forward(self, x):
            if x.shape[-1] % 32 or x.shape[-2] % 32:
                raise RuntimeError("divisible by 32, please")
            return super().forward(x)

    assert segxal.explain(Picky(), pictures(1, 33, 50)).eem.shape == (1, 33, 50)


def test_classes_depth_and_settings(frames):
    two = Classes(("near", "far"), ((255, 0, 0), (0, 0, 255)))
    assert segxal.explain(Kinds(classes=2), pictures(), classes=two).classes is two
    numbered = segxal.explain(Kinds(), pictures(), depth="streets-net").classes
    assert numbered.names[:2] == ("class 0", "class 1") and len(set(numbered.colours)) == 5
    named = segxal.explain(Kinds(), pictures(), classes=["sky", "road", "car", "tree", "person"]).classes
    assert named.sky == "sky" and named.ground == ("road",)
    given = segxal.explain(Kinds(), frames.images, depth=frames.depth, mask=MaskConfig(w_ebu=0.0, batch=3))
    assert np.array_equal(given.eem, given.pae) and len(given.eem) == len(frames)
    np.testing.assert_array_equal(given.depth, frames.depth.nan_to_num(0.0).numpy())
    with pytest.raises(ShapeError, match=r"depth is \(1, 8, 8\), the images are \(2, 32, 48\)"):
        segxal.explain(Kinds(), pictures(), depth=np.ones((8, 8)))
    with pytest.raises(ConfigError, match="no depth provider 'sonar'; choose one of"):
        segxal.explain(Kinds(), pictures(), depth="sonar")


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (Kinds("tuple"), {}, r"returns a tuple of a tensor \(1, 5, 32, 48\) of float32, .*logits=lambda output"),
        (Kinds("classes"), {}, r"returns a tensor \(1, 32, 48\) of int64; expected float logits"),
        (Kinds("mask"), {}, r"returns a dict with class_queries_logits; expected"),
        (Kinds("text"), {}, "returns a str; expected logits"),
        (Kinds("probabilities"), {}, r"sums to 1 at every pixel.*\.log\(\)"),
        (Kinds(classes=11), {"classes": list("abcdefg")}, r"gives 11 logits per pixel, but 7 classes are named \(a"),
        (Kinds(), {"classes": ["a", "a", "b", "c", "d"]}, "named twice"),
        (Kinds(classes=256), {}, "256 logits per pixel; at most 255"),
        (Kinds(), {"layer": "depe"}, "Kinds has no layer 'depe'; Grad-CAM can look at norm, deep, stem"),
        (Twice(), {"layer": "again"}, "layer 'again': target layer Conv2d ran 2 times.*Grad-CAM can look at stem"),
        (Kinds(), {"reshape": lambda o: o}, "reshape is made for one layer; name it too"),
        (Kinds(), {"layer": "deep", "reshape": lambda o: o.view(7)}, r"reshape cannot take \(1, 12, 4, 6\): Runtime"),
        (Kinds(), {"layer": "deep", "reshape": lambda o: o[0]}, r"reshape makes \(12, 4, 6\) of \(1, 12, 4, 6\)"),
        (nn.Conv2d(4, 3, 1), {}, r"cannot take images \(1, 3, 32, 48\): RuntimeError.*size=\(512, 512\)"),
        (nn.Conv2d(3, 3, 1), {}, "no layer that runs once"),
        (Kinds(), {"mean": 0.5}, r"mean = 0\.5, std = .*; give three numbers for R, G, B each"),
        (Kinds(), {"std": (1, 1, 0)}, "std above 0"),
        ("resnet", {}, r"the network is a str; give a torch\.nn\.Module"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(network, options, message):
    with pytest.raises(ConfigError, match=message):
        segxal.explain(network, pictures(), **options)


def test_weights_that_are_nan_are_said():
    network = Kinds()
    with torch.no_grad():
        network.head.bias[0] = torch.nan
    with pytest.raises(ConfigError, match="Kinds gives NaN or infinite logits"):
        segxal.explain(network, pictures())


def test_torch_comes_when_it_is_asked_for():
    asked = "import sys, segxal; early = 'torch' in sys.modules; segxal.explain; print(early, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
    assert {"explain", "rank", "Explanation", "Ranked"} <= set(dir(segxal))
    with pytest.raises(AttributeError, match=r"has no attribute 'explian'; it has .*explain"):
        segxal.explian  # noqa: B018
