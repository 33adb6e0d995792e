"""RALIS inside the loop: pools, rounds, the stage that trains the policy, the methods that follow it."""

import dataclasses

import numpy as np
import pytest
import torch

from segxal.acquisition.oracles.base import Annotation
from segxal.acquisition.query import Ask, first_query
from segxal.acquisition.ralis.policy import checksum, read_policy
from segxal.acquisition.ranking import draw_pools
from segxal.acquisition.strategies import get_strategy
from segxal.acquisition.strategies.base import Units
from segxal.acquisition.strategies.ralis import boxes_in, look
from segxal.core import regions
from segxal.core.errors import ConfigError, TrainingDiverged
from segxal.core.labels import VOID
from segxal.data.splits import open_splits
from segxal.methods.base import Context
from segxal.methods.episodes import Episode, new_world
from segxal.methods.learner import learner_of
from segxal.methods.rounds import Bought
from segxal.study import grid
from segxal.study.grid import run_cycles, run_of, until
from segxal.study.jobs import jobs_of
from segxal.study.records import rows_of
from segxal.study.settings import load_preset


@pytest.fixture(scope="module")
def preset(tiny):
    return load_preset("smoke-ralis").with_changes(
        data={"height": 16, "width": 32, "counts": (12, 4, 4)},
        model={"base": 4, "depth": 2},
        train={"steps": 6, "cycle_steps": 3, "evaluations": 1, "amp": "off"},
        pool={"start": 0.34, "region_step": 0.09},
        strategy={"cell": 8, "cell_height": 4},
        policy={"episodes": 2, "steps": 3, "first_steps": 4, "reward_images": 2},
    )


@pytest.fixture(scope="module")
def run(preset, tmp_path_factory):
    return run_cycles(run_of(preset, "ralis", 0, runs=tmp_path_factory.mktemp("ralis")))


def test_the_policy_is_a_stage_before_the_cycles_and_has_no_row(run):
    assert [(c.method, c.number) for c in run] == [("start", 0), ("ralis-policy", 0), ("ralis", 1), ("ralis", 2)]
    history = run[1].metrics()["policy"]
    assert [(row["episode"], row["step"]) for row in history] == [(e, s) for e in range(2) for s in range(3)]
    assert history[0]["loss"] is None and "report" not in run[1].metrics()
    assert [row["cycle"] for row in rows_of(run)["results"]] == [0, 1, 2]
    ends = [until(run, number)[-1] for number in (0, 1, 2)]
    assert [(c.method, c.number) for c in ends] == [("start", 0), ("ralis", 1), ("ralis", 2)], (
        "cycles count, not stages"
    )


def test_the_first_reward_is_a_change_in_the_mended_recipe_and_the_whole_score_in_the_faithful_one(
    preset, tmp_path, monkeypatch
):
    monkeypatch.setattr("segxal.methods.episodes.STRIDE", 1)
    whole = {}
    for recipe in ("mended", "faithful"):
        changed = preset.with_changes(
            policy={"recipe": recipe, "first_steps": 40}, strategy={"cell": 16, "cell_height": 8}
        )
        row = run_cycles(run_of(changed, "ralis-policy", 0, runs=tmp_path / recipe))[-1].metrics()["policy"][0]
        whole[recipe] = row["reward"] == pytest.approx(100 * row["miou"])
    assert whole == {"mended": False, "faithful": True}


def test_a_run_again_gives_the_same_bytes(preset, tmp_path, run):
    again = run_cycles(run_of(preset, "ralis", 0, runs=tmp_path))
    for one, other in zip(run, again, strict=True):
        for file in one.folder.iterdir():
            if file.name != "timing.json" and file.name != "manifest.json":
                assert file.read_bytes() == (other.folder / file.name).read_bytes(), (one.method, file.name)


