"""The strict papermill runner and the command line."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from segxal.apps import cli
from segxal.core.errors import ConfigError
from segxal.data import REGISTRY
from segxal.storage import paths
from segxal.study import execution
from segxal.study.execution import NotebookFailed, check_parameters, execute, parameters_of


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A folder of notebooks with one that has parameters of all kinds and can be told to fail."""
    parameters = 'preset = "smoke"  # which\nseed = 3\nshare = 0.5\nloud = False\n'
    cells = [
        new_markdown_cell("# Probe"),
        new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        new_code_cell("print(preset, seed, share, loud)"),
        new_code_cell("assert seed >= 0, 'seed is negative'"),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "probe.ipynb")
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path)
    return tmp_path / "probe.ipynb"


def test_parameters_are_read_with_their_types(book):
    assert parameters_of(book) == {"preset": "smoke", "seed": 3, "share": 0.5, "loud": False}


def test_values_take_the_type_of_the_default(book):
    given = {"preset": "7", "seed": "7", "share": "1", "loud": "True"}
    assert check_parameters(book, given) == {"preset": "7", "seed": 7, "share": 1.0, "loud": True}


def test_a_mistyped_parameter_is_refused_and_the_known_ones_are_named(book):
    with pytest.raises(ConfigError, match=r"no parameter sede; it has preset .*seed"):
        check_parameters(book, {"sede": "1"})
    with pytest.raises(ConfigError, match="seed = 'one'; expected int"):
        check_parameters(book, {"seed": "one"})
    with pytest.raises(ConfigError, match="expected bool"):
        check_parameters(book, {"loud": "yes"})


def test_an_unknown_notebook_names_the_known_ones(book, tmp_path):
    with pytest.raises(ConfigError, match="choose one of probe"):
        execute("prob", tmp_path / "out.ipynb", {})


@pytest.mark.parametrize("name", ["results", "results.ipynb", ".", ""])
def test_the_output_is_a_notebook_file_and_no_folder(name, book, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("results", "results.ipynb"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "kept").touch()
    with pytest.raises(ConfigError, match=r"name a file, probe-out\.ipynb for example"):
        execute("probe", Path(name), {})
    assert all((tmp_path / folder / "kept").is_file() for folder in ("results", "results.ipynb"))


def test_a_notebook_never_takes_the_place_of_its_source(book, monkeypatch):
    before = book.read_bytes()
    monkeypatch.chdir(book.parent)
    with pytest.raises(ConfigError, match=r"name a file, probe-out\.ipynb for example"):
        execute("probe", Path("probe.ipynb"), {})
    assert book.read_bytes() == before


def test_executed_notebook_holds_outputs_and_no_folder_of_this_machine(book, tmp_path):
    output = execute("probe", tmp_path / "made" / "out.ipynb", {"seed": "5", "preset": "x"})
    notebook = nbformat.read(output, as_version=4)
    texts = [out.text for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    assert "x 5 0.5 False\n" in texts
    assert str(tmp_path) not in output.read_text()
    assert [path.name for path in output.parent.iterdir()] == ["out.ipynb"]


def test_failure_names_the_cell_and_keeps_the_notebook(book, tmp_path):
    output = tmp_path / "made" / "out.ipynb"
    with pytest.raises(NotebookFailed, match=r"probe.ipynb: cell 4 raised AssertionError: seed is negative"):
        execute("probe", output, {"seed": "-1"})
    assert [path.name for path in output.parent.iterdir()] == ["out.failed.ipynb"]
    assert "seed is negative" in (output.parent / "out.failed.ipynb").read_text()
    execute("probe", output, {"seed": "1"})
    assert [path.name for path in output.parent.iterdir()] == ["out.ipynb"]


def test_no_two_kernels_share_a_connection(book, tmp_path):
    notebook = nbformat.read(book, as_version=4)
    source = "from ipykernel.kernelapp import IPKernelApp\napp = IPKernelApp.instance()\nprint(app.transport, app.ip)"
    notebook.cells[-1].source = source
    nbformat.write(notebook, book)
    done = [nbformat.read(execute("probe", tmp_path / f"{name}.ipynb", {}), as_version=4) for name in "ab"]
    (transport, one), (_, other) = (book.cells[-1].outputs[0].text.split() for book in done)
    assert transport == "ipc" and one != other
    assert not Path(one).parent.exists(), "nothing stays behind"


def test_a_process_that_is_gone_is_said_in_words(book, tmp_path, capsys):
    notebook = nbformat.read(book, as_version=4)
    notebook.cells[-1].source = "import os\nos._exit(9)  # as the kernel does when memory is short"
    nbformat.write(notebook, book)
    assert cli.main(["notebook", "probe", str(tmp_path / "made" / "out.ipynb")]) == 1
    assert "segxal: probe.ipynb: its process has died or does not answer" in capsys.readouterr().err
    assert list((tmp_path / "made").iterdir()) == []


def test_a_notebook_that_waits_for_people_is_no_failure(book, tmp_path, capsys):
    notebook = nbformat.read(book, as_version=4)
    source = "from segxal.core.errors import AnnotationsWanted\nraise AnnotationsWanted('2 of 2 wanted.\\nDo this')"
    notebook.cells[-1].source = source
    nbformat.write(notebook, book)
    assert cli.main(["notebook", "probe", str(tmp_path / "made" / "out.ipynb")]) == 1
    assert capsys.readouterr().err == "segxal: 2 of 2 wanted.\n  Do this\n", "all lines reach the face of Snakemake"
    assert list((tmp_path / "made").iterdir()) == []


def test_commands_say_what_is_wrong_without_a_traceback(capsys, book):
    assert cli.main(["notebook", "prob", "out.ipynb"]) == 1
    assert capsys.readouterr().err.startswith("segxal: no notebook 'prob'")
    assert cli.main(["reproduce", "--preset", "quik"]) == 1
    assert "choose one of camvid" in capsys.readouterr().err
    assert cli.main(["reproduce", "--methods", "segxal"]) == 1
    assert "segxal-human" in capsys.readouterr().err


def test_help_teaches(capsys):
    for command in ([], ["reproduce"], ["data"], ["notebook"]):
        with pytest.raises(SystemExit) as stop:
            cli.main([*command, "--help"])
        assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "--data-root" in text and "start the same command again" in text


def test_data_lists_every_data_set_and_how_to_get_it(capsys, tmp_path):
    assert cli.main(["data", "--data-root", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    states = dict(line.split()[:2] for line in text.splitlines() if not line.startswith(" "))
    assert states == dict.fromkeys(REGISTRY, "missing") | {"streets": "ready"}


def test_doctor_reports(capsys):
    assert cli.main(["doctor"]) == 0
    assert "torch" in capsys.readouterr().out


def test_every_notebook_has_the_smoke_preset_as_default():
    shipped = {
        "paper_audit": "camvid",
        "eem_in_ten_lines": None,
        "your_network": None,
    }  # read what is shipped and run nothing
    shipped |= dict.fromkeys(
        ("ralis_policy", "ablation_policy", "explore_policy"), "smoke-ralis"
    )  # smoke trains no policy
    shipped |= dict.fromkeys(
        ("adaptation", "adaptation_table", "explore_labels", "pseudo_labels"), "smoke-adaptation"
    )  # and has no source
    for name in execution.notebook_names():
        assert parameters_of(paths.NOTEBOOKS / f"{name}.ipynb").get("preset") == shipped.get(name, "smoke")
