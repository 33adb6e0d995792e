"""How each table is made: its notebook, its command, its records, and the table itself."""

import ast
import html
from pathlib import Path

import nbformat
import pandas as pd

from segxal.apps.site.notebooks import page_of, title_of
from segxal.apps.site.sources import Sources, by_study, download, scrolling, toctree
from segxal.results.report import TABLE_CAPTIONS
from segxal.storage import paths

RECORDS = {
    "read_records": "results.csv",
    "read_class_iou": "class_iou.csv",
    "bought_table": "bought.csv",
}  # function of results.tables or results.comparison_tables -> the file it reads
NO_RECORDS = "no records, but images and networks"


def makers() -> dict[str, Path]:
    """Name of every table -> the notebook that saves it, as the notebooks' own code says."""
    found = {}
    for notebook in sorted(paths.NOTEBOOKS.glob("*.ipynb")):
        for call in _calls(notebook):
            if _name(call) == "save_table" and isinstance(call.args[-1], ast.Constant):
                found[str(call.args[-1].value)] = notebook
    return found


def records_of(notebook: Path) -> list[str]:
    """Which of a study's records a notebook reads; none: it looks at images and networks."""
    called = {_name(call) for call in _calls(notebook)}
    return [file for function, file in RECORDS.items() if function in called]


def _calls(notebook: Path) -> list[ast.Call]:
    cells = nbformat.read(notebook, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    return [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def kept() -> dict[str, list[Path]]:
    """Tables (CSV) by study."""
    return by_study(
        ((file.parent.parent.name, file) for file in paths.SHIPPED_RUNS.glob("*/tables/*.csv")), TABLE_CAPTIONS
    )


def write_tables(sources: Sources) -> None:
    """Write ``tables/<study>.md`` for every study with tables."""
    made = makers()
    sources.write("tables/index.md", _index(made))
    for study, files in kept().items():
        records = [paths.SHIPPED_RUNS / study / name for name in RECORDS.values()]
        links = ", ".join(download(sources, file, file.name) for file in records if file.is_file())
        head = (
            f"# Tables: {study}\n\n`.venv/bin/segxal reproduce --preset {study}` makes all of them from the runs. "
            f"The records they are made of: {links}. One table alone is made by its notebook, named under it."
        )
        sections = [_section(sources, study, file, made.get(file.stem)) for file in files]
        sources.write(f"tables/{study}.md", "\n\n".join([head, *sections, ""]))


def _index(made: dict[str, Path]) -> str:
    """Every table on one line: what makes it, from what, and in which studies it is kept."""
    studies = kept()
    names = [
        *TABLE_CAPTIONS,
        *sorted({file.stem for files in studies.values() for file in files} - set(TABLE_CAPTIONS)),
    ]
    head = (
        "# Tables\n\nEvery table is made by one notebook; nothing is typed in by hand.\n\n"
        "| table | notebook | reads | kept in |\n|---|---|---|---|"
    )
    lines = []
    for name in names:
        where = [f"[{s}](#table-{s}-{name})" for s, files in studies.items() if name in {file.stem for file in files}]
        notebook = made.get(name)
        link = f"[{title_of(notebook)}](/{page_of(notebook)}.md)" if notebook else ""
        read = ", ".join(f"`{file}`" for file in records_of(notebook)) if notebook else ""
        lines.append(f"| {heading(name)} | {link} | {read or NO_RECORDS} | {', '.join(where)} |")
    return "\n".join([head, *lines, "", toctree(f"/tables/{study}" for study in studies), ""])


def _section(sources: Sources, study: str, file: Path, notebook: Path | None) -> str:
    title = title_of(notebook) if notebook else file.stem
    caption = TABLE_CAPTIONS.get(file.stem, title + ".")
    forms = [file.with_suffix(f".{kind}") for kind in ("csv", "md", "tex")]
    links = [download(sources, form, form.suffix[1:]) for form in forms if form.is_file()]
    table = pd.read_csv(file, dtype=str).fillna("").to_html(index=False, border=0)
    parts = [
        f"(table-{study}-{file.stem})=",
        f"## {heading(file.stem)}",
        caption,
        "\n".join([*(_made(study, notebook) if notebook else []), f"- files: {', '.join(links)}"]),
        scrolling(table, html.escape(f"Table {file.stem} of the study {study}")),
    ]
    return "\n\n".join(parts)


def heading(name: str) -> str:
    """A table's name in words: ``table1`` is "Table 1", ``near_far`` is "Near far"."""
    return name.replace("table", "table ").replace("_", " ").capitalize()


def _made(study: str, notebook: Path) -> list[str]:
    read = ", ".join(f"`papermill_runs/{study}/{name}`" for name in records_of(notebook))
    return [
        f"- notebook: [{title_of(notebook)}](/{page_of(notebook)}.md)",
        f"- command: `.venv/bin/segxal notebook {notebook.stem} out.ipynb -p preset {study}`",
        f"- records: {read or NO_RECORDS}",
    ]
