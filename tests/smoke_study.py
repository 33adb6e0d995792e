"""What several workers of a test run share: the study that the notebooks show, made once, and kernels without ports."""

import functools
import subprocess
import sys

import nbval.kernel
import pytest
from filelock import FileLock
from warm_kernels import WarmKernelManager

from segxal.storage import paths


class SmokeStudy:
    """Plugin: whoever needs the smoke study first runs it, the others wait for it.

    Two processes that train one cycle at the same time would stand in each other's way. The study takes as long as
    many tests: one worker begins with a notebook, and so with the study; whoever else needs it comes after all others.
    """

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        """Put one notebook first, then the tests, then all that needs the study."""
        late = {item.path for item in items if needs_study(item)}
        first = next((item.path for item in items if is_cell(item)), None)
        items.sort(key=lambda item: (item.path != first, item.path in late))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item):
        """Have the study ready before nbval starts a kernel."""
        if is_cell(item):
            have_study()


def is_cell(item):
    """Whether a test is a cell of a notebook."""
    return item.path.suffix == ".ipynb"


def needs_study(item):
    """Whether a test looks into the smoke study."""
    return is_cell(item) or "smoke_study" in item.fixturenames


@functools.cache
def have_study():
    """Run what is missing of the smoke study; fails with the end of what the run said."""
    paths.HOME.mkdir(parents=True, exist_ok=True)
    with FileLock(paths.HOME / "smoke.lock.tmp"):
        line = [sys.executable, "-m", "segxal.study", "--preset", "smoke"]
        done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"the smoke study failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}", pytrace=False)


def use_sockets(folder):
    """Let nbval's kernels talk through files in ``folder``: kernels of two workers may be given the same TCP port."""
    nbval.kernel.KernelManager = functools.partial(WarmKernelManager, transport="ipc", ip=f"{folder}/kernel")
