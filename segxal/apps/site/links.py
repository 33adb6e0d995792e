"""Every link of the built site followed, and nothing loaded from outside: read from the HTML itself."""

import re
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADING = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
# What a <link> only names is not loaded.
NAMED = {"canonical", "search", "index", "next", "prev", "author", "help", "copyright", "contents", "top", "up"}
MARKUP = re.compile(r"\{(?:download|doc|ref|py:\w+)\}")  # a role that MyST did not understand
OUTSIDE = re.compile(r"(?:url\(\s*['\"]?|@import\s+(?:url\()?['\"]?)((?:https?:)?//[^'\")\s]+)")


class Page(HTMLParser):
    """What one page offers and needs.

    Attributes:
        anchors: names that links can lead to.
        links: targets of its links.
        loads: what the browser fetches to show it.
        silent: pictures without an alternative text.
        markup: roles of the source that the page shows as they were typed.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()  # navigation repeats most of them
        self.loads: list[str] = []
        self.silent: list[str] = []
        self.loads += OUTSIDE.findall(text)
        self.markup = MARKUP.findall(text)
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record one tag."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.add(found["href"])
        # an empty text is a decision (a layer over another picture); Sphinx puts the file's name where there is none
        if tag == "img" and found.get("alt", found.get("src", "")) == found.get("src", ""):
            self.silent.append(found.get("src", ""))
        if tag in LOADING and LOADING[tag] in found and found.get("rel") not in NAMED:
            self.loads.append(found[LOADING[tag]])


def problems(site: Path) -> list[str]:
    """What is wrong with the links of a built site; empty when all is well.

    Args:
        site: folder of the HTML files.

    Returns:
        One line per link that leads to no file or no anchor, per thing loaded from outside the folder, per picture
        without an alternative text, and per role that was left as it was typed. Links to other hosts are not followed.
    """
    pages = {file.resolve(): Page(file.read_text(encoding="utf-8")) for file in sorted(site.rglob("*.html"))}
    found = []
    for file, page in pages.items():
        where = file.relative_to(site.resolve()).as_posix()
        found += [f"{where}: {target}: {why}" for target in page.links if (why := _wrong(file, target, pages))]
        found += [f"{where}: {target}: {why}" for target in page.loads if (why := _not_here(file, target))]
        found += [f"{where}: {role}: markup that was not understood" for role in page.markup]
        found += [f"{where}: {target[:80]}: a picture without alternative text" for target in page.silent]
    for sheet in sorted(site.rglob("*.css")):
        outside = OUTSIDE.findall(sheet.read_text(encoding="utf-8"))
        found += [f"{sheet.relative_to(site)}: {target}: loaded from outside" for target in outside]
    return sorted(set(found))


def _wrong(file: Path, target: str, pages: dict[Path, Page]) -> str:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return ""
    there = _file(file, parts.path)
    if not there.is_file():
        return "no such file"
    if parts.fragment and there in pages and unquote(parts.fragment) not in pages[there].anchors:
        return "no such anchor"
    return ""


def _not_here(file: Path, target: str) -> str:
    parts = urlsplit(target)
    if parts.scheme == "data":
        return ""
    if parts.scheme or parts.netloc:
        return "loaded from outside"
    return "" if _file(file, parts.path).is_file() else "no such file"


def _file(page: Path, path: str) -> Path:
    return page if not path else _resolved(page.parent, unquote(path))


@lru_cache(maxsize=2**16)
def _resolved(folder: Path, path: str) -> Path:
    return (folder / path).resolve()
