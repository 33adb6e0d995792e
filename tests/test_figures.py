"""Figures: what they show is right, they look the same twice, and wrong names are refused."""

import json
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
import torch

from segxal.core.errors import ConfigError
from segxal.core.labels import CAMVID, VOID
from segxal.data.settings import DataConfig
from segxal.data.splits import open_splits
from segxal.methods.settings import GateConfig, PoolConfig
from segxal.models.settings import MaskConfig, ModelConfig
from segxal.results.figures.annotation import annotation_figure, annotation_steps
from segxal.results.figures.attention import attention_figure, attention_maps
from segxal.results.figures.base import (
    Sheet,
    class_patches,
    label_picture,
    legend_below,
    new_sheet,
    outline,
    percent,
    save,
)
from segxal.results.figures.cycles import cycle_columns, cycles_figure
from segxal.results.figures.oracles import oracle_answers, oracles_figure
from segxal.results.figures.pae import pae_figure, pae_steps
from segxal.results.figures.pipeline import pipeline_figure, pipeline_parts
from segxal.results.figures.sheet import cycle_sheet, data_sheet
from segxal.results.figures.view import right_share, view_of
from segxal.results.learner import learner_that_asked
from segxal.storage import paths
from segxal.study import grid
from segxal.study.settings import Preset
from segxal.training.settings import TrainConfig

PRESET = Preset(
    name="tiny",
    data=DataConfig(height=32, width=64, counts=(12, 4, 4)),
    model=ModelConfig(base=4, depth=2),
    train=TrainConfig(steps=4, cycle_steps=2, batch=4, evaluations=1, amp="off"),
    mask=MaskConfig(depth="dataset"),
    pool=PoolConfig(start=0.25, step=0.17, cycles=2, subset=1.0),
    gate=GateConfig(tau=0.3),
)


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def human(study_folder):
    return grid.run_cycles(grid.run_of(PRESET, "segxal-human", 0, runs=study_folder))


@pytest.fixture(scope="module")
def pseudo(study_folder):
    return grid.run_cycles(grid.run_of(PRESET, "segxal-pseudo", 0, runs=study_folder))


@pytest.fixture(scope="module")
def splits(human):
    return open_splits(PRESET.data, "", human[0].study / "cache")


def texts(sheet):
    return [text.get_text() for text in sheet.findobj(matplotlib.text.Text)]


def test_a_label_picture_keeps_class_colours_and_hatches_void():
    labels = np.array([[0, 3], [VOID, VOID]], dtype=np.uint8)
    picture = label_picture(labels, CAMVID)
    assert picture.shape == (512, 512, 3)
    assert np.allclose(picture[0, 0] * 255, CAMVID.colours[0])
    assert np.allclose(picture[0, -1] * 255, CAMVID.colours[3])
    void = picture[256:]
    assert 0 < (void < 1).any(-1).mean() < 0.5  # white with stripes


def test_a_legend_names_the_classes_shown_and_nothing_else():
    labels = np.array([[8, 3, VOID]], dtype=np.uint8)
    assert [patch.get_label() for patch in class_patches(CAMVID, [labels])] == ["road", "car", "not annotated"]


def test_a_legend_is_read_row_by_row():
    sheet = new_sheet(2)
    labels = np.arange(11, dtype=np.uint8)[None]
    legend_below(sheet, class_patches(CAMVID, [labels]))
    handles = [handle.get_label() for handle in sheet.legends[0].legend_handles]
    assert handles == [CAMVID.names[k] for k in (0, 7, 1, 8, 2, 9, 3, 10, 4, 5, 6)]


def test_an_outline_does_not_move_the_picture():
    axes = new_sheet(2).subplots()
    axes.imshow(np.zeros((4, 8)))
    before = axes.get_xlim(), axes.get_ylim()
    inside = np.zeros((4, 8), dtype=bool)
    inside[0, :2] = True
    assert outline(axes, inside) is not None
    assert (axes.get_xlim(), axes.get_ylim()) == before
    assert outline(axes, np.zeros((4, 8), dtype=bool)) is None


def test_percent_of_nothing_says_so():
    assert percent(0.316) == "32 %"
    assert percent(float("nan")) == "no value"


def test_right_share_leaves_out_what_is_unknown():
    labels = np.array([[0, 1, VOID, 3]], dtype=np.uint8)
    truth = np.array([[0, 2, 2, VOID]], dtype=np.uint8)
    assert right_share(labels, truth) == 0.5
    assert np.isnan(right_share(np.full_like(truth, VOID), truth))


def test_drawing_leaves_global_settings_alone(human, splits):
    before = dict(matplotlib.rcParams)
    cycle_sheet(human[1], splits)
    assert dict(matplotlib.rcParams) == before


def test_a_figure_shows_itself_in_a_notebook():
    png = new_sheet(1)._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") == 720  # pixels wide: 7.2 inches at 100 dpi


