"""The study that the notebooks show, made once for all workers of a test run."""

import fcntl
import functools
import subprocess
import sys

import pytest

from segxal.storage import paths


class SmokeStudy:
    """Plugin: whoever comes to a notebook first runs the smoke study, the others wait for it.

    Two kernels that train one cycle at the same time would stand in each other's way. The study takes as long as many
    tests, so one worker starts with it; the other notebooks come last.
    """

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        """One notebook, all tests, the other notebooks."""
        first = next((item.path for item in items if is_cell(item)), None)
        items.sort(key=lambda item: is_cell(item) - 2 * (item.path == first))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item):
        """Have the study ready before nbval starts a kernel."""
        if is_cell(item) and (failure := run_study()):
            pytest.fail(failure, pytrace=False)


def is_cell(item):
    """Whether a test is a cell of a notebook."""
    return item.path.suffix == ".ipynb"


@functools.cache
def run_study():
    """Run what is missing of the smoke study; gives the end of what it said if it fails."""
    paths.HOME.mkdir(parents=True, exist_ok=True)
    with (paths.HOME / "smoke.lock.tmp").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        line = [sys.executable, "-m", "segxal.study.grid", "--preset", "smoke"]
        done = subprocess.run(line, capture_output=True, text=True)
    return "" if done.returncode == 0 else f"the smoke study failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
