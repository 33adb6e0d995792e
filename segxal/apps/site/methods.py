"""Method pages: for every part of SegXAL, every strategy and every oracle its source and its departures."""

import re
from pathlib import Path

from segxal.acquisition.strategies import MAPS, UNITS
from segxal.acquisition.strategies.base import MapStrategy
from segxal.apps.site.sources import Sources
from segxal.apps.site.statements import Statement, docstring, module_name, modules, statements
from segxal.methods import METHODS
from segxal.methods.base import Method

SEGXAL_PARTS = (
    "core.entropy", "core.gradcam", "core.cams", "models.depth", "core.eem", "core.gate", "study.loop",
)  # fmt: skip
CHAPTERS = {  # page -> title, modules; the last one holds what no other chapter names
    "segxal": (
        "SegXAL: error mask and gate",
        (
            "core.entropy",
            "core.gradcam",
            "core.cams",
            "core.geometry",
            "models.depth",
            "core.eem",
            "models.explain",
            "core.gate",
            "study.loop",
        ),
    ),
    "strategies": ("Query strategies", ("acquisition.strategies", "training.objectives")),
    "oracles": ("Oracles", ("acquisition.oracles", "apps.annotate", "core.price")),
}
REST = ("rest", "Data, training, scores, statistics")
INTRODUCTION = """\
What each part does and where it comes from, as its docstring says. **Source** names the paper, its section or
the official code; **Departure** says where this package does something else, and why. A link leads to the function.
"""


def write_methods(sources: Sources) -> None:
    """Write ``methods/*.rst``, one page per chapter."""
    left = [file for file in modules() if statements(file)]
    for page, (title, units) in CHAPTERS.items():
        files = [file for unit in units for file in modules() if _within(module_name(file), unit)]
        left = [file for file in left if file not in files]
        sources.write(f"methods/{page}.rst", _page(title, files))
    sources.write(f"methods/{REST[0]}.rst", _page(REST[1], left))
    sources.write("methods/names.rst", _names())


def _within(module: str, unit: str) -> bool:
    return f"{module}.".startswith(f"segxal.{unit}.")


def _page(title: str, files: list[Path]) -> str:
    sections = [_section(file) for file in files if _worth_a_section(file)]
    return "\n".join([*_heading(title, "="), INTRODUCTION, *sections])


def _worth_a_section(file: Path) -> bool:
    """What names a source, and every strategy and oracle."""
    choice = file.parent.name in ("strategies", "oracles") and file.stem not in ("__init__", "base")
    return choice or bool(statements(file))


def _section(file: Path) -> str:
    """What a module is, which methods use it, and its statements; docstrings are in Sphinx' own language already."""
    name, text = module_name(file), docstring(file)
    title = re.split(r"[.:,(]", text)[0].strip()
    lines = [*_heading(title, "-"), f".. py:currentmodule:: {name}", "", text, ""]
    used = [f"``{method}``" for method, settings in METHODS.items() if settings.buys and name in _modules_of(settings)]
    if used:
        lines += [f"Methods: {', '.join(used)}.", ""]
    for statement in statements(file):
        lines += _entry(statement) if statement.name else []
    if not statements(file):
        lines += ["Its docstrings name no source: it is the plain definition.", ""]
    return "\n".join([*lines, f"All of it: :py:mod:`{name}`.", ""])


def _modules_of(method: Method) -> tuple[str, str]:
    """Modules of a method's strategy and oracle."""
    chosen = UNITS.get(method.strategy) or MAPS[method.strategy]
    function = chosen.maps if isinstance(chosen, MapStrategy) else chosen
    return function.__module__, f"segxal.acquisition.oracles.{method.oracle.replace('-', '_')}"


def _entry(statement: Statement) -> list[str]:
    name = f":py:obj:`{statement.name}`" if statement.public else f"``{statement.name}``"
    lines = [name, f"   {statement.summary}", ""]
    for word, text in (("Source", statement.source), ("Departure", statement.departure)):
        lines += [f"   **{word}:** {text}", ""] if text else []
    return lines


def _names() -> str:
    """All methods in one table, as :data:`segxal.methods.METHODS` defines them."""
    rows = [
        f"   * - ``{name}``\n     - {method.strategy}\n     - {method.granularity}\n     - {method.oracle}\n"
        f"     - {'yes' if getattr(method, 'gated', False) else 'no'}"
        for name, method in METHODS.items()
    ]
    head = "   * - method\n     - strategy\n     - asks for\n     - oracle\n     - gate"
    text = "A method is a query strategy, an oracle that answers, a gate, and what is asked for."
    table = [".. list-table::", "   :header-rows: 1", "", head, *rows, ""]
    return "\n".join([*_heading("All methods by name", "="), text, "", *table])


def _heading(text: str, line: str) -> list[str]:
    return [text, line * max(len(text), 3), ""]
