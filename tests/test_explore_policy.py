"""The view of one step of RALIS: it shows what the cycle drew and chose, and says what moved a value."""

import dataclasses

import numpy as np
import pytest

from segxal.apps.explore.picture import from_png, png
from segxal.apps.explore.policy.explorer import PolicyExplorer
from segxal.apps.explore.policy.pictures import step_picture, step_text
from segxal.apps.explore.policy.step import PARTS, parts_of, step_of
from segxal.core.errors import ConfigError
from segxal.study.grid import run_cycles, run_of
from segxal.study.settings import load_preset


@pytest.fixture(scope="module")
def run(tiny, tmp_path_factory):
    preset = load_preset("smoke-ralis").with_changes(
        data=vars(tiny.data), model=vars(tiny.model), train=vars(tiny.train),
        pool={"start": 0.34, "region_step": 0.03, "rounds": 1, "cycles": 1},
        strategy={"cell": 8, "cell_height": 4, "candidates": 3},
        policy={"episodes": 2, "steps": 3, "first_steps": 4, "reward_images": 2},
    )  # fmt: skip
    return run_cycles(run_of(preset, "ralis", 0, runs=tmp_path_factory.mktemp("policy")))


@pytest.fixture(scope="module")
def step(run, tiny_splits):
    return step_of(run[-1], tiny_splits)


def test_it_is_the_round_that_the_cycle_asked(run, step, tiny_splits):
    found = {name: np.zeros_like(part) for name, part in run[-1].asked().items()}
    for one in step.chosen:
        index, part = step.place(one)
        found[tiny_splits.train.ids[index]] |= part
    assert all(np.array_equal(part, found[name]) for name, part in run[-1].asked().items())
    scores = {}
    for one in step.chosen:
        name = tiny_splits.train.ids[step.place(one)[0]]
        scores[name] = max(scores.get(name, -np.inf), step.ranking.scores[one])
    assert {row["id"]: row["score"] for row in run[-1].queries()} == pytest.approx(scores)


def test_the_best_of_each_pool_is_chosen(step):
    values = step.ranking.scores[step.pools]
    assert step.pools.shape[1] == 3 and (np.diff(values, axis=1) <= 0).all()
    assert step.pools[:, 0].tolist() == step.chosen
    assert len(set(step.pools.ravel())) == step.pools.size, "no region is in two pools"


def test_parts_cover_the_features_once_and_say_what_moved(step):
    parts = parts_of(19 + 1 + 192 + 64)
    assert list(parts) == list(PARTS) and parts["predicted classes"] == slice(0, 20)
    covered = np.concatenate([np.arange(276)[part] for part in parts.values()])
    assert covered.tolist() == list(range(276))
    assert all(values.shape == step.ranking.scores.shape for values in step.moved.values())
    assert any(np.abs(values).max() > 0 for values in step.moved.values())
    assert np.abs(step.moved["unlike the labelled"]).max() == 0, "nothing is bought before the first round"


def test_pictures_follow_the_sliders_and_words_name_the_value(step):
    explorer = PolicyExplorer(step)
    first = explorer.picture.value
    assert first == png(step_picture(step, 0, 0)) and "it is asked for" in explorer.text.value
    explorer.candidate.value = 3
    assert explorer.picture.value == png(step_picture(step, 0, 2)) != first
    assert "it is not asked for" in explorer.text.value
    explorer.pool.value = step.pools.shape[0]
    last = int(step.pools[-1, 2])
    assert f"Q = {step.ranking.scores[last]:.3f}" in explorer.text.value == step_text(step, len(step.pools) - 1, 2)
    assert from_png(explorer.picture.value).shape[2] == 3
    explorer.pool.value, explorer.candidate.value = 1, 1
    assert explorer.picture.value == first


def test_other_methods_and_pools_are_refused(step, tiny_run, tiny_splits):
    with pytest.raises(ConfigError, match="segxal-human follows no policy; choose ralis"):
        step_of(tiny_run[-1], tiny_splits)
    everything = dataclasses.replace(step, ranking=dataclasses.replace(step.ranking, pools=None))
    with pytest.raises(ConfigError, match="all regions compete"):
        everything.pools  # noqa: B018
