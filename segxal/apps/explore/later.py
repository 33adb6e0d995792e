"""Work that waits until a person rests, so that pictures follow a slider without it."""

import asyncio
from collections.abc import Callable

REST = 0.15  # seconds without a move


class Later:
    """Does the latest thing it was asked for once nothing new has arrived for ``rest`` seconds.

    In a kernel this happens in its event loop, between messages of the browser. Without an event loop (a script, a
    test) it is done at once.
    """

    def __init__(self, rest: float = REST) -> None:
        self.rest = rest
        self._waiting: asyncio.TimerHandle | None = None

    def __call__(self, act: Callable[[], None]) -> None:
        """Ask for ``act``; an earlier request that is not done yet is dropped."""
        if self._waiting is not None:
            self._waiting.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            act()
            return
        self._waiting = loop.call_later(self.rest, act)
