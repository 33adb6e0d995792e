"""The API reference: one page per room, one per module or family of modules in it, from the docstrings."""

from collections.abc import Iterable

from segxal.apps.site.sources import Sources
from segxal.apps.site.statements import module_name, modules

OPTIONS = ("   :members:", "   :ignore-module-all:", "")


def write_api(sources: Sources) -> None:
    """Write ``api/index.rst``, ``api/<room>/index.rst`` and one page per module or sub-package of a room."""
    rooms: dict[str, dict[str, list[str]]] = {}
    for name in map(module_name, modules()):
        _, room, unit, *_ = [*name.split("."), "", ""]
        if room:
            rooms.setdefault(room, {}).setdefault(unit, []).append(name)
    for room, units in rooms.items():
        for unit, names in units.items():
            parts = [_module(name, "=" if name.count(".") <= 2 else "-") for name in names]
            tree = [] if unit else _toctree(one for one in units if one)
            sources.write(f"api/{room}/{unit or 'index'}.rst", "\n".join([*parts, *tree]))
    head = ["API reference", "=============", "", ".. automodule:: segxal", ""]
    sources.write("api/index.rst", "\n".join([*head, *_toctree(f"{room}/index" for room in rooms)]))


def _module(name: str, line: str) -> str:
    return "\n".join([name, line * len(name), "", f".. automodule:: {name}", *OPTIONS])


def _toctree(pages: Iterable[str]) -> list[str]:
    return [".. toctree::", "   :titlesonly:", "", *(f"   {page}" for page in pages), ""]
