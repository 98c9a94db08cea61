"""DuckDB's errors in Redshift's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from headrace_local.redshift.errors import SqlError, StatementAbortedError
from headrace_local.redshift.faults import SERIALIZABLE

_CONFLICT = f"{SERIALIZABLE}: a concurrent transaction changed the same rows"

_WORDING = [
    (re.compile(r"NOT NULL constraint failed: (?:\S*\.)?(\S+)"), "Cannot insert a NULL value into column {0}"),
    (re.compile(r"cannot affect the same target row more than once"),
     "Found multiple matches to update the same tuple."),
    (re.compile(r"Table with name \"?([^\s\"]+)\"? already exists"), 'Relation "{0}" already exists'),
    (re.compile(r"Schema with name \"?([^\s\"]+)\"? already exists"), 'schema "{0}" already exists'),
    (re.compile(r"Table with name \"?([^\s\"!]+)\"? does not exist"), 'relation "{0}" does not exist'),
    (re.compile(r"Schema with name \"?([^\s\"!]+)\"? does not exist"), 'schema "{0}" does not exist'),
    (re.compile(r"Referenced table \"([^\"]+)\" not found"), 'missing FROM-clause entry for table "{0}"'),
    (re.compile(r"Referenced column \"([^\"]+)\" (?:was )?not found"), 'column "{0}" does not exist'),
    (re.compile(r"does not have a column (?:with name|named) \"([^\"]+)\""), 'column "{0}" does not exist'),
    (re.compile(r"column \"([^\"]+)\" must appear in the GROUP BY", re.IGNORECASE),
     'column "{0}" must appear in the GROUP BY clause or be used in an aggregate function'),
    (re.compile(r"Division by zero"), "division by zero"),
    (re.compile(r"invalid perl operator: (\S+)"),
     "the regular expression operator {0} is not supported by the embedded Redshift"),
    (re.compile(r"invalid (date|timestamp) field format: \"([^\"]*)\""),
     ('invalid input syntax for type {0}: "{1}"; forms other than YYYY-MM-DD HH:MI:SS are not supported by the embedded'
     " Redshift")),
    (re.compile(r"(?:No function matches|choose a best candidate function for) .*?[\"'](\S+?)\((.*?)\)"),
     "{0} with arguments of the types ({1}) is not supported by the embedded Redshift"),
    (re.compile(r"Malformed JSON"), "Invalid JSON format"),
    (re.compile(
        r"Overflow in|Could not cast value \S+ to DECIMAL|Out of Range Error|value is out of range|out of range for the"
    ), "Numeric data overflow (result precision)"),
]  # fmt: skip
_CONFLICTING = re.compile(r"conflict|has been altered", re.IGNORECASE)
_UNREADABLE = re.compile(r"Could not convert string '(.*?)' to (\w+)", re.DOTALL)
_TYPES = {"INT16": "smallint", "INT32": "integer", "INT64": "bigint", "BOOL": "boolean", "DOUBLE": "double precision"}
_PREFIX = re.compile(r"^[A-Z][A-Za-z ]* Error: ")


@contextmanager
def in_redshifts_words() -> Iterator[None]:
    """Raise DuckDB's errors as SqlError or StatementAbortedError."""
    try:
        yield
    except duckdb.Error as error:
        raise as_sql_error(error) from error


def as_sql_error(error: duckdb.Error) -> SqlError | StatementAbortedError:
    """What a DuckDB error is for a client of Redshift."""
    if isinstance(error, duckdb.InterruptException):
        return StatementAbortedError()
    message = str(error)
    if isinstance(error, duckdb.TransactionException) and _CONFLICTING.search(message):
        return SqlError(_CONFLICT)
    if "write-write conflict" in message:
        return SqlError("could not complete because of conflict with concurrent transaction")
    unreadable = _UNREADABLE.search(message)
    if unreadable:
        text, kind = unreadable.groups()
        return SqlError(f'invalid input syntax for type {_TYPES.get(kind, kind.lower())}: "{text}"')
    for pattern, wording in _WORDING:
        found = pattern.search(message)
        if found:
            return SqlError(wording.format(*found.groups()))
    return SqlError(_PREFIX.sub("", message.split("\n", 1)[0]))
