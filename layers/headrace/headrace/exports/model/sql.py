"""What an export asks of the warehouse. Every name in it was checked when the declaration was compiled."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.domain.contract import Kind
from headrace.domain.export import Export
from headrace.domain.sql_text import role_in_sql

PART = "MOD(STRTOL(SUBSTRING(MD5({account}), 1, 8), 16), {parts})"
"""Which part an account, a text, belongs to; `export.part_of` computes the same."""
ACCOUNT_LABEL = "_account"
PART_LABEL = "_part"


def quoted(text: str) -> str:
    """A text as a literal of SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def literal(kind: Kind, value: str) -> str:
    """A key's value as a literal: a number as it is, a text in quotes. Raises ValueError for a number that is none."""
    return str(int(value)) if kind is Kind.INTEGER else quoted(value)


def text_of(kind: Kind, column: str) -> str:
    """A key as text. A text is not cast: VARCHAR without a length would cut it at 256 bytes."""
    return f"CAST({column} AS VARCHAR(20))" if kind is Kind.INTEGER else column


def condition(export: Export, date: str) -> str:
    """The rows that the declaration asks for; TRUE for all."""
    return f"({export.where.replace('{date}', quoted(date))})" if export.where else "TRUE"


def categories(export: Export, date: str) -> str:
    """Each category with its rows; a NULL category last, of rows that belong to no file."""
    counted = (
        f"SELECT {export.category} AS c, COUNT(*) AS n FROM {export.source} WHERE {condition(export, date)} GROUP BY 1"
    )
    named = _also(export.categories_from, "c, 0 AS n")
    name = text_of(export.category_kind, "c")
    return f"SELECT {name}, SUM(n) FROM ({counted}{named}) AS found GROUP BY 1 ORDER BY 1"


def accounts(export: Export, date: str) -> str:
    """Each account once; a NULL account stands for rows that belong to no file."""
    found = f"SELECT {export.account} AS c FROM {export.source} WHERE {condition(export, date)}"
    name = text_of(export.account_kind, "c")
    return f"SELECT DISTINCT {name} FROM ({found}{_also(export.accounts_from, 'c')}) AS found ORDER BY 1"


def counts(export: Export, date: str) -> str:
    """The rows of each category and account."""
    keys = f"{text_of(export.category_kind, export.category)}, {text_of(export.account_kind, export.account)}"
    return f"SELECT {keys}, COUNT(*) FROM {export.source} WHERE {condition(export, date)} GROUP BY 1, 2"


@dataclass(frozen=True, slots=True)
class Unload:
    """The UNLOAD of one category: to `target`, an s3:// prefix, as `role`, the accounts spread over this many parts.

    `only` narrows it to some accounts.
    """

    export: Export
    date: str
    category: str
    parts: int
    target: str
    role: str
    only: tuple[str, ...] = ()


def unload(wanted: Unload) -> str:
    """The statement."""
    export = wanted.export
    text = text_of(export.account_kind, export.account)
    account, part = f"{text} AS {ACCOUNT_LABEL}", f"{PART.format(account=text, parts=wanted.parts)} AS {PART_LABEL}"
    names = dict.fromkeys([*(column.name for column in export.columns), *export.order_by])
    chosen = [literal(export.account_kind, each) for each in wanted.only]
    narrowed = f" AND {export.account} IN ({', '.join(chosen)})" if chosen else ""
    query = (
        f"SELECT {', '.join(names)}, {account}, {part} FROM {export.source} WHERE {condition(export, wanted.date)}"
        f" AND {export.category} = {literal(export.category_kind, wanted.category)}"
        f" AND {export.account} IS NOT NULL{narrowed}"
    )
    return (
        f"UNLOAD ({quoted(query)}) TO {quoted(wanted.target)} IAM_ROLE {role_in_sql(wanted.role)} FORMAT AS PARQUET"
        f" PARTITION BY ({PART_LABEL}) MANIFEST VERBOSE ALLOWOVERWRITE"
    )


def _also(place: str, select: str) -> str:
    if not place:
        return ""
    table, _, column = place.rpartition(".")
    return f" UNION ALL SELECT {column} AS {select} FROM {table}"
