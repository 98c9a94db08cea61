"""Start and stop a laptop: `up`, `down`, `state`; `headrace_local.sam.deploy` puts the stack on it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import psutil

from headrace.adapters.channels import CHANNELS
from headrace_local.errors import LaptopError
from headrace_local.progress import Progress, silent
from headrace_local.server import FETCHING, KEPT_VARIABLES, PARAMETERS
from headrace_local.state import (
    PRIVATE_FILE,
    SERVER_MODULE,
    Keys,
    LaptopState,
    daemon_process,
    home_folder,
    read_state,
    write_state,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAREHOUSE_SECRET = "headrace/warehouse"  # noqa: S105 - the name of a secret
READER_SECRET = "headrace/reader"  # noqa: S105 - the same
WAREHOUSE_USER = {"username": "headrace", "password": "the embedded Redshift compares none"}
READER_USER = WAREHOUSE_USER | {"username": "headrace_reader"}
LOCK = "laptop.lock"
PRIVATE_FOLDER = 0o700
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy knows a way to 127.0.0.1."""
START_SECONDS = 60.0
STOP_SECONDS = 10.0
FETCHES = ("HOME", "XDG_CACHE_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
FETCHES_BY = ("PIP_", "UV_")
"""Variables, and beginnings of them, that pip and uv go by when they fetch packages."""


def state(home: Path | None = None) -> LaptopState | None:
    """The running laptop of this home, or None."""
    return read_state(home or home_folder())


def up(home: Path | None = None, *, port: int | None = None, progress: Progress = silent) -> LaptopState:
    """Start the laptop of this home, on a free port unless one is given; a running one is used as it is.

    Raises LaptopError when the port is in use, the home is not a laptop's, or the daemon does not start.
    """
    home = (home or home_folder()).resolve()
    with claimed(home):
        running = read_state(home)
        if running is None:
            progress("Starting the laptop")
            clear(home)
            return start(home, port)
        if port not in (None, running.port):
            raise LaptopError(f"This laptop is up already, on port {running.port}.", "`headrace down` stops it.")
        if daemon := daemon_process(running.pid, home):
            complete(running, daemon, home)
        return running


def down(home: Path | None = None) -> bool:
    """Stop the laptop of this home and remove all it kept. Returns whether there was anything to remove."""
    home = (home or home_folder()).resolve()
    if not (home / LOCK).exists():
        return False
    with claimed(home):
        running = read_state(home)
        if running and (process := daemon_process(running.pid, home)):
            stop(process)
        shutil.rmtree(home)
    return True


@contextmanager
def claimed(home: Path) -> Iterator[None]:
    """Hold the home against another `up` or `down`; a folder with other things in it is never taken for a home."""
    lock = home / LOCK
    if home.exists() and not lock.exists() and any(home.iterdir()):
        advice = "Choose an empty or a new folder as HEADRACE_HOME: `headrace down` removes it with all that is in it."
        raise LaptopError(f"{home} has files in it that are not a laptop's.", advice)
    make_private(home)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_private(home: Path) -> None:
    """Make the home, or close it to the machine's other users. Raises LaptopError when it is theirs."""
    home.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
    if home.stat().st_uid != os.getuid():
        raise LaptopError(f"{home} belongs to another user.", "Choose a folder of yours as HEADRACE_HOME.")
    home.chmod(PRIVATE_FOLDER)


def clear(home: Path) -> None:
    """Remove what a laptop that is gone left behind; nothing of it can be used without its memory."""
    for leftover in home.iterdir():
        if leftover.name == LOCK:
            continue
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def start(home: Path, port: int | None) -> LaptopState:
    """Start the daemon, wait until it answers, and give it the secrets of the channels and the warehouse."""
    if port is not None and not is_free(port):
        raise LaptopError(
            f"Port {port} of 127.0.0.1 is in use.", "Choose another with --port, or let a free one be taken."
        )
    port = port or free_port()
    keys = Keys.random()
    daemon = launch(home, port, keys)
    laptop = LaptopState(daemon.pid, port, f"http://127.0.0.1:{port}", **asdict(keys))
    # Before it answers, so that `down` finds it whatever happens to us meanwhile.
    write_state(home, laptop)
    complete(laptop, daemon, home)
    return laptop


def complete(laptop: LaptopState, daemon: psutil.Process, home: Path) -> None:
    """Wait until the laptop answers and has its secrets: whoever started it may have been stopped in between."""
    wait_until_healthy(laptop, daemon, home / "laptop.log")
    secrets = {
        channel.secret: channel.secret_for(laptop.page(name)) for name, channel in CHANNELS.items() if channel.secret
    }
    secrets |= {WAREHOUSE_SECRET: json.dumps(WAREHOUSE_USER), READER_SECRET: json.dumps(READER_USER)}
    client = laptop.client("secretsmanager")
    for name, value in secrets.items():
        with suppress(client.exceptions.ResourceExistsException):
            client.create_secret(Name=name, SecretString=value)


def launch(home: Path, port: int, keys: Keys) -> psutil.Process:
    """The daemon's process: on its own, with a clean environment, its output in `laptop.log`."""
    command = [sys.executable, "-P", "-m", SERVER_MODULE, "--home", str(home), "--port", str(port)]
    environment = {name: os.environ[name] for name in (*KEPT_VARIABLES, *PARAMETERS) if name in os.environ}
    environment[FETCHING] = json.dumps(fetching_settings())
    (home / "laptop.log").touch(PRIVATE_FILE)
    with (home / "laptop.log").open("ab") as log:
        daemon = subprocess.Popen(  # noqa: S603 - our own module, with arguments made here
            command,
            cwd=home,
            env=environment | keys.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    # It is meant to outlive us: without a result, Popen would warn that it still runs.
    daemon.returncode = 0
    return psutil.Process(daemon.pid)


def fetching_settings() -> dict[str, str]:
    """What of the person's environment says how to fetch packages: index, proxy, certificates, caches."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in FETCHES or name.startswith(FETCHES_BY) or name.lower().endswith("_proxy")
    }


def wait_until_healthy(laptop: LaptopState, daemon: psutil.Process, log: Path) -> None:
    """Return as soon as the daemon answers. Raises LaptopError when it has ended, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if answers(laptop.page("health")):
            return
        if has_ended(daemon, within=0.05):
            break
    else:
        stop(daemon)
    said = log.read_text("utf-8", "replace").splitlines()
    errors = [line for line in said if re.match(r"[\w.]+(Error|Exception)\b", line)]
    reason = (errors or said or ["it said nothing"])[-1]
    raise LaptopError(f"The laptop did not start: {reason}", f"Its whole log is in {log}.")


def has_ended(process: psutil.Process, within: float) -> bool:
    """Whether a process ends within so many seconds."""
    ended, _ = psutil.wait_procs([process], timeout=within)
    return bool(ended)


def answers(url: str) -> bool:
    """Whether there is a server that answers this page."""
    try:
        with DIRECT.open(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def stop(daemon: psutil.Process, *, patience: float = STOP_SECONDS) -> None:
    """End the daemon and the functions' processes it started, with force after `patience` seconds."""
    family = [daemon, *daemon.children(recursive=True)]
    daemon.terminate()
    psutil.wait_procs([daemon], timeout=patience)
    _, alive = psutil.wait_procs(family, timeout=0)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=patience)


def is_free(port: int) -> bool:
    """Whether a server could use this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
