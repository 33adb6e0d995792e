"""Papermill, made strict: unknown parameters are refused, outputs appear whole, failures name their cell."""

import contextlib
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from segxal.core.errors import AnnotationsWanted, ConfigError, SegxalError
from segxal.storage import paths
from segxal.storage.files import replacing

Value = str | int | float | bool


class NotebookFailed(SegxalError, RuntimeError):
    """A cell of a notebook raised; the notebook with its traceback is kept."""


def notebook_names() -> tuple[str, ...]:
    """Names of the study's notebooks."""
    return tuple(sorted(path.stem for path in paths.NOTEBOOKS.glob("*.ipynb")))


def parameters_of(notebook: Path) -> dict[str, Value]:
    """Parameters of a notebook with their defaults."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = papermill.inspect_notebook(_literal_path(notebook))
    return {name: _literal(entry["default"]) for name, entry in found.items()}


def _literal_path(path: Path) -> str:
    """A path as papermill takes it: it formats paths, so that ``{x}`` in a folder's name would be a parameter."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _literal(text: str) -> Value:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text == "True" if text in ("True", "False") else text.strip("\"'")


def check_parameters(notebook: Path, values: dict[str, str]) -> dict[str, Value]:
    """Parameters as the notebook wants them.

    Args:
        notebook: the notebook.
        values: name -> text, as typed on the command line.

    Returns:
        name -> value of the same type as the notebook's default.

    Raises:
        ConfigError: if the notebook has no such parameter, or a value is not of the default's type.
    """
    known = parameters_of(notebook)
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(
            f"{notebook.name} has no parameter {', '.join(unknown)}; it has "
            + ", ".join(f"{name} (default {default!r})" for name, default in known.items())
        )
    converted: dict[str, Value] = {}
    for name, text in values.items():
        kind = type(known[name])
        try:
            converted[name] = {"True": True, "False": False}[text] if kind is bool else kind(text)
        except (ValueError, KeyError) as error:
            raise ConfigError(f"{notebook.name}: {name} = {text!r}; expected {kind.__name__}") from error
    return converted


def execute(name: str, output: Path, values: dict[str, str]) -> Path:
    """Run a notebook of the study with papermill.

    Args:
        name: name of the notebook, without ``.ipynb``.
        output: where the executed notebook goes, a file ``.ipynb``; it appears only when every cell ran.
        values: parameters as text, see :func:`check_parameters`.

    Returns:
        ``output``, absolute.

    Raises:
        ConfigError: if there is no such notebook or parameter, or ``output`` is not a ``.ipynb`` file or
            is the notebook itself.
        AnnotationsWanted: if the notebook's cycle waits for people.
        NotebookFailed: if a cell raised; names the cell and the file that keeps the traceback. Or if the notebook's
            process has died, out of memory for example, or does not answer.
    """
    source = paths.NOTEBOOKS / f"{name}.ipynb"
    if not source.is_file():
        raise ConfigError(f"no notebook {name!r}; choose one of {', '.join(notebook_names())}")
    if output.suffix != ".ipynb" or output.is_dir() or output.resolve() == source.resolve():
        raise ConfigError(f"cannot write the notebook to {str(output)!r}; name a file, {name}-out.ipynb for example")
    output = output.absolute()
    parameters = check_parameters(source, values)
    logging.getLogger("papermill").setLevel(logging.ERROR)
    kernel = {"kernel_name": "python3", "cwd": str(paths.ROOT), "progress_bar": False}
    failed = output.with_suffix(".failed.ipynb")
    output.parent.mkdir(parents=True, exist_ok=True)
    for rest in output.parent.glob(f".{output.name}.*"):  # of a run that was killed
        rest.unlink(missing_ok=True)
    with replacing(output) as temporary, _sockets() as sockets:
        partial = temporary.with_suffix(".ipynb")  # papermill writes while it runs: never to the final name
        try:
            papermill.execute_notebook(
                _literal_path(source), _literal_path(partial), parameters, config=sockets, **kernel
            )
        except PapermillExecutionError as error:
            if error.ename == AnnotationsWanted.__name__:  # nothing failed: the same command continues when people have
                partial.unlink()
                raise AnnotationsWanted(error.evalue) from error
            partial.replace(failed)
            raise NotebookFailed(
                f"{source.name}: cell {error.exec_count} raised {error.ename}: {error.evalue}\n"
                f"the notebook with its outputs and traceback is saved as {failed}"
            ) from error
        except RuntimeError as error:  # nbclient's and jupyter_client's word for it; errors in cells are papermill's
            partial.unlink(missing_ok=True)
            raise NotebookFailed(
                f"{source.name}: its process has died or does not answer ({error}); was it out of memory? Finished "
                "cycles are kept: start the same command again to continue"
            ) from error
        _without_machine(partial, temporary, name, output)
    failed.unlink(missing_ok=True)
    return output


@contextlib.contextmanager
def _sockets() -> Iterator[Config]:
    """Connections of one kernel alone: of notebooks that run at the same time, two may be given the same TCP port."""
    with tempfile.TemporaryDirectory(prefix="segxal-") as folder:
        yield Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}})


def _without_machine(partial: Path, target: Path, name: str, output: Path) -> None:
    """Keep what papermill recorded, without the folders of this machine, so that the record can be committed."""
    notebook: Any = nbformat.read(partial, as_version=4)
    relative = output.relative_to(paths.ROOT) if output.is_relative_to(paths.ROOT) else Path(output.name)
    notebook.metadata.papermill |= {"input_path": f"notebooks/{name}.ipynb", "output_path": relative.as_posix()}
    nbformat.write(notebook, target)
    partial.unlink()
