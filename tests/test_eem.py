"""The explainable error mask: parts in closed form, fusion, purity, learned weights."""

import dataclasses

import numpy as np
import pytest
import torch
from skimage.filters import threshold_otsu

from segxal.core.eem import ErrorMask, depth_informed, fuse, learn_weights, proximity, soft_attention, top_area
from segxal.core.entropy import entropy_map, patch_entropy_map
from segxal.core.errors import ConfigError, DataMissing, ShapeError
from segxal.core.gradcam import gradcam, traced
from segxal.models.explain import error_masks
from segxal.models.settings import MaskConfig

FIXED = MaskConfig(depth="dataset", batch=3)


def masks_of(unet, frames, config=FIXED, amp="off"):
    parts = list(error_masks(unet, frames.images, frames.depth, frames.classes, config, amp))
    names = [field.name for field in dataclasses.fields(ErrorMask)]
    return ErrorMask(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def test_proximity_closed_form():
    depth = torch.tensor([[[2.0, 4.0, 3.0]], [[5.0, 5.0, 5.0]]])
    assert proximity(depth).tolist() == [[[0, 1, 0.5]], [[0, 0, 0]]]


def test_attention_by_quantile_closed_form():
    near = torch.tensor([[[0.0, 0.25, 0.5, 0.75, 1.0]]])
    assert soft_attention(near, "quantile", 0.5).tolist() == [[[0, 0.5, 1, 1, 1]]]
    assert soft_attention(near, "quantile", 1.0).tolist() == near.tolist()
    assert soft_attention(near, "quantile", 0.0).eq(1).all()


def test_attention_by_otsu_has_one_threshold_per_image():
    near = torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(0))
    near[1] = near[1] ** 3
    for one, image in zip(soft_attention(near, "otsu"), near, strict=True):
        level = threshold_otsu(image.numpy())
        np.testing.assert_allclose(one.numpy(), np.minimum(image.numpy() / level, 1), atol=1e-6)


@pytest.mark.parametrize("rule", ["quantile", "otsu"])
def test_constant_depth_dims_nothing(rule):
    assert soft_attention(proximity(torch.full((1, 4, 4), 0.3)), rule).eq(1).all()


def test_depth_informed_image_is_dimmed_towards_black():
    images = torch.full((1, 3, 1, 2), 200, dtype=torch.uint8)
    seen = depth_informed(images, torch.tensor([[[1.0, 0.5]]]))
    assert torch.allclose(seen, torch.tensor([200 / 255, 100 / 255]).expand(1, 3, 1, 2))
    assert images.eq(200).all()


def test_fusion_weights():
    pae, ebu = torch.tensor([[[0.2, 1.0]]]), torch.tensor([[[0.6, 0.0]]])
    assert torch.equal(fuse(pae, ebu, 1, 0), pae) and torch.equal(fuse(pae, ebu, 0, 1), ebu)
    assert torch.allclose(fuse(pae, ebu, 0.5, 0.5), torch.tensor([[[0.4, 0.5]]]))
    assert torch.allclose(fuse(pae, ebu, 3, 1), fuse(pae, ebu, 0.75, 0.25))
    with pytest.raises(ShapeError, match="must have the same shape"):
        fuse(pae, ebu[..., :1], 1, 1)


@pytest.mark.parametrize("area", [0.0, 0.1, 0.37, 1.0])
def test_top_area_takes_the_exact_count(area):
    eem = torch.rand(3, 7, 9, generator=torch.Generator().manual_seed(0))
    asked = top_area(eem, area)
    assert asked.sum((1, 2)).tolist() == [round(area * 63)] * 3
    for image, chosen in zip(eem, asked, strict=True):
        if 0 < area < 1:
            assert image[chosen].min() > image[~chosen].max()


def test_top_area_gives_ties_to_the_earlier_pixel():
    assert top_area(torch.zeros(1, 2, 4), 0.5).tolist() == [[[True] * 4, [False] * 4]]


def test_the_mask_is_made_of_its_parts(unet, frames):
    masks = masks_of(unet, frames)
    with torch.no_grad():
        probs = unet(unet.prepare(frames.images)).softmax(1)
    assert torch.equal(masks.prediction, probs.argmax(1).to(torch.uint8))
    assert torch.allclose(masks.confidence, probs.amax(1), atol=1e-5)
    assert torch.allclose(masks.ebu, entropy_map(probs), atol=1e-5)
    attention = soft_attention(proximity(frames.depth), "quantile", 0.5)
    assert torch.equal(masks.attention, attention)
    with traced(unet, unet.bottleneck) as trace:
        pae = gradcam(trace(unet.prepare(depth_informed(frames.images, attention))))
    assert torch.allclose(masks.pae, pae, atol=1e-4)
    assert torch.allclose(masks.eem, (masks.pae + masks.ebu) / 2, atol=1e-6)


