"""Make figures/label_studio_task.png: a real task of the `quick` study in a real Label Studio, as a person sees it.

    python bench/label_studio_screenshot.py .venv-label-studio/bin/label-studio figures/label_studio_task.png

Needs ``make label-studio-install`` and what ``bench/browser.py`` says. The server runs on this machine alone while the
picture is taken; the browser can reach nothing else.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import browser
from label_studio_sdk import LabelStudio

from segxal.apps.annotate.local import Server, running
from segxal.apps.annotate.server import push
from segxal.core.errors import AnnotationsWanted
from segxal.study.grid import run_cycles, run_of
from segxal.study.settings import load_preset

SIZE = {"width": 1600, "height": 1000}  # of the window, pixels
SETTLE = 8000  # milliseconds until masks are drawn


def log_in(page: Any, server: Server) -> None:
    """Log in as the server's only user."""
    page.goto(f"{server.url}/user/login/")
    page.fill("input[name=email]", server.user)
    page.fill("input[name=password]", server.password)
    page.click("button[type=submit]")
    page.wait_for_load_state("networkidle")


def main(binary: str, target: str) -> None:
    """Run the study up to its first question, put it to the server and photograph the first task."""
    with tempfile.TemporaryDirectory() as name, running(Path(binary), Path(name) / "server") as server:
        cycles = run_of(load_preset("quick"), "segxal-label-studio", 0, runs=Path(name) / "runs")
        try:
            run_cycles(cycles)
        except AnnotationsWanted as wanted:
            print(wanted)
        project = push(cycles[1].project, server.url, server.token, "SegXAL: quick, seed 0, cycle 1").project
        client = LabelStudio(base_url=server.url, api_key=server.token)
        task = next(iter(client.tasks.list(project=project)))  # the one of highest score
        with browser.page(SIZE) as page:
            log_in(page, server)
            page.goto(f"{server.url}/projects/{project}/data?task={task.id}&labeling=1")
            page.wait_for_selector("canvas")
            page.wait_for_timeout(SETTLE)
            page.screenshot(path=target)


if __name__ == "__main__":
    main(*sys.argv[1:])
