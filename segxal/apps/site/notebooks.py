"""Executed notebooks as pages: prose as it is, code, and what the code printed, drew and returned."""

import base64
import html
import re
from pathlib import Path
from typing import Any

import nbformat

from segxal.apps.site.sources import Sources, download, scrolling
from segxal.storage import paths

STYLE = re.compile(r"<style.*?</style>\s*", re.DOTALL)
LINK = re.compile(r"\]\(([\w./-]+)\.ipynb(#[\w-]*)?\)")
WIDGET = "application/vnd.jupyter.widget-view+json"
PROGRESS = re.compile(r"\d+%\|")  # a progress bar as text


def title_of(notebook: Path) -> str:
    """First heading of a notebook; its name where it has none."""
    cells = nbformat.read(notebook, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    heading = re.search(r"^# +(.+)$", prose, re.MULTILINE)
    return heading[1].strip() if heading else notebook.stem


def page_of(notebook: Path) -> str:
    """The page of a notebook in the site, without suffix, from its path in the repository."""
    return notebook.relative_to(paths.ROOT).with_suffix("").as_posix().removeprefix("papermill_runs/")


def write_notebook(sources: Sources, notebook: Path, listed: bool = True) -> None:
    """Write a notebook's page, and its pictures beside it.

    Args:
        sources: where they go.
        notebook: executed.
        listed: whether the menu holds it; others are reached by links alone.
    """
    page, book = page_of(notebook), nbformat.read(notebook, as_version=4)
    parts, heading = [], title_of(notebook)
    for number, cell in enumerate(book.cells):
        if cell.cell_type == "markdown":
            heading = _last_heading(cell.source) or heading
            parts.append(LINK.sub(r"](\1.md\2)", cell.source))
        elif cell.cell_type == "code" and cell.source.strip():
            parts.append(f"```python\n{cell.source}\n```")
            outputs = [_output(sources, page, f"{number}-{k}", heading, out) for k, out in enumerate(cell.outputs)]
            parts += [text for text in outputs if text]
    head = "" if listed else "---\norphan: true\n---\n\n"
    if not parts or not parts[0].startswith("# "):
        head += f"# {notebook.stem}\n\n"
    where = f"The notebook itself: {download(sources, notebook, notebook.name)}"
    sources.write(f"{page}.md", head + "\n\n".join([*parts, "---", where, ""]))


def _last_heading(markdown: str) -> str:
    found = re.findall(r"^#+ +(.*)$", markdown, re.MULTILINE)
    return found[-1] if found else ""


def _output(sources: Sources, page: str, number: str, heading: str, output: Any) -> str:
    """One output of a code cell as MyST text; progress bars are left out."""
    if output.output_type == "stream":
        return _printed(output.text)
    if output.output_type == "error":
        return _printed(f"{output.ename}: {output.evalue}")
    data = output.data
    if WIDGET in data:
        moving = PROGRESS.search(data.get("text/plain", ""))
        return "" if moving else "*Here the notebook shows controls; they need a kernel: `make lab`.*"
    if "image/png" in data:
        name = f"{page}_{number}.png"
        sources.write(name, base64.b64decode(data["image/png"]))
        return f"```{{image}} /{name}\n:alt: {_plain(heading)} (picture drawn by the code above)\n```"
    if "text/html" in data:
        return scrolling(STYLE.sub("", data["text/html"]), html.escape(f"{_plain(heading)}, table"))
    return _printed(data.get("text/plain", ""))


def _printed(text: str) -> str:
    fence = "`" * 4
    return f"{fence}text\n{text.rstrip()}\n{fence}" if text.strip() else ""


def _plain(markdown: str) -> str:
    return re.sub(r"[`*_\[\]]", "", markdown)
