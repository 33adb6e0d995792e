"""The exercises, made from the solutions: ``python -m segxal.apps.workshop.blanks``.

``partN_<noun>_solution.ipynb`` is the source. In it a value to be found stands behind ``=`` on a line that ends with
``# your turn``, in a cell tagged ``solution``. The exercise ``partN_<noun>.ipynb`` has the same cells, with ``...`` in
place of these values and another first line. Outputs that are already there stay where a cell is unchanged.
"""

import argparse
import ast
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from segxal.core.errors import DataInvalid, SegxalError
from segxal.storage.files import write_text
from segxal.storage.paths import NOTEBOOKS

FOLDER = NOTEBOOKS / "workshop"
ENDING = "_solution"
TAG = "solution"  # of cells that hold a value to be found
MARK = "# your turn"
TITLE = " (solutions)"  # at the end of the first line of a solution


def blanked(source: str) -> str:
    """The source of a cell with ``...`` in place of every value to be found.

    Args:
        source: Python; the statements to be blanked assign at the top level and end with ``# your turn``.

    Returns:
        The same text but for these values; names, comments and all other lines stay.

    Raises:
        DataInvalid: if a mark is not at an assignment, or there is no mark.
    """
    lines = source.splitlines()
    marked = {number for number, line in enumerate(lines, 1) if line.rstrip().endswith(MARK)}
    found = [node for node in ast.parse(source).body if isinstance(node, ast.Assign) and node.end_lineno in marked]
    if not marked or len(found) != len(marked):
        raise DataInvalid(f"{len(marked)} marks '{MARK}' at {len(found)} assignments; put one at the end of each value")
    for node in reversed(found):
        target = node.targets[-1]
        names = lines[node.lineno - 1].encode()[: target.end_col_offset].decode()  # columns count bytes
        lines[node.lineno - 1 : node.end_lineno] = [f"{names} = ...  {MARK}"]
    return "\n".join(lines)


def exercise_of(solution: NotebookNode, before: NotebookNode | None = None) -> NotebookNode:
    """The exercise of a solution.

    Args:
        solution: the whole notebook.
        before: the exercise as it was; a cell whose source stays keeps its outputs.

    Raises:
        DataInvalid: if the first line does not end with ``(solutions)``, or :func:`blanked` refuses a cell.
    """
    cells = [_cell(cell) for cell in solution.cells]
    title, _, rest = cells[0].source.partition("\n")
    if not title.endswith(TITLE):
        raise DataInvalid(f"the first line of a solution ends with '{TITLE.strip()}', not {title!r}")
    cells[0].source = f"{title.removesuffix(TITLE)}\n{rest}"
    known = {(cell.id, cell.source): cell for cell in before.cells} if before else {}
    for cell in (cell for cell in cells if cell.cell_type == "code"):
        old = known.get((cell.id, cell.source))
        cell.outputs, cell.execution_count = (old.outputs, old.execution_count) if old else ([], None)
    return NotebookNode(solution | {"cells": cells})


def _cell(cell: NotebookNode) -> NotebookNode:
    copied = NotebookNode(cell | {"metadata": NotebookNode(cell.metadata)})
    if TAG in cell.metadata.get("tags", []):
        copied.source = blanked(cell.source)
    return copied


def solutions(folder: Path = FOLDER) -> list[Path]:
    """The solutions of the workshop, in order."""
    return sorted(folder.glob(f"part*{ENDING}.ipynb"))


def exercise_file(solution: Path) -> Path:
    """Where the exercise of a solution is."""
    return solution.with_name(f"{solution.stem.removesuffix(ENDING)}.ipynb")


def same_text(one: NotebookNode, other: NotebookNode) -> bool:
    """Whether two notebooks have the same cells, their outputs apart."""

    def text(notebook: NotebookNode) -> list[tuple[str, str, str, dict]]:
        return [(cell.id, cell.cell_type, cell.source, dict(cell.metadata)) for cell in notebook.cells]

    return text(one) == text(other)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make every exercise, or with ``--check`` say which one is not what its solution gives."""
    parser = argparse.ArgumentParser("python -m segxal.apps.workshop.blanks", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, but fail where they differ")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    stale = []
    try:
        for path in solutions(options.folder):
            file = exercise_file(path)
            before = nbformat.read(file, as_version=4) if file.is_file() else None
            made = exercise_of(nbformat.read(path, as_version=4), before)
            if before is not None and same_text(before, made):
                continue
            stale.append(file.name)
            if not options.check:
                write_text(file, nbformat.writes(made) + "\n")
    except SegxalError as error:
        print(f"segxal: {path.name}: {error}", file=sys.stderr)
        return 1
    print(f"{'differ' if options.check else 'made'}: {', '.join(stale) or 'none'}")
    return int(options.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
