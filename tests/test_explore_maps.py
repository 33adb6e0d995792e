"""The explorer's maps: what the study's own mask is made of, bit for bit; kept, and no more than allowed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from segxal.acquisition.oracles import get_oracle
from segxal.acquisition.query import masked_queries
from segxal.acquisition.settings import OracleConfig
from segxal.apps.explore.mask.maps import Kept, MapStore, Setting
from segxal.apps.explore.mask.reading import asked_for, error_mask, pixel_facts, price_of, read, region_count
from segxal.apps.explore.mask.sources import known_to, subject_of
from segxal.core.cams import library_cam
from segxal.core.detection import detection_scores
from segxal.core.eem import top_area
from segxal.core.errors import ConfigError, DataMissing
from segxal.core.gradcam import gradcam, traced
from segxal.core.labels import CAMVID, VOID
from segxal.core.seeds import generator
from segxal.data.splits import open_splits
from segxal.models.checkpoints import folded
from segxal.models.explain import Explainer, error_masks
from segxal.results.learner import learner_that_asked


@pytest.fixture(scope="module")
def subject(tiny_run):
    """The image that the first cycle ranked first, seen by the network that asked."""
    cycle = tiny_run[1]
    splits = open_splits(cycle.settings.data, "", cycle.study / "cache")
    index = splits.train.position(cycle.queries()[0]["id"])
    return subject_of("train", splits.train.select([index]), "0", learner_that_asked(cycle))


def study_mask(subject, setting):
    learner, frames = subject.learner, subject.frames
    parts = (frames.images, frames.depth, frames.classes, setting.mask, learner.amp, setting.layer)
    (mask,) = error_masks(learner.model, *parts)
    return mask


def settings(subject):
    mask = subject.learner.mask
    return {
        "the study's": Setting(mask),
        "otsu": Setting(replace(mask, threshold="otsu")),
        "quantile": Setting(replace(mask, quantile=0.8)),
        "geometry": Setting(replace(mask, depth="geometry")),
        "patch entropy": Setting(replace(mask, entropy="patch")),
        "weights": Setting(replace(mask, w_pae=0.15, w_ebu=0.85)),
        "layer": Setting(mask, layer="up.0"),
        "library": Setting(replace(mask, cam="layercam")),
    }


@pytest.mark.parametrize(
    "name", ["the study's", "otsu", "quantile", "geometry", "patch entropy", "weights", "layer", "library"]
)
def test_the_mask_is_the_study_s_own_bit_for_bit(subject, name):
    setting = settings(subject)[name]
    here, expected = MapStore().maps(subject, setting), study_mask(subject, setting)
    for part in ("prediction", "ebu", "depth", "attention", "pae"):
        assert np.array_equal(getattr(here, part), getattr(expected, part)[0].numpy()), part
    eem = error_mask(here, setting)
    assert np.array_equal(eem, expected.eem[0].numpy())
    assert np.array_equal(asked_for(eem, setting), top_area(expected.eem, setting.mask.area)[0].numpy())


def test_what_is_asked_and_its_price_are_those_of_the_study_s_query(subject):
    learner, setting = subject.learner, Setting(subject.learner.mask)
    (query,) = masked_queries(learner, subject.frames, [0])
    answer = get_oracle("human", OracleConfig(), {"model": learner.model}, learner.amp).annotate(query)
    here = MapStore().maps(subject, setting)
    found = read(here, setting, subject.frames.labels[0].numpy(), OracleConfig().overlap)
    assert (found.price.pixels, found.price.clicks) == (answer.pixels, answer.clicks) and found.price.known
    assert found.pixels == query.asked.sum() and found.share == pytest.approx(query.asked.mean())
    assert found.price.minutes == pytest.approx((2 * answer.clicks + 10) / 60)


def test_auroc_is_that_of_error_detection(subject):
    setting = Setting(subject.learner.mask)
    rows = detection_scores([study_mask(subject, setting)], subject.frames.labels, generator(0, "detection"))
    expected = {row.map: row.auroc for row in rows if row.pixels == "all"}
    found = read(MapStore().maps(subject, setting), setting, subject.frames.labels[0].numpy(), 0.25)
    assert found.auroc == {name: pytest.approx(expected[name]) for name in ("eem", "ebu", "pae")}
    assert found.errors == pytest.approx(next(row.error_rate for row in rows))


def test_one_class_is_explained_by_its_own_score(subject, unet):
    with torch.no_grad():  # no class is ahead of the others, so that several are predicted
        unet.head.bias -= unet(unet.prepare(subject.frames.images)).mean((0, 2, 3))
    learner = replace(subject.learner, model=unet)
    subject, store, mask = replace(subject, learner=learner, network="several"), MapStore(), learner.mask
    everything = store.maps(subject, Setting(mask))
    fast = folded(unet)
    with traced(fast, fast.bottleneck) as trace:
        seen = trace(unet.prepare(torch.from_numpy(everything.informed).permute(2, 0, 1)[None]))
    present = seen.logits.argmax(1).unique().tolist()
    assert len(present) > 1
    for category in present:
        one = store.maps(subject, Setting(mask, category=category))
        assert np.array_equal(one.pae, gradcam(seen, category)[0].numpy())
        assert not np.array_equal(one.pae, everything.pae)
    absent = min(set(range(19)) - set(present))
    assert not store.maps(subject, Setting(mask, category=absent)).pae.any()
    library = replace(mask, cam="hirescam")
    one, every = (store.maps(subject, Setting(library, category=c)).pae for c in (present[0], None))
    assert not np.array_equal(one, every)


def test_a_class_of_the_library_is_the_class_of_ours(unet):
    """Grad-CAM of pytorch-grad-cam with our target is our Grad-CAM: the same score of one class."""
    from pytorch_grad_cam import GradCAM

    from segxal.core import cams

    x, layer = torch.randn(1, 3, 16, 24, generator=generator(1, "x")), unet.bottleneck
    with traced(unet, layer) as trace:
        seen = trace(x)
    category = int(seen.logits.argmax(1).flatten().mode().values)
    cams.LIBRARY_CAMS["test"] = GradCAM.__name__
    try:
        theirs = library_cam("test", unet, layer, x, category)
    finally:
        del cams.LIBRARY_CAMS["test"]
    assert torch.allclose(theirs, gradcam(seen, category), atol=0.02)  # they scale before they enlarge


def test_weights_and_area_run_no_network_and_thresholds_run_one_pass(subject, monkeypatch):
    passes = []
    for name in ("see", "explain"):
        act = getattr(Explainer, name)
        monkeypatch.setattr(Explainer, name, lambda *a, _n=name, _act=act: (passes.append(_n), _act(*a))[1])
    store, mask = MapStore(), subject.learner.mask
    first = store.maps(subject, Setting(mask))
    assert passes == ["see", "explain"]
    for changed in (replace(mask, w_pae=0.9), replace(mask, area=0.4)):
        assert store.maps(subject, Setting(changed, level=0.3)) is first
    assert passes == ["see", "explain"]
    store.maps(subject, Setting(replace(mask, quantile=0.9)))
    assert passes == ["see", "explain", "explain"]
    again = store.maps(subject, Setting(mask))
    assert passes == ["see", "explain", "explain"] and np.array_equal(again.pae, first.pae)
    store.maps(subject, Setting(replace(mask, threshold="otsu")))
    assert store.maps(subject, Setting(replace(mask, threshold="otsu", quantile=0.1))).pae is not None
    assert passes.count("explain") == 3, "Otsu's rule does not ask for the quantile"


def test_no_more_is_kept_than_allowed(subject):
    store = MapStore(kept=4)
    for quantile in np.linspace(0, 1, 9):
        store.maps(subject, Setting(replace(subject.learner.mask, quantile=float(quantile))))
    assert len(store._stages) == 4
    kept, made = Kept(2), []
    for key in "ababca":
        kept.get(key, lambda key=key: made.append(key) or key)
    assert made == ["a", "b", "c", "a"] and len(kept) == 2, "the one that was used longest ago is forgotten"


def test_exploring_changes_no_network(subject):
    model = subject.learner.model
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    for setting in settings(subject).values():
        MapStore().maps(subject, setting)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert not model.training and not any(part._forward_hooks for part in model.modules())
    assert all(weight.requires_grad and weight.grad is None for weight in model.parameters())


def test_layers_are_the_blocks_in_their_order(subject):
    assert subject.learner.model.layer_names() == ("down.0", "down.1", "bottleneck", "up.0", "up.1")
    assert subject.learner.model.explained == "bottleneck"
    with pytest.raises(ConfigError, match=r"no layer 'middle'; Grad-CAM can look at down\.0, down\.1, bottleneck"):
        MapStore().maps(subject, Setting(subject.learner.mask, layer="middle"))


def test_a_level_asks_for_everything_from_it_on(subject):
    eem = np.array([[0.1, 0.5], [0.5000001, 0.9]], dtype=np.float32)
    assert asked_for(eem, Setting(subject.learner.mask, level=0.5)).tolist() == [[False, True], [True, True]]
    assert region_count(eem > 0.4) == 1 and region_count(eem > 1) == 0


def test_what_cannot_be_made_is_said(subject):
    bare = replace(subject, name="bare", frames=replace(subject.frames, depth=None))
    with pytest.raises((ConfigError, DataMissing), match="depth"):
        MapStore().maps(bare, Setting(replace(subject.learner.mask, depth="dataset")))
    with pytest.raises(ConfigError, match="no CAM method 'gradcan'"):
        MapStore().maps(subject, Setting(replace(subject.learner.mask, cam="gradcan")))


def test_without_labels_nothing_is_said_of_errors(subject):
    frames = known_to(CAMVID, subject.frames)
    assert frames.labelled == (False,) and known_to(subject.frames.classes, subject.frames) is subject.frames
    setting = Setting(subject.learner.mask)
    here = MapStore().maps(replace(subject, frames=frames), setting)
    found = read(here, setting, frames.labels[0].numpy(), 0.25)
    assert np.isnan(found.errors) and np.isnan(found.found) and all(np.isnan(v) for v in found.auroc.values())
    assert not found.price.known and found.price.clicks > 0
    facts = pixel_facts(here, here.ebu, here.ebu > 2, frames.labels[0].numpy(), subject.frames.classes, (0, 0))
    assert facts.truth == ""


def test_the_price_of_nothing_is_one_look():
    labels = np.zeros((4, 4), np.uint8)
    price = price_of(np.zeros((4, 4), dtype=bool), labels, labels, 0.25)
    assert (price.pixels, price.clicks, price.minutes) == (0, 0, pytest.approx(1 / 6))


def test_a_pixel_says_what_the_maps_say(subject):
    setting, truth = Setting(subject.learner.mask), subject.frames.labels[0].numpy().copy()
    here = MapStore().maps(subject, setting)
    eem = error_mask(here, setting)
    asked, classes = asked_for(eem, setting), subject.frames.classes
    facts = pixel_facts(here, eem, asked, truth, classes, (5, 7))
    assert facts.truth == classes.names[truth[5, 7]]
    assert facts.probabilities[0][0] == classes.names[here.prediction[5, 7]]
    assert sum(share for _, share in facts.probabilities) == pytest.approx(1, abs=1e-4)
    assert [share for _, share in facts.probabilities] == sorted((s for _, s in facts.probabilities), reverse=True)
    weights = setting.mask.w_pae + setting.mask.w_ebu
    mixed = (setting.mask.w_pae * facts.pae + setting.mask.w_ebu * facts.ebu) / weights
    assert facts.eem == pytest.approx(mixed, abs=1e-6) and facts.asked == asked[5, 7]
    assert facts.near == pytest.approx(
        (facts.depth - here.depth.min()) / (here.depth.max() - here.depth.min()), abs=1e-6
    )
    truth[5, 7] = VOID
    assert pixel_facts(here, eem, asked, truth, classes, (5, 7)).truth == "void"
