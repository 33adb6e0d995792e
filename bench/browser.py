"""A notebook in a real browser: JupyterLab or Voila on this machine alone, Chromium without a window.

What the browser tests, the screenshots and the bench of the explorer share. Needs Chromium (Debian: ``apt install
chromium``; another one by ``$CHROMIUM``) and ``pip install playwright``; Voila stands in ``.venv-app`` (``make app``).
"""

import base64
import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from segxal.apps.annotate.local import HOST, free_port, serving
from segxal.apps.explore.picture import from_png
from segxal.storage.paths import ROOT

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
]  # fmt: skip
DESK = {"width": 1440, "height": 1000}  # of the window, pixels
PATIENCE = 120  # seconds
# "Run All Cells" is sometimes lost: JupyterLab calls a kernel idle before it is connected to it.
CONNECTED = 2000  # milliseconds until it is, mostly
ATTEMPTS, FIRST_CELL = 6, 30  # tries, and seconds until a menu opens and until the first cell has run
FETCH = """async (image) => {
  const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""

FLAWS = """() => [...document.querySelectorAll(".jupyter-widgets")].flatMap((part) => {
  const wide = part.scrollWidth > part.clientWidth && /auto|scroll/.test(getComputedStyle(part).overflowX);
  const broken = part.tagName === "IMG" && part.offsetParent && !part.naturalWidth;
  return wide || broken ? [`${part.className}: ${part.scrollWidth} in ${part.clientWidth}`] : [];
})"""


def chromium() -> str:
    """Where Chromium is; empty when there is none."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), "")


def voila_binary() -> Path:
    """Where ``make app`` puts Voila."""
    return ROOT / ".venv-app" / "bin" / "voila"


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the user's own Jupyter; one CPU thread, so that numbers are the same in every process."""
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    labs = {f"JUPYTERLAB_{name}_DIR": str(folder / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    path = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}
    return os.environ | own | labs | path | {"IPYTHONDIR": str(folder / "ipython"), "OMP_NUM_THREADS": "1"}


def _blank(notebook: Path) -> dict[str, Any]:
    """A notebook that has not been run: a number beside a cell then says that it has."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return content


@contextmanager
def lab(notebook: Path, folder: Path) -> Iterator[str]:
    """JupyterLab with a copy of a notebook; yields its address."""
    port, token, books = free_port(), secrets.token_hex(8), folder / "books"
    books.mkdir(parents=True)
    (books / notebook.name).write_text(json.dumps(_blank(notebook)), encoding="utf-8")
    command = [
        sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", f"--ip={HOST}", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={books}",
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]  # fmt: skip
    ready = f"http://{HOST}:{port}/api?token={token}"
    with serving(command, ready, folder / "log.txt", _environment(folder), PATIENCE):
        yield f"http://{HOST}:{port}/lab/tree/{notebook.name}?token={token}&reset"


@contextmanager
def voila(notebook: Path, folder: Path) -> Iterator[str]:
    """Voila with a notebook, its kernel in this Python; yields its address."""
    port, kernel = free_port(), folder / "share" / "kernels" / "python3"
    kernel.mkdir(parents=True)  # and with it the folder
    line = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": line, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    command = [
        str(voila_binary()), str(notebook), "--no-browser", f"--Voila.ip={HOST}", f"--port={port}",
        "--VoilaConfiguration.file_allowlist=.*",
    ]  # fmt: skip
    environment = _environment(folder) | {"JUPYTER_PATH": str(folder / "share")}
    environment.pop("JUPYTER_DATA_DIR")
    with serving(command, f"http://{HOST}:{port}/voila/static/", folder / "log.txt", environment, PATIENCE):
        yield f"http://{HOST}:{port}/"


@contextmanager
def page(size: dict[str, int] | None = None) -> Iterator[Any]:
    """A page of Chromium that reaches this machine only; ``page.abroad`` lists what it asked of others."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium(), args=FLAGS, ignore_default_args=["--hide-scrollbars"]
        )  # a person sees them, so pictures and tests do too
        found = browser.new_context(viewport=size or DESK).new_page()
        found.set_default_timeout(1000 * PATIENCE)
        found.abroad, found.asked = [], []
        dialog = found.locator(".jp-Dialog")  # JupyterLab's questions: which kernel, news, a slow connection
        found.add_locator_handler(dialog, lambda: _answer(found), no_wait_after=True)  # one may follow another
        home = (f"http://{HOST}", f"ws://{HOST}", "data:", "blob:", "file:")
        found.on("request", lambda ask: None if ask.url.startswith(home) else found.abroad.append(ask.url))
        yield found
        browser.close()


def _answer(found: Any) -> None:
    """Say yes to a question of JupyterLab, but on a slow machine keep waiting; ``page.asked`` keeps what it was."""
    question = found.locator(".jp-Dialog").last
    found.asked.append(question.inner_text())
    patient = question.get_by_role("button", name="Keep Waiting")  # accepting would clear the workspace
    (patient if patient.count() else question.locator(".jp-mod-accept")).first.click()


def run_all(found: Any, url: str, wanted: str) -> None:
    """Open a notebook in JupyterLab and run all its cells until ``wanted`` (a CSS selector) is seen.

    A click that is lost is made again; where that does not help either (a dialog stayed), the page is loaded again.
    """
    from playwright.sync_api import TimeoutError as Late

    for attempt in range(ATTEMPTS):
        try:
            if attempt % 2 == 0:
                _open(found, url)
            _press_run_all(found)
            break
        except (AssertionError, Late):
            if attempt == ATTEMPTS - 1:
                raise
    found.wait_for_selector(wanted)


def _open(found: Any, url: str) -> None:
    from playwright.sync_api import expect

    found.goto(url)
    # `expect`, as a plain wait does not let a question of JupyterLab be answered meanwhile.
    for ready in (".jp-NotebookPanel .jp-Cell", ".jp-Notebook-ExecutionIndicator[data-status=idle]"):
        expect(found.locator(ready).first).to_be_visible(timeout=1000 * PATIENCE)
    found.wait_for_timeout(CONNECTED)


def _press_run_all(found: Any) -> None:
    from playwright.sync_api import expect

    for name in ("Run", "Run All Cells"):
        found.get_by_role("menuitem", name=name, exact=True).click(timeout=1000 * FIRST_CELL)
    ran = found.locator(".jp-CodeCell .jp-InputPrompt").get_by_text(re.compile(r"\[\d+\]"))
    expect(ran.first).to_be_visible(timeout=1000 * FIRST_CELL)


def shown(found: Any, selector: str) -> np.ndarray:
    """The picture (H, W, 3) uint8 that an ``<img>`` shows."""
    return from_png(base64.b64decode(found.locator(selector).first.evaluate(FETCH)))


def becomes(found: Any, selector: str, wanted: np.ndarray, seconds: float = 30) -> bool:
    """Whether an ``<img>`` comes to show exactly this picture."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        here = shown(found, selector)
        if here.shape == wanted.shape and np.array_equal(here, wanted):
            return True
        time.sleep(0.05)
    return False


def flaws(found: Any) -> list[str]:
    """What looks broken in the widgets of a page: boxes with a horizontal scrollbar, pictures without bytes."""
    return list(found.evaluate(FLAWS))


def slider(found: Any, words: str) -> Any:
    """The handle of a slider by its description, to be focused and moved with the arrow keys."""
    row = found.locator(".widget-slider").filter(has=found.get_by_text(words, exact=True))
    return row.locator(".noUi-handle").first
