"""The views in a real browser: a click or a key does what the pure function says, and nothing while networks train.

Skipped where there is no Chromium (on the PATH or as $CHROMIUM) or no Playwright.
"""

import sys

import numpy as np
import pytest
import torch

from segxal.methods.learner import learner_of

pytest.importorskip("playwright", reason="needs `pip install playwright`")

from segxal.apps.explore.annotator.corrections import corrections_of
from segxal.apps.explore.annotator.explorer import labels_picture, mask_view
from segxal.apps.explore.labels.doubted import doubted
from segxal.apps.explore.labels.pictures import labels_picture as machine_labels
from segxal.apps.explore.policy.pictures import step_picture
from segxal.apps.explore.policy.step import step_of
from segxal.data.splits import open_splits
from segxal.storage.paths import NOTEBOOKS, ROOT
from segxal.study import grid
from segxal.study.settings import load_preset
from segxal.study.state import Cycle

sys.path.append(str(ROOT / "bench"))
import browser

pytestmark = pytest.mark.skipif(not browser.chromium(), reason="needs Chromium (`apt install chromium`, or $CHROMIUM)")
LABELS, MASK = "img.segxal-annotator-labels", "img.segxal-annotator-mask"


@pytest.fixture(scope="module")
def given(smoke_study):
    """What the notebook shows at first, in this process; one thread, as the kernel of the browser has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    (first,) = grid.run_cycles([Cycle(load_preset("smoke"), "start", 0, 0)])
    splits = open_splits(first.preset.data, "", first.study / "cache")
    learner = learner_of(first, first.settings)
    fresh = next(i for i in range(len(splits.train)) if i not in learner.labelled)
    yield corrections_of(learner, splits.train, fresh, 64)
    torch.set_num_threads(threads)


def middle_of(given, region):
    """A pixel well inside a superpixel: row and column."""
    rows, columns = np.nonzero(given.partition == region)
    nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    return rows[nearest], columns[nearest]


def click_on(page, given, region, selector):
    box = page.locator(selector).bounding_box()
    row, column = middle_of(given, region)
    height, width = given.partition.shape
    place = {"x": (column + 0.5) / width * box["width"], "y": (row + 0.5) / height * box["height"]}
    page.locator(selector).click(position=place)


def press(page, words):
    page.get_by_role("button", name=words, exact=True).focus()
    page.keyboard.press("Enter")


def test_click_and_keyboard_relabel_in_jupyterlab(given, tmp_path):
    first, second, third = given.suspicious()[0], 5, 9
    with browser.lab(NOTEBOOKS / "explore_annotator.ipynb", tmp_path) as url, browser.page() as page:
        browser.run_all(page, url, LABELS)
        assert browser.becomes(page, LABELS, labels_picture(given, first, 0.5))
        assert not browser.flaws(page), "there is no empty picture and no scrollbar"
        click_on(page, given, second, LABELS)
        clicked = given.relabelled(second, 0)
        assert browser.becomes(page, LABELS, labels_picture(clicked, second, 0.5)), "a click relabels"
        assert browser.becomes(page, MASK, mask_view(clicked, second))
        click_on(page, given, third, MASK)
        both = clicked.relabelled(third, 0)
        assert browser.becomes(page, LABELS, labels_picture(both, third, 0.5)), "the mask can be clicked on too"
        page.get_by_text("2 clicks", exact=True).wait_for()
        press(page, "undo")
        assert browser.becomes(page, LABELS, labels_picture(clicked, third, 0.5)), "undo takes one answer back"
        page.get_by_label("class", exact=True).select_option("sky")
        press(page, "relabel")
        sky = clicked.relabelled(third, given.classes.index("sky"))
        assert browser.becomes(page, LABELS, labels_picture(sky, third, 0.5)), "the keyboard does what a click does"
        assert page.locator(LABELS).get_attribute("alt") == "your labels over the image"
        assert not page.abroad, "it works without a network"


def test_a_game_hears_nothing_while_it_trains(tmp_path):
    with browser.lab(NOTEBOOKS / "explore_game.ipynb", tmp_path) as url, browser.page() as page:
        browser.run_all(page, url, "img.segxal-board")
        page.get_by_text("Round 1 of 3: 20 clicks left").wait_for()
        assert not browser.flaws(page), "there is no empty picture and no scrollbar"
        board, autopilot = page.locator("img.segxal-board"), page.get_by_role("button", name="autopilot", exact=True)
        board.click(position={"x": 40, "y": 40})
        page.get_by_text("19 clicks left").wait_for()
        press(page, "play the round")
        page.get_by_text("19 of 20 clicks are unspent").wait_for()
        press(page, "play the round")
        page.locator("button:disabled", has_text="autopilot").wait_for()
        autopilot.evaluate("button => button.click()")
        board.click(position={"x": 200, "y": 40})
        page.get_by_text("After round 1").wait_for()
        page.get_by_text("Round 2 of 3: 20 clicks left").wait_for()
        you = page.locator("tr", has=page.get_by_role("cell", name="you", exact=True)).first
        assert you.locator("td").last.inner_text() == "1", "what was picked before the training, and no more"


def test_keys_move_through_pools_and_candidates_in_jupyterlab(tmp_path):
    run = grid.run_cycles(grid.until(grid.run_of(load_preset("smoke-ralis"), "ralis", 0), 1))
    step = step_of(run[-1], open_splits(run[0].preset.data, "", run[0].study / "cache"))
    shown = "img.segxal-policy"
    with browser.lab(NOTEBOOKS / "explore_policy.ipynb", tmp_path) as url, browser.page() as page:
        browser.run_all(page, url, shown)
        assert browser.becomes(page, shown, step_picture(step, 0, 0))
        for words, place in (("candidate", (0, 1)), ("pool", (1, 1))):
            browser.slider(page, words).focus()
            page.keyboard.press("ArrowRight")
            assert browser.becomes(page, shown, step_picture(step, *place)), words
        page.get_by_text("it is not asked for").wait_for()
        assert not browser.flaws(page), "there is no empty picture and no scrollbar"
        assert not page.abroad, "it works without a network"


def test_keys_move_shares_in_jupyterlab(tmp_path):
    settings = load_preset("smoke-adaptation")
    here = grid.run_cycles(grid.run_of(settings, "advent", 0))[-1]
    pool = open_splits(settings.data, "", here.study / "cache").train
    view = doubted(learner_of(here, settings), pool.select(range(0, len(pool), len(pool) // 6)))
    shown, shares = "img.segxal-labels", [0.5] * len(pool.classes)
    with browser.lab(NOTEBOOKS / "explore_labels.ipynb", tmp_path) as url, browser.page() as page:
        browser.run_all(page, url, shown)
        assert browser.becomes(page, shown, machine_labels(view, 0, shares))
        browser.slider(page, "this class (%)").focus()
        page.keyboard.press("ArrowRight")
        shares[view.predicted[0]] = 0.51
        assert browser.becomes(page, shown, machine_labels(view, 0, shares)), "one class"
        browser.slider(page, "image").focus()
        page.keyboard.press("ArrowRight")
        assert browser.becomes(page, shown, machine_labels(view, 1, shares)), "another image"
        assert not browser.flaws(page), "there is no empty picture and no scrollbar"
        assert not page.abroad, "it works without a network"
