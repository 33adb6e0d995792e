"""Presets as they should not be: each is refused when it is read, with the line; nothing is trained, nothing lost."""

import dataclasses
import math
import re
import typing
import unicodedata

import pytest

from segxal.core.errors import ConfigError
from segxal.models.settings import ModelConfig
from segxal.storage import paths
from segxal.study.grid import select
from segxal.study.preflight import check_memory, check_study, claim
from segxal.study.settings import Preset, load_preset

TRAIN = "train: {steps: 1, cycle_steps: 1, %s}"


def preset(tmp_path, text):
    (tmp_path / "mine.yml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_preset(str(tmp_path / "mine.yml"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"seeds: [0]\nname: Stra\xdfe", r"mine.yml line 2 is not UTF-8 text; save the file as UTF-8"),
        ("folds: 2\nseeds: [1" + "0" * 4999 + "]", r"mine.yml line 2: 1000.*\.\.\. has 5000 letters or digits"),
        ("\n" + "[" * 20_000, r"mine.yml line 2: more than 8 lists inside each other"),
        ("folds: 3\nfolds: 2", r"mine.yml line 2: folds is given again, after line 1; keep one"),
        ("data:\n  height: 64\n  height: 32", r"mine.yml line 3: height is given again, after line 2"),
        ("seeds: &a [0]\nsplits: *a", r"mine.yml line 2: \*a is an alias; write the value itself"),
        ("name: 2001-13-45", r"mine.yml line 1: '2001-13-45' cannot be read .*; put text in quotes"),
        ('name: "a\\0b"', r"mine.yml line 1: 'a\\x00b' holds a character that cannot be printed"),
        ("seeds: [0]  # " + "x" * 100_000, r"mine.yml has 100014 bytes, at most 100000 are read"),
        ("folds: 2\nname: " + "n" * 300, r"name = 'nnn.*at most 100 letters or digits \(mine.yml, line 2\)"),
        ("name: depth", "holds what all studies share: choose another"),
        ("\n\ntrain:\n  steps: 1\n  cycle_steps: 1\n  lr: .nan", r"lr = nan; .*must be positive \(mine.yml, line 6\)"),
        (TRAIN % "lr: .inf", r"train: lr = inf; it must be at most .*line 1"),
        (TRAIN % "betas: [2, 3]", r"train: betas = \[2.0, 3.0\]; each must be at least 0 and below 1"),
        (TRAIN % "betas: [0.9, .nan]", "each must be at least 0 and below 1"),
        (TRAIN % "weight_decay: -5", r"weight_decay = -5.0 is not in \[0.0, 100.0\]"),
        (TRAIN % "weight_decay: .nan", "weight_decay = nan is not in"),
        (TRAIN % "weight_decay: .inf", "weight_decay = inf is not in"),
        (TRAIN % "batch: 1000000", "batch = 1000000; it must be at most 4096"),
        (TRAIN % "evaluations: 10000000", "evaluations = 10000000; it must be at most 1000000"),
        ("model: {base: 0}", "base = 0; it must be at least 1"),
        ("model: {base: -4}", "base = -4; it must be at least 1"),
        ("model: {depth: -1}", "depth = -1; it must be at least 1"),
        ("model: {depth: 30}", "depth = 30; it must be at most 8"),
        ("model: {weights: DEFAULT}", "model.weights = 'DEFAULT' for unet without encoder, which starts from random"),
        ("data: {height: 1000000000}", r"height = 1000000000; it must be at most 16384 \(mine.yml, line 1\)"),
        ("data: {width: -1}", "width = -1; it must be at least 8"),
        ("data: {counts: [10000000, 2, 2]}", "counts = 10000000; it must be at most"),
        ("data: {counts: [5, 0, 2]}", "counts = 0; it must be at least 1"),
        ("threads: 1000000", r"threads = 1000000; it must be at most 1024 \(mine.yml, line 1\)"),
        ("mask: {w_pae: 1.0e+308, w_ebu: 1.0e+308}", r"w_pae = 1e\+308; it must be at most 1000"),
        ("mask: {area: 0}", "area = 0.0 is not in"),
        ("mask: {batch: 1000000}", "batch = 1000000; it must be at most 4096"),
        ("pool: {start_pixels: 8193}", r"pool.start_pixels = 8193; an image of 64 x 128 has 8192 pixels .*line 1"),
        ("pool: {pixels: 8193}", "pool.pixels = 8193; an image of 64 x 128 has 8192 pixels"),
        ("pool: {cycles: 100000, step: 0.000001}", "cycles = 100000; it must be at most 1000"),
        ("strategy: {passes: 1000000}", "passes = 1000000; it must be at most 1000"),
        ("seeds: [3, 1, 3]", r"seeds = \[3, 1, 3\]: \[3\] is given twice"),
        ("seeds: [99999999999]", "a seed must be below"),
        ("methods: [random, supervised, random]", r"\['random'\] is given twice"),
        ("methods: [random]\nnoisy: [segxal-human]", r"segxal-human is not among the methods.*\(mine.yml, line 2\)"),
        ("methods: [ramdom]", "no method 'ramdom'"),
        ("policies: [policy-4h]\nmethods: [ralis]", r"no ablation \['policy-4h'\].*line 1"),
        ("policies: [policy-3h]", "ralis, whose policy they change, is not among the methods"),
        ("splits: [0.1, 0.10000000001]", r"\['split-10'\] is given twice"),
        ("splits: [1.5]", r"splits = 1.5 is not in"),
        ("folds: 1000000", "folds = 1000000; it must be at most 1000"),
    ],
)
def test_it_is_refused_when_read_with_its_line(tmp_path, text, words):
    with pytest.raises(ConfigError, match=words):
        preset(tmp_path, text)


