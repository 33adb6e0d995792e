"""One seed governs a run: every random act takes a generator derived from it and its purpose."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def _sequence(seed: int, purpose: tuple[str | int, ...]) -> np.random.SeedSequence:
    words = [zlib.crc32(str(part).encode()) for part in purpose]
    return np.random.SeedSequence([seed, *words])


def rng(seed: int, *purpose: str | int) -> np.random.Generator:
    """NumPy generator for one purpose of a run, for example ``rng(0, "pool", cycle)``.

    Args:
        seed: the run's seed, >= 0.
        *purpose: words and numbers that name the random act; other words, other stream.

    Returns:
        A generator that depends on ``seed`` and ``purpose`` alone.
    """
    return np.random.default_rng(_sequence(seed, purpose))


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """Torch generator (CPU) for one purpose of a run; see :func:`rng`."""
    state = int(_sequence(seed, purpose).generate_state(1, np.uint64)[0]) >> 1
    return torch.Generator().manual_seed(state)


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Inside the block, code that draws from torch's global generators draws from ours.

    Layer initialisation, dropout and transforms v2 know no other source. Afterwards the global generators, of the CPU
    and of every CUDA device, are as they were.
    """
    seed = int(torch.randint(2**62, (1,), generator=generator))
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield
