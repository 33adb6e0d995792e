"""What if: the study's own cycle when nothing is changed, another one when something is; the study is left alone."""

from dataclasses import replace

import pytest

from segxal.apps.explore.mask.explorer import Explorer
from segxal.apps.explore.mask.maps import Setting
from segxal.apps.explore.mask.what_if import NAMES, Gain, carry_out, changed_preset, gain_of, next_cycle, prepare
from segxal.apps.explore.mask.words import gains_text
from segxal.core.errors import ConfigError
from segxal.study import grid


def files_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_default_is_the_study_s_cycle_and_a_setting_is_another(tiny_run, tmp_path):
    cycle, before = tiny_run[1], files_of(tiny_run[1].study)
    changed = Setting(replace(cycle.settings.mask, w_pae=0.0, w_ebu=1.0, area=0.6), layer="up.0")
    gains = carry_out(prepare(cycle, changed, 0.6, tmp_path))
    assert gains["default"] == gain_of(cycle)
    assert gains["changed"].pixels != gains["default"].pixels
    assert gains["changed"].before == gains["default"].before, "both continue the same network"
    assert files_of(cycle.study) == before


def test_the_same_setting_asks_the_same(tiny_run, tmp_path):
    cycle = tiny_run[2]
    plan = prepare(cycle, Setting(cycle.settings.mask), 0.2, tmp_path)
    assert carry_out(plan)["changed"] == gain_of(cycle), "computed again in the scratch folder, to the same numbers"


def test_gain_is_in_points():
    assert Gain(0.25, 0.3, 1, 1, 1, 1).gain == pytest.approx(5)


def test_the_answer_says_that_retraining_alone_counts():
    gains = {name: Gain(0.076, 0.091, 900, 40, 0, 4) for name in NAMES}
    said = gains_text(gains, one_class=False, by_level=False)
    assert "0 of 4" in said and "Retraining alone changes the score, even where nothing joined." in said


def test_a_level_becomes_the_share_it_asks_for(tiny, tiny_run):
    mask = tiny.mask
    assert changed_preset(tiny, Setting(mask, level=0.7), 0.13).mask.area == 0.13
    assert changed_preset(tiny, Setting(mask), 0.13).mask == mask
    assert changed_preset(tiny, Setting(mask, layer="up.0"), 0.1).model.target_layer == "up.0"


def test_nothing_is_asked_after_the_last_cycle(tiny_run):
    assert next_cycle(tiny_run[-1], 0) == tiny_run[1]
    with pytest.raises(ConfigError, match="nothing is asked after cycle 2 of segxal-human"):
        next_cycle(tiny_run[-1], 2)
    with pytest.raises(ConfigError, match="nothing is asked after cycle 0 of start"):
        next_cycle(tiny_run[0], 0)
    with pytest.raises(ConfigError, match=r"belongs to no cycle of the run.*choose one after one"):
        next_cycle(tiny_run[-1], None)
    with pytest.raises(ConfigError, match="no cycle before cycle 0"):
        gain_of(tiny_run[0])


def test_the_button_answers_in_the_background(tiny_run):
    explorer = Explorer(tiny_run)
    explorer.controls.area.value = 0.4
    explorer.what_if.begin()
    assert explorer.what_if.start.disabled
    explorer.controls.w_ebu.value = 0.8  # meanwhile
    explorer.what_if.thread.join(300)
    own = gain_of(tiny_run[2])
    assert f"{100 * own.after:.1f}" in explorer.what_if.answer.value and "this setting" in explorer.what_if.answer.value
    assert explorer.what_if.bar.value == 100 and not explorer.what_if.start.disabled


def test_the_button_says_why_it_cannot(tiny_run):
    explorer = Explorer(tiny_run)
    explorer.controls.network.value = 2
    explorer.what_if.begin()
    assert "choose an earlier network" in explorer.what_if.answer.value and explorer.what_if.thread is None


def test_a_failure_of_the_other_process_is_shown(tiny_run, monkeypatch, tmp_path):
    explorer = Explorer(tiny_run, data_root=str(tmp_path))
    broken = replace(tiny_run[-1].preset, data=replace(tiny_run[-1].preset.data, name="cityscapes"))
    following = grid.run_of(broken, "segxal-human", 0, runs=tiny_run[-1].runs)[2]
    monkeypatch.setattr(explorer.what_if, "_question", lambda: (following, explorer.setting, 0.2))
    explorer.what_if.begin()
    explorer.what_if.thread.join(300)
    answer = explorer.what_if.answer.value
    assert "cityscapes" in answer and str(tmp_path) in answer, "it looks where the explorer looks"
    assert not explorer.what_if.start.disabled
