"""Make the project's two environments, at the same time; `make setup` calls it and does nothing when they are current.

.venv      everything of requirements.lock, and the project itself
.venv-sam  the SAM CLI, which needs another boto3 than the emulator
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STARTED = time.monotonic()
NO_INDEX = (
    "NewConnectionError",
    "ConnectTimeoutError",
    "NameResolutionError",
    "ProxyError",
    "Temporary failure in name",
)
PROGRESS_SECONDS = 10
_speaking = threading.Lock()


@dataclass(frozen=True)
class Environment:
    """A virtual environment: what is installed into it, and the files that decide what that is."""

    name: str
    installs: tuple[tuple[str, ...], ...]
    decided_by: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return ROOT / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def log(self) -> Path:
        return self.folder / "setup.log"

    @property
    def stamp(self) -> Path:
        return self.folder / "setup.stamp"


ENVIRONMENTS = (
    Environment(
        ".venv",
        (
            ("--require-hashes", "-r", "requirements.lock"),
            ("--require-hashes", "--no-build-isolation", "-r", "requirements-data.lock"),
            ("--no-build-isolation", "-e", "."),
        ),
        ("requirements.lock", "requirements-data.lock", "pyproject.toml"),
    ),
    Environment(".venv-sam", (("--require-hashes", "-r", "requirements-sam.lock"),), ("requirements-sam.lock",)),
)


class SetupError(Exception):
    """A step failed. Its message is what a person needs to know."""


def main() -> int:
    """Bring both environments up to date; 1 when one could not be."""
    stale = [environment for environment in ENVIRONMENTS if not is_current(environment)]
    if not stale:
        return 0
    say(
        "setup",
        "making " + " and ".join(environment.name for environment in stale) + "; the first time takes some minutes",
    )
    with ThreadPoolExecutor() as pool:
        failures = [failure for failure in pool.map(attempt, stale) if failure]
    for failure in dict.fromkeys(failures):
        print(f"\n{failure}", file=sys.stderr)
    return 1 if failures else 0


def attempt(environment: Environment) -> str:
    """Make one environment; returns what went wrong, or nothing."""
    try:
        make(environment)
    except SetupError as error:
        return str(error)
    return ""


def make(environment: Environment) -> None:
    """Create the environment where there is none that works, and install into it."""
    if not works(environment.python):
        say(environment.name, "creating")
        create = [sys.executable, "-m", "venv", "--clear", str(environment.folder)]
        made = subprocess.run(create, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)  # noqa: S603
        if made.returncode:
            raise SetupError(f"{environment.name} could not be created: {(made.stderr or made.stdout).strip()}")
    environment.log.write_text("", "utf-8")
    for arguments in environment.installs:
        say(environment.name, f"installing {described(arguments)}")
        install(environment, arguments)
    environment.stamp.write_text(digest(environment), "utf-8")
    say(environment.name, "ready")


def install(environment: Environment, arguments: tuple[str, ...]) -> None:
    """One `pip install`, all it says in the log; a lock names everything, so nothing is resolved. Raises SetupError."""
    command = [str(environment.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    # Compiling ahead would take longer than everything that is used compiled when it is first used.
    command += ["--retries", "2", "--no-deps", "--no-compile", *arguments]
    before = len(environment.log.read_text("utf-8", "replace"))
    with (
        environment.log.open("a", encoding="utf-8") as log,
        subprocess.Popen(  # noqa: S603 - pip, with arguments made here
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        ) as pip,
    ):
        while not has_ended(pip):
            say(environment.name, progress(environment.log.read_text("utf-8", "replace")[before:]))
    if pip.returncode:
        raise SetupError(reason(environment.log))


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process ends before the next line of progress is due."""
    try:
        process.wait(PROGRESS_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def progress(said: str) -> str:
    """How far pip has come, by what it has said: it fetches all packages, then it unpacks them."""
    if re.search("^Installing collected packages", said, re.MULTILINE):
        return "unpacking the packages"
    return f"{len(re.findall('^Collecting ', said, re.MULTILINE))} packages fetched"


def reason(log: Path) -> str:
    """What a person needs of a failed installation's log."""
    said = log.read_text("utf-8", "replace")
    if any(sign in said for sign in NO_INDEX):
        return (
            "pip could not reach a package index, and the first setup needs one.\n"
            "Check the network and the proxy (`pip config list` shows which index is used), then run make again.\n"
            "All that pip said is in setup.log of .venv and of .venv-sam."
        )
    errors = [line for line in said.splitlines() if line.startswith("ERROR")]
    return f"pip could not install: {(errors or ['see the log'])[-1]}\nAll that pip said is in {log}."


def is_current(environment: Environment) -> bool:
    """Whether the environment was made from what its files say now, and still works."""
    try:
        stamped = environment.stamp.read_text("utf-8")
    except OSError:
        return False
    return stamped == digest(environment) and environment.python.exists()


def digest(environment: Environment) -> str:
    """A name for what the environment is made from."""
    contents = b"".join((ROOT / name).read_bytes() for name in environment.decided_by)
    return hashlib.sha256(contents + repr(environment.installs).encode()).hexdigest()


def works(python: Path) -> bool:
    """Whether there is such a Python, with pip, and it is new enough."""
    probe = [str(python), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]
    try:
        return subprocess.run(probe, check=False, capture_output=True).returncode == 0  # noqa: S603
    except OSError:
        return False


def described(arguments: tuple[str, ...]) -> str:
    """What an installation brings, in words."""
    if arguments[-1] == ".":
        return "the project"
    lock = (ROOT / arguments[-1]).read_text("utf-8")
    return f"{lock.count('==')} packages of {arguments[-1]}"


def say(who: str, what: str) -> None:
    """One line with the time since the start."""
    with _speaking:
        print(f"{time.monotonic() - STARTED:6.1f} s  {who:<9}  {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
