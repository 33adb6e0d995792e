"""Kernels forked from a process that has imported everything: notebooks are tested, not how fast Python starts.

A kernel that starts by itself, as in JupyterLab and papermill, needs as long for its imports as most notebooks for all
they do. Such kernels have tests of their own: those that run a study and those that drive a browser.
"""

import multiprocessing
import os

from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import LocalProvisioner

# What notebooks import, and what torch imports by itself as soon as it trains.
PRELOADED = [
    "ipykernel.kernelapp", "torch", "torch._dynamo", "torchvision.transforms.v2", "pandas", "scipy.stats",
    "sklearn.metrics", "sklearn.linear_model", "skimage.segmentation", "skimage.measure", "statsmodels.stats.multitest",
    "IPython.display", "ipywidgets", "nbformat",
]  # fmt: skip

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(PRELOADED)


class WarmKernelManager(KernelManager):
    """Starts its kernels as forks."""

    async def _async_pre_start_kernel(self, **options):
        if self.provisioner is None:
            self.provisioner = Fork(kernel_id="fork", kernel_spec=self.kernel_spec, parent=self)
        return await super()._async_pre_start_kernel(**options)


class Fork(LocalProvisioner):
    """Runs a kernel in a fork in place of a new process."""

    async def launch_kernel(self, cmd, **options):
        """Fork; ``cmd`` is the command of the kernel's specification, which ends with its arguments."""
        arguments = cmd[cmd.index("-f") :]
        process = forks.Process(target=run, args=(arguments, options.get("cwd"), options["env"]))
        process.start()
        self.process, self.pid = Popen(process), process.pid
        return self.connection_info


class Popen:
    """What jupyter_client expects of a process, for one of multiprocessing."""

    stdin = stdout = stderr = None

    def __init__(self, process):
        self.process, self.pid = process, process.pid

    def poll(self):
        """Exit code, None while it runs."""
        return self.process.exitcode

    def wait(self):
        """Wait for its end; gives the exit code."""
        self.process.join()
        return self.process.exitcode

    def send_signal(self, number):
        """Send a signal."""
        os.kill(self.pid, number)

    def kill(self):
        """End it at once."""
        self.process.kill()

    def terminate(self):
        """Ask it to end."""
        self.process.terminate()


def run(arguments, folder, environment):
    """Be a kernel; in a process group of its own, as kernels are."""
    from ipykernel.kernelapp import IPKernelApp  # with it, progress bars take the process of the tests for a notebook

    os.setsid()
    if folder:
        os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    IPKernelApp.launch_instance(argv=arguments)
