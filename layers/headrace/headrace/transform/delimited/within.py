"""Where in a file reading begins, if not at its beginning."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.transform.delimited.header import Layout


@dataclass(frozen=True, slots=True)
class Within:
    """What must be known of a file to read some of its records from the first of them on.

    `newline` ends its lines. `before` counts the records before, in all members of the file. Only `rows` records are
    read, or all. A file of JSON has no `layout`.
    """

    newline: bytes
    layout: Layout | None
    before: int = 0
    rows: int | None = None