def test_save_writes_the_same_bytes_twice(tmp_path, monkeypatch, human):
    monkeypatch.setattr(paths, "FIGURES", tmp_path)
    kept = []
    for _ in range(2):
        sheet = new_sheet(1)
        sheet.subplots().plot([1, 2], [3, 4])
        save(sheet, "tiny", "fig2_pae", {"threshold": 0.5}, human[1:])
        kept.append({file.name: file.read_bytes() for file in sorted((tmp_path / "tiny").iterdir())})
    assert list(kept[0]) == ["fig2_pae.json", "fig2_pae.pdf", "fig2_pae.png"]
    assert kept[0] == kept[1]
    record = json.loads(kept[0]["fig2_pae.json"])
    assert record["runs"] == ["segxal-human/none/seed0/cycle_01", "segxal-human/none/seed0/cycle_02"]
    assert record["seeds"] == [0]
    assert record["numbers"] == {"threshold": 0.5}
    assert b"CreationDate" not in kept[0]["fig2_pae.pdf"]


@pytest.mark.parametrize("number", [0, 1])
def test_cycle_sheet_shows_what_was_asked(human, splits, number):
    said = texts(cycle_sheet(human[number], splits))
    first = human[1].queries()[0]["id"] if number else next(iter(human[0].annotations()))
    assert first in said
    assert ("EEM" in said) == bool(number)


def test_the_network_that_asked_is_the_one_before(human, splits):
    learner = learner_that_asked(human[2])
    expected = human[1].networks()["model"].state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in learner.model.state_dict().items())
    with pytest.raises(ConfigError, match="asks nothing"):
        learner_that_asked(human[0])


def test_the_view_is_what_the_oracle_was_asked(human, splits):
    first = human[1].queries()[0]
    index = splits.train.ids.index(first["id"])
    view = view_of(learner_that_asked(human[1]), splits.train, index)
    assert view.eem.mean() == pytest.approx(first["score"], abs=1e-4)
    assert view.asked.sum() == round(PRESET.mask.area * view.asked.size)


def test_unknown_images_are_refused(splits, human):
    with pytest.raises(ConfigError, match="no image 'moon'"):
        splits.train.position("moon")
    with pytest.raises(ConfigError, match="was not queried in cycle 1"):
        annotation_steps(human[1], splits, "moon")


def test_pipeline_adds_up(human, splits):
    parts = pipeline_parts(human[1], splits)
    assert len(parts.accepted) + len(parts.rejected) == parts.numbers["queried"] == 2
    said = texts(pipeline_figure(parts))
    assert f"accepted: {len(parts.accepted)} of 2 annotations" in said
    assert "labelled pool: 3 images, then " + str(parts.numbers["labelled_after"]) in said


def test_pipeline_draws_empty_lanes(human, splits):
    parts = replace(pipeline_parts(human[1], splits), accepted=[], rejected=[])
    assert texts(pipeline_figure(parts)).count("none in this cycle") == 2


def test_pae_steps_follow_the_paper(human, splits):
    steps = pae_steps(human[1], splits)
    expected = np.minimum(1, steps.near / steps.threshold)
    assert np.allclose(steps.view.attention, expected, atol=1e-5)
    assert np.allclose(steps.informed, steps.view.image / 255 * steps.view.attention[..., None], atol=1e-5)
    assert isinstance(pae_figure(steps), Sheet)


def test_annotation_steps_match_the_record(human, splits):
    steps = annotation_steps(human[1], splits)
    assert steps.query["pixels"] == steps.prompts.sum()
    changed = steps.reannotated != steps.view.prediction
    assert not changed[~steps.prompts].any()
    assert isinstance(annotation_figure(steps), Sheet)


def test_cycles_show_an_image_that_is_never_labelled(pseudo, splits):
    columns = cycle_columns(pseudo, splits)
    labelled = {splits.train.ids[i] for i in pseudo[-1].pool().labelled}
    assert [column.cycle for column in columns] == [1, 2]
    assert columns[0].view.id not in labelled
    sheet = cycles_figure(columns)
    maps = [
        axes.images[0].get_clim() for axes in sheet.axes[:9] if axes.images and axes.images[0].get_array().ndim == 2
    ]
    assert len(set(maps)) == 2  # one scale for EBU, one for EEM
    with pytest.raises(ConfigError, match="only cycle 0"):
        cycle_columns(pseudo[:1], splits)


def test_oracles_answer_about_the_same_image(pseudo, human, splits):
    answers = oracle_answers(pseudo[1], human[1], splits)
    assert answers.numbers["human"]["right"] == 1
    assert answers.numbers["cost"]["pseudo"]["clicks"] == 0
    assert isinstance(oracles_figure(answers), Sheet)


def test_attention_has_both_maps_for_all_classes_and_one(human, splits):
    shown = attention_maps(human[-1], splits, category="road")
    assert set(shown.maps) == {("plain", "all"), ("plain", "one"), ("pae", "all"), ("pae", "one")}
    empty = replace(shown, maps=shown.maps | {("pae", "one"): np.zeros_like(shown.view.pae)})
    assert "no pixel speaks for road" in texts(attention_figure(empty))
    with pytest.raises(ConfigError, match="no class 'dragon'"):
        attention_maps(human[-1], splits, category="dragon")


def test_data_sheet_leaves_out_missing_depth(splits):
    with_depth = data_sheet(splits.train)
    without = data_sheet(replace(splits.train, depth=None))
    assert "relative inverse depth" in texts(with_depth)
    assert "relative inverse depth" not in texts(without)
