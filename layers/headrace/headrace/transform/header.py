"""Which field of a file is which column: by the header's names in any order, or by position without a header."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from headrace.domain.contract import Column, Contract
from headrace.transform.outcome import FileRejected


@dataclass(frozen=True, slots=True)
class Layout:
    """The file's fields in their order, each a column of the contract, or None for one that the contract lacks."""

    names: tuple[str, ...]
    columns: tuple[Column | None, ...]
    absent: tuple[Column, ...]

    @property
    def unknown(self) -> list[str]:
        """Fields of the file that no column of the contract takes."""
        return [name for name, column in zip(self.names, self.columns, strict=True) if column is None]


def positional(contract: Contract) -> Layout:
    """The layout of a file without a header: exactly the contract's columns."""
    return Layout(tuple(c.source for c in contract.columns), contract.columns, ())


def by_name(contract: Contract, names: list[str]) -> Layout:
    """The layout that a header gives. Raises FileRejected for a required column that is missing or one named twice."""
    wanted = {column.source: column for column in contract.columns}
    names = [name.strip() for name in names]
    for name in names:
        if name in wanted and names.count(name) > 1:
            raise FileRejected("header", f"the header names the column {name!r} twice")
    absent = tuple(column for column in contract.columns if column.source not in names)
    missing = [column.source for column in absent if column.required]
    if missing:
        raise FileRejected("header", _missing(missing, names, wanted))
    return Layout(tuple(names), tuple(wanted.get(name) for name in names), absent)


def _missing(missing: list[str], names: list[str], wanted: dict[str, Column]) -> str:
    listed = ", ".join(missing)
    spare = [name for name in names if name not in wanted]
    if spare == names and not difflib.get_close_matches(missing[0], spare, 1):
        found = ", ".join(names)
        return f"the first line is not the header of this dataset: it lacks {listed}; it is: {found[:200]!r}"
    guesses = [f"{near[0]!r} for {name!r}" for name in missing if (near := difflib.get_close_matches(name, spare, 1))]
    hint = f"; is it {', '.join(guesses)}?" if guesses else ""
    return f"the header lacks the required column{'s' if len(missing) > 1 else ''} {listed}{hint}"
