"""Make figures/explorer_lab.png and figures/explorer_voila.png: the explorer in a real browser, at desk width.

    python bench/explorer_screenshot.py

Needs what ``bench/browser.py`` says; the picture of Voila is left out when there is none (``make app`` installs it).
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import browser

from segxal.paths import FIGURES, NOTEBOOKS

BOOK = NOTEBOOKS / "explore_eem.ipynb"
PICTURE = "img.segxal-asked"
SETTLE = 1500  # milliseconds until numbers and layout are there


def photograph(page: Any, target: Path) -> None:
    """Put the explorer at the top of the window and take its picture."""
    page.locator(PICTURE).first.wait_for(timeout=1000 * browser.PATIENCE)
    page.wait_for_timeout(SETTLE)
    page.locator(".segxal-explorer").first.evaluate("part => part.scrollIntoView({block: 'start'})")
    page.wait_for_timeout(SETTLE)
    page.screenshot(path=target)
    print(
        f"written: {target.name}; asked of other machines: {page.abroad or 'nothing'}; dialogs: {page.asked or 'none'}"
    )


def main() -> int:
    """Both pictures."""
    with tempfile.TemporaryDirectory() as name, browser.lab(BOOK, Path(name)) as url, browser.page() as page:
        browser.run_all(page, url, PICTURE)
        photograph(page, FIGURES / "explorer_lab.png")
    if not browser.voila_binary().is_file():
        print("no Voila here; `make app` installs it")
        return 0
    with tempfile.TemporaryDirectory() as name, browser.voila(BOOK, Path(name)) as url, browser.page() as page:
        page.goto(url, timeout=1000 * browser.PATIENCE)
        photograph(page, FIGURES / "explorer_voila.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
