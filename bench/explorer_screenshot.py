"""Make figures/explorer_lab.png and figures/explorer_voila.png: the explorer in a real browser, at desk width.

    python bench/explorer_screenshot.py [PRESET]

with the network that the notebook shows first, the trained one that comes with the package, on the images of a study,
``quick`` unless another is named; its networks stand in the list, and cycles that are missing are computed first. Needs
what ``bench/browser.py`` says; the picture of Voila is left out when there is none (``make app-install`` brings it).
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import browser

from segxal.storage.paths import NOTEBOOKS, SHIPPED_FIGURES
from segxal.study.grid import run_cycles, run_of
from segxal.study.settings import load_preset

BOOK = NOTEBOOKS / "explore_eem.ipynb"
PICTURE = "img.segxal-asked"
WINDOW = {"width": 1440, "height": 1080}  # a desk's, pixels
SETTLE = 1500  # milliseconds until numbers and layout are there


def photograph(page: Any, target: Path) -> None:
    """Put the explorer at the top of the window and take its picture."""
    page.locator(PICTURE).first.wait_for()
    page.wait_for_timeout(SETTLE)
    page.locator(".segxal-explorer").first.evaluate("part => part.scrollIntoView({block: 'start'})")
    page.wait_for_timeout(SETTLE)
    page.screenshot(path=target)
    print(f"written: {target.name}; asked of other machines: {page.abroad or 'nothing'}")


def main(preset: str = "quick") -> int:
    """Both pictures."""
    run_cycles(run_of(load_preset(preset), "segxal-human", 0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        book = folder / BOOK.name
        book.write_text(BOOK.read_text(encoding="utf-8").replace(r"preset = \"smoke\"", rf"preset = \"{preset}\""))
        with browser.lab(book, folder / "lab") as url, browser.page(WINDOW) as page:
            browser.run_all(page, url, PICTURE)
            page.get_by_role("button", name="No", exact=True).click()  # no news
            page.locator('[data-id="filebrowser"]').first.click()  # folds the list of files away
            photograph(page, SHIPPED_FIGURES / "explorer_lab.png")
        if not browser.voila_binary().is_file():
            print("no Voila here; `make app` installs it")
            return 0
        with browser.voila(book, folder / "voila") as url, browser.page(WINDOW) as page:
            page.goto(url)
            photograph(page, SHIPPED_FIGURES / "explorer_voila.png")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
