"""The site's pages: docstrings, figures, tables, notebooks, docs/ are all there, each from its one source."""

import ast
import json
import os
import re
import subprocess
from pathlib import Path

import nbformat
import pytest

from segxal.apps.site import books, gallery, methods, pages, stage, tables
from segxal.apps.site.notebooks import page_of, write_notebook
from segxal.apps.site.sources import Sources
from segxal.apps.site.statements import module_name, modules, statements
from segxal.methods import METHODS
from segxal.storage import paths
from segxal.storage.paths import preset_names

NOTEBOOKS = sorted(paths.NOTEBOOKS.rglob("*.ipynb"))


def plain(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "source"
    stage.stage(folder)
    return folder


def statements_of_package():
    return [statement for file in modules() for statement in statements(file)]


def page(folder, name):
    return plain((folder / name).read_text(encoding="utf-8"))


# --- sources and departures ------------------------------------------------------------------------------------------


def docstrings(file):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [text for node in ast.walk(tree) if isinstance(node, kinds) and (text := ast.get_docstring(node))]


@pytest.mark.parametrize("word", ["Source", "Departure"])
def test_every_statement_of_a_docstring_is_read(word):
    stated = sum(f"{word}: " in plain(text) for file in modules() for text in docstrings(file))
    read = [getattr(statement, word.lower()) for statement in statements_of_package()]
    assert stated == sum(map(bool, read)) > 30
    assert not any("Departure: " in text or "Source: " in text for text in read)


def test_a_statement_is_cut_where_its_paragraph_ends():
    found = {one.name: one for one in statements(paths.PACKAGE / "core" / "gate.py")}["dice_agreement"]
    assert found.source == "section 3.4, equation 4."
    assert found.departure == "the paper writes it for one set; we average over classes."
    assert found.summary.startswith("Dice of the prediction") and found.public


def test_method_pages_hold_every_source_and_departure(staged):
    text = " ".join(page(staged, f"methods/{file.name}") for file in (staged / "methods").iterdir())
    for statement in statements_of_package():
        for said in (statement.summary, statement.source, statement.departure):
            assert plain(said) in text, f"{statement.module}.{statement.name}"


@pytest.mark.parametrize("family", ["strategies", "oracles"])
def test_every_strategy_and_oracle_has_a_section(staged, family):
    text = (staged / f"methods/{family}.rst").read_text()
    serving = ("__init__", "base")
    for file in (paths.PACKAGE / "acquisition" / family).glob("*.py"):
        assert (f".. py:currentmodule:: {module_name(file)}\n" in text) == (file.stem not in serving)
    shown = set(re.findall(r"``([\w-]+)``", " ".join(re.findall(r"^Methods: .*$", text, re.MULTILINE))))
    # a method that buys nothing has neither strategy nor oracle; all others stand under both their parts
    assert shown == {name for name, method in METHODS.items() if method.buys}


def test_all_methods_stand_in_the_table_of_names(staged):
    names = re.findall(r"\* - ``([\w-]+)``", (staged / "methods/names.rst").read_text())
    assert names == list(METHODS)


# --- figures, tables, notebooks, docs/ ------------------------------------------------------------------------------


def tracked(folder, kind):
    command = ["git", "ls-files", "-z", f"{folder.relative_to(paths.ROOT)}/**/*.{kind}"]
    done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("no git checkout")
    return [paths.ROOT / name for name in done.stdout.split("\0") if name]


def test_every_figure_is_in_the_gallery_with_the_runs_it_shows(staged):
    figures = tracked(paths.SHIPPED_FIGURES, "png")
    assert len(figures) > 20
    for file in figures:
        study = gallery.OTHERS if file.parent == paths.SHIPPED_FIGURES else file.parent.name
        text = (staged / f"gallery/{study}.md").read_text()
        section = next(part for part in text.split("\n(figure-") if f"-{file.stem})=" in part)
        alt = re.search(rf"/figures/{file.relative_to(paths.SHIPPED_FIGURES).as_posix()}\n:alt: (.+)\n", section)[1]
        assert len(alt) > len(file.stem) and "_" not in alt, "a text, not the name of the file"
        if file.with_suffix(".json").is_file():
            record = json.loads(file.with_suffix(".json").read_text())
            assert all(run in section for run in record["runs"])
            assert Path(record["notebook"]).stem in section and "```{figure}" in section


@pytest.mark.parametrize(
    ("caption", "heading"),
    [
        ("Fig. 2. From depth to PAE.", "Fig. 2: From depth to PAE"),
        ("Fig. 7, state of the art: mIoU of all.", "Fig. 7: state of the art"),
        ("What each method bought, against it.", "What each method bought"),
    ],
)
def test_a_figure_is_headed_by_the_beginning_of_its_caption(caption, heading):
    assert gallery.heading(caption) == heading


def test_every_table_is_there_with_its_notebook_and_records(staged):
    files = tracked(paths.SHIPPED_RUNS, "csv")
    kept = [file for file in files if file.parent.name == "tables"]
    assert len(kept) > 20
    made = tables.makers()
    for file in kept:
        text = (staged / f"tables/{file.parent.parent.name}.md").read_text()
        section = next(part for part in text.split("\n(table-") if f"-{file.stem})=" in part)
        assert f"/{page_of(made[file.stem])}.md" in section and f"segxal notebook {made[file.stem].stem} " in section
        assert "- records: " in section and "<table" in section and 'role="group"' in section
        assert tables.heading(file.stem) in (staged / "tables/index.md").read_text()


def test_tables_name_the_records_their_notebook_reads():
    made = tables.makers()
    assert made["table2"].stem == "table2" and made["penalty" if "penalty" in made else "bought"].stem == "comparison"
    assert tables.records_of(made["table1"]) == ["results.csv", "class_iou.csv"]
    assert tables.records_of(paths.NOTEBOOKS / "fig2_pae.ipynb") == []


def test_printed_commands_name_notebooks_and_studies_that_are_there(staged):
    pages = [file for folder in ("gallery", "tables") for file in (staged / folder).glob("*.md")]
    text = "".join(file.read_text() for file in pages)
    found = set(re.findall(r"segxal notebook (\w+) out\.ipynb(?: -p preset ([\w-]+))?`", text))
    studies = {"", *preset_names(), *(folder.name for folder in paths.SHIPPED_RUNS.iterdir())}
    assert ("paper_audit", "") in found and len(found) > 20
    assert all((paths.NOTEBOOKS / f"{name}.ipynb").is_file() and study in studies for name, study in found)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=page_of)
