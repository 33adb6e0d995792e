"""The cycle as a pure step: same seed same bytes, what is asked, what joins, what it costs."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from segxal.acquisition.pool import Pool
from segxal.core.errors import ConfigError, DataInvalid, DataMissing
from segxal.core.labels import VOID
from segxal.core.seeds import rng
from segxal.data.splits import Splits, open_splits
from segxal.methods import METHODS, names_of
from segxal.study import loop
from segxal.study.loop import run_cycle
from segxal.study.state import Cycle

SIMULATED = tuple(
    name for name in names_of("segxal") if not METHODS[name].asks_people
)  # people: test_label_studio_oracle.py
WHOLE = (*SIMULATED, "random", "core-set", "deal-ds", "eem-top")  # one of each kind; all are in test_strategies.py
SOME = (*SIMULATED, "random", "class-random", "entropy-superpixel", "eem-component", "margin-pixel", "s4al")
RECORDS = ("metrics.json", "queries.json", "pool.json")


@pytest.fixture(scope="module")
def runs(tmp_path_factory, tiny):
    """A study folder in which the first training of seed 0 is done."""
    folder = tmp_path_factory.mktemp("runs")
    run_cycle(Cycle(tiny, "start", 0, 0, runs=folder))
    return folder


def run(runs, tiny, method, ablation="none", cycles=2):
    return [run_cycle(Cycle(tiny, method, 0, n, ablation, runs)) for n in range(1, cycles + 1)]


def pool_of(cycle):
    return Pool.read(cycle.folder / "pool.json")


def test_two_runs_of_one_seed_are_equal_to_the_byte(tmp_path, runs, tiny):
    run(runs, tiny, "segxal-human")
    for cycle in [Cycle(tiny, "start", 0, 0, runs=tmp_path)] + [
        Cycle(tiny, "segxal-human", 0, n, runs=tmp_path) for n in (1, 2)
    ]:
        torch.rand(5)  # the global generator plays no part
        run_cycle(cycle)
        twin = dataclasses.replace(cycle, runs=runs)
        for name in (*RECORDS, "model.safetensors", "teacher.safetensors"):
            assert (cycle.folder / name).read_bytes() == (twin.folder / name).read_bytes(), name


def test_another_seed_is_another_run(tmp_path, runs, tiny):
    other = run_cycle(Cycle(tiny, "start", 1, 0, runs=tmp_path))
    assert other.metrics()["report"] != Cycle(tiny, "start", 0, 0, runs=runs).metrics()["report"]


@pytest.mark.parametrize("method", WHOLE)
def test_every_method_keeps_its_books(runs, tiny, method):
    cycles = run(runs, tiny, method)
    before = cycles[0].previous
    for cycle in cycles:
        assert cycle.is_done() and not list(cycle.folder.parent.glob(".*"))
        metrics, queries, pool = cycle.metrics(), cycle.queries(), pool_of(cycle)
        assert len(queries) == metrics["queried"] == 2 and len({q["id"] for q in queries}) == 2
        assert [q["score"] for q in queries] == sorted((q["score"] for q in queries), reverse=True)
        spent = before.metrics()["budget"]
        assert metrics["budget"] == {
            "images": spent["images"] + len(queries),
            "pixels": spent["pixels"] + sum(q["pixels"] for q in queries),
            "clicks": spent["clicks"] + sum(q["clicks"] for q in queries),
        }
        joined = {q["id"] for q in queries if q["accepted"]}
        assert {pool.ids[i] for i in pool.labelled} == {
            pool_of(before).ids[i] for i in pool_of(before).labelled
        } | joined
        assert {name for name, since in zip(pool.ids, pool.since, strict=True) if since == cycle.number} == joined
        assert metrics["labelled"] == len(pool.labelled) and metrics["accepted"] == len(joined)
        assert set(cycle.annotations()) == {q["id"] for q in queries}
        assert METHODS[method].oracle == metrics["oracle"]
        if method == "segxal-pseudo":
            assert all(q["pixels"] == q["clicks"] == 0 for q in queries)
        if METHODS[method].gated:
            assert all(q["accepted"] == (q["dice"] >= 0.5) for q in queries)
        else:
            assert all(q["accepted"] for q in queries)
        before = cycle


def test_the_start_pays_for_whole_images(runs, tiny):
    start = Cycle(tiny, "start", 0, 0, runs=runs)
    metrics = start.metrics()
    assert metrics["labelled"] == 3 and metrics["budget"]["images"] == 3 and start.queries() == []
    assert metrics["budget"]["pixels"] == 3 * 16 * 32 and metrics["oracle"] == "whole-image"
    train = open_splits(tiny.data, "", runs / "smoke" / "cache").train
    for name, labels in start.annotations().items():
        assert np.array_equal(labels, train.labels[train.ids.index(name)].numpy())


def test_supervised_labels_all_and_trains_as_long(runs, tiny):
    metrics = run_cycle(Cycle(tiny, "supervised", 0, 0, runs=runs)).metrics()
    assert metrics["labelled"] == 12 and metrics["history"][-1]["step"] == 6 + 2 * 3


def test_a_done_cycle_is_left_alone(runs, tiny):
    cycle = run(runs, tiny, "random", cycles=1)[0]
    stamp = (cycle.folder / "timing.json").stat().st_mtime_ns
    assert run_cycle(cycle) is cycle and (cycle.folder / "timing.json").stat().st_mtime_ns == stamp


def test_the_cycle_before_must_be_done(tmp_path, tiny):
    with pytest.raises(
        ConfigError, match=r"cycle 1 of random needs .*cycle_00, which is not done; run that cycle first"
    ):
        run_cycle(Cycle(tiny, "random", 0, 1, runs=tmp_path))
    assert not list((tmp_path / "smoke/runs").glob("**/*.json"))


def test_ablations_change_what_they_say(runs, tiny):
    full, no_ebu, no_pae = (
        run(runs, tiny, "segxal-human", name, 1)[0] for name in ("none", "without-ebu", "without-pae")
    )
    weights = [(c.metrics()["w_pae"], c.metrics()["w_ebu"]) for c in (full, no_ebu, no_pae)]
    assert weights == [(0.5, 0.5), (1, 0), (0, 1)]
    assert len({tuple(q["score"] for q in c.queries()) for c in (full, no_ebu, no_pae)}) == 3


def test_the_gate_has_two_sides(runs, tiny):
    high, low, both = (run(runs, tiny, "segxal-human", a, 1)[0] for a in ("none", "gate-low", "gate-all"))
    asked = [[(q["id"], q["dice"]) for q in cycle.queries()] for cycle in (high, low, both)]
    assert asked[0] == asked[1] == asked[2]
    for a, b, c in zip(high.queries(), low.queries(), both.queries(), strict=True):
        assert a["accepted"] != b["accepted"] and c["accepted"]


def test_another_initial_split_starts_its_own_training(tmp_path, tiny):
    wide = tiny.with_changes(pool={"step": 0.1})
    run_cycle(Cycle(wide, "start", 0, 0, "split-40", tmp_path))
    cycle = run_cycle(Cycle(wide, "random", 0, 1, "split-40", tmp_path))
    assert cycle.previous.metrics()["labelled"] == 5 and cycle.metrics()["labelled"] == 6


@pytest.mark.parametrize("changes", [{"mask": {"fusion": "learned"}}, {"train": {"retrain": "scratch"}},
                                     {"mask": {"depth": "geometry", "threshold": "otsu", "entropy": "patch"}},
                                     {"oracle": {"labeller": "teacher"}}])  # fmt: skip
def test_options_run(tmp_path, tiny, changes):
    preset = tiny.with_changes(**changes)
    run_cycle(Cycle(preset, "start", 0, 0, runs=tmp_path))
    metrics = run_cycle(Cycle(preset, "segxal-pseudo", 0, 1, runs=tmp_path)).metrics()
    assert metrics["w_pae"] + metrics["w_ebu"] == pytest.approx(1) and metrics["depth"] == preset.mask.depth
    steps = 6 if changes == {"train": {"retrain": "scratch"}} else 3
    assert metrics["history"][-1]["step"] == steps


# data that is not as one wishes


@pytest.fixture
def own_frames(monkeypatch, tiny, runs):
    """Run cycles on a changed training split; call it with what is to be replaced."""

    def use(**changes):
        splits = open_splits(tiny.data, "", runs / "smoke" / "cache")
        changed = Splits(dataclasses.replace(splits.train, **changes), splits.val, splits.test)
        monkeypatch.setattr(loop, "open_splits", lambda *_: changed)
        return changed.train

    return use


@pytest.mark.parametrize("method", SOME)
def test_images_without_labels_are_never_asked_of_people(tmp_path, tiny, own_frames, method):
    labelled = tuple(i % 2 == 0 for i in range(12))  # six of twelve
    labels = torch.full((12, 16, 32), VOID, dtype=torch.uint8)
    train = own_frames(labelled=labelled, labels=labels)
    for i in range(0, 12, 2):
        labels[i] = i
    # Five images a cycle of the machine's: more than the four with labels that are left.
    step = 0.4 if method == "segxal-pseudo" else 0.1
    preset = tiny.with_changes(pool={"step": step, "subset": 0.2, "start": 0.2})
    run_cycle(Cycle(preset, "start", 0, 0, runs=tmp_path))
    cycles = [run_cycle(Cycle(preset, method, 0, n, runs=tmp_path)) for n in (1, 2)]
    asked, first = {q["id"] for cycle in cycles for q in cycle.queries()}, set(cycles[0].previous.annotations())
    bare = {name for name in asked | first if not labelled[train.ids.index(name)]}
    assert asked and first and not bare & first
    assert bool(bare) == (method == "segxal-pseudo"), "the machine is asked about any image, people are not"


def test_too_few_labels_for_people(tmp_path, tiny, own_frames):
    own_frames(labelled=tuple(i < 4 for i in range(12)))
    run_cycle(Cycle(tiny, "start", 0, 0, runs=tmp_path))
    with pytest.raises(ConfigError, match="only 1 unlabelled ones have ground truth, which the simulated oracle human"):
        run_cycle(Cycle(tiny, "segxal-human", 0, 1, runs=tmp_path))


def test_a_pool_that_is_used_up(tmp_path, tiny):
    greedy = tiny.with_changes(pool={"start": 0.8, "step": 0.1, "cycles": 2}, data={"counts": (5, 2, 2)})
    run_cycle(Cycle(greedy, "start", 0, 0, runs=tmp_path))
    run_cycle(Cycle(greedy, "random", 0, 1, runs=tmp_path))
    with pytest.raises(
        ConfigError, match="budget larger than the pool: 1 images are to be queried, but only 0 are unlabelled"
    ):
        run_cycle(Cycle(greedy, "random", 0, 2, runs=tmp_path))


@pytest.mark.parametrize("method", SOME)
@pytest.mark.parametrize("category", [VOID, 0])
def test_all_void_and_one_class_images_do_not_stop_a_run(tmp_path, tiny, own_frames, method, category):
    own_frames(labels=torch.full((12, 16, 32), category, dtype=torch.uint8))
    run_cycle(Cycle(tiny, "start", 0, 0, runs=tmp_path))
    cycle = run_cycle(Cycle(tiny, method, 0, 1, runs=tmp_path))
    by_people = [cycle.previous, *([] if method == "segxal-pseudo" else [cycle])]
    seen = {value for step in by_people for labels in step.annotations().values() for value in np.unique(labels)}
    assert category in seen and seen <= {category, VOID} and cycle.queries()
    if category == VOID and method != "segxal-pseudo":  # nothing to learn: it is paid for and does not join
        assert not any(q["accepted"] for q in cycle.queries())
        assert METHODS[method].granularity != "image" or cycle.metrics()["budget"]["images"] == 5


# a user's own images


def own_folder(root, labelled=14, bare=4):
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    for i in range(labelled + bare):
        r = rng(0, i)
        Image.fromarray(r.integers(0, 256, (16, 24, 3), np.uint8)).save(root / "images" / f"{i:02d}.png")
        if i < labelled:
            Image.fromarray(r.integers(0, 3, (16, 24), np.uint8)).save(root / "labels" / f"{i:02d}.png")
    (root / "classes.txt").write_text("road\nsky\ncar\n")
    return root


def test_a_study_of_ones_own_images(tmp_path, tiny):
    root = own_folder(tmp_path / "mine")
    preset = tiny.with_changes(data={"name": "folder"}, mask={"depth": "geometry"})
    data = str(root)
    for cycle in [
        Cycle(preset, "start", 0, 0, runs=tmp_path),
        *(Cycle(preset, m, 0, 1, runs=tmp_path) for m in SOME),
    ]:
        assert run_cycle(cycle, data).metrics()["classes"] == ["road", "sky", "car"]
    preset = preset.with_changes(mask={"depth": "dataset"})
    shutil.rmtree(tmp_path / "smoke")
    run_cycle(Cycle(preset, "start", 0, 0, runs=tmp_path), data)
    with pytest.raises(DataMissing, match=r"no depth .*set mask\.depth to geometry"):
        run_cycle(Cycle(preset, "segxal-human", 0, 1, runs=tmp_path), data)


def test_a_validation_split_without_labels_is_refused(tmp_path, tiny):
    root = own_folder(tmp_path / "mine")
    (root / "splits").mkdir()
    for split, names in {"train": range(10), "val": range(14, 18), "test": range(10, 14)}.items():
        (root / "splits" / f"{split}.txt").write_text("\n".join(f"{i:02d}" for i in names))
    preset = tiny.with_changes(data={"name": "folder"}, mask={"depth": "geometry"})
    with pytest.raises(DataInvalid, match="label, which val needs"):
        run_cycle(Cycle(preset, "start", 0, 0, runs=tmp_path), str(root))
    few = own_folder(tmp_path / "few", labelled=2)
    with pytest.raises(DataMissing, match="no images for val; label at least 3 images"):
        run_cycle(Cycle(preset, "start", 0, 0, runs=tmp_path), str(few))
