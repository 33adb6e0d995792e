"""Methods that learn from another world: their stages, what they pay, what a machine labels, how good that is."""

import dataclasses

import numpy as np
import pytest
import torch

from segxal.acquisition.machine import doubts, write_labels
from segxal.acquisition.settings import MachineConfig, StrategyConfig
from segxal.acquisition.strategies.base import Learner
from segxal.acquisition.strategies.stratified import stratified_scores
from segxal.core.errors import ConfigError
from segxal.core.label_store import LabelStore
from segxal.core.thresholds import class_thresholds, kept
from segxal.methods import METHODS, names_of
from segxal.methods.adaptation import Adaptation
from segxal.methods.settings import RunSettings
from segxal.models.settings import MaskConfig
from segxal.study import grid
from segxal.study.records import collect, rows_of
from segxal.training.predict import predict
from segxal.training.settings import TrainConfig


@pytest.fixture(scope="module")
def adapting(tiny, tmp_path_factory):
    """The smallest study with a source, at a size that AdvEnt's discriminator takes; and a folder for its runs."""
    preset = tiny.with_changes(
        data={"height": 32, "width": 32, "source": "streets", "source_images": 6},
        train={"stride": 1, "discriminator": 2}, pool={"pixels": 12}, machine={"rounds": 2},
    )  # fmt: skip
    return preset, tmp_path_factory.mktemp("adapting")


@pytest.fixture
def learner(unet):
    """A network without training that predicts several classes: no logit is larger than the others everywhere."""
    with torch.no_grad():
        unet.head.weight.sub_(unet.head.weight.mean(1, keepdim=True)).mul_(200)
        unet.head.bias.zero_()
    return Learner(unet, MaskConfig(depth="dataset"), StrategyConfig(), TrainConfig(steps=1, cycle_steps=1, amp="off"))


def run(adapting, method):
    preset, runs = adapting
    return grid.run_cycles(grid.run_of(preset, method, 0, runs=runs))


def test_all_of_them_start_from_the_source():
    for name in names_of("adaptation"):
        assert METHODS[name].adapts
        needed = METHODS[name].needs(METHODS[name].stages(RunSettings())[0], "none")
        assert name == "source-only" or needed[0].method in ("source-only", "advent")


# Of methods that differ in their query strategy alone, or in the doubt of their machine, one runs here.
@pytest.mark.parametrize("method", ["minent", "bdl", "esl-pae", "ripu", "ripu-pixels", "eem-esl", "stal"])
def test_every_method_goes_through_its_stages(adapting, method):
    cycles = run(adapting, method)
    assert cycles[0].method == "source-only" and not cycles[0].pool().labelled
    assert [cycle.number for cycle in cycles] == list(range(len(cycles)))
    assert all(0 <= cycle.metrics()["report"]["miou"] <= 1 for cycle in cycles)
    spent = [cycle.budget()["pixels"] for cycle in cycles]
    assert spent == sorted(spent) and spent[0] == 0 and bool(spent[-1]) is METHODS[method].buys


def test_self_training_follows_adversarial_training_and_labels_anew_in_every_round(adapting):
    cycles = run(adapting, "esl")
    assert [cycle.method for cycle in cycles] == ["source-only", "advent", "esl", "esl"]
    for cycle in cycles[2:]:
        found = cycle.metrics()["machine"]
        assert found["confidence"] == "entropy" and min(found["thresholds"]) >= 0.1
        assert all(share is None or share >= 0.5 for share in found["coverage"])
    rows = rows_of(cycles)["machine"]
    assert {row["cycle"] for row in rows} == {2, 3} and len(rows) == 2 * 19
    assert {row["method"] for row in rows_of(cycles)["results"]} == {"esl"}


def test_a_run_that_was_killed_ends_in_the_same_bytes(adapting, tmp_path):
    preset, _ = adapting
    for method in ("eem-esl", "stal"):
        first = run(adapting, method)[-1]
        again = grid.run_cycles(grid.run_of(preset, method, 0, runs=tmp_path))[-1]
        for name in ("metrics.json", "model.safetensors", "annotations.npz"):
            assert (first.folder / name).read_bytes() == (again.folder / name).read_bytes(), (method, name)


def test_the_table_of_machine_labels_is_written_where_there_are_any(adapting, tiny, tmp_path):
    preset, runs = adapting
    run(adapting, "bdl")
    study = collect(preset.with_changes(), runs)
    header, *rows = (study / "machine.csv").read_text().splitlines()
    assert header.startswith("method,ablation,depth,seed,cycle,confidence,auroc,class,threshold,coverage") and rows
    grid.run_cycles(grid.run_of(tiny, "random", 0, runs=tmp_path))
    assert not (collect(tiny, tmp_path) / "machine.csv").exists()