def test_every_notebook_is_a_page_with_its_code_and_pictures(staged, notebook):
    text = (staged / f"{page_of(notebook)}.md").read_text()
    cells = nbformat.read(notebook, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]
    assert all(f"```python\n{cell.source}\n```" in text for cell in code)
    drawn = [out for cell in code for out in cell.outputs if "image/png" in out.get("data", {})]
    assert len(re.findall(r"```\{image\} /\S+\.png\n:alt: .+\n", text)) == len(drawn)
    beside = re.sub(r"```python\n.*?\n```", "", text, flags=re.DOTALL)
    assert "<style" not in beside and "<script" not in beside


def toy_notebook(path, *outputs):
    cell = nbformat.v4.new_code_cell("f()", execution_count=1, outputs=list(outputs))
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Toy [x](y.ipynb)"), cell]), path)
    return path


def test_outputs_become_text_boxes_tables_and_words(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    view = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "VBox(children=())"}
    bar = view | {"text/plain": "folds:   0%|          | 0/3"}
    html = "<div><style scoped>a</style>\n\n<table><tr><td>1</td></tr></table></div>"
    new = nbformat.v4.new_output
    shown = [new("display_data", data=data) for data in (view, bar, {"text/html": html, "text/plain": "no"})]
    toy = toy_notebook(tmp_path / "toy.ipynb", new("stream", text="said\n"), *shown)
    write_notebook(Sources(tmp_path / "out"), toy, listed=False)
    text = (tmp_path / "out" / "toy.md").read_text()
    assert text.startswith("---\norphan: true\n---\n") and "[x](y.md)" in text
    assert "````text\nsaid\n````" in text and "0%|" not in text and text.count("make lab") == 1
    assert 'tabindex="0"' in text and "<style" not in text and "<table><tr>" in text and "\n\n<table>" not in text


