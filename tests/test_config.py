"""Presets: what ships loads, what is wrong is refused by name."""

import dataclasses
import json

import pytest

from segxal.acquisition.settings import OracleConfig
from segxal.core.errors import ConfigError
from segxal.data.settings import DataConfig
from segxal.methods import METHODS, get_method
from segxal.methods.ablations import ABLATIONS, split_name
from segxal.methods.settings import GateConfig, PoolConfig
from segxal.models.settings import MaskConfig
from segxal.storage.paths import preset_names
from segxal.study.settings import Preset, load_preset
from segxal.training.settings import TrainConfig


def preset(tmp_path, text):
    (tmp_path / "mine.yml").write_text(text, encoding="utf-8")
    return load_preset(str(tmp_path / "mine.yml"))


@pytest.mark.parametrize("name", preset_names())
def test_shipped_presets_load(name):
    loaded = load_preset(name)
    assert loaded.name == name and loaded == load_preset(name)
    assert hash(loaded) == hash(load_preset(name))
    for part, changes in json.loads(json.dumps(loaded.changes())).items():  # a cycle's digest: nothing may be missing
        settings = getattr(loaded, part)
        restored = {f.name: changes.get(f.name, f.default) for f in dataclasses.fields(settings)}
        assert json.dumps(restored) == json.dumps(vars(settings))
    for ablation in [*ABLATIONS, *map(split_name, loaded.splits)]:
        hash(loaded.ablated(ablation))


def test_the_presets_are_there():
    assert {"camvid", "camvid-full", "camvid-pixels", "camvid-ralis", "paper", "quick", "smoke", "smoke-ralis"} <= set(
        preset_names()
    )


def test_the_paper_preset_is_the_papers():
    paper = load_preset("paper")
    assert (paper.train.optimizer, paper.train.lr, paper.train.betas) == ("adam", 1e-4, (0.9, 0.999))
    assert (paper.train.batch, paper.train.epochs, paper.train.class_weights) == (16, 100, "none")
    assert paper.data.name == "cityscapes" and len(paper.seeds) == 5


def test_a_preset_of_your_own(tmp_path):
    mine = preset(tmp_path, "data: {counts: [5, 2, 2]}\ntrain: {steps: 3, cycle_steps: 2, lr: 1}\nseeds: [4]\n")
    assert mine.name == "mine" and mine.data.counts == (5, 2, 2) and mine.seeds == (4,)
    assert isinstance(mine.train.lr, float)
    assert preset(tmp_path, "").name == "mine"  # all defaults


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sedes: [1]", "unknown sedes; choose from data, model"),
        ("gate: {tau: 1.5}", "mine.yml: gate: tau = 1.5"),
        ("gate: {taau: 0.5}", "mine.yml: gate: unknown taau; choose from tau, accept"),
        (
            "loop: {tau: 0.5}",
            "mine.yml: unknown loop; choose from data, model, train, mask, pool, strategy",
        ),
        ("1: 2\nseedz: 3", "unknown 1, seedz"),
        ("- seeds", "expected settings as `key: value`, got"),
        ("data:", "data: expected settings as `key: value`, got None"),
        ("seeds: 3", "seeds = 3; expected a list"),
        ("seeds: [a]", "seeds = 'a'; expected int"),
        ("seeds: []", r"seeds = \(\); give one or more"),
        ("seeds: [-1]", "give one or more seeds >= 0"),
        ("methods: []", r"methods = \[\]; give one or more"),
        ("folds: 1", "folds = 1; cross-validation needs at least 2"),
        ("threads: 0", "threads = 0; a job needs at least one thread"),
        ("data: {counts: [5, 2]}", r"counts = \[5, 2\]; expected a list of 3"),
        ("data: {height: 1.5}", "height = 1.5; expected int"),
        ("data: {report: train}", "report = 'train'; choose one of"),
        ("train: {flip: 1, steps: 1, cycle_steps: 1}", "flip = 1; expected bool"),
        ("model: {base: true}", "base = True; expected int"),
        ("gate: {accept: both}", "accept = 'both'; choose one of"),
        ("gate: {accept: [high]}", "accept = .*; choose one of"),
        ("pool: {start: 0.5, step: 0.2, cycles: 5}", r"budget larger than the pool: start 0.5 \+ 5 cycles x step 0.2"),
        ("train: {steps: 5, cycle_steps: 5, epochs: 2}", "training length is unclear"),
        ("a: [", "is not valid YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, words):
    with pytest.raises(ConfigError, match=words):
        preset(tmp_path, text)


def test_no_such_preset_lists_them(tmp_path):
    for name in ("quik", str(tmp_path / "none.yml")):
        with pytest.raises(ConfigError, match=f"(no preset|no file) .*; choose one of {', '.join(preset_names())}"):
            load_preset(name)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"steps": 5},
        {"cycle_steps": 5},
        {"steps": 5, "epochs": 1},
        {"steps": 5, "cycle_steps": 5, "epochs": 1},
        {"steps": -5, "epochs": 1},
        {"epochs": -1},
    ],
)
def test_training_length_is_given_one_way(given):
    with pytest.raises(ConfigError, match="give both steps and cycle_steps, or epochs alone"):
        TrainConfig(**given)


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (TrainConfig, {"epochs": 1, "batch": 0}, "at least one image"),
        (TrainConfig, {"epochs": 1, "lr": 0.0}, "learning rate must be positive"),
        (TrainConfig, {"epochs": 1, "lr": float("nan")}, "learning rate must be positive"),
        (TrainConfig, {"epochs": 1, "evaluations": 0}, "at least once"),
        (TrainConfig, {"epochs": 1, "crop": 0.0}, r"crop = 0.0 is not in \[0.01, 1.0\]"),
        (MaskConfig, {"w_pae": 0.0, "w_ebu": 0.0}, "not both 0"),
        (MaskConfig, {"w_pae": -1.0}, "weights must be >= 0"),
        (MaskConfig, {"quantile": 1.5}, "quantile = 1.5 is not in"),
        (MaskConfig, {"area": float("nan")}, "area = nan is not in"),
        (MaskConfig, {"batch": 0}, "at least one image"),
        (PoolConfig, {"cycles": 0}, "at least one cycle"),
        (OracleConfig, {"patch": 0}, "patch = 0; it must be at least 1"),
        (PoolConfig, {"start": 0.0}, "start = 0.0 is not in"),
        (GateConfig, {"tau": 1.1}, "tau = 1.1 is not in"),
    ],
)
def test_ranges(kind, values, words):
    with pytest.raises(ConfigError, match=words):
        kind(**values)