def test_without_a_source_the_error_names_the_setting(tiny, tmp_path):
    with pytest.raises(ConfigError, match=r"data\.source: streets"):
        grid.run_cycles(grid.run_of(tiny, "source-only", 0, runs=tmp_path))


def test_machines_label_what_they_doubt_least_and_nothing_that_people_were_asked_for(learner, frames):
    asked = np.zeros((32, 64), dtype=bool)
    asked[:, :30] = True
    answer = LabelStore.empty(32, 64).answered(np.full((32, 64), 2, np.uint8), asked)
    empty = LabelStore.empty(32, 64)
    config = MachineConfig(share=0.3, floor=0.0, exact=True)
    found = write_labels(learner, frames, "entropy", config, lambda i: answer if i == 4 else empty)
    labels = found.labels.labels.numpy()
    assert len(np.unique(labels)) > 3
    assert (labels[4][asked] == 255).all() and (labels[4] != 255).any()
    said = list(doubts(learner, frames, "entropy"))
    prediction, doubt = (np.concatenate([getattr(part, n) for part in said]) for n in ("prediction", "doubt"))
    prediction[4][asked] = 255
    limits = class_thresholds(lambda: [(prediction, doubt)], 19, 0.3, 0.0)
    assert (limits == found.thresholds).all() and (kept(prediction, doubt, limits) == labels).all()
    weights = found.labels.weights.numpy()
    assert ((weights == 100) == (labels != 255)).all() and ((weights == 0) == (labels == 255)).all()


def test_coverage_and_accuracy_are_those_of_counting(learner, frames):
    empty = LabelStore.empty(32, 64)
    found = write_labels(learner, frames, "softmax", MachineConfig(), lambda _: empty)
    probs = torch.cat(list(predict(learner.model, frames.images, "off")))
    prediction, labels, truth = probs.argmax(1).numpy(), found.labels.labels.numpy(), frames.labels.numpy()
    for category in np.unique(prediction):
        here, labelled, known = prediction == category, labels == category, truth != 255
        assert found.coverage[category] == pytest.approx((here & labelled).sum() / here.sum())
        right = (truth == category)[labelled & known]
        assert found.accuracy[category] == pytest.approx(right.mean(), nan_ok=True)
        dropped = (truth == category)[here & ~labelled & known]
        expected = dropped.mean() if len(dropped) else float("nan")
        assert found.dropped_accuracy[category] == pytest.approx(expected, nan_ok=True)
    assert len(np.unique(prediction)) > 3
    never = np.setdiff1d(np.arange(19), prediction)
    assert np.isnan(found.coverage[never]).all() and 0 <= found.auroc <= 1


def test_pae_only_weighs_and_the_mask_is_another_doubt(learner, frames):
    entropy, weighed = (next(doubts(learner, frames, name)) for name in ("entropy", "entropy-pae"))
    assert np.allclose(entropy.doubt, weighed.doubt, atol=1e-5) and (entropy.weights == 100).all()
    assert weighed.weights.min() >= 100 and weighed.weights.max() == 200
    eem = next(doubts(learner, frames, "eem"))
    assert (eem.weights == 100).all() and not np.allclose(eem.doubt, entropy.doubt)


def test_every_sequence_gives_its_share_of_the_most_uncertain_images(learner, frames):
    from segxal.acquisition.strategies.base import whole_images

    names = ("long",) * 6 + ("short",) * 2
    split = dataclasses.replace(frames, sequences=names)
    units = whole_images(list(range(8)), 32 * 64)
    choice = stratified_scores(learner, split, units, 4 * 32 * 64, np.random.default_rng(0))
    assert sorted(names[k] for k in choice.order) == ["long"] * 3 + ["short"]
    by_score = sorted(range(8), key=lambda k: -choice.scores[k])
    assert choice.order[0] == by_score[0]
    longest = [k for k in by_score if names[k] == "long"][:3]
    assert set(longest) == {k for k in choice.order if names[k] == "long"}
    alone = stratified_scores(learner, split, units, 32 * 64, np.random.default_rng(0))
    assert len(alone.order) == 1


def test_a_machine_that_looks_at_the_mask_says_so():
    masked = {m.name for m in METHODS.values() if isinstance(m, Adaptation) and m.masks}
    assert masked == {"esl-eem", "esl-pae"}


def test_an_unknown_kind_of_doubt_lists_the_known(learner, frames):
    with pytest.raises(ConfigError, match="no kind of doubt 'faith'; choose one of softmax, entropy, eem, entropy-pae"):
        next(doubts(learner, frames, "faith"))
