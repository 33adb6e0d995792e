"""The parts as they are handed out: what their cells show, their first cell, their slides and the teacher's guide."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from segxal.apps.workshop import slides
from segxal.apps.workshop.blanks import FOLDER, TAG, exercise_file, solutions
from segxal.core.errors import DataMissing

GUIDE = FOLDER / "README.md"
PAIRS = [(path, exercise_file(path)) for path in solutions()]
NOTEBOOKS = [path for pair in PAIRS for path in pair]
EXERCISE = re.compile(r"^## Exercise (\d\.\d): (.+)$", re.MULTILINE)


def read(path):
    return nbformat.read(path, as_version=4)


def said(cell):
    return "".join(output.get("text", "") for output in cell.outputs if output.output_type == "stream")


def turns(path):
    return [cell for cell in read(path).cells if TAG in cell.metadata.get("tags", [])]


def exercises(path):
    return [found for cell in read(path).cells for found in EXERCISE.findall(cell.source)]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].stem)
def test_solutions_are_right_and_blanks_say_not_yet(pair):
    solution, exercise = pair
    assert 2 <= len(turns(solution)) == len(exercises(solution)) <= 3
    assert all("✓ Right." in said(cell) for cell in turns(solution))
    assert all("… Not yet: still blank." in said(cell) for cell in turns(exercise))
    assert all(" = ...  # your turn" in cell.source for cell in turns(exercise))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_exercise_has_a_hidden_hint_before_its_cell(path):
    cells = read(path).cells
    for place, cell in enumerate(cells):
        if TAG in cell.metadata.get("tags", []):
            assert cells[place - 1].source.startswith("<details>\n<summary>Hint"), cell.source
            assert cells[place - 2].source.startswith("## Exercise"), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_a_traceback_or_a_progress_bar(path):
    for cell in read(path).cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error" and "%|" not in output.get("data", {}).get("text/plain", "")
            assert output.get("name") != "stderr", output.get("text")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_is_followed_by_its_numbers(path):
    code = [cell for cell in read(path).cells if cell.cell_type == "code"]
    drawn = [k for k, cell in enumerate(code) if any("image/png" in o.get("data", {}) for o in cell.outputs)]
    assert drawn and all(re.search(r"\d", "".join(map(said, code[k + 1 : k + 3]))) for k in drawn)


@pytest.fixture(scope="module")
def first_cell():
    (source,) = {next(cell.source for cell in read(path).cells if cell.cell_type == "code") for path in NOTEBOOKS}
    return source


def test_the_first_code_cell_is_the_same_everywhere_and_does_nothing_where_segxal_is(first_cell, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it reached for the network"))
    exec(compile(first_cell, "first cell", "exec"), {})


def test_the_first_code_cell_installs_from_the_clone_or_from_the_address(first_cell, tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "run", lambda command, check: ran.append(command))
    monkeypatch.setattr(sys, "path", list(sys.path))
    inside = tmp_path / "clone" / "notebooks" / "workshop"
    inside.mkdir(parents=True)
    (tmp_path / "clone" / "segxal").mkdir()
    monkeypatch.chdir(inside)
    exec(compile(first_cell, "first cell", "exec"), {})
    assert [command[3:] for command in ran] == [["install", "--quiet", "-e", str(tmp_path / "clone")]]
    assert sys.path[0] == str(tmp_path / "clone")
    ran.clear()
    (tmp_path / "colab").mkdir()
    monkeypatch.chdir(tmp_path / "colab")
    named = first_cell.replace('repository = ""', 'repository = "https://example.org/segxal.git"')
    exec(compile(named, "first cell", "exec"), {})
    clone = str(Path("segxal-clone").resolve())
    assert ran[0] == ["git", "clone", "--depth", "1", "https://example.org/segxal.git", clone]
    assert ran[1][-1] == clone and len(ran) == 2


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].stem)
def test_slides_have_a_slide_per_heading_and_with_reveal_need_no_network(pair):
    path = pair[1]
    html = slides.page(path, "reveal.js")
    assert not re.search(r"(?:src|href)=\"https?://[^\"]+\.(?:js|css)", html)
    assert 'src="reveal.js/dist/reveal.js"' in html
    headings = sum(cell.source.startswith("#") for cell in read(path).cells if cell.cell_type == "markdown")
    assert html.count("<section>") >= headings
    assert 'aside class="notes"' in html, "hints are speaker's notes"
    assert all("slideshow" in cell.metadata for cell in read(path).cells)


def test_reveal_is_copied_beside_the_pages(tmp_path):
    (tmp_path / "package" / "dist").mkdir(parents=True)
    (tmp_path / "package" / "dist" / "reveal.js").write_text("// reveal")
    (tmp_path / "package" / "LICENSE").write_text("MIT")
    assert slides.main(["--out", str(tmp_path / "out"), "--reveal", str(tmp_path / "package")]) == 0
    assert (tmp_path / "out" / "reveal.js" / "dist" / "reveal.js").read_text() == "// reveal"
    assert (tmp_path / "out" / "reveal.js" / "LICENSE").is_file()
    assert {p.stem for p in (tmp_path / "out").glob("*.html")} == {p.stem for p in NOTEBOOKS}
    with pytest.raises(DataMissing, match="npm pack"):
        slides.vendored(tmp_path, tmp_path / "out")
    assert slides.main(["--out", str(tmp_path / "out"), "--reveal", str(tmp_path)]) == 1


def numbers(text):
    return re.findall(r"-?\d+(?:\.\d+)?", text)


@pytest.mark.parametrize("path", solutions(), ids=lambda path: path.stem)
def test_the_guide_expects_what_the_solutions_give_and_the_checks_accept(path):
    """Code in backticks is the value that was blanked; a number is one of the verdict's, rounded, or its share."""
    rows = dict(re.findall(r"^\| (\d\.\d) \| (.+?) \|", GUIDE.read_text(), re.MULTILINE))
    for (number, _), cell in zip(exercises(path), turns(path), strict=True):
        for value in re.findall("`(.+?)`", rows[number]):
            assert f" = {value}  # your turn" in cell.source, f"{number}: {value}"
        verdict = [float(n) for n in numbers(said(cell).partition("Right.")[2])]
        for n in numbers(re.sub("`.+?`", "", rows[number])):
            places = len(n.partition(".")[2])
            assert float(n) in {round(v / part, places) for v in verdict for part in (1, 100)}, f"{number}: {n}"


def test_the_guide_plans_ninety_minutes():
    guide = GUIDE.read_text()
    for path, _ in PAIRS:
        assert path.stem.removesuffix("_solution") in guide
    minutes = [int(m) for m in re.findall(r"^\| (\d+) min \|", guide, re.MULTILINE)]
    assert sum(minutes) == 90
    assert "segxal doctor" in guide and "python -m segxal.apps.workshop.blanks" in guide