def test_changes_make_a_new_checked_preset():
    smoke = load_preset("smoke")
    changed = smoke.with_changes(pool={"start": 0.4}, data={"counts": [9, 3, 3]})
    assert changed.pool.start == 0.4 and changed.pool.step == smoke.pool.step and changed.data.counts == (9, 3, 3)
    assert smoke == load_preset("smoke") and smoke.with_changes() == smoke
    assert isinstance(hash(changed), int)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lopp": {}}, "unknown part lopp; choose from data, model, train, mask, pool"),
        ({"seeds": {}}, "unknown part seeds"),
        ({"pool": {"starrt": 0.1}}, "pool: unknown starrt"),
        ({"gate": {"accept": "hihg"}}, "gate: accept = 'hihg'; choose one of"),
        ({"pool": {"start": 0.9}}, "budget larger than the pool"),
        ({"mask": {"area": "0.1"}}, "mask: area = '0.1'; expected float"),
    ],
)
def test_bad_changes_are_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        load_preset("smoke").with_changes(**changes)


def test_defaults_make_a_preset():
    assert Preset(name="plain").data == DataConfig()


# methods and ablations


def test_ablations_change_what_they_say():
    smoke = load_preset("smoke")
    assert smoke.ablated("none") == smoke
    assert (smoke.ablated("without-ebu").mask.w_pae, smoke.ablated("without-ebu").mask.w_ebu) == (1, 0)
    assert (smoke.ablated("without-pae").mask.w_pae, smoke.ablated("without-pae").mask.w_ebu) == (0, 1)
    assert [smoke.ablated(f"gate-{side}").gate.accept for side in ("low", "all")] == ["low", "all"]
    assert smoke.ablated("split-40").pool.start == 0.4
    assert [split_name(s) for s in (0.01, 0.25, 0.125)] == ["split-1", "split-25", "split-12.5"]


def test_unknown_names_list_the_known():
    with pytest.raises(ConfigError, match=r"no ablation 'split-99'; choose one of none, .*split-20, split-40"):
        load_preset("smoke").ablated("split-99")
    with pytest.raises(ConfigError, match=r"no method 'core-sett'; choose one of segxal-pseudo, .*, supervised"):
        get_method("core-sett")
    assert all(get_method(name) is method for name, method in METHODS.items())


def test_pixels_are_the_same_in_every_cycle_or_given_cycle_by_cycle():
    assert [PoolConfig(pixels=3, cycles=2).pixels_in(cycle) for cycle in (1, 2)] == [3, 3]
    assert [PoolConfig(pixels_by_cycle=(1, 5), cycles=2).pixels_in(cycle) for cycle in (1, 2)] == [1, 5]
    for wrong in ((1,), (1, 0), (1, 2, 3)):
        with pytest.raises(ConfigError, match=r"pixels_by_cycle = \[1.*for each of the 2 cycles, or none"):
            PoolConfig(pixels_by_cycle=wrong, cycles=2)
