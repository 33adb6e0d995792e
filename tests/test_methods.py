"""Methods: what they say of themselves, and a family that brings a stage which is no cycle."""

import dataclasses
import graphlib
import shutil
from dataclasses import dataclass

import pytest
import torch

from segxal.core.errors import ConfigError
from segxal.methods import METHODS, get_method, names_of, random_selection
from segxal.methods.base import Context, Need, Outcome
from segxal.methods.cycles import CycleMethod
from segxal.methods.supervised import START
from segxal.storage.paths import preset_names
from segxal.storage.tensors import read_tensors
from segxal.study.grid import run_cycles, run_of
from segxal.study.jobs import BOOKS, jobs_of
from segxal.study.records import collect, rows_of
from segxal.study.settings import load_preset
from segxal.study.state import Cycle


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_what_it_needs(name, tiny):
    method = get_method(name)
    numbers = method.stages(tiny)
    assert method.name == name and len(numbers) > 0 and method.notebook in BOOKS
    for number in numbers:
        for need in method.needs(number, "none"):
            assert need.number in get_method(need.method).stages(tiny)
            assert (need.method, need.number) != (name, number)
    assert method.needs(numbers[0], "none") or not method.buys, "who asks continues a first training"


def test_properties_of_methods():
    assert [m for m in METHODS if not METHODS[m].buys and not METHODS[m].adapts] == ["supervised"]
    assert {"segxal-pseudo", "segxal-gt-patch", "segxal-human", "segxal-label-studio"} <= set(names_of("segxal"))
    asks = {m: (METHODS[m].asks_people, METHODS[m].asks_machine, METHODS[m].needs_truth) for m in METHODS}
    assert asks["segxal-label-studio"] == (True, False, False) and asks["segxal-pseudo"] == (False, True, False)
    assert asks["segxal-human"] == asks["random"] == (False, False, True)
    masked = {m for m in METHODS if METHODS[m].masks}
    assert set(names_of("segxal")) < masked and "eem-component" in masked and "entropy" not in masked
    assert get_method("start") is START and START.name not in METHODS


def test_the_random_selection_is_of_the_baselines():
    assert random_selection(["s4al-random", "random-pixel", "random"]) == "random"
    assert random_selection(["s4al-random", "random-pixel"]) == "random-pixel"
    assert random_selection(["s4al-random", "entropy"]) == ""


def test_a_split_has_a_first_training_of_its_own():
    method = get_method("segxal-human")
    assert method.needs(1, "split-40") == (Need("start", 0, "split-40"),)
    assert method.needs(1, "without-pae") == (Need("start", 0),)
    assert method.needs(2, "without-pae") == (Need("segxal-human", 1, "without-pae"),)
    assert get_method("bald").needs(1, "none") == (Need("start", 0, "dropout"),)


def test_real_people_are_asked_only_where_somebody_can_be(tiny, tmp_path):
    with pytest.raises(ConfigError, match="asks real people, who cannot be asked here; use `segxal annotate`"):
        run_cycles(run_of(tiny, "segxal-label-studio", 0, runs=tmp_path))


@pytest.mark.parametrize("name", preset_names())
def test_jobs_wait_for_jobs_that_are_there(name):
    jobs = jobs_of(load_preset(name))
    assert all(key == job.key and set(job.needs) <= set(jobs) for key, job in jobs.items())
    list(graphlib.TopologicalSorter({key: job.needs for key, job in jobs.items()}).static_order())  # no circle


@dataclass(frozen=True, kw_only=True)
class WithPolicy(CycleMethod):
    """A policy is learned first, in a stage of its own; then cycles as always."""

    def stages(self, settings):
        return range(settings.pool.cycles + 1)

    def needs(self, number, ablation):
        start = Need("start", 0)
        return ((start,), (start, Need(self.name, 0)))[number] if number < 2 else super().needs(number, ablation)

    def scored(self, number):
        return number > 0

    def run(self, context: Context) -> Outcome:
        if context.number:
            return super().run(context)
        learned = {"policy": ({"q": torch.rand(3, generator=context.generator("policy"))}, {"made": "for tests"})}
        return Outcome(context.before[0].pool(), None, {}, context.before[0].budget(), learned=learned,
                       numbers={"reward": 0.25})  # fmt: skip


@pytest.fixture
def toy(monkeypatch):
    method = WithPolicy(name="toy", family="toy", strategy="random", notebook="al_cycle")
    monkeypatch.setitem(METHODS, "toy", method)
    return method


def test_a_stage_that_is_no_cycle_has_its_place(toy, tiny, tmp_path):
    run = run_of(tiny, "toy", 0, runs=tmp_path)
    assert [(c.method, c.number) for c in run] == [("start", 0), ("toy", 0), ("toy", 1), ("toy", 2)]
    run_cycles(run)
    policy = run[1]
    assert policy.is_done() and policy.metrics()["reward"] == 0.25 and "report" not in policy.metrics()
    assert read_tensors(policy.folder / "policy.safetensors")["q"].shape == (3,)
    assert [row["cycle"] for row in rows_of(run)["results"]] == [0, 1, 2], "no scores, no row"
    preset = dataclasses.replace(tiny, methods=("toy",))
    kept = (collect(preset, tmp_path) / "results.csv").read_bytes()
    shutil.rmtree(tmp_path / preset.name / "runs")
    assert (collect(preset, tmp_path) / "results.csv").read_bytes() == kept, "rows stay when the networks are gone"
    assert run[2].previous == run[0] and policy in run[2].needs
    assert run[3].history == [run[0], run[2], run[3]]


def test_the_graph_knows_such_a_stage(toy, tiny):
    jobs = jobs_of(dataclasses.replace(tiny, methods=("toy",)))
    assert "al_cycle/toy-none-seed0-cycle0" in jobs["al_cycle/toy-none-seed0-cycle1"].needs


def test_a_number_that_is_no_stage_is_refused(toy, tiny):
    with pytest.raises(ConfigError, match=r"segxal-human has cycles 1\.\.2 in preset smoke, not 0"):
        Cycle(tiny, "segxal-human", 0, 0)
    assert Cycle(tiny, "toy", 0, 0).number == 0
