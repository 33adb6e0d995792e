"""The lists of notebooks, the workshop's guide and the studies' reports: what is there now, by title."""

from pathlib import Path

from segxal.apps.site.notebooks import page_of, title_of, write_notebook
from segxal.apps.site.pages import GUIDE, relink
from segxal.apps.site.sources import Sources, by_study, toctree
from segxal.storage import paths

WORKSHOP = GUIDE.parent
FIRST = paths.NOTEBOOKS / "eem_in_ten_lines.ipynb"  # heads the list
AUDIT = paths.NOTEBOOKS / "paper_audit.ipynb"  # has a place of its own in the menu
STUDY_TEXT = """\
The notebooks of `{study}` as that study ran them, with its own settings and images (those of the menu above ran with
the preset `smoke`, in which nothing is learned well). Not every run has one here.
"""


def write_books(sources: Sources) -> None:
    """Write every executed notebook and the pages that list them."""
    plain = sorted(paths.NOTEBOOKS.glob("*.ipynb"), key=lambda notebook: (notebook != FIRST, notebook))
    for notebook in plain:
        write_notebook(sources, notebook)
    listed = [f"/{page_of(notebook)}" for notebook in plain if notebook != AUDIT]
    text = (
        "Start with the first. Each runs in seconds or about a minute: with a small network from the package, "
        "or with the preset `smoke`, in which nothing is learned well."
    )
    sources.write("notebooks/index.md", f"# Notebooks\n\n{text}\n\n{toctree(listed, hidden=False)}\n")
    _write_studies(sources)
    write_workshop(sources)


def _write_studies(sources: Sources) -> None:
    """Notebooks of the kept studies, and the page of the reports that lists them."""
    parts = ["# Reports of the studies", "One page each with every table and figure; it needs no other file."]
    for study, (report,) in by_study(
        (file.parent.name, file) for file in paths.SHIPPED_RUNS.glob("*/report.html")
    ).items():
        sources.copy(report, f"extra/reports/{study}.html")
        parts += [f"## {study}", f'<a href="reports/{study}.html">Report of the study {study}</a>']
        if books := sorted((report.parent / "notebooks").rglob("*.ipynb")):
            for notebook in books:
                write_notebook(sources, notebook, listed=False)
            parts += [STUDY_TEXT.format(study=study), _links(books)]
    sources.write("reports.md", "\n\n".join([*parts, ""]))


def _links(books: list[Path]) -> str:
    """Titles for notebooks that ran once; for the others one line with a link per run."""
    lines = []
    for folder in sorted({book.parent for book in books}):
        here = [book for book in books if book.parent == folder]
        if folder.name == "notebooks":
            lines += [f"- [{title_of(book)}](/{page_of(book)}.md)" for book in here]
        else:
            runs = ", ".join(f"[{book.stem}](/{page_of(book)}.md)" for book in here)
            lines.append(f"- {title_of(here[0])}: {runs}")
    return "\n".join(lines)


def write_workshop(sources: Sources) -> None:
    """The teacher's guide and the workshop's notebooks."""
    books = sorted(WORKSHOP.glob("*.ipynb"))
    for notebook in books:
        write_notebook(sources, notebook)
    text = relink(GUIDE.read_text(encoding="utf-8"), sources, WORKSHOP)
    sources.write("workshop.md", f"{text}\n\n{toctree(f'/{page_of(book)}' for book in books)}\n")
