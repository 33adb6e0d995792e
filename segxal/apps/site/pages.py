"""The pages written by hand: ``docs/`` and three files outside it, with links that hold on the site too."""

import re
from pathlib import Path

from segxal.apps.site.notebooks import page_of
from segxal.apps.site.sources import Sources, download
from segxal.apps.site.statements import module_name
from segxal.storage import paths

DOCS = paths.ROOT / "docs"  # the pages, and Sphinx' settings
GUIDE = paths.NOTEBOOKS / "workshop" / "README.md"
OUTSIDE_DOCS = {  # file -> page of the site
    paths.ROOT / "README.md": "/index.md",  # what it says, the start page says in its own words
    paths.ROOT / "CONTRIBUTING.md": "/contributing.md",
    paths.ROOT / "CHANGELOG.md": "/changelog.md",
    GUIDE: "/workshop.md",
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def write_pages(sources: Sources) -> None:
    """Write every page of ``docs/``, Sphinx' settings beside them, and the pages whose text lies at the root."""
    for file in sorted(file for file in DOCS.rglob("*") if file.is_file() and "__pycache__" not in file.parts):
        if file.suffix == ".md":
            sources.write(_page_in_docs(file)[1:], relink(file.read_text(encoding="utf-8"), sources, file.parent))
        else:
            sources.copy(file, file.relative_to(DOCS).as_posix())
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        file = paths.ROOT / name
        sources.write(OUTSIDE_DOCS[file][1:], relink(file.read_text(encoding="utf-8"), sources, paths.ROOT))


def relink(text: str, sources: Sources, folder: Path) -> str:
    """The text of a Markdown file, its links led to the site's pages, tables, pictures and copies.

    A link that starts with ``/`` names a page that only the site has and stays as it is.

    Args:
        text: what the file says.
        sources: gets copies of the files it links to.
        folder: of the repository, where the file lies.
    """
    return LINK.sub(lambda match: _relinked(match, sources, folder), text)


def _relinked(match: re.Match[str], sources: Sources, folder: Path) -> str:
    mark, words, target = match.groups()
    path, _, anchor = target.partition("#")
    file = (folder / path).resolve()
    if not path or path.startswith("/") or "://" in target or not file.exists():
        return match[0]
    if mark:
        return f"![{words}]({sources.copy(file)})"
    anchor = f"#{anchor}" if anchor else ""
    if page := OUTSIDE_DOCS.get(file) or (_page_in_docs(file) if file.is_relative_to(DOCS) else ""):
        return f"[{words}]({page}{anchor})"
    if file.suffix == ".py" and file.is_relative_to(paths.PACKAGE):
        return f"{{py:mod}}`{words.strip('`')} <{module_name(file)}>`"
    inside = file.relative_to(paths.ROOT).as_posix()
    if found := re.fullmatch(r"papermill_runs/([\w-]+)/tables/(\w+)\.md", inside):
        return f"[{words}](#table-{found[1]}-{found[2]})"
    if file.suffix == ".ipynb":
        return f"[{words}](/{page_of(file)}.md{anchor})"
    return download(sources, file, words.strip("`")) if file.is_file() else f"{words} (`{inside}`)"


def _page_in_docs(file: Path) -> str:
    return f"/{file.relative_to(DOCS).as_posix()}"
