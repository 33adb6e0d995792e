"""Exercises from solutions: what is blanked, what stays, and that the two are in step."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from segxal.apps.workshop import blanks
from segxal.apps.workshop.blanks import blanked, exercise_file, exercise_of, same_text, solutions
from segxal.core.errors import DataInvalid


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1 + 2  # your turn", "x = ...  # your turn"),
        ("y = 1\nx = f(y)[0]  # your turn\nprint(x)", "y = 1\nx = ...  # your turn\nprint(x)"),
        ("x = {\n    'ä': 1,\n}  # your turn\nprint(x)", "x = ...  # your turn\nprint(x)"),
        ("ä = 'ö'  # your turn", "ä = ...  # your turn"),
        ("a, b = 1, 2  # your turn", "a, b = ...  # your turn"),
        ("x = 1  # your turn\ny = (2 +\n     3)  # your turn", "x = ...  # your turn\ny = ...  # your turn"),
    ],
)
def test_only_the_values_are_blanked(source, expected):
    assert blanked(source) == expected


@pytest.mark.parametrize("source", ["x = 1", "print(1)  # your turn", "if 1:\n    x = 1  # your turn"])
def test_a_mark_without_a_value_is_noticed(source):
    with pytest.raises(DataInvalid, match="your turn"):
        blanked(source)


def toy():
    turn = new_code_cell("x = 6  # your turn", execution_count=2, metadata={"tags": ["solution"]})
    turn.outputs = [new_output("stream", name="stdout", text="right")]
    plain = new_code_cell("1 + 1", execution_count=1, outputs=[new_output("stream", name="stdout", text="2")])
    return new_notebook(cells=[new_markdown_cell("# Part 9 (solutions)\n\nText."), plain, turn])


def test_an_exercise_has_the_same_cells_without_answers_and_outputs():
    solution = toy()
    made = exercise_of(solution)
    assert [c.source for c in made.cells] == ["# Part 9\n\nText.", "1 + 1", "x = ...  # your turn"]
    assert [c.id for c in made.cells] == [c.id for c in solution.cells]
    assert all(not c.outputs and c.execution_count is None for c in made.cells[1:])
    assert solution.cells[2].source.startswith("x = 6") and solution.cells[2].outputs, "the solution is not changed"
    nbformat.validate(made)


def test_outputs_of_unchanged_cells_stay():
    solution = toy()
    before = exercise_of(solution)
    before.cells[1].outputs, before.cells[1].execution_count = solution.cells[1].outputs, 1
    solution.cells[2].source = "y = 7  # your turn"
    made = exercise_of(solution, before)
    assert made.cells[1].execution_count == 1 and made.cells[2].execution_count is None
    assert not same_text(before, made) and same_text(made, exercise_of(solution, made))


def test_the_title_says_that_these_are_solutions():
    solution = toy()
    solution.cells[0].source = "# Part 9"
    with pytest.raises(DataInvalid, match="solutions"):
        exercise_of(solution)


def test_the_command_makes_and_checks(tmp_path, capsys):
    nbformat.write(toy(), tmp_path / "part9_toy_solution.ipynb")
    folder = ["--folder", str(tmp_path)]
    assert blanks.main([*folder, "--check"]) == 1 and not (tmp_path / "part9_toy.ipynb").exists()
    assert blanks.main(folder) == 0 and "made: part9_toy.ipynb" in capsys.readouterr().out
    written = (tmp_path / "part9_toy.ipynb").read_bytes()
    assert blanks.main([*folder, "--check"]) == 0 and blanks.main(folder) == 0
    assert (tmp_path / "part9_toy.ipynb").read_bytes() == written
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Part 8")]), tmp_path / "part8_bad_solution.ipynb")
    assert blanks.main(folder) == 1 and "part8_bad_solution" in capsys.readouterr().err


@pytest.mark.parametrize("path", solutions(), ids=lambda path: path.stem)
def test_the_committed_pairs_agree(path):
    before = nbformat.read(exercise_file(path), as_version=4)
    assert same_text(before, exercise_of(nbformat.read(path, as_version=4))), "python -m segxal.apps.workshop.blanks"


def test_there_are_six_parts_and_nothing_else():
    names = {path.stem for path in blanks.FOLDER.glob("*.ipynb")}
    assert names == {p.stem for path in solutions() for p in (path, exercise_file(path))}
    assert [path.stem[:5] for path in solutions()] == [f"part{k}" for k in range(1, 7)]
