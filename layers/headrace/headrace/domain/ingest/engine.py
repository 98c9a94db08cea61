"""Which engine transforms a unit: a function, or Spark for a file that a function cannot finish."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import FileRecord

COMPRESSED = (".gz", ".bz2", ".zst", ".zip")
GROWS = 8
"""Text is about so much longer than it was compressed."""
NEVER = 0
"""Nothing is so large that Spark is used."""


def is_heavy(files: Iterable[FileRecord], contract: Contract, above: int) -> bool:
    """Whether a unit has a file of more than `above` bytes, as far as its size and name tell.

    A large file is a unit alone. With `NEVER` none is heavy.
    """
    return above != NEVER and any(_text_bytes(file, contract) > above for file in files)


def _text_bytes(file: FileRecord, contract: Contract) -> int:
    """About how long the text in a file is."""
    said = contract.format.compression
    compressed = file.key.lower().endswith(COMPRESSED) if said == "auto" else said != "none"
    return file.size * (GROWS if compressed else 1)
