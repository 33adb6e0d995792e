"""The gallery: every kept figure, with the record beside it that says which runs it shows."""

import html
import json
import re
from pathlib import Path
from typing import Any

from segxal import paths
from segxal.files import read_json
from segxal.report import FIGURES
from segxal.site.notebooks import page_of, title_of
from segxal.site.sources import Sources, download, toctree

SCRATCH = ("smoke", "test-")  # studies that are not kept
ORDER = list(FIGURES)
OTHERS = "others"  # page of the pictures that lie in no study's folder


def pictures() -> dict[str, list[Path]]:
    """Kept figures (PNG) by study; ``others`` are those directly in ``figures/``."""
    found: dict[str, list[Path]] = {}
    for file in sorted(paths.FIGURES.rglob("*.png")):
        study = file.parent.relative_to(paths.FIGURES).as_posix()
        if not study.startswith(SCRATCH):
            found.setdefault(OTHERS if study == "." else study, []).append(file)
    return found


def write_gallery(sources: Sources) -> None:
    """Write ``gallery/<study>.md`` for every study with kept figures, and the page that leads to them."""
    listed = "\n".join(f"- [{study}](/gallery/{study}.md): {len(files)}" for study, files in pictures().items())
    tree = toctree(f"/gallery/{study}" for study in pictures())
    sources.write(
        "gallery/index.md", f"# Figures\n\nKept figures by study, with the number of them:\n\n{listed}\n\n{tree}\n"
    )
    for study, files in pictures().items():
        files = sorted(files, key=lambda file: ORDER.index(file.stem) if file.stem in ORDER else len(ORDER))
        head = f"# Figures: {study}\n\n" + (
            "Pictures that are not drawn from a study's records."
            if study == OTHERS
            else f"Drawn from the study `{study}`. Under each figure: the notebook that draws it and the runs it shows."
        )
        sources.write(f"gallery/{study}.md", "\n\n".join([head, *(_figure(sources, file) for file in files), ""]))


def _figure(sources: Sources, file: Path) -> str:
    record_file = file.with_suffix(".json")
    record = read_json(record_file) if record_file.is_file() else {}
    caption = caption_of(file.stem, record)
    parts = [
        f"(figure-{file.parent.name}-{file.stem})=",
        f"## {heading(caption)}",
        f"```{{figure}} {sources.copy(file)}\n:alt: {caption}\n\n{caption}\n```",
    ]
    files = [file.with_suffix(".pdf"), record_file, file]
    links = [download(sources, one, one.suffix[1:].upper()) for one in files if one.is_file()]
    if record:
        parts += [_provenance(record), _numbers(record)]
    return "\n\n".join([*parts, f"Files: {', '.join(links)}"])


def caption_of(name: str, record: dict[str, Any]) -> str:
    """The caption the report prints; else the title of the notebook that draws it."""
    notebook = paths.ROOT / record.get("notebook", "-")
    fallback = title_of(notebook) if notebook.is_file() else name.replace("_", " ")
    return FIGURES.get(name, fallback)


def heading(caption: str) -> str:
    """A caption's beginning: ``Fig. 2. How PAE is made: ...`` gives "Fig. 2: How PAE is made"."""
    number, words = re.fullmatch(r"(Fig\. \d+)?[.,: ]*(.*)", caption, re.DOTALL).groups()  # type: ignore[union-attr]
    start = re.split(r"[.:;,] |[.:]$", words)[0]
    return f"{number}: {start}" if number else start


def _provenance(record: dict[str, Any]) -> str:
    notebook = paths.ROOT / record["notebook"]
    runs = ", ".join(f"`{run}`" for run in record["runs"])
    drawn = f"[{title_of(notebook)}](/{page_of(notebook)}.md)" if notebook.is_file() else f"`{record['notebook']}`"
    return (
        f"- drawn by: {drawn}\n"
        f"- runs: {runs or 'no single one; all records of the study, or printed numbers'}\n"
        f"- again: `.venv/bin/segxal notebook {notebook.stem} out.ipynb -p preset {record['preset']}`"
    )


def _numbers(record: dict[str, Any]) -> str:
    text = html.escape(json.dumps(record["numbers"], indent=1, ensure_ascii=False), quote=False)
    return f"<details><summary>The numbers it shows</summary><pre>{text}</pre></details>"
