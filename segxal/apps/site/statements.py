"""What docstrings say about their source and where they depart from it."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segxal.storage import paths

SOURCE = re.compile(r"Source: (.*?)(?= Departure: |$)")
DEPARTURE = re.compile(r"Departure: (.*)$")
Documented = ast.Module | ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True)
class Statement:
    """One docstring's source and departure.

    Attributes:
        module: dotted name of the module.
        name: dotted name inside the module; empty for the module itself.
        summary: first line of the docstring.
        source: what follows ``Source:``; empty where there is none.
        departure: what follows ``Departure:``; empty where there is none.
    """

    module: str
    name: str
    summary: str
    source: str
    departure: str

    @property
    def public(self) -> bool:
        """Whether the API reference shows it."""
        return not any(part.startswith("_") for part in self.name.split("."))


def module_name(file: Path) -> str:
    """Dotted name of a module of this package."""
    return ".".join(file.relative_to(paths.PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def modules() -> list[Path]:
    """All modules of this package, in the order of their names."""
    return sorted(paths.PACKAGE.rglob("*.py"), key=module_name)


def docstring(file: Path) -> str:
    """The docstring of a module, without importing it."""
    return ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""


def statements(file: Path) -> list[Statement]:
    """The statements of a module, in the order of its lines."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = [_statement(module_name(file), name, text) for name, text in _documented(tree)]
    return [statement for statement in found if statement.source or statement.departure]


def _documented(node: Documented, inside: str = "") -> Iterator[tuple[str, str]]:
    """Dotted name and docstring of a module or class and of everything in it that has one."""
    if text := ast.get_docstring(node):
        yield inside, text
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef):
            yield from _documented(child, f"{inside}.{child.name}".lstrip("."))


def _statement(module: str, name: str, text: str) -> Statement:
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", inspect.cleandoc(text))]
    source, departure = (
        " ".join(match[1] for part in paragraphs if (match := form.search(part))) for form in (SOURCE, DEPARTURE)
    )
    return Statement(module, name, text.splitlines()[0], source, departure)
