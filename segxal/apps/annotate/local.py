"""Your own Label Studio server: on this machine only, with nothing that phones home.

    python -m segxal.apps.annotate.local .venv-label-studio/bin/label-studio .label-studio

starts it in the foreground (``make label-studio`` does that) and says how to reach it. User, password and token are
drawn at random at the first start and kept in the data folder, readable by its owner alone.
"""

import itertools
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from segxal.core.errors import SegxalError, ServerError

HOST = "127.0.0.1"
PORT = 8080
USER = "annotator@example.org"
SECRETS = "credentials"
_PORTS = itertools.count(20_000 + os.getpid() % 120 * 100)  # other processes begin elsewhere
PATIENCE = 600  # seconds a first start may take: it makes its data base, in half a minute on an idle machine
# Label Studio asks for newer versions, reports errors and counts its users unless it is told not to.
QUIET = {
    "LATEST_VERSION_CHECK": "0", "COLLECT_ANALYTICS": "0", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": "",
    "FEATURE_FLAGS_OFFLINE": "1", "DJANGO_DB": "sqlite", "LOG_LEVEL": "WARNING",
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "1",  # read when the data base is made, and off by default
    "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "1",
    "ML_BLOCK_LOCAL_IP": "0", "SSRF_PROTECTION_ENABLED": "0",  # `segxal annotate serve` runs on this machine too
}  # fmt: skip


@dataclass(frozen=True)
class Server:
    """A running server: its address, its process and how to get in."""

    url: str
    pid: int
    password: str
    token: str
    user: str = USER


def credentials(folder: Path) -> tuple[str, str]:
    """Password and token of the server in a folder; created if missing, in a file only its owner can read."""
    file = folder / SECRETS
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(f"{secrets.token_urlsafe(12)}\n{secrets.token_hex(20)}\n")
    password, token = file.read_text().split()
    return password, token


def free_port() -> int:
    """A port of this machine that nobody listens on, another one at every call.

    It lies below the range that a system gives to any connection, which might take it before a slow server does.
    """
    while True:
        port = next(_PORTS)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)):
                return port


@contextmanager
def running(binary: Path, folder: Path, port: int = 0) -> Iterator[Server]:
    """Run a server while the block runs, and end it with all its processes afterwards.

    Args:
        binary: ``label-studio`` in its own virtual environment; its pinned versions conflict with others.
        folder: where it keeps its data and its log.
        port: of this machine; 0 for a free one.

    Yields:
        The server, once it answers.

    Raises:
        ServerError: if it is not there, ends, or does not answer within ten minutes; quotes the end of its log.
    """
    if not binary.is_file():
        raise ServerError(f"{binary} not found; `make label-studio` installs it")
    port, (password, token) = port or free_port(), credentials(folder)
    url = f"http://{HOST}:{port}"
    command = [str(binary), "start", "--no-browser", "--internal-host", HOST, "--port", str(port)]
    secret = {"LABEL_STUDIO_USERNAME": USER, "LABEL_STUDIO_PASSWORD": password, "LABEL_STUDIO_USER_TOKEN": token}
    data_folder = {"LABEL_STUDIO_BASE_DATA_DIR": str(folder.resolve()), "PYTHONPATH": ""}
    environment = os.environ | QUIET | data_folder | secret  # not on the command line, which everybody here can list
    with serving(command, f"{url}/health", folder / "log.txt", environment, PATIENCE) as pid:
        yield Server(url, pid, password, token)


@contextmanager
def serving(
    command: Sequence[str], url: str, log: Path, environment: Mapping[str, str], patience: float
) -> Iterator[int]:
    """Run any server while the block runs, and end it with its whole process group afterwards.

    Args:
        command: that starts it, in the foreground.
        url: where it answers once it is ready; an answer that is an error counts.
        log: file for what it prints.
        environment: of its process.
        patience: seconds until it must answer.

    Yields:
        Number of its process.

    Raises:
        ServerError: if it ends or does not answer in time; quotes the end of its log.
    """
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    try:
        _wait(process, url, log, patience)
        yield process.pid
    finally:
        _end(process)


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path, patience: float) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            time.sleep(0.1)
    tail = log.read_text(errors="replace")[-2000:]
    raise ServerError(f"no answer from {url}; the server's last words, from {log}:\n{tail}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    for word in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, word)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                continue


def main(arguments: Sequence[str]) -> int:
    """Run a server until Ctrl-C: ``BINARY FOLDER [PORT]``."""
    binary, folder, *port = arguments
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the server too, as Ctrl-C does
    try:
        with running(Path(binary), Path(folder), int(port[0]) if port else PORT) as server:
            print(f"Label Studio   {server.url}   (stop it with Ctrl-C)")
            print(f"user           {server.user}\npassword       {server.password}\n")
            print("In the terminal where you run `segxal annotate push` and `pull`:")
            print(f"export LABEL_STUDIO_URL={server.url} LABEL_STUDIO_API_KEY={server.token}", flush=True)
            os.waitpid(server.pid, 0)
    except KeyboardInterrupt:
        print()
    except (SegxalError, ChildProcessError) as error:
        print(f"segxal: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
