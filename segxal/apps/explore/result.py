"""A picture that does not exist yet."""

from typing import Any

from ipywidgets import Image


class Result(Image):
    """A PNG that stays out of the page as long as it has no bytes: a browser shows an empty picture as a broken one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="png", **options)
        self.observe(self._appear, "value")
        self._appear()

    def _appear(self, _change: object = None) -> None:
        self.layout.display = None if self.value else "none"
