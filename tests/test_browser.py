"""The explorer in a real browser: keys move sliders, and the pixels on the screen are those of the pure functions.

Skipped where there is no Chromium (on the PATH or as $CHROMIUM) or no Playwright; the part about Voila where ``make
app-install`` has not been called.
"""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("playwright", reason="needs `pip install playwright`")

from segxal.apps.explore import picture
from segxal.apps.explore.mask import offline_copy, panels
from segxal.apps.explore.mask.explorer import Explorer
from segxal.apps.explore.mask.maps import MapStore, Setting
from segxal.apps.explore.mask.reading import asked_for, error_mask
from segxal.apps.workshop.seen import learner_of
from segxal.storage.paths import NOTEBOOKS, ROOT
from segxal.study import grid
from segxal.study.settings import load_preset

sys.path.append(str(ROOT / "bench"))
import browser

pytestmark = pytest.mark.skipif(not browser.chromium(), reason="needs Chromium (`apt install chromium`, or $CHROMIUM)")
BOOK = NOTEBOOKS / "explore_eem.ipynb"
IMAGE = "train_0003_0"
OPACITY = 0.5
PHONE = {"width": 390, "height": 844}  # pixels


@pytest.fixture(scope="module")
def explorer(smoke_study):
    """What the notebook shows at first, in this process; one thread, as the kernel of the browser has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    preset = load_preset("smoke")
    networks = {"trained": learner_of("trained", **vars(preset.mask))}
    yield Explorer(grid.run_cycles(grid.run_of(preset, "segxal-human", 0)), IMAGE, networks=networks)
    torch.set_num_threads(threads)


def at(explorer, place=None, **changes):
    """The pictures at a setting, by the pure functions."""
    setting = explorer.setting
    setting = Setting(replace(setting.mask, **changes), setting.layer, setting.category)
    maps = MapStore().maps(explorer.subject, setting)
    eem = error_mask(maps, setting)
    image, place = panels.image_of(explorer.subject.frames), place or explorer.chosen_pixel
    asked = panels.asked_picture(image, eem, asked_for(eem, setting), OPACITY, place)
    return panels.map_pictures(maps, explorer.subject.frames) | {"eem": panels.eem_picture(eem), "asked": asked}


def press(page, words, key, times):
    """Move a slider by keyboard; as many keys as it takes, one after the other."""
    browser.slider(page, words).focus()
    for _ in range(times):
        page.keyboard.press(key)


def check(page, wanted, names):
    for name in names:
        assert browser.becomes(page, f"img.segxal-{name}", wanted[name]), f"{name} is not what the pure function says"


def moves_by_keyboard(page, explorer):
    """What both front ends must do."""
    start = at(explorer)
    check(page, start, panels.PANELS)
    press(page, "w_EBU", "ArrowRight", 6)
    kept = browser.slider(page, "w_EBU").get_attribute("data-lm-suppress-shortcuts")
    assert kept == "", "Notebook 7 would take the arrows for shortcuts of its own"
    check(page, at(explorer, w_ebu=0.8), ("eem", "asked"))
    press(page, "quantile", "ArrowRight", 5)
    check(page, at(explorer, w_ebu=0.8, quantile=0.75), ("near", "informed", "pae", "eem", "asked"))
    press(page, "quantile", "ArrowLeft", 5)
    press(page, "w_EBU", "ArrowLeft", 6)
    check(page, start, panels.PANELS)
    page.locator("img.segxal-depth").click(position={"x": 1, "y": 1})
    check(page, at(explorer, place=(0, 0)), ("asked",))
    page.get_by_text("Pixel: row 0, column 0").wait_for()


def test_jupyterlab(explorer, tmp_path):
    with browser.lab(BOOK, tmp_path) as url, browser.page() as page:
        browser.run_all(page, url, "img.segxal-asked")
        moves_by_keyboard(page, explorer)
        assert page.locator("img.segxal-near").get_attribute("alt") == panels.PANELS["near"].title
        assert not browser.flaws(page)
        assert not page.abroad, "it works without a network"


@pytest.mark.skipif(not browser.voila_binary().is_file(), reason="no Voila: `make app-install`")
def test_voila(explorer, tmp_path):
    with browser.voila(BOOK, tmp_path) as url, browser.page() as page:
        page.goto(url)
        page.locator("img.segxal-asked").wait_for()
        moves_by_keyboard(page, explorer)
        desk = page.locator("img.segxal-asked").bounding_box()
        assert desk["x"] > 300, "controls and pictures stand side by side"
        assert not browser.flaws(page)
        page.set_viewport_size(PHONE)
        page.wait_for_function("document.querySelector('img.segxal-asked').getBoundingClientRect().x < 40")
        widths = [page.locator(f"img.segxal-{name}").bounding_box()["width"] for name in panels.PANELS]
        assert min(widths) > 300, "a phone has controls and pictures under each other"
        assert not browser.flaws(page)
        assert all("fontawesome" in asked for asked in page.abroad), "icons alone, and it works without them"


def test_the_offline_copy(explorer, tmp_path):
    subject, setting = explorer.subject, explorer.setting
    file = tmp_path / "copy.html"
    file.write_text(
        f"<!doctype html><body>{offline_copy.offline_copy(subject, explorer.preset.oracle.overlap, setting)}</body>"
    )
    maps = MapStore().maps(subject, setting)

    def wanted(share, area):
        here = offline_copy.with_share(setting, offline_copy.SHARES[share], offline_copy.AREAS[area])
        eem = error_mask(maps, here)
        asked = asked_for(eem, here)
        ground = np.full((*asked.shape, 3), picture.UNKNOWN, np.uint8)
        factor = picture.factor_for(asked.shape, panels.WIDTH)
        lines = picture.outline(picture.enlarge(ground, factor), asked)
        return {"eem": picture.heat(eem), "outline": lines}, f"{asked.sum()} pixels"

    def look(page, share, area):
        pictures, words = wanted(share, area)
        for role, expected in pictures.items():
            assert browser.becomes(page, f'img[data-role="{role}"]', expected, seconds=5), (role, share, area)
        assert page.locator('[data-role="numbers"]').inner_text().startswith(words)

    with browser.page() as page:
        page.goto(file.as_uri())
        look(page, 5, 2)
        for role, key, place in (("share", "End", (10, 2)), ("area", "ArrowLeft", (10, 1)), ("share", "Home", (0, 1))):
            page.locator(f'input[data-role="{role}"]').focus()
            page.keyboard.press(key)
            look(page, *place)
        page.locator('input[data-role="opacity"]').focus()
        page.keyboard.press("End")
        assert page.locator('img[data-role="eem"]').evaluate("image => image.style.opacity") == "1"
        assert not page.abroad
