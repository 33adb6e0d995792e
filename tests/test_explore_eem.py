"""The explorer's widgets, without a browser: moving a slider in code shows what the pure functions make."""

import gc
import io
import tracemalloc
from datetime import datetime, timezone

import numpy as np
import pytest
from ipywidgets import Widget
from PIL import Image

from segxal.apps.explore.later import Later
from segxal.apps.explore.mask import maps, panels
from segxal.apps.explore.mask.controls import ALL_CLASSES, BY_LEVEL
from segxal.apps.explore.mask.explorer import Explorer
from segxal.apps.explore.mask.maps import MapStore
from segxal.apps.explore.mask.reading import asked_for, error_mask, read
from segxal.apps.explore.picture import from_png
from segxal.core.errors import ConfigError, WeightsMissing
from segxal.study import grid

MOVES = 1000


@pytest.fixture
def explorer(tiny_run):
    return Explorer(tiny_run)


def shown(explorer, name):
    return from_png(bytes(explorer.images[name].value))


def expected(explorer):
    """All pictures at the current setting, by the pure functions and a store of their own."""
    subject, setting = explorer.subject, explorer.setting
    found = MapStore().maps(subject, setting)
    eem = error_mask(found, setting)
    asked, opacity = asked_for(eem, setting), explorer.controls.opacity.value
    image = panels.image_of(subject.frames)
    return panels.map_pictures(found, subject.frames) | {
        "eem": panels.eem_picture(eem),
        "asked": panels.asked_picture(image, eem, asked, opacity, explorer.chosen_pixel),
    }


def agrees(explorer):
    wanted = expected(explorer)
    assert set(wanted) == set(panels.PANELS)
    return [name for name in wanted if not np.array_equal(shown(explorer, name), wanted[name])] == []


def test_it_starts_with_the_query_and_the_mask_of_the_study(explorer, tiny_run):
    assert explorer.subject.frames.ids[0] == tiny_run[-1].queries()[0]["id"]
    assert explorer.setting.mask == tiny_run[-1].settings.mask and explorer.setting.layer == ""
    assert explorer.setting.category is None and explorer.setting.level is None
    assert agrees(explorer)


@pytest.mark.parametrize(
    ("name", "value", "changed"),
    [
        ("w_ebu", 0.1, {"eem", "asked"}),
        ("w_pae", 0.05, {"eem", "asked"}),
        ("area", 0.5, {"asked"}),
        ("opacity", 1.0, {"asked"}),
        ("row", 2, {"asked"}),
        ("quantile", 0.95, {"near", "informed", "pae", "eem", "asked"}),
        ("layer", "up.1", {"pae", "eem", "asked"}),
        ("cam", "hirescam", {"pae", "eem", "asked"}),
        ("depth", "geometry", {"depth", "near", "informed", "pae", "eem", "asked"}),
        ("network", 0, {"prediction", "ebu", "pae", "eem", "asked"}),
    ],
)
def test_a_move_changes_what_depends_on_it_and_nothing_else(explorer, name, value, changed):
    before = {each: bytes(image.value) for each, image in explorer.images.items()}
    getattr(explorer.controls, name).value = value
    after = {each for each, image in explorer.images.items() if bytes(image.value) != before[each]}
    assert after <= changed | {"error"} and {"asked"} <= after
    assert agrees(explorer)


def test_moving_back_gives_the_same_bytes(explorer):
    before = {name: bytes(image.value) for name, image in explorer.images.items()}
    for name, value in (("w_ebu", 0.9), ("quantile", 0.7), ("w_ebu", 0.5), ("quantile", 0.5)):
        getattr(explorer.controls, name).value = value
    assert {name: bytes(image.value) for name, image in explorer.images.items()} == before


def test_numbers_are_those_of_the_pure_function(explorer):
    explorer.controls.area.value = 0.35
    fresh = MapStore().maps(explorer.subject, explorer.setting)
    found = read(fresh, explorer.setting, panels.truth_of(explorer.subject.frames), explorer.preset.oracle.overlap)
    assert found == explorer.reading
    assert (
        f"{found.pixels} pixels" in explorer.numbers.value and f"{found.price.clicks} clicks" in explorer.numbers.value
    )
    assert f"EEM {found.auroc['eem']:.3f}" in explorer.numbers.value


