"""The API reference: one page per module or family of modules, from the docstrings."""

from segxal.apps.site.sources import Sources
from segxal.apps.site.statements import module_name, modules

OPTIONS = ("   :members:", "   :ignore-module-all:", "")


def write_api(sources: Sources) -> None:
    """Write ``api/index.rst`` and one page per module or sub-package of segxal."""
    units: dict[str, list[str]] = {}
    for name in map(module_name, modules()):
        if name != "segxal":
            units.setdefault(name.split(".")[1], []).append(name)
    for unit, names in units.items():
        parts = [_module(name, "=" if name.count(".") == 1 else "-") for name in names]
        sources.write(f"api/{unit}.rst", "\n".join(parts))
    head = ["API reference", "=============", "", ".. automodule:: segxal", "", ".. toctree::", "   :titlesonly:", ""]
    sources.write("api/index.rst", "\n".join([*head, *(f"   {unit}" for unit in units), ""]))


def _module(name: str, line: str) -> str:
    return "\n".join([name, line * len(name), "", f".. automodule:: {name}", *OPTIONS])
