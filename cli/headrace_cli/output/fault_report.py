"""What a person can send when Headrace itself is at fault: the traceback, and none of the command's arguments."""

from __future__ import annotations

import platform
import tempfile
import traceback
from importlib.metadata import version
from pathlib import Path

SHOWN_PACKAGES = ("headrace", "boto3", "typer", "pyarrow", "duckdb")
MOST_REMEMBERED = 100
_written: dict[tuple[str, ...], Path] = {}
"""The reports of this process, by the lines that their exceptions came through."""


def written_report(error: Exception) -> Path:
    """Write the report of an unexpected exception to a file of the temporary folder that only its user can read.

    Of exceptions from the same lines there is one: a process that goes on, like the console's, meets them again.
    """
    lines = _lines_of(error)
    known = _written.get(lines)
    if known and known.is_file():
        return known
    _written[lines] = path = _new_file(error)
    if len(_written) > MOST_REMEMBERED:
        _written.pop(next(iter(_written)))
    return path


def _lines_of(error: BaseException | None) -> tuple[str, ...]:
    """The types of an exception and of its causes, and the lines that they came through."""
    if error is None:
        return ()
    frames = traceback.extract_tb(error.__traceback__)
    own = (type(error).__name__, *(f"{frame.filename}:{frame.lineno}" for frame in frames))
    return own + _lines_of(error.__cause__ or error.__context__)


def _new_file(error: Exception) -> Path:
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