HAND_WRITTEN = sorted([*pages.DOCS.rglob("*.md"), *pages.OUTSIDE_DOCS], key=str)


@pytest.mark.parametrize("file", HAND_WRITTEN, ids=lambda file: file.relative_to(paths.ROOT).as_posix())
def test_links_of_pages_lead_to_files_of_the_repository(file):
    for _, words, target in pages.LINK.findall(file.read_text()):
        if "://" in target or target.startswith("/"):
            continue
        path, _, anchor = target.partition("#")
        assert not path or (file.parent / path).exists(), f"[{words}]({target})"
        assert not anchor or f"# {anchor.replace('-', ' ')}" in (file.parent / path or file).read_text().lower()


def test_no_sentence_of_the_readme_stands_in_docs_too():
    sentences = re.split(r"(?<=[.:]) ", plain((paths.ROOT / "README.md").read_text()))
    for file in pages.DOCS.rglob("*.md"):
        text = plain(file.read_text())
        assert not [sentence for sentence in sentences if len(sentence) > 60 and sentence in text], file.name


def test_links_of_pages_hold_in_the_site(tmp_path):
    text = (
        "[a](own_data.md#depth) ![b](../figures/camvid/budget.png) [c](../papermill_runs/camvid/tables/table1.md) "
        "[`d`](../LICENSE) [e](../notebooks/table1.ipynb) [f](https://example.org/x) [g](../segxal) "
        "[h](../notebooks/workshop/README.md) [i](../CONTRIBUTING.md) [`j`](../segxal/core/eem.py) [k](/api/index.rst)"
    )
    assert pages.relink(text, Sources(tmp_path), pages.DOCS) == (
        "[a](/own_data.md#depth) ![b](/files/figures/camvid/budget.png) [c](#table-camvid-table1) "
        "{download}`d </files/LICENSE>` [e](/notebooks/table1.md) [f](https://example.org/x) g (`segxal`) "
        "[h](/workshop.md) [i](/contributing.md) {py:mod}`j <segxal.core.eem>` [k](/api/index.rst)"
    )
    assert (tmp_path / "files/LICENSE").read_bytes() == (paths.ROOT / "LICENSE").read_bytes()


def test_every_chapter_names_modules_that_are_there():
    units = [unit for _, names in methods.CHAPTERS.values() for unit in names]
    names = [f"{module_name(file)}." for file in modules()]
    assert all(any(name.startswith(f"segxal.{unit}.") for name in names) for unit in units)


def test_the_first_notebook_of_every_list_is_the_one_in_ten_lines(staged):
    for text in (
        (staged / "notebooks/index.md").read_text(),
        (paths.ROOT / "README.md").read_text(),
        *((pages.DOCS / name).read_text() for name in ("index.md", "commands.md")),
    ):
        assert re.search(r"notebooks/(\w+)", text)[1] == books.FIRST.stem


def test_the_workshop_is_its_guide_with_the_notebooks_in_the_menu(staged):
    text = (staged / "workshop.md").read_text()
    assert text.startswith(pages.GUIDE.read_text().splitlines()[0])
    assert all(f"\n/{page_of(book)}\n" in text for book in NOTEBOOKS if book.parent == books.WORKSHOP)


def test_the_offline_copy_is_on_the_start_page(staged):
    text = (staged / "pieces/offline_copy.md").read_text()
    assert "/pieces/offline_copy.md" in (staged / "index.md").read_text()
    assert text.startswith("````{raw} html\n") and text.count('type="range"') == 3 and "http" not in text


def test_a_second_time_touches_nothing_and_removes_what_is_stale(tmp_path):
    sources = Sources(tmp_path)
    sources.write("a.md", "one")
    sources.write("b.md", "two")
    os.utime(tmp_path / "a.md", (1, 1))
    again = Sources(tmp_path)
    again.write("a.md", "one")
    assert again.tidy() and not again.tidy()
    assert (tmp_path / "a.md").stat().st_mtime == 1 and not (tmp_path / "b.md").exists()
