"""Which field of a file is which column: by the header's names in any order, or by position without a header."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass

from headrace.domain.contract import Column, Contract
from headrace.transform.outcome import FileRejected

COMPARED = 1000
"""A line that is no header may have a million fields: so many are looked through for a misspelt name."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The file's fields in their order, each a column of the contract, or None for one that the contract lacks.

    `absent` are the columns of the contract that no single field of the file fills.
    """

    names: tuple[str, ...]
    columns: tuple[Column | None, ...]
    absent: tuple[Column, ...]

    @property
    def unknown(self) -> list[str]:
        """Fields of the file that no column of the contract takes."""
        return list(self.unknown_places)

    @property
    def unknown_places(self) -> dict[str, int]:
        """Where the fields stand that no column takes. One that is there again, or without a name, gets its place."""
        places: dict[str, int] = {}
        for place, (name, column) in enumerate(zip(self.names, self.columns, strict=True)):
            if column is None:
                places[name if name and name not in places else f"{name} ({place + 1})".lstrip()] = place
        return places


def positional(contract: Contract) -> Layout:
    """The layout of a file without a header: exactly the contract's columns."""
    named = contract.named_columns
    return Layout(tuple(c.source for c in named), named, tuple(c for c in contract.columns if c.unknown))


def by_name(contract: Contract, names: list[str]) -> Layout:
    """The layout that a header gives. Raises FileRejected for a required column that is missing or one named twice."""
    wanted = {column.source: column for column in contract.named_columns}
    names = [name.strip() for name in names]
    for name, times in Counter(names).items():
        if name in wanted and times > 1:
            raise FileRejected("header", f"the header names the column {name!r} twice")
    if wanted.keys().isdisjoint(names):
        raise FileRejected("header", _missing(list(wanted), names, wanted))
    found = set(names)
    absent = tuple(column for column in contract.columns if column.unknown or column.source not in found)
    missing = [column.source for column in absent if column.required]
    if missing:
        raise FileRejected("header", _missing(missing, names, wanted))
    layout = Layout(tuple(names), tuple(wanted.get(name) for name in names), absent)
    if contract.refuse_unknown:
        refuse_unknown(layout.unknown)
    return layout


def refuse_unknown(names: list[str]) -> None:
    """Raises FileRejected if there are fields that the contract does not know."""
    if names:
        listed = ", ".join(map(repr, names[:10]))
        raise FileRejected("unknown_columns", f"the file has fields that the contract does not know: {listed}")


def _missing(missing: list[str], names: list[str], wanted: dict[str, Column]) -> str:
    listed = ", ".join(missing)
    spare = [name for name in names if name not in wanted][:COMPARED]
    if wanted.keys().isdisjoint(names) and not difflib.get_close_matches(missing[0], spare, 1):
        found = ", ".join(names)
        return f"the first line is not the header of this dataset: it lacks {listed}; it is: {found[:200]!r}"
    guesses = [f"{near[0]!r} for {name!r}" for name in missing if (near := difflib.get_close_matches(name, spare, 1))]
    hint = f"; is it {', '.join(guesses)}?" if guesses else ""
    return f"the header lacks the required column{'s' if len(missing) > 1 else ''} {listed}{hint}"
