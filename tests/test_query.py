"""What is asked for at each granularity: budgets are kept, nothing is asked twice."""

import numpy as np
import pytest

from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.data.splits import open_splits
from segxal.methods import METHODS
from segxal.methods.baselines import STRATEGIES_AT
from segxal.methods.cycles import round_budget
from segxal.study.loop import run_cycle
from segxal.study.state import Cycle

REGIONS = ["random-grid", "entropy-superpixel", "eem-component", "margin-pixel"]


@pytest.fixture(scope="module")
def small(tiny):
    return tiny.with_changes(pool={"region_step": 0.05, "pixels": 6}, strategy={"cell": 4, "pieces": 12})


@pytest.fixture(scope="module")
def runs(tmp_path_factory, small):
    folder = tmp_path_factory.mktemp("runs")
    run_cycle(Cycle(small, "start", 0, 0, runs=folder))
    return folder


@pytest.mark.parametrize("method", REGIONS)
def test_regions_keep_their_budget_and_are_never_asked_for_twice(runs, small, method):
    train = open_splits(small.data, "", runs / "smoke" / "cache").train
    before = Cycle(small, "start", 0, 0, runs=runs)
    for number in (1, 2):
        cycle = run_cycle(Cycle(small, method, 0, number, runs=runs))
        asked, earlier = cycle.asked(), {}
        for step in before.history:
            for name, part in step.asked().items():
                earlier[name] = earlier.get(name, False) | part
        assert all(not (part & earlier.get(name, False)).any() for name, part in asked.items())
        pixels = sum(int(part.sum()) for part in asked.values())
        spent = cycle.metrics()["budget"]["pixels"] - before.metrics()["budget"]["pixels"]
        assert spent == pixels
        if method.endswith("-pixel"):
            free = [name for name in train.ids if not np.all(earlier.get(name, False))]
            assert pixels == 6 * len(free) and set(asked) == set(free)
            assert cycle.metrics()["budget"]["clicks"] - before.metrics()["budget"]["clicks"] == pixels
        else:
            assert 0 < pixels <= max(round_budget(small.pool, train), max(int(p.sum()) for p in asked.values()))
        for name, labels in cycle.annotations().items():
            assert (labels[~asked[name]] == VOID).all()
        before = cycle


def test_annotations_of_several_cycles_merge_into_one_map(runs, small):
    cycles = [run_cycle(Cycle(small, "margin-pixel", 0, n, runs=runs)) for n in (1, 2)]
    name = next(iter(cycles[1].annotations()))
    merged = cycles[1].labels_of([name])[0].numpy()
    for cycle in cycles:
        own = cycle.annotations()[name]
        assert (merged[own != VOID] == own[own != VOID]).all()
    given = sum((cycle.annotations()[name] != VOID).sum() for cycle in cycles)
    assert (merged != VOID).sum() == given, "no pixel is annotated twice and none is lost"


def test_a_study_can_start_from_single_pixels(tmp_path, small):
    preset = small.with_changes(pool={"start_pixels": 5})
    cycle = run_cycle(Cycle(preset, "start", 0, 0, runs=tmp_path))
    asked, labelled = cycle.asked(), cycle.metrics()["labelled"]
    assert labelled >= 1 and {int(part.sum()) for part in asked.values()} == {5}
    assert cycle.metrics()["budget"] == {"images": labelled, "pixels": 5 * labelled, "clicks": 5 * labelled}
    truth = dict(zip(open_splits(preset.data).train.ids, open_splits(preset.data).train.labels.numpy(), strict=True))
    for name, labels in cycle.annotations().items():
        assert (labels[asked[name]] == truth[name][asked[name]]).all() and (labels[~asked[name]] == VOID).all()
    after = run_cycle(Cycle(preset, "margin-pixel", 0, 1, runs=tmp_path))
    assert not any((after.asked()[name] & part).any() for name, part in asked.items()), (
        "what is known is not asked again"
    )
    everything = run_cycle(Cycle(preset, "supervised", 0, 0, runs=tmp_path)).metrics()
    assert everything["budget"]["pixels"] == open_splits(preset.data).train.labels.numel(), "all labels are all pixels"


@pytest.mark.parametrize("name", ["bald", "qbc"])
def test_dropout_methods_have_a_start_of_their_own_and_the_same_initial_labels(runs, small, name):
    cycle = Cycle(small, name, 0, 1, runs=runs)
    assert cycle.previous.ablation == "dropout" and cycle.settings.model.dropout > 0
    run_cycle(cycle.previous)
    plain = Cycle(small, "start", 0, 0, runs=runs)
    assert set(cycle.previous.annotations()) == set(plain.annotations())
    assert run_cycle(cycle).metrics()["queried"] == 2


def test_every_granularity_names_its_oracle_and_strategies():
    for granularity, strategies in STRATEGIES_AT.items():
        for strategy in strategies:
            method = METHODS[strategy if granularity == "image" else f"{strategy}-{granularity}"]
            assert (method.strategy, method.granularity) == (strategy, granularity)


def test_a_strategy_without_a_granularity_is_refused(tmp_path, small):
    with pytest.raises(ConfigError, match="core-set-pixel"):
        Cycle(small, "core-set-pixel", 0, 1, runs=tmp_path)


@pytest.mark.parametrize("ablation", ["noise-boundary", "noise-class"])
def test_noisy_people_answer_the_same_questions_with_errors(runs, small, ablation):
    clean, noisy = (run_cycle(Cycle(small, "random", 0, 1, name, runs)) for name in ("none", ablation))
    assert [q["id"] for q in clean.queries()] == [q["id"] for q in noisy.queries()]
    assert [q["clicks"] for q in clean.queries()] == [q["clicks"] for q in noisy.queries()]
    pairs = [(labels, noisy.annotations()[name]) for name, labels in clean.annotations().items()]
    assert all(((a == VOID) == (b == VOID)).all() for a, b in pairs) and any((a != b).any() for a, b in pairs)
