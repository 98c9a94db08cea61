"""From a landed file and a contract to typed Parquet and a complete account of the errors.

The names here are imported on first use: the exports need one small module of the package, and should not pay for the
rest at their cold start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.transform.file import FileTransform
    from headrace.transform.group import GroupTransform
    from headrace.transform.outcome import BadRow, Block, FileRejected, FileReport, Limits, RowError
    from headrace.transform.output.parts import PartWriter
    from headrace.transform.output.quarantine import QuarantinedRow, QuarantineWriter, read_quarantine
    from headrace.transform.schema import arrow_schema

__all__ = [
    "BadRow",
    "Block",
    "FileRejected",
    "FileReport",
    "FileTransform",
    "GroupTransform",
    "Limits",
    "PartWriter",
    "QuarantineWriter",
    "QuarantinedRow",
    "RowError",
    "arrow_schema",
    "read_quarantine",
]
_HOMES = {
    "FileTransform": "file",
    "GroupTransform": "group",
    "PartWriter": "output.parts",
    "QuarantineWriter": "output.quarantine",
    "QuarantinedRow": "output.quarantine",
    "arrow_schema": "schema",
    "read_quarantine": "output.quarantine",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'outcome')}"), name)
