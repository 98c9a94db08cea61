"""What the columns of a load's tables are called."""

from __future__ import annotations

from headrace.domain.contract import LINEAGE_COLUMNS, Contract

LONGEST_MERGE = 20_000
"""Bytes; about 220 columns whose names have 16 letters."""
ARRIVED = "files._arrival || '#' || files._file"
"""A file's place among all, where no two are equal: in `etl.arrivals` it is the column `arrival`."""


def is_wide(contract: Contract) -> bool:
    """Whether a MERGE, which names each column four times, would leave no room for a full batch of files.

    All statements of a load together have 100,000 bytes (`domain.sql_text`). A wide table's stage has short names, and
    its rows are deleted and inserted: that names each column once.
    """
    return sum(4 * len(name) + 24 for name in names_of(contract)) > LONGEST_MERGE


def names_of(contract: Contract) -> list[str]:
    """All columns of a target, in order."""
    return [column.name for column in contract.columns] + list(LINEAGE_COLUMNS)


def staged_names(contract: Contract) -> dict[str, str]:
    """What the columns of a target are called in the load's own stage: COPY goes by position."""
    own = {column.name: column.name for column in contract.columns}
    short = {name: f"c{number}" for number, name in enumerate(own, start=1)}
    return (short if is_wide(contract) else own) | {name: name for name in LINEAGE_COLUMNS}
