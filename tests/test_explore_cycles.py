"""The cycle slider: what one cycle leaves is what the next begins with, and moving the slider shows it."""

import numpy as np
import pytest

from segxal.apps.explore.cycles.explorer import CycleExplorer
from segxal.apps.explore.cycles.scenes import scene_picture, scene_text, scenes, tops_of
from segxal.apps.explore.picture import png
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID


@pytest.fixture(scope="module")
def played(tiny_run, tiny_splits):
    return scenes(tiny_run, tiny_splits)


def test_there_is_a_scene_for_every_cycle_in_which_something_is_asked(played, tiny_run):
    assert [scene.column.cycle for scene in played] == [cycle.number for cycle in tiny_run[1:]] == [1, 2]
    assert len({scene.column.view.id for scene in played}) == 1


def test_what_a_cycle_leaves_is_what_the_next_begins_with(played, tiny_run):
    first, second = played
    assert np.array_equal(first.after, second.column.view.prediction)
    assert first.miou[1] == second.miou[0]
    reported = [cycle.metrics()["report"]["miou"] for cycle in tiny_run]
    assert [played[0].miou[0], *(scene.miou[1] for scene in played)] == reported


def test_an_image_that_was_asked_about_shows_what_was_answered(tiny_run, tiny_splits):
    name = tiny_run[1].queries()[0]["id"]
    first, second = scenes(tiny_run, tiny_splits, name)
    assert first.asked and np.array_equal(first.column.annotation, tiny_run[1].annotations()[name])
    assert first.numbers["annotated"] == round(float((first.column.annotation != VOID).mean()), 4)
    assert second.asked == (name in tiny_run[2].annotations())


def test_shares_of_mended_and_spoilt_pixels_make_up_the_change(played):
    for scene in played:
        view, numbers = scene.column.view, scene.numbers
        known = view.truth != VOID
        before, after = ((part == view.truth)[known].mean() for part in (view.prediction, scene.after))
        assert numbers["mended"] - numbers["spoilt"] == pytest.approx(after - before)


def test_maps_of_all_cycles_share_one_scale(played):
    tops = tops_of(played)
    assert tops["ebu"] == max(scene.column.view.ebu.max() for scene in played) <= 1


def test_moving_the_slider_shows_the_cycle_and_moving_back_the_same_bytes(tiny_run, tiny_splits):
    explorer = CycleExplorer(tiny_run, tiny_splits)
    first = explorer.picture.value
    assert first == png(scene_picture(explorer.scenes[0], tops_of(explorer.scenes)))
    explorer.slider.value = 2
    assert explorer.scene.column.cycle == 2 and explorer.picture.value != first
    assert explorer.picture.value == png(scene_picture(explorer.scenes[1], tops_of(explorer.scenes)))
    assert explorer.text.value == scene_text(explorer.scenes[1], explorer.scenes)
    assert f"<b>2: {100 * explorer.scene.miou[1]:.1f}</b>" in explorer.text.value
    explorer.slider.value = 1
    assert explorer.picture.value == first


def test_another_image_keeps_the_cycle(tiny_run, tiny_splits):
    explorer = CycleExplorer(tiny_run, tiny_splits)
    explorer.slider.value = 2
    other = next(name for name in tiny_splits.train.ids if name != explorer.image.value)
    explorer.image.value = other
    assert explorer.scene.column.view.id == other and explorer.scene.column.cycle == 2


def test_what_cannot_be_shown_is_refused(tiny_run, tiny_splits):
    with pytest.raises(ConfigError, match="only cycle 0"):
        CycleExplorer(tiny_run[:1], tiny_splits)
    with pytest.raises(ConfigError, match="no image 'nowhere'"):
        CycleExplorer(tiny_run, tiny_splits, "nowhere")
