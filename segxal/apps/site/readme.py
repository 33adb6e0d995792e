"""The README's sections as pieces that pages include, so that no sentence stands twice."""

import re
from pathlib import Path

from segxal.apps.site.notebooks import page_of
from segxal.apps.site.sources import Sources, download
from segxal.storage import paths

PIECES = "readme"  # folder of the pieces
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
GUIDE = paths.NOTEBOOKS / "workshop" / "README.md"  # a page of its own
INTRODUCTION = "introduction"  # what stands before the first section


def sections(text: str) -> dict[str, str]:
    """A Markdown text by its second-level headings.

    Returns:
        Heading as GitHub writes it in links, for example ``your-own-pictures`` -> the text under it.
    """
    parts = re.split(r"^## +(.*)$", re.sub(r"<!--.*?-->", "", text), flags=re.MULTILINE)
    found = {INTRODUCTION: re.sub(r"^# .*$", "", parts[0], count=1, flags=re.MULTILINE).strip()}
    return found | {slug(name): body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def slug(heading: str) -> str:
    """The anchor GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def write_pieces(sources: Sources, pages: dict[str, str]) -> None:
    """Write ``readme/<section>.md`` for every section of the README, with links that hold in the site.

    Args:
        sources: where the pieces go.
        pages: section -> page that includes it, for links from section to section.
    """
    for name, body in sections((paths.ROOT / "README.md").read_text(encoding="utf-8")).items():
        sources.write(f"{PIECES}/{name}.md", relink(body, sources, pages) + "\n")


def including(docs: Path) -> dict[str, str]:
    """Section of the README -> the page of ``docs/`` that includes it, from the pages' own text."""
    found = {}
    for page in sorted(docs.rglob("*.md")):
        for name in re.findall(rf"\{{include\}} /{PIECES}/([\w-]+)\.md", page.read_text(encoding="utf-8")):
            found[name] = f"/{page.relative_to(docs).as_posix()}"
    return found


def relink(text: str, sources: Sources, pages: dict[str, str], folder: Path = paths.ROOT) -> str:
    """Links of a Markdown file of the repository as links of the site: pictures, tables, notebooks, other files.

    Args:
        text: what the file says.
        sources: gets copies of the files it links to.
        pages: section -> page of the site that holds it.
        folder: where the file lies.
    """
    return LINK.sub(lambda match: _relinked(match, sources, pages, folder), text)


def _relinked(match: re.Match[str], sources: Sources, pages: dict[str, str], folder: Path) -> str:
    mark, words, target = match.groups()
    file = (folder / target).resolve()
    if target.startswith("#"):
        return f"[{words}]({pages.get(target[1:], target)})"
    if "://" in target or not file.exists():
        return match[0]
    if mark:
        return f"![{words}]({sources.copy(file)})"
    inside = file.relative_to(paths.ROOT).as_posix()
    if found := re.fullmatch(r"papermill_runs/([\w-]+)/tables/(\w+)\.md", inside):
        return f"[{words}](#table-{found[1]}-{found[2]})"
    if file == GUIDE:
        return f"[{words}](/workshop.md)"
    if file.suffix == ".ipynb":
        return f"[{words}](/{page_of(file)}.md)"
    return download(sources, file, words.strip("`")) if file.is_file() else f"{words} (`{inside}`)"
