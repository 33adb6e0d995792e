"""The explorer with networks of no cycle: their layers, classes and masks, their maps, and what they cannot answer."""

import pytest
import torch

from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies.base import Learner
from segxal.apps.explore.mask.explorer import Explorer
from segxal.apps.explore.mask.maps import MapStore
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID, Classes
from segxal.models import build_model
from segxal.models.settings import MaskConfig, ModelConfig
from segxal.training.settings import TrainConfig

TWO = Classes(("near", "far"), ((255, 0, 0), (0, 0, 255)))
NAME = "trained elsewhere"


def learner_with(classes, seed=3, **mask):
    config = ModelConfig(base=4, depth=3)  # deeper than the networks of the run
    model = build_model(config, classes, torch.Generator().manual_seed(seed)).eval()
    train = TrainConfig(steps=1, cycle_steps=1, amp="off")
    return Learner(model, MaskConfig(**mask), StrategyConfig(), train)


@pytest.fixture(scope="module")
def other():
    return learner_with(19, depth="streets-net", area=0.35, w_ebu=0.7)


@pytest.fixture
def explorer(tiny_run, other):
    return Explorer(tiny_run, networks={NAME: other})


def same(one, two):
    return all((getattr(one, name) == getattr(two, name)).all() for name in vars(one))


def test_the_first_of_them_is_shown_first_with_its_own_mask_and_layers(explorer, other, tiny_run):
    one = explorer.controls
    assert one.network.label == NAME and one.network.options[0][0] == NAME
    assert [name for name, _ in one.network.options[1:]] == ["after the start", "after cycle 1", "after cycle 2"]
    assert explorer.subject.learner is other and explorer.setting.mask == other.mask and explorer.setting.layer == ""
    assert [value for _, value in one.layer.options] == list(other.model.layer_names())
    assert one.layer.label == "bottleneck (its own)"
    assert same(explorer.maps, MapStore().maps(explorer.subject, explorer.setting))
    assert explorer.subject.frames.ids[0] == tiny_run[-1].queries()[0]["id"]


def test_without_them_the_network_that_asked_is_shown(tiny_run):
    one = Explorer(tiny_run).controls
    assert one.network.label == "after cycle 1" and one.layer.label.endswith("(the study's)")


def test_changing_to_a_network_of_the_run_and_back_gives_its_maps_and_layers(explorer, other, tiny_run):
    one, first = explorer.controls, explorer.maps
    one.layer.value = "down.2"  # which only the deeper network has
    one.network.value = 1
    assert explorer.subject.learner is not other and explorer.setting.layer == ""
    assert "down.2" not in [value for _, value in one.layer.options]
    assert one.layer.label == "bottleneck (the study's)" and one.area.value == 0.35, "sliders stay where they were"
    assert same(explorer.maps, MapStore().maps(explorer.subject, explorer.setting))
    assert not same(explorer.maps, first)
    one.layer.value = "up.0"
    one.network.value = len(tiny_run)
    assert explorer.setting.layer == "up.0", "what both have stays chosen"
    one.layer.value = "bottleneck"
    assert same(explorer.maps, first) and "Still showing" not in explorer.status.value


def test_several_of_one_shape_are_told_apart(tiny_run, other):
    explorer = Explorer(tiny_run, networks={NAME: other, "another": learner_with(19, seed=4, depth="streets-net")})
    first = explorer.maps
    explorer.controls.network.value += 1
    assert explorer.controls.network.label == "another" and not same(explorer.maps, first)


def test_a_network_of_other_classes_names_its_own_and_takes_no_labels_of_others(tiny_run):
    explorer = Explorer(tiny_run, networks={"two": learner_with(2, depth="dataset")}, classes=TWO)
    one = explorer.controls
    assert [name for name, _ in one.category.options] == ["all predicted", "near", "far"]
    assert (explorer.subject.frames.labels == VOID).all() and "no labels" in explorer.numbers.value
    assert "near" in explorer.scales["prediction"].value or "far" in explorer.scales["prediction"].value
    one.category.value = 1
    one.network.value = 0
    assert len(one.category.options) == 20 and one.category.label == "all predicted"
    assert not (explorer.subject.frames.labels == VOID).all() and "EEM" in explorer.numbers.value
    one.image.value = 2
    one.network.value = len(tiny_run)
    assert explorer.subject.frames.classes is TWO and explorer.subject.frames.ids == explorer.splits.train.ids[2:3]


def test_classes_that_do_not_fit_are_refused(tiny_run):
    with pytest.raises(ConfigError, match="'two' distinguishes 2 classes, but 19 are named"):
        Explorer(tiny_run, networks={"two": learner_with(2)})


def test_what_if_needs_a_network_of_a_cycle(explorer):
    explorer.what_if.begin()
    assert "belongs to no cycle of the run" in explorer.what_if.answer.value and explorer.what_if.thread is None
    explorer.controls.network.value = 1
    cycle, _, _ = explorer._question()
    assert cycle.number == 2