def test_patch_entropy_and_single_parts(unet, frames):
    masks = masks_of(unet, frames, dataclasses.replace(FIXED, entropy="patch", w_pae=0.0))
    assert torch.equal(masks.eem, patch_entropy_map(masks.prediction, 19))
    only_pae = masks_of(unet, frames, dataclasses.replace(FIXED, w_ebu=0.0))
    assert torch.equal(only_pae.eem, only_pae.pae)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("cam", ["gradcam", "layercam"])
def test_nothing_is_changed(unet, frames, cam):
    unet.train()
    unet.bottleneck[1].eval()
    flags = [module.training for module in unet.modules()]
    weights = {name: value.clone() for name, value in unet.state_dict().items()}
    images, depth = frames.images.clone(), frames.depth.clone()
    masks = masks_of(unet, frames, dataclasses.replace(FIXED, cam=cam))
    assert masks.pae.shape == frames.labels.shape and 0 <= masks.eem.min() and masks.eem.max() <= 1
    assert torch.equal(frames.images, images) and torch.equal(frames.depth, depth)
    assert all(torch.equal(value, weights[name]) for name, value in unet.state_dict().items())
    assert [module.training for module in unet.modules()] == flags
    assert all(weight.grad is None and weight.requires_grad for weight in unet.parameters())


def test_flags_are_back_when_the_reader_stops_early(unet, frames):
    unet.train()
    masks = error_masks(unet, frames.images, frames.depth, frames.classes, FIXED, "off")
    next(masks)
    assert all(module.training for module in unet.modules()) and not unet.bottleneck._forward_hooks


def test_batches_equal_single_images(unet, frames):
    together, alone = (masks_of(unet, frames, dataclasses.replace(FIXED, batch=batch)) for batch in (8, 1))
    assert (together.prediction != alone.prediction).float().mean() < 1e-3
    assert torch.allclose(together.eem, alone.eem, atol=1e-3)


def test_bf16_agrees_loosely_and_gives_float32(unet, frames):
    exact, rough = masks_of(unet, frames, amp="off"), masks_of(unet, frames, amp="bf16")
    for name in ("confidence", "ebu", "pae", "eem"):
        assert getattr(rough, name).dtype == torch.float32
    assert (exact.ebu - rough.ebu).abs().mean() < 0.02
    assert (exact.eem - rough.eem).abs().mean() < 0.1


def test_odd_sizes(unet, frames):
    part = [frames.images[:2, :, :19, :33], frames.depth[:2, :19, :33]]
    mask = next(error_masks(unet, *part, frames.classes, FIXED, "off"))
    assert mask.eem.shape == (2, 19, 33) and mask.eem.isfinite().all()


def test_unknown_parts_are_refused_before_work_is_done(unet, frames):
    for config, error, words in [
        (dataclasses.replace(FIXED, cam="cam"), ConfigError, "no CAM method"),
        (dataclasses.replace(FIXED, depth="zoe"), ConfigError, "no depth provider"),
    ]:
        with pytest.raises(error, match=words):
            masks_of(unet, frames, config)
    with pytest.raises(DataMissing, match="no depth for its 3 images"):
        masks_of(unet, dataclasses.replace(frames, depth=None))


def constructed(pae, ebu, prediction):
    zeros = torch.zeros_like(pae)
    return ErrorMask(prediction, zeros, zeros, zeros, ebu, pae, zeros)


def test_learned_weights_find_the_map_that_knows():
    generator = torch.Generator().manual_seed(0)
    truth = torch.zeros(2, 16, 16, dtype=torch.uint8)
    wrong = torch.rand(2, 16, 16, generator=generator) < 0.3
    noise = torch.rand(2, 16, 16, generator=generator)
    knows = 0.6 * wrong + 0.4 * noise
    w_pae, w_ebu = learn_weights(constructed(noise.flip(0), knows, wrong.to(torch.uint8)), truth)
    assert w_ebu > 0.8 and w_pae + w_ebu == pytest.approx(1)
    w_pae, w_ebu = learn_weights(constructed(knows, 1 - knows, wrong.to(torch.uint8)), truth)
    assert (w_pae, w_ebu) == (1, 0)  # a map that speaks against errors gets no negative weight


def test_learned_weights_fall_back_to_halves():
    truth = torch.zeros(1, 4, 4, dtype=torch.uint8)
    wrong = torch.zeros(1, 4, 4, dtype=torch.uint8)
    wrong[:, :2] = 1
    maps = torch.rand(1, 4, 4)
    against = 1.0 - wrong
    for prediction, pae, labels in [
        (truth, maps, truth),  # no error
        (truth + 1, maps, truth),  # nothing but errors
        (wrong, maps, torch.full_like(truth, 255)),  # nothing to learn from
        (wrong, against, truth),  # neither map speaks for errors
    ]:
        assert learn_weights(constructed(pae, pae, prediction), labels) == (0.5, 0.5)
