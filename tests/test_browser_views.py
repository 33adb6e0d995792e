"""The annotator's view in a real browser: a click or a key changes the label map as the pure function says.

Skipped where there is no Chromium (on the PATH or as $CHROMIUM) or no Playwright.
"""

import sys

import numpy as np
import pytest
import torch

pytest.importorskip("playwright", reason="needs `pip install playwright`")

from segxal import checks, loop, study
from segxal.config import load_preset
from segxal.explore.annotator import labels_picture, mask_view
from segxal.explore.corrections import corrections_of
from segxal.paths import NOTEBOOKS, ROOT
from segxal.state import Cycle

sys.path.append(str(ROOT / "bench"))
import browser

pytestmark = pytest.mark.skipif(not browser.chromium(), reason="needs Chromium (`apt install chromium`, or $CHROMIUM)")
LABELS, MASK = "img.segxal-annotator-labels", "img.segxal-annotator-mask"


@pytest.fixture(scope="module")
def given():
    """What the notebook shows at first, in this process; one thread, as the kernel of the browser has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    (first,) = study.run_cycles([Cycle(load_preset("smoke"), "start", 0, 0)])
    splits = loop.open_splits(first.preset, "", first.study / "cache")
    learner = checks.learner_of(first, splits)
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