NUMBERS = [
    (part, field.name, wrong)
    for part, kind in typing.get_type_hints(Preset).items()
    if dataclasses.is_dataclass(kind)
    for field in dataclasses.fields(kind)
    for wrong in (-(10**40), 10**40, *([math.nan, math.inf] if "float" in str(field.type) else []))
    if re.search(r"int|float", str(field.type))
]


@pytest.mark.parametrize(("part", "name", "wrong"), NUMBERS)
def test_every_number_has_a_range(part, name, wrong):
    kind = typing.get_type_hints(Preset)[part]
    needed = {"steps": 1, "cycle_steps": 1} if part == "train" else {}
    hint = typing.get_type_hints(kind)[name]
    length = {"counts": 3, "betas": 2, "pixels_by_cycle": 5}.get(name)
    value = (wrong,) * length if typing.get_origin(hint) is tuple else wrong
    with pytest.raises(ConfigError, match=name):
        Preset(name="mine", **{part: kind(**needed | {name: value})})


def test_a_byte_order_mark_is_no_letter(tmp_path):
    assert preset(tmp_path, b"\xef\xbb\xbfseeds: [7]").seeds == (7,)


def test_a_selection_is_checked_too():
    with pytest.raises(ConfigError, match="is given twice"):
        select(load_preset("smoke"), seeds=[1, 1])
    with pytest.raises(ConfigError, match="is given twice"):
        select(load_preset("smoke"), methods=["random", "random"])


# The names of studies: no file of a user's may write into a study that ships.


@pytest.mark.parametrize("name", ["quick", "QUICK", "Ｑuick"])
@pytest.mark.parametrize("by", ["key", "file"])
def test_no_way_of_naming_takes_a_shipped_study(tmp_path, name, by):
    file = tmp_path / ("mine.yml" if by == "key" else f"{name}.yml")
    file.write_text(f"name: {name}\n" if by == "key" else "seeds: [0]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"(?i)has the name of the preset .* give the file another name"):
        load_preset(str(file))


def test_a_path_without_suffix_is_no_preset(tmp_path):
    (tmp_path / "quick.yml").write_text("seeds: [0]\n", encoding="utf-8")
    for name in (str(tmp_path / "quick"), "../presets/quick", "./quick", ""):
        with pytest.raises(ConfigError, match=r"no preset .*choose one of .* or name a .yml file that exists"):
            load_preset(name)
    for name in ("a\0b.yml", "x" * 5000 + ".yml"):
        with pytest.raises(ConfigError, match=r"cannot be looked for|there is no file"):
            load_preset(name)


def test_a_shipped_preset_may_be_named_by_its_path():
    assert load_preset(str(paths.PRESETS / "smoke.yml")) == load_preset("smoke")


def test_a_study_belongs_to_one_file(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.yml").write_text("seeds: [0]\n", encoding="utf-8")
    one, other = (str(tmp_path / folder / "mine.yml") for folder in "ab")
    claim(load_preset(one), one)
    claim(load_preset(one), one)
    with pytest.raises(ConfigError, match=r"holds the study of .*a/mine.yml, not of .*b/mine.yml; give one of them"):
        claim(load_preset(other), other)
    (tmp_path / "a" / "mine.yml").unlink()  # moved or thrown away: the study is free
    claim(load_preset(other), other)


# What depends on the machine is looked at before a study begins.


def test_more_than_the_memory_is_refused():
    huge = Preset(name="huge").with_changes(data={"height": 16_384, "width": 16_384, "counts": (100_000, 1, 1)})
    with pytest.raises(ConfigError, match=r"100002 images: at least \d+\.\d GiB are needed, this machine has"):
        check_memory(huge, huge.data.counts)
    wide = Preset(name="wide", model=ModelConfig(base=1024, depth=8))
    with pytest.raises(ConfigError, match=r"a training step \(train.batch, model.base.*lower them"):
        check_memory(wide, wide.data.counts)
    check_memory(load_preset("smoke"), [20, 6, 8])


def test_half_precision_on_a_cpu_and_a_wrong_layer_are_found_before_training(monkeypatch):
    smoke = load_preset("smoke")
    check_study(smoke)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"train.amp = 'fp16' on a CPU.*choose auto, bf16 or off"):
        check_study(smoke.with_changes(train={"amp": "fp16"}))
    with pytest.raises(ConfigError, match="no layer 'bottlenek'"):
        check_study(smoke.with_changes(model={"target_layer": "bottlenek"}))


def test_the_two_forms_of_a_letter_name_one_study(tmp_path):
    forms = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    assert len({preset(tmp_path, f"name: {form}").name for form in forms}) == 1
