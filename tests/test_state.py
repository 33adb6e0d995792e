"""Where a cycle lives, what it continues, and when it counts as done."""

import dataclasses

import numpy as np
import pytest

from segxal.core.errors import ConfigError, DataInvalid
from segxal.core.labels import VOID
from segxal.methods import METHODS
from segxal.storage.files import read_json, write_arrays, write_json
from segxal.study.settings import load_preset
from segxal.study.state import MANIFEST, Cycle


@pytest.fixture
def cycle(tmp_path):
    """Cycle 2 of a run that looks done: its files are stand-ins."""
    made = Cycle(load_preset("smoke"), "segxal-human", 3, 2, runs=tmp_path)
    write_json(made.folder / "metrics.json", {"seed": 3})
    write_json(made.folder / MANIFEST, {"digest": made.digest, "files": {"metrics.json": "0"}})
    return made


def test_the_place_names_everything(tmp_path):
    made = Cycle(load_preset("smoke"), "segxal-human", 3, 2, "without-pae", tmp_path)
    assert made.folder == tmp_path / "smoke/runs/segxal-human/without-pae/seed3/cycle_02"
    assert made.study == tmp_path / "smoke" and made.settings.mask.w_pae == 0


def test_what_a_cycle_continues():
    smoke = load_preset("smoke")
    second = Cycle(smoke, "random", 1, 2, "without-ebu")
    first = second.previous
    assert (first.method, first.number, first.ablation, first.seed) == ("random", 1, "without-ebu", 1)
    start = first.previous
    assert (start.method, start.number, start.ablation) == ("start", 0, "none")  # shared by all methods
    assert start.previous is None
    assert Cycle(smoke, "random", 1, 1, "split-40").previous.ablation == "split-40"


@pytest.mark.parametrize(
    ("method", "seed", "number", "words"),
    [
        ("core-sett", 0, 1, "no method 'core-sett'; choose one of segxal-pseudo"),
        ("random", -1, 1, "seed = -1"),
        ("random", 0, 0, "random has cycles 1..2 in preset smoke, not 0"),
        ("random", 0, 3, "random has cycles 1..2 in preset smoke, not 3"),
        ("start", 0, 1, "start has cycles 0..0"),
        ("supervised", 0, 1, "supervised has cycles 0..0"),
    ],
)
def test_there_is_no_such_cycle(method, seed, number, words):
    with pytest.raises(ConfigError, match=words):
        Cycle(load_preset("smoke"), method, seed, number)


def test_done_means_whole_and_of_these_settings(cycle):
    assert cycle.is_done() and cycle.metrics() == {"seed": 3}
    other = dataclasses.replace(cycle, preset=cycle.preset.with_changes(train={"lr": 0.5}))
    assert other.folder == cycle.folder and not other.is_done()
    (cycle.folder / "metrics.json").unlink()
    assert not cycle.is_done()
    (cycle.folder / MANIFEST).unlink()
    assert not cycle.is_done()


def test_nothing_is_not_done(tmp_path):
    assert not Cycle(load_preset("smoke"), "start", 0, 0, runs=tmp_path).is_done()


def test_a_broken_manifest_says_what_to_do(cycle):
    (cycle.folder / MANIFEST).write_text("{")
    with pytest.raises(DataInvalid, match=r"not valid JSON .* delete it"):
        cycle.is_done()


def test_the_fingerprint_follows_what_matters(tmp_path):
    smoke = load_preset("smoke")
    digest = Cycle(smoke, "random", 0, 1).digest
    assert Cycle(smoke, "random", 0, 1, runs=tmp_path).digest == digest
    for same in [{"name": "x"}, {"seeds": (1, 2)}, {"methods": ("random",)}, {"folds": 5}]:
        assert Cycle(dataclasses.replace(smoke, **same), "random", 0, 1).digest == digest
    others = [
        Cycle(smoke, "random", 1, 1), Cycle(smoke, "random", 0, 2), Cycle(smoke, "segxal-human", 0, 1),
        Cycle(smoke, "random", 0, 1, "gate-all"), Cycle(dataclasses.replace(smoke, threads=2), "random", 0, 1),
        *(Cycle(smoke.with_changes(**c), "random", 0, 1) for c in (
            {"train": {"lr": 0.1}}, {"mask": {"area": 0.3}}, {"gate": {"tau": 0.7}}, {"model": {"base": 9}},
            {"data": {"seed": 1}},
        )),
    ]  # fmt: skip
    assert len({digest, *(cycle.digest for cycle in others)}) == len(others) + 1


def test_labels_are_the_accepted_answers_of_all_cycles_later_ones_on_top(tmp_path):
    smoke = load_preset("smoke")
    second = Cycle(smoke, "random", 0, 2, runs=tmp_path)
    first = second.previous
    answers = {  # c is asked about twice, d first refused
        first.previous: {"a": [0, 0]},
        first: {"b": [1, 1], "c": [1, 1], "d": [3, 3]},
        second: {"c": [2, VOID], "d": [4, VOID]},
    }
    for cycle, values in answers.items():
        write_arrays(cycle.folder / "annotations.npz", **{k: np.array([v], np.uint8) for k, v in values.items()})
        queries = [{"id": name, "accepted": not (cycle is first and name == "d")} for name in values]
        write_json(cycle.folder / "queries.json", queries if cycle.number else [])
    labels = second.labels_of(["c", "a", "b", "d"])
    assert labels.shape == (4, 1, 2) and labels[:, 0].tolist() == [[2, 1], [0, 0], [1, 1], [4, VOID]]
    assert first.labels_of(["c"]).tolist() == [[[1, 1]]]


def test_asked_pixels_are_whole_images_where_no_regions_are_asked_for(tmp_path):
    cycle = Cycle(load_preset("smoke"), "random-grid", 0, 1, runs=tmp_path)
    write_arrays(cycle.folder / "annotations.npz", a=np.array([[VOID, 1]], np.uint8))
    assert cycle.asked()["a"].tolist() == [[True, True]]
    write_arrays(cycle.folder / "asked.npz", a=np.array([[0, 1]], np.uint8))
    assert cycle.asked()["a"].tolist() == [[False, True]]


def test_a_setting_at_its_default_leaves_no_trace_in_the_fingerprint():
    smoke = load_preset("smoke")
    changes = smoke.changes()
    assert "step" in changes["pool"] and "region_step" not in changes["pool"]
    named = smoke.with_changes(strategy={"pieces": smoke.strategy.pieces})
    assert Cycle(named, "random", 0, 1).digest == Cycle(smoke, "random", 0, 1).digest
    other = smoke.with_changes(strategy={"pieces": 7})
    assert Cycle(other, "random", 0, 1).digest != Cycle(smoke, "random", 0, 1).digest


def test_every_method_has_a_cycle_of_its_own():
    smoke = load_preset("smoke")
    folders = {Cycle(smoke, name, 0, method.stages(smoke)[-1]).folder for name, method in METHODS.items()}
    assert len(folders) == len(METHODS)


def test_queries_are_read_back(cycle):
    write_json(cycle.folder / "queries.json", [{"id": "a"}])
    assert cycle.queries() == [{"id": "a"}] == read_json(cycle.folder / "queries.json")
