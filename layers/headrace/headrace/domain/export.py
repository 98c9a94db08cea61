"""A declared export, free of YAML: which rows, by which keys, written how, to where.

`headrace_compiler` makes these from `exports/*.odcs.yaml`; they travel to the functions in the contracts layer.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Self
from urllib.parse import quote

from headrace.domain.contract import Kind
from headrace.domain.support import Support
from headrace.errors import TerminalError

LONGEST_KEY_BYTES = 1024
"""S3's limit, in bytes of UTF-8."""
ACCOUNTS_PER_PART = 50
"""Accounts whose rows share a Parquet file, and whose requests share a message."""
ROWS_PER_PART = 25_000
"""Rows that a runner has in memory at once, on average."""
EMPTY = "%"
"""The name of an empty account in a key. No other name becomes this: a percent sign is always followed by digits."""


class KeyTooLongError(TerminalError):
    """An account's name gives a key that S3 does not take."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key would have {len(key)} bytes, S3 takes {LONGEST_KEY_BYTES}: {key[:80]}…")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How values are written. `null` stands for no value; `quoting` is minimal (where RFC 4180 needs it) or all.

    `guard_formulas` puts a `'` before a text that a spreadsheet would run.
    """

    delimiter: str = ","
    quote: str = '"'
    quoting: str = "minimal"
    header: bool = True
    encoding: str = "utf-8"
    line_end: str = "\r\n"
    null: str = ""
    decimal: str = "."
    true: str = "true"
    false: str = "false"
    guard_formulas: bool = True


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """One column: its name in the warehouse, its name in the header, and the format of its dates or times."""

    name: str
    header: str
    kind: Kind
    format: str = ""


@dataclass(frozen=True, slots=True)
class Export:
    """One export. `pattern` is the key of a file, with {date}, {category} and {account} in it.

    `where` narrows the rows; `{date}` in it becomes the run's date. `accounts_from` and `categories_from` are
    `schema.table.column`: more accounts and categories than those of the rows.
    """

    name: str
    version: str
    digest: str
    schema: str
    table: str
    columns: tuple[ExportColumn, ...]
    category: str
    account: str
    category_kind: Kind
    account_kind: Kind
    pattern: str
    dialect: Dialect
    order_by: tuple[str, ...] = ()
    where: str = ""
    accounts_from: str = ""
    categories_from: str = ""
    write_empty: bool = True
    channel: str | None = None
    support: tuple[Support, ...] = ()
    description: str = ""
    database: str = ""

    @property
    def source(self) -> str:
        """The table's or view's full name."""
        return f"{self.schema}.{self.table}"

    def folder(self, date: str) -> str:
        """Where the files and the manifest of a day are, with a slash at its end."""
        return self.pattern.partition("{date}/")[0] + f"{date}/"

    def manifest_key(self, date: str) -> str:
        """The list of a day's files."""
        return f"{self.folder(date)}manifest.json"

    def key(self, date: str, category: str, account: str) -> str:
        """The key of one file. Two accounts never share one. Raises KeyTooLongError."""
        made = self.pattern.replace("{date}", date)
        made = made.replace("{category}", named(category)).replace("{account}", named(account))
        if len(made) > LONGEST_KEY_BYTES:
            raise KeyTooLongError(made)
        return made

    def to_json(self) -> dict[str, Any]:
        """The export as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`. Raises TypeError for a field that this version does not know."""
        columns = tuple(ExportColumn(**item | {"kind": Kind(item["kind"])}) for item in value["columns"])
        kinds = {name: Kind(value[name]) for name in ("category_kind", "account_kind")}
        made: dict[str, Any] = value | {"columns": columns, "dialect": Dialect(**value["dialect"])} | kinds
        support = tuple(Support(**item) for item in value.get("support", ()))
        return cls(**made | {"order_by": tuple(value["order_by"]), "support": support})


def named(value: str) -> str:
    """A category or account as one part of a key, for any value; no two values share a part.

    Letters, digits, `_-~` and dots stay; all else becomes %XX. A name made of dots alone cannot be a folder's name.
    """
    if not value:
        return EMPTY
    return value.replace(".", "%2E") if set(value) == {"."} else quote(value, safe="")


def part_of(account: str, parts: int) -> int:
    """Which of this many parts an account belongs to; `exportsql.PART` computes the same in the warehouse."""
    return int(hashlib.md5(account.encode(), usedforsecurity=False).hexdigest()[:8], 16) % parts


def parts_for(accounts: int, rows: int) -> int:
    """How many parts each category is unloaded in, given the accounts and the rows of the largest category."""
    return max(1, -(-accounts // ACCOUNTS_PER_PART), -(-rows // ROWS_PER_PART))
