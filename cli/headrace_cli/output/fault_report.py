"""What a person can send when Headrace itself is at fault: the traceback, and none of the command's arguments."""

from __future__ import annotations

import platform
import tempfile
import traceback
from importlib.metadata import version
from pathlib import Path

SHOWN_PACKAGES = ("headrace", "boto3", "typer", "pyarrow", "duckdb")


def written_report(error: Exception) -> Path:
    """Write the report of an unexpected exception to a file of the temporary folder that only its user can read."""
    with tempfile.NamedTemporaryFile("w", prefix="headrace-fault-", suffix=".txt", delete=False) as file:
        file.write(report_text(error))
    return Path(file.name)


def report_text(error: Exception) -> str:
    """Versions and traceback. The traceback has no values of variables, but the exception's text may have some."""
    known = [f"{name} {_version(name)}" for name in SHOWN_PACKAGES]
    lines = [*known, f"Python {platform.python_version()} on {platform.platform()}", ""]
    return "\n".join(lines) + "".join(traceback.format_exception(error))


def _version(package: str) -> str:
    try:
        return version(package)
    except ModuleNotFoundError:
        return "not installed"
