"""The library on other systems: no module of ours needs what only POSIX systems have."""

import ast
import subprocess
import sys

from segxal.storage.paths import PACKAGE, ROOT

POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "spwd", "syslog", "termios", "tty"}

IMPORT_ALL = f"""
import builtins, importlib, pkgutil

hidden, plain = {POSIX_ONLY}, builtins.__import__

def imported(name, globals=None, *rest, **named):
    if name.split(".")[0] in hidden and (globals or {{}}).get("__name__", "").startswith("segxal"):
        raise ModuleNotFoundError(f"No module named {{name!r}} on this system")
    return plain(name, globals, *rest, **named)

builtins.__import__ = imported
import segxal
names = [found.name for found in pkgutil.walk_packages(segxal.__path__, "segxal.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""


def test_every_module_is_imported_without_posix():
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 200


def test_the_hiding_works():
    broken = IMPORT_ALL.replace("import segxal\n", "exec('import fcntl', {'__name__': 'segxal.probe'})\n")
    done = subprocess.run([sys.executable, "-c", broken], cwd=ROOT, capture_output=True, text=True)
    assert "No module named 'fcntl' on this system" in done.stderr


def test_no_function_imports_what_only_posix_has():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & POSIX_ONLY, path