def test_asking_from_a_level_on(explorer):
    explorer.controls.part.value = BY_LEVEL
    explorer.controls.level.value = 0.62
    assert explorer.setting.level == 0.62 and agrees(explorer)
    assert explorer.controls.area.disabled and not explorer.controls.level.disabled


def test_a_click_chooses_the_pixel(explorer):
    explorer.pointer.pixel = [3, 30]
    assert explorer.chosen_pixel == (3, 30) and agrees(explorer)
    assert "row 3, column 30" in explorer.pixel.value
    best = explorer.subject.frames.classes.names[explorer.maps.prediction[3, 30]]
    assert best in explorer.pixel.value and f"{explorer.maps.ebu[3, 30]:.3f}" in explorer.pixel.value


def test_the_same_pixel_can_be_clicked_again(explorer):
    for place in ([0, 0], [3, 30], [3, 30]):
        explorer.controls.row.value = 9
        explorer.pointer.pixel = place
        assert explorer.chosen_pixel == tuple(place)


def test_two_weights_of_zero_are_refused_in_words_and_the_picture_stays(explorer):
    explorer.controls.w_ebu.value = 0
    before = bytes(explorer.images["eem"].value)
    explorer.controls.w_pae.value = 0
    assert "not both 0" in explorer.status.value and "Still showing w_PAE 0.50." in explorer.status.value
    assert bytes(explorer.images["eem"].value) == before
    explorer.controls.opacity.value = 0.9
    assert "not both 0" in explorer.status.value, "it is said until it is mended"
    explorer.controls.w_pae.value = 0.3
    assert "not both 0" not in explorer.status.value and agrees(explorer)


def test_a_class_that_is_not_predicted_is_said(explorer):
    absent = min(set(range(19)) - set(np.unique(explorer.maps.prediction).tolist()))
    explorer.controls.category.value = absent
    assert explorer.subject.frames.classes.names[absent] in explorer.status.value
    explorer.controls.category.value = ALL_CLASSES
    assert "PAE" not in explorer.status.value


def uploaded(name, content):
    when = datetime(2020, 1, 1, tzinfo=timezone.utc)
    size = len(content)
    return ({"name": name, "type": "image/png", "size": size, "content": memoryview(content), "last_modified": when},)


def test_an_image_of_one_s_own(explorer):
    explorer.controls.upload.value = uploaded("broken.png", b"broken")
    assert "broken.png is not a PNG or JPEG image" in explorer.status.value and agrees(explorer)
    assert explorer.subject.frames.ids[0] in explorer.titles["asked"].value
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(buffer, "PNG")
    explorer.controls.upload.value = uploaded("mine.png", buffer.getvalue())
    assert explorer.subject.frames.ids == ("mine.png",) and explorer.controls.depth.value == "geometry"
    assert "broken" not in explorer.status.value and agrees(explorer)
    assert "mine.png" in explorer.titles["asked"].value, "the dropdown still names a training image"
    assert explorer.numbers.value.count("not known (no labels)") == 2 and "no value" not in explorer.numbers.value
    for name, value in (("depth", "dataset"), ("w_ebu", 0.9)):
        getattr(explorer.controls, name).value = value
        assert "no depth" in explorer.status.value, "as long as the maps are not of the depth that is chosen"
    explorer.controls.image.value = 3
    assert explorer.subject.frames.ids == explorer.splits.train.ids[3:4] and agrees(explorer)
    assert "mine.png" not in explorer.titles["asked"].value


