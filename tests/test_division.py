"""Published divisions: which images they name, where they start a run, what does not fit."""

import collections
import dataclasses

import pytest

from segxal.acquisition.ralis.policy import read_policy
from segxal.core.errors import ConfigError, DataMissing
from segxal.data.division import division_names, read_division
from segxal.data.splits import open_splits
from segxal.methods import get_method
from segxal.methods.base import Context
from segxal.storage import paths
from segxal.storage.files import write_rows
from segxal.study.grid import run_cycles, run_of
from segxal.study.settings import load_preset


def sequences(ids):
    return dict(collections.Counter(name.split("_")[0] for name in ids))


@pytest.fixture
def shipped_splits():
    try:
        return open_splits(load_preset("camvid").data)
    except DataMissing as error:
        pytest.skip(str(error))


@pytest.fixture
def own(monkeypatch, tmp_path, tiny_splits):
    """A division of `streets`: the third image for the state, the first and the last beside it."""
    ids = tiny_splits.train.ids
    rows = [{"id": ids[2], "role": "state"}, {"id": ids[0], "role": "start"}, {"id": ids[-1], "role": "start"}]
    write_rows(tmp_path / "mine.csv", ["id", "role"], rows)
    monkeypatch.setattr(paths, "DIVISIONS", tmp_path)
    return ids


def test_the_release_of_ralis_names_ten_and_a_hundred_images_by_sequence():
    division = read_division("ralis-camvid")
    others = set(division.images) - set(division.states)
    assert (
        len(set(division.images)) == 110 and len(division.states) == 10 and set(division.states) <= set(division.images)
    )
    assert sequences(division.states) == {"0016E5": 6, "0006R0": 2, "0001TP": 2}
    assert sequences(others) == {"0016E5": 55, "0006R0": 27, "0001TP": 18}


def test_on_camvid_it_leaves_257_images_to_the_pool(shipped_splits):
    ids = shipped_splits.train.ids
    places = read_division("ralis-camvid").positions(ids)
    rest = [name for k, name in enumerate(ids) if k not in places]
    assert places == sorted(places) and sequences(rest) == {"0016E5": 143, "0006R0": 72, "0001TP": 42}


def test_a_run_starts_from_its_images_whatever_the_seed(own, tiny, tiny_splits):
    settings = tiny.with_changes(pool={"division": "mine"})
    for seed in (0, 1):
        start = get_method("start").run(Context(settings, tiny_splits, seed, 0))
        assert start.pool.labelled == [0, 2, len(own) - 1] and set(start.annotations) == {own[0], own[2], own[-1]}
    everything = get_method("supervised").run(Context(settings, tiny_splits, 0, 0))
    assert everything.pool.labelled == list(range(len(own))), "full supervision knows no division"


def test_a_policy_looks_at_its_states(own, tiny, tmp_path):
    preset = load_preset("smoke-ralis").with_changes(
        data=vars(tiny.data), model=vars(tiny.model), train=vars(tiny.train), strategy={"cell": 8, "cell_height": 4},
        pool={"division": "mine", "region_step": 0.09},
        policy={"episodes": 2, "steps": 3, "first_steps": 1, "reward_images": 2},
    )  # fmt: skip
    stage = run_cycles(run_of(preset, "ralis", 0, runs=tmp_path))[1]
    states = read_policy(stage.learned("policy")).states
    assert states.ids == (own[2],) and states.known == (own[0], own[2], own[-1])


def test_an_image_without_ground_truth_cannot_be_labelled_from_the_start(own, tiny, tiny_splits):
    unlabelled = tuple(k != 2 for k in range(len(own)))
    splits = dataclasses.replace(tiny_splits, train=dataclasses.replace(tiny_splits.train, labelled=unlabelled))
    with pytest.raises(DataMissing, match=f"1 of them have no ground truth here, {own[2]}"):
        get_method("start").run(Context(tiny.with_changes(pool={"division": "mine"}), splits, 0, 0))


def test_what_does_not_fit_is_refused(tiny):
    assert division_names() == ("ralis-camvid",)
    with pytest.raises(ConfigError, match="division = 'ralis'; choose one of ralis-camvid"):
        tiny.with_changes(pool={"division": "ralis"})
    with pytest.raises(ConfigError, match="unknown division 'x'"):
        read_division("x")
    with pytest.raises(DataMissing, match="110 are not in this training split, 0001TP_006690"):
        read_division("ralis-camvid").positions(("a", "b"))