def test_a_cycle_spends_its_budget_in_rounds_and_asks_for_no_cell_twice(preset, run):
    area = 8 * 4
    cells = max(1, round(0.09 * 12 * 16 * 32) // 2 // area)  # of one round
    spent = [cycle.budget()["pixels"] for cycle in run if cycle.method != "ralis-policy"]
    assert np.diff(spent).tolist() == [2 * cells * area] * 2
    first, second = (cycle.asked() for cycle in run[2:])
    assert sum(part.sum() for part in first.values()) == 2 * cells * area, "no cell twice within a cycle"
    both = first.keys() & second.keys()
    assert both and not any((first[name] & second[name]).any() for name in both)
    assert sum(query["pixels"] for query in run[2].queries()) == 2 * cells * area
    assert len({query["id"] for query in run[2].queries()}) == len(run[2].queries()), "an image counts once a cycle"


def test_the_untrained_control_starts_from_the_same_policy(preset, run, tmp_path):
    trained, untrained = (read_policy(run[1].learned(name)) for name in ("policy", "untrained"))
    assert trained.states == untrained.states and set(trained.states.ids) <= set(trained.states.known)
    pairs = zip(trained.network.parameters(), untrained.network.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs), "it has learned something"


@pytest.fixture
def learner(preset, run):
    found = learner_of(run[2], preset)
    return dataclasses.replace(found, policy=read_policy(run[1].learned("policy")))


def units_of(frames, candidates, labelled=None):
    cells = regions.grid(16, 32, 8, 4)
    free = [(i, cell) for i in candidates for cell in range(16)]
    image, region = (np.array(column, dtype=np.int64) for column in zip(*free, strict=True))
    return Units(image, region, np.full(len(free), 32), lambda index: cells)


def test_ralis_keeps_the_contract_of_a_strategy(preset, run, learner):
    frames = open_splits(preset.data, "", run[0].study / "cache").train
    units = units_of(frames, [1, 4, 6])
    before = [value.clone() for value in learner.model.state_dict().values()]
    choice = get_strategy("ralis", "grid")(learner, frames, units, 5 * 32, np.random.default_rng(0))
    assert len(choice.order) == 5 and np.isfinite(choice.scores).all() and choice.scores.std() > 0
    again = get_strategy("ralis", "grid")(learner, frames, units, 5 * 32, np.random.default_rng(1))
    assert np.array_equal(choice.scores, again.scores), "it draws nothing"
    assert all(torch.equal(a, b) for a, b in zip(before, learner.model.state_dict().values(), strict=True))
    hidden = dataclasses.replace(frames, labels=torch.full_like(frames.labels, VOID))
    blind = get_strategy("ralis", "grid")(learner, hidden, units, 5 * 32, np.random.default_rng(0))
    assert np.array_equal(choice.scores, blind.scores), "labels of the candidates are not looked at"
    with pytest.raises(ConfigError, match="ralis needs a policy"):
        bare = dataclasses.replace(learner, policy=None)
        get_strategy("ralis", "grid")(bare, frames, units, 32, np.random.default_rng(0))


def test_what_the_network_sees_is_in_the_order_of_its_state_set_and_of_the_units(preset, run, learner, monkeypatch):
    frames = open_splits(preset.data, "", run[0].study / "cache").train
    units, states = units_of(frames, [1, 4]), learner.policy.states
    passes = []
    forward = learner.model.forward
    monkeypatch.setattr(learner.model, "forward", lambda x: passes.append(len(x)) or forward(x))
    seen = look(learner, frames, units, states)
    assert sum(passes) == len({1, 4, *states.positions(frames)}), "one forward pass for each image"
    assert seen.state.shape == (2 * 16, 20 + 192) and seen.candidates.shape == (32, 20 + 192 + 64)
    flipped = look(
        learner, frames, units, dataclasses.replace(states, ids=states.ids[::-1], checksum=other(frames, states))
    )
    assert np.array_equal(flipped.state[:16], seen.state[16:])
    assert seen.candidates[:, -32:].sum(1) == pytest.approx(np.ones(32)), "each is compared with all"


def other(frames, states):
    return checksum(frames, [frames.position(name) for name in states.ids[::-1]])


def test_pools_do_not_overlap_and_shrink_where_there_is_little_left():
    cells = regions.grid(8, 8, 4)
    units, pools = draw_pools([0, 1, 2], lambda index: cells, 3, 3, np.random.default_rng(0))
    assert pools.shape == (3, 3) and sorted(pools.ravel()) == list(range(9)) and len(units) == 9
    assert (np.diff(units.image) >= 0).all()
    units, pools = draw_pools([5], lambda index: cells, 3, 9, np.random.default_rng(0))
    assert pools.shape == (3, 1) and len(units) == 3
    with pytest.raises(ConfigError, match="5 regions are to be asked for, but the candidates hold 4"):
        draw_pools([5], lambda index: cells, 5, 2, np.random.default_rng(0))


def test_boxes_are_those_of_the_regions():
    partition = np.array([[-1, 0, 0], [2, 2, 0]], dtype=np.int32)
    assert boxes_in(partition).tolist() == [[0, 2, 1, 3], [0, 0, 0, 0], [1, 2, 0, 2]]


def test_too_few_labelled_images_or_no_pools_are_refused(preset, tmp_path):
    for changes in ({"policy": {"state_images": 4}}, {"strategy": {"candidates": 0}}):
        wrong = preset.with_changes(**changes)
        with pytest.raises(ConfigError, match=r"a policy needs more labelled images .*strategy.candidates"):
            run_cycles(run_of(wrong, "ralis-policy", 0, runs=tmp_path / next(iter(changes))))


def test_answers_of_several_rounds_are_one_answer(frames):
    query = first_query(frames, 0)
    half = np.zeros_like(query.asked)
    half[:16] = True
    parts = [half, ~half]
    bought = Bought()
    for number, part in enumerate(parts):
        labels = np.where(part, query.truth, VOID).astype(np.uint8)
        row = {"id": query.id, "score": float(number), "dice": 0.5, "accepted": number == 0, "pixels": 3, "clicks": 2}
        asked = dataclasses.replace(query, asked=part)
        bought.add(Ask(0, float(number), asked), Annotation(labels, np.zeros_like(part), 3, 2), row)
    assert np.array_equal(bought.annotations[query.id], query.truth) and bought.asked[query.id].all()
    assert bought.queries[query.id] == {
        "id": query.id, "score": 1.0, "dice": 0.5, "accepted": True, "pixels": 6, "clicks": 4,
    }  # fmt: skip


def test_an_ablation_of_the_policy_trains_its_own(preset, run, tmp_path):
    variants = {name: run_of(preset, "ralis", 0, name, tmp_path) for name in ("policy-1h", "policy-one-update")}
    for name, cycles in variants.items():
        stages = [(cycle.method, cycle.ablation) for cycle in cycles[:3]]
        assert stages == [("start", "none"), ("ralis-policy", name), ("ralis", name)]
        assert cycles[0].digest == run[0].digest, "all of them share the first training"
    learned = run_cycles(variants["policy-1h"])[1]
    assert read_policy(learned.learned("policy")).states.form.parts == "1H"
    assert [row["ablation"] for row in rows_of(variants["policy-1h"])["results"]] == ["policy-1h"] * 3
    assert variants["policy-one-update"][1].settings.train.round_steps == 1


def test_a_study_has_the_policies_that_its_preset_names(preset):
    chosen = dataclasses.replace(preset, policies=("policy-1h",))
    assert grid.ablations_of(chosen)["policy-1h"] == ["ralis"]
    job = jobs_of(chosen)["ablation_policy/ralis-seed0"]
    assert job.parameters == {"method": "ralis", "seed": 0}
    assert set(job.needs) == {"al_cycle/start-none-seed0-cycle0", "baseline/ralis-seed0"}
    assert not grid.policies(dataclasses.replace(chosen, methods=("random",)))
    with pytest.raises(ConfigError, match="policies: no ablation 'policy-2h'; choose from policy-faithful"):
        grid.policies(dataclasses.replace(preset, policies=("policy-2h",)))


def test_a_reward_without_labels_is_refused(preset, run):
    start, splits = run[0], open_splits(preset.data, "", run[0].study / "cache")
    labelled = tuple(start.pool().labelled)
    labels = start.labels_of([splits.train.ids[i] for i in labelled])
    world = new_world(Context(run[1].settings, splits, 0, 0, (start,)), labelled, labels)
    assert 0 <= Episode(world, np.random.default_rng(0)).score() <= 1
    nothing = dataclasses.replace(world.reward, labels=torch.full_like(world.reward.labels, VOID))
    with pytest.raises(TrainingDiverged, match="no labelled pixel in the reward images"):
        Episode(dataclasses.replace(world, reward=nothing), np.random.default_rng(0)).score()