def test_what_cannot_be_shown_is_said_with_what_is_shown_instead(explorer, monkeypatch):
    one = explorer.controls
    one.depth.value = "streets-net"

    def fail(provider, weights=""):
        raise WeightsMissing(f"{provider} has no weights here;\n  fetch them & come back")

    monkeypatch.setattr(maps, "get_depth", fail)
    before = bytes(explorer.images["depth"].value)
    one.depth.value = "midas"
    said = explorer.status.value
    assert "here;\n  fetch them &amp; come back\nStill showing depth from streets-net." in said
    assert "white-space:pre-line" in said and bytes(explorer.images["depth"].value) == before
    one.w_pae.value = 0.9
    assert "Still showing depth from streets-net." in explorer.status.value, "and not a weight, which is followed"
    one.image.value = 2
    assert f"Still showing image {explorer.frames.ids[0]}, depth from streets-net." in explorer.status.value
    one.opacity.value = 0.3
    wanted = panels.asked_picture(
        panels.image_of(explorer.frames), explorer.eem, explorer.asked, 0.3, explorer.chosen_pixel
    )
    assert np.array_equal(shown(explorer, "asked"), wanted), "mask and image are of one image"
    monkeypatch.undo()
    one.depth.value = "geometry"
    assert "Still" not in explorer.status.value and agrees(explorer)
    assert explorer.frames.ids == explorer.splits.train.ids[2:3]


def test_another_split(explorer):
    explorer.controls.split.value = "test"
    assert explorer.subject.frames.ids == explorer.splits.test.ids[:1] and agrees(explorer)
    assert len(explorer.controls.image.options) == len(explorer.splits.test)


def test_the_three_maps_are_written_out_beside_the_sliders_and_over_the_pictures(explorer):
    column = "".join(str(part.value) for part in explorer.controls.column_of_all().children)
    for name, words in (("EBU", "how unsure"), ("PAE", "what it looks at"), ("EEM", "their weighted mean")):
        assert f"<b>{name}</b>" in column and words in column
        assert name in explorer.titles[name.lower()].value and words in explorer.titles[name.lower()].value


def test_every_control_is_described_and_every_picture_named(explorer):
    for name in explorer.controls.__dataclass_fields__:
        control = getattr(explorer.controls, name)
        assert control.description and control.tooltip, name
    for name, image in explorer.images.items():
        assert explorer.pointer.target in image._dom_classes
        assert explorer.pointer.texts[f"segxal-{name}"] == panels.PANELS[name].title
    assert all(panel.unit or name in ("informed", "prediction", "error") for name, panel in panels.PANELS.items())


def widgets():
    return set(Widget.get_manager_state()["state"])


def test_a_thousand_moves_keep_no_memory_and_make_no_widget(tiny_run, monkeypatch):
    monkeypatch.setattr(panels, "WIDTH", 32)  # small pictures: a thousand of them in seconds
    explorer = Explorer(tiny_run)
    one, made = explorer.controls, widgets()
    monkeypatch.setattr(explorer, "_later", lambda act: None)  # numbers come when one rests

    def move(count):
        for k in range(count):
            (one.w_ebu, one.row)[k % 2].value = (0.05 * (k % 19 + 1), k % 16)[k % 2]

    move(40)
    tracemalloc.start()
    try:
        move(MOVES // 2)
        gc.collect()
        start, _ = tracemalloc.get_traced_memory()
        move(MOVES // 2)
        gc.collect()
        growth = tracemalloc.get_traced_memory()[0] - start
    finally:
        tracemalloc.stop()
    picture = len(bytes(explorer.images["asked"].value))
    assert growth < MOVES // 2 * picture / 4, "not even every fourth picture can have been kept"
    assert widgets() == made


def test_without_a_finished_cycle_or_image_it_says_so(tiny, tiny_run, tmp_path):
    with pytest.raises(ConfigError, match="no cycle of this run is finished"):
        Explorer(grid.run_of(tiny, "segxal-human", 0, runs=tmp_path))
    with pytest.raises(ConfigError, match="no image 'nowhere'"):
        Explorer(tiny_run, image="nowhere")


def test_work_for_later_is_done_once_and_only_the_latest():
    import asyncio

    done = []

    async def hurry():
        later = Later(rest=0.01)
        for k in range(5):
            later(lambda k=k: done.append(k))
        assert not done
        await asyncio.sleep(0.1)

    asyncio.run(hurry())
    assert done == [4]
    Later()(lambda: done.append("at once"))
    assert done == [4, "at once"]
