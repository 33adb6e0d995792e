"""The gallery: every kept figure, with the record beside it that says which runs it shows."""

import html
import json
import re
from pathlib import Path
from typing import Any

from segxal.apps.site.notebooks import page_of, title_of
from segxal.apps.site.sources import Sources, by_study, download, toctree
from segxal.results.report import FIGURE_CAPTIONS
from segxal.storage import paths
from segxal.storage.files import read_json

OTHERS = "others"  # page of the pictures that lie in no study's folder
SCREENSHOTS = {  # name -> caption of pictures that no notebook draws
    "explorer_lab": "The EEM explorer in JupyterLab with the images of the preset quick: sliders on the left; in the "
    "middle the image under its error mask and the maps the mask is made of; on the right what would be asked for, its "
    "price, and the values of one pixel.",
    "explorer_voila": "The EEM explorer as a page of its own: the same sliders, maps and numbers, in Voila.",
    "label_studio_task": "A task in Label Studio: the picture with pre-labels to correct, the error mask with the "
    "asked part outlined, and the classes to paint with.",
}


def pictures() -> dict[str, list[Path]]:
    """Kept figures (PNG) by study; ``others`` are those directly in ``figures/``."""
    files = [*paths.SHIPPED_FIGURES.glob("*.png"), *paths.SHIPPED_FIGURES.glob("*/*.png")]
    return by_study(
        ((OTHERS if file.parent == paths.SHIPPED_FIGURES else file.parent.name, file) for file in files),
        FIGURE_CAPTIONS,
    )


def write_gallery(sources: Sources) -> None:
    """Write ``gallery/<study>.md`` for every study with kept figures, and the page that leads to them."""
    kept = pictures()
    listed = "\n".join(f"- [{study}](/gallery/{study}.md): {len(files)}" for study, files in kept.items())
    tree = toctree(f"/gallery/{study}" for study in kept)
    sources.write(
        "gallery/index.md", f"# Figures\n\nKept figures by study, with the number of them:\n\n{listed}\n\n{tree}\n"
    )
    for study, files in kept.items():
        head = f"# Figures: {study}\n\n" + (
            f"Drawn from the study `{study}`. Under each figure: the notebook that draws it and the runs it shows."
            if (paths.SHIPPED_RUNS / study).is_dir()
            else "Pictures that are not drawn from a study's records."
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
    return (FIGURE_CAPTIONS | SCREENSHOTS).get(name, fallback)


def heading(caption: str) -> str:
    """A caption's beginning: ``Fig. 2. How PAE is made: ...`` gives "Fig. 2: How PAE is made"."""
    number, words = re.fullmatch(r"(Fig\. \d+)?[.,: ]*(.*)", caption, re.DOTALL).groups()  # type: ignore[union-attr]
    start = re.split(r"[.:;,] |[.:]$", words)[0]
    return f"{number}: {start}" if number else start


def _provenance(record: dict[str, Any]) -> str:
    notebook = paths.ROOT / record["notebook"]
    study = f" -p preset {record['preset']}" if (paths.SHIPPED_RUNS / record["preset"]).is_dir() else ""
    runs = ", ".join(f"`{run}`" for run in record["runs"])
    drawn = f"[{title_of(notebook)}](/{page_of(notebook)}.md)" if notebook.is_file() else f"`{record['notebook']}`"
    return (
        f"- drawn by: {drawn}\n"
        f"- runs: {runs or 'no single one; all records of the study, or printed numbers'}\n"
        f"- draw it again: `.venv/bin/segxal notebook {notebook.stem} out.ipynb{study}`"
    )


def _numbers(record: dict[str, Any]) -> str:
    text = html.escape(json.dumps(record["numbers"], indent=1, ensure_ascii=False), quote=False)
    return f"<details><summary>The numbers it shows</summary><pre>{text}</pre></details>"
