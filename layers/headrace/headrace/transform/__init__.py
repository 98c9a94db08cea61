"""From a landed file and a contract to typed Parquet and a complete account of what was wrong."""

from headrace.transform.file import FileTransform
from headrace.transform.outcome import BadRow, Block, FileRejected, FileReport, Limits, RowError
from headrace.transform.parts import PartWriter
from headrace.transform.quarantine import QuarantinedRow, QuarantineWriter, read_quarantine
from headrace.transform.schema import arrow_schema

__all__ = [
    "BadRow",
    "Block",
    "FileRejected",
    "FileReport",
    "FileTransform",
    "Limits",
    "PartWriter",
    "QuarantineWriter",
    "QuarantinedRow",
    "RowError",
    "arrow_schema",
    "read_quarantine",
]
