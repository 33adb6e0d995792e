"""The built site: no warning, no link that leads nowhere, nothing loaded from outside, no page wider than a phone."""

import subprocess
import sys

import pytest

from segxal.apps.site import build, links
from segxal.apps.site.sources import Sources
from segxal.storage import paths

sys.path.append(str(paths.ROOT / "bench"))
import browser

KINDS = [
    "index.html", "own_data.html", "results.html", "workshop.html", "reports.html", "search.html",
    "gallery/index.html", "gallery/camvid.html", "gallery/others.html", "tables/index.html", "tables/camvid.html",
    "methods/segxal.html", "methods/strategies.html", "api/index.html", "api/acquisition/strategies.html",
    "speed.html", "contributing.html",
    "notebooks/paper_audit.html", "notebooks/workshop/part1_uncertainty.html", "camvid/notebooks/comparison.html",
    "reports/camvid.html",
]  # fmt: skip


@pytest.fixture(scope="module")
def tools():
    if missing := build.missing_tools():
        pytest.skip(f"{', '.join(missing)} of the extra docs not installed")


@pytest.fixture(scope="module")
def built(tools, tmp_path_factory):
    return build.build(tmp_path_factory.mktemp("built")).parent


SOUND = '<html><head><link rel="canonical" href="https://example.org"></head><body><p id="a b"></p>'


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="other.html#there">x</a><a href="#a%20b">x</a><a href="https://example.org/">x</a>', ""),
        ('<img alt="x" src="p.png"><img alt="x" src="data:image/png;base64,AA==">', ""),
        ('<a href="gone.html">x</a>', "gone.html: no such file"),
        ('<a href="other.html#gone">x</a>', "other.html#gone: no such anchor"),
        ('<a href="#gone">x</a>', "#gone: no such anchor"),
        ('<img src="p.png">', "p.png: a picture without alternative text"),
        ('<img alt="" src="p.png">', ""),
        ('<img alt="p.png" src="p.png">', "p.png: a picture without alternative text"),
        ('<img alt="x" src="gone.png">', "gone.png: no such file"),
        ('<script src="https://example.org/x.js"></script>', "https://example.org/x.js: loaded from outside"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "//example.org/x.css: loaded from outside"),
        ("<style>@import url(https://example.org/f.css)</style>", "https://example.org/f.css: loaded from outside"),
    ],
)
def test_links_are_followed(tmp_path, html, expected):
    (tmp_path / "index.html").write_text(SOUND + html)
    (tmp_path / "other.html").write_text('<p id="there"></p>')
    (tmp_path / "p.png").write_bytes(b"")
    assert links.problems(tmp_path) == ([f"index.html: {expected}"] if expected else [])


def test_a_style_sheet_that_loads_from_outside_is_found(tmp_path):
    (tmp_path / "site.css").write_text(
        "a { background: url('https://example.org/x.png') } b { background: url(x.png) }"
    )
    assert links.problems(tmp_path) == ["site.css: https://example.org/x.png: loaded from outside"]


def test_a_role_that_was_not_understood_is_found(tmp_path):
    (tmp_path / "a.html").write_text("<p>{download}``results.csv &lt;/files/results.csv&gt;`</p>")
    assert links.problems(tmp_path) == ["a.html: {download}: markup that was not understood"]


def test_missing_tools_are_named(monkeypatch):
    monkeypatch.setattr(build, "TOOLS", {"no_such_module": "no-such-package"})
    with pytest.raises(build.SiteFailed, match="pip install no-such-package"):
        build.build()


def test_a_warning_of_sphinx_or_a_broken_link_fails_every_time(tools, tmp_path, monkeypatch):
    pages = {"conf.py": "", "index.rst": "Site\n====\n\n.. toctree::\n\n   other\n", "other.rst": "Other\n-----\n"}

    def stage_pages(folder):
        sources = Sources(folder)
        for name, text in pages.items():
            sources.write(name, text)
        return sources.tidy()

    def fails(words):
        with pytest.raises(build.SiteFailed, match=words):
            build.build(tmp_path)

    monkeypatch.setattr(build, "stage", stage_pages)
    build.build(tmp_path)
    pages["other.rst"] = "Other\n-----\n\n*unclosed\n"
    for _ in range(2):
        fails("Sphinx gave warnings")
    pages["other.rst"] = "Other\n-----\n\n`there <gone.html>`__\n"
    for _ in range(2):
        fails(r"1 links lead nowhere:\nother\.html: gone\.html: no such file")
    pages["index.rst"] = "Site\n====\n\n`there <other.html>`__\n"
    del pages["other.rst"]
    fails(r"index\.html: other\.html: no such file")


def test_it_is_built_where_git_does_not_look():
    inside = build.SITE.relative_to(paths.ROOT).as_posix()
    done = subprocess.run(["git", "check-ignore", "--no-index", f"{inside}/html/index.html"], cwd=paths.ROOT)
    if done.returncode > 1:
        pytest.skip("no git checkout")
    assert done.returncode == 0


def test_the_site_is_built_without_a_warning_and_every_link_holds(built):
    pages = sorted(file.relative_to(built).as_posix() for file in built.rglob("*.html"))
    assert set(KINDS) <= set(pages) and len(pages) > 100
    assert links.problems(built) == []
    text = (built / "methods/segxal.html").read_text()
    assert (
        "<strong>Departure:</strong> divided by ln C" in text
        and "../api/core/eem.html#segxal.core.eem.soft_attention" in text
    )


@pytest.mark.skipif(not browser.chromium(), reason="needs Chromium (`apt install chromium`, or $CHROMIUM)")
@pytest.mark.parametrize("width", [390, 1440])
def test_pages_fit_and_ask_for_nothing_outside(built, width):
    pytest.importorskip("playwright", reason="needs `pip install playwright`")
    failed = []
    with browser.page({"width": width, "height": 844}) as view:
        view.on("pageerror", lambda error: failed.append(str(error)))
        for name in KINDS:
            view.goto((built / name).as_uri())
            wider = view.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{name} is {wider} pixels wider than {width}"
        assert not failed and not view.abroad
