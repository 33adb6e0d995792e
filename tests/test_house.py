"""The house as a test: imports go down, files stay small, notebooks are run, nothing private is tracked."""

import ast
import re
import subprocess
import sys

import nbformat
import papermill
import pytest
from importlinter import cli

from segxal.storage.paths import NOTEBOOKS, PACKAGE, ROOT

PICKLES = {"pickle", "dill", "cloudpickle", "joblib", "shelve"}

MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")
CHECKED_FILES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")])
NOTEBOOK_FILES = sorted(p for p in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
MAX_LINES, MAX_BODY, MAX_CELL, MAX_NOTEBOOK, MAX_README = 300, 50, 25, 1_000_000, 120
IGNORED = "nbval-ignore-output"


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree, package=()):
    """Dotted names of all modules a file imports; ``from a import b`` counts as a.b where a is a package of ours."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package[: len(package) + 1 - node.level], *filter(None, [node.module])])
            module = base if node.level else node.module
            for alias in node.names:
                as_module = f"{module}.{alias.name}"
                yield as_module if module == "segxal" or is_ours(as_module) else module


def is_ours(dotted):
    path = ROOT.joinpath(*dotted.split("."))
    return dotted.startswith("segxal.") and (path.with_suffix(".py").is_file() or (path / "__init__.py").is_file())


def imported(path):
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    return set(imports_of(ast.parse(path.read_text(encoding="utf-8")), package))


def show(path):
    return str(path.relative_to(ROOT))


def test_the_rooms_keep_their_contract():
    """pyproject.toml says who may import whom; ``make lint`` prints the same in full."""
    assert cli.lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True) == 0


def test_the_house_has_few_rooms():
    entries = [p for p in PACKAGE.iterdir() if p.name != "__pycache__"]
    assert len(entries) <= 12, f"segxal/ has {len(entries)} entries; a new module belongs into a room"


def test_the_package_itself_loads_nothing():
    asked = "import sys; before = set(sys.modules); import segxal; dir(segxal); print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.split(".")[0] not in sys.stdlib_module_names}
    assert loaded == {"segxal"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import segxal.core.eem", {"segxal.core.eem"}),
        ("from segxal.core import seeds, eem as e", {"segxal.core.seeds", "segxal.core.eem"}),
        ("from segxal.data import base", {"segxal.data.base"}),
        ("from segxal.data.base import Frames", {"segxal.data.base"}),
        ("from .core import eem", {"segxal.core.eem"}),
        ("def f():\n    from .core.errors import ConfigError", {"segxal.core.errors"}),
    ],
)
def test_every_form_of_import_is_seen(source, expected):
    assert set(imports_of(ast.parse(source), ("segxal",))) == expected


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_pickles_and_no_global_randomness(path):
    used = {name.split(".")[0] for name in imported(path)}
    assert not used & PICKLES, f"{name_of(path)}: results are JSON, npz and safetensors, never pickles"
    assert "random" not in used, f"{name_of(path)}: take a generator from segxal.core.seeds"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_forbidden_calls_are_absent(path):
    text = path.read_text(encoding="utf-8")
    pickled = r"\btorch\.load\((?!.*weights_only=True)"
    for pattern in (pickled, r"allow_pickle=True", r"except Exception\b", r"except:", r"np\.random\.seed"):
        assert not re.search(pattern, text), f"{show(path)} contains {pattern}"
    assert path.name not in {"utils.py", "helpers.py", "common.py", "misc.py"}


@pytest.mark.parametrize("path", CHECKED_FILES, ids=show)
def test_files_and_functions_stay_small(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES, f"{show(path)} is longer than {MAX_LINES} lines; divide it by nouns"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            length = node.end_lineno - first.lineno + 1
            assert length <= MAX_BODY, f"{show(path)}: {node.name} has {length} lines, at most {MAX_BODY}"


def test_the_readme_is_one_page():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MAX_README


def test_every_module_has_a_docstring():
    assert not [show(p) for p in CHECKED_FILES if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))]


@pytest.fixture(params=NOTEBOOK_FILES or [None], ids=lambda p: show(p) if p else "none")
def notebook(request):
    if request.param is None:
        pytest.skip("there are no notebooks")
    return request.param


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def assigned_names(source):
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets)


def problems(path):
    """What keeps a notebook from being checked by nbval or run by papermill; empty when it is sound."""
    cells = code_cells(path)
    found = [] if read(path).metadata.get("kernelspec", {}).get("name") == "python3" else ["kernelspec is not python3"]
    for number, cell in enumerate(cells):
        tags = cell.metadata.get("tags", [])
        if cell.source.strip() and cell.execution_count is None and "nbval-skip" not in tags:
            found.append(f"code cell {number} has no execution count: run `make notebooks`")
        if any(output.output_type == "error" for output in cell.outputs):
            found.append(f"code cell {number} ended with an error")
        if len(cell.source.splitlines()) > MAX_CELL:
            found.append(f"code cell {number} is longer than {MAX_CELL} lines")
    parameters = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if len(parameters) != 1:
        return [*found, f"{len(parameters)} cells are tagged parameters, expected one"]
    names = set(assigned_names(parameters[0].source))
    readable = set(papermill.inspect_notebook(str(path)))
    return found if names == readable else [*found, f"papermill cannot read {sorted(names ^ readable)}"]


def test_notebook_is_run_and_readable(notebook):
    assert not problems(notebook)


def test_few_cells_ignore_their_output():
    ignored = [
        show(path) for path in NOTEBOOK_FILES for cell in code_cells(path) if IGNORED in cell.metadata.get("tags", [])
    ]
    assert len(ignored) < 60, sorted(ignored)


def test_pictures_and_what_is_not_compared_are_followed_by_numbers(notebook):
    cells = code_cells(notebook)
    pictures = {k for k, cell in enumerate(cells) if any("image/png" in o.get("data", {}) for o in cell.outputs)}
    loose = pictures | {k for k, cell in enumerate(cells) if IGNORED in cell.metadata.get("tags", [])}
    compared = [k for k, cell in enumerate(cells) if k not in loose and any("text" in o for o in cell.outputs)]
    last = max(loose, default=-1)
    assert not loose or max(compared, default=-1) > last, f"no code cell after code cell {last} prints numbers"


def test_notebook_is_small(notebook):
    assert notebook.stat().st_size <= MAX_NOTEBOOK


def test_notebook_explains_and_does_not_install(notebook):
    cells = read(notebook).cells
    code, prose = ([c for c in cells if c.cell_type == kind] for kind in ("code", "markdown"))
    # the parameters and the imports need no words of their own
    assert len(prose) >= len(code) - 2, "at least one markdown cell per code cell"
    for cell in code:
        assert not re.search(r"^\s*[!%]|os\.chdir|pip install", cell.source, re.MULTILINE), "no magics, no installing"


def toy_notebook(path, **changes):
    options = {
        "count": 1,
        "source": 'preset: str = "smoke"  # which sizes',
        "tags": ["parameters"],
        "kernel": "python3",
    }
    options |= {"outputs": []} | changes
    cell = nbformat.v4.new_code_cell(
        options["source"],
        execution_count=options["count"],
        outputs=options["outputs"],
        metadata={"tags": options["tags"]},
    )
    kernel = {"name": options["kernel"], "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel}), path)
    return path


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"count": None}, ["no execution count"]),
        ({"kernel": "conda-env"}, ["kernelspec"]),
        ({"tags": []}, ["0 cells are tagged"]),
        ({"source": "x: str | None = None"}, ["papermill cannot read"]),
        ({"source": "seed: int = 0\n" + "# long\n" * 25}, ["longer than"]),
        ({"outputs": [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]}, ["ended with an error"]),
    ],
    ids=["sound", "not run", "kernel", "no parameters", "unreadable", "long", "error"],
)
def test_a_bad_notebook_is_noticed(tmp_path, changes, expected):
    found = problems(toy_notebook(tmp_path / "toy.ipynb", **changes))
    assert len(found) == len(expected)
    assert all(words in text for words, text in zip(expected, found, strict=True))


def tracked(*options):
    """Files in git or about to be (what a commit of everything would hold); or those that options of git name."""
    command = ["git", "ls-files", "-z", *(options or ("--cached", "--others", "--exclude-standard"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("no git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_nothing_of_this_machine_and_no_registry_is_tracked():
    hosts = [
        "py" + "pi.org",
        "python" + "hosted.org",
        "anaconda" + ".org",
        "download.py" + "torch.org",
        "npm" + "js.org",
    ]
    machine = rb"(?<![\w.~$}-])/(?:work|root)/"
    pattern = re.compile(
        b"|".join([machine, *(re.escape(host.encode()) for host in hosts), rb"extra-" + rb"index-url"])
    )
    found = {show(path): pattern.search(path.read_bytes()) for path in tracked()}
    assert not {name: match.group() for name, match in found.items() if match}


def test_tracked_files_are_small_and_no_data_set():
    for path in tracked():
        assert path.stat().st_size <= 5_000_000, f"{show(path)} is too large to track"
        if path.suffix == ".ipynb":
            assert path.stat().st_size <= MAX_NOTEBOOK, f"{show(path)} is larger than 1 MB"
        assert path.suffix not in {".pt", ".pth", ".pkl", ".ckpt"}, f"{show(path)} is a pickle"


def test_what_studies_leave_in_the_repository_stays_small():
    files = tracked("--cached", "papermill_runs", "figures")
    assert 100 < len(files) <= 600, f"{len(files)} files of studies; keep tables, not the state of single cycles"
    size = sum(path.stat().st_size for path in files)
    assert size <= 20_000_000, f"{size / 1e6:.1f} MB of studies, at most 20; see what .gitignore leaves out"
    assert not tracked("--cached", "--ignored", "--exclude-standard"), "ignored, and yet in git"
