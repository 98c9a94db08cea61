"""Queries through the Redshift Data API."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TextIO

from botocore.exceptions import ClientError

from headrace_cli.output.failures import CommandError
from headrace_cli.stack.target import Target

FINAL = {"FINISHED", "FAILED", "ABORTED"}
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between two looks at a running statement, doubling from the first to the longest."""


Ends = Callable[[], str]
"""Why a running statement is to be cancelled; empty while it may go on."""


def going_on() -> str:
    """Nothing but Ctrl-C ends it."""
    return ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A statement's result. Without a result set `columns` is empty and `changed` counts the rows it touched.

    `total` counts the rows of the result, of which `rows` may be the first.
    """

    columns: list[str]
    rows: list[list[Any]]
    changed: int
    seconds: float
    total: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """A result that was written to a file."""

    rows: int
    seconds: float


def query(target: Target, text: str, most: int | None = None, *, writes: bool = False, ends: Ends = going_on) -> Answer:
    """Run one statement and read its result, the first `most` rows if given; as the tables' owner if it `writes`.

    Raises CommandError with the warehouse's words when it fails, and once `ends` says why it is to be cancelled.
    """
    client = target.client("redshift-data")
    statement, state = _executed(target, text, writes=writes, ends=ends)
    seconds, counted = state.get("Duration", 0) / 1e9, max(state.get("ResultRows", 0), 0)
    if state.get("HasResultSet"):
        columns, rows = _result(client, statement, most)
        return Answer(columns, rows, changed=0, seconds=seconds, total=max(counted, len(rows)))
    return Answer([], [], counted, seconds)


def write_csv(
    target: Target,
    text: str,
    file: TextIO,
    tell: Callable[[str], None],
    *,
    writes: bool = False,
    ends: Ends = going_on,
) -> Written:
    """Run one statement as `query` does and write its result page by page as CSV with a header; NULL is an empty field.

    Raises CommandError when it fails or has no result, and once `ends` says why nobody waits for it any more.
    """
    client = target.client("redshift-data")
    statement, state = _executed(target, text, writes=writes, ends=ends, ResultFormat="CSV")
    if not state.get("HasResultSet"):
        raise CommandError("the statement has no result to write")
    rows = -1
    for page in _pages(client.get_statement_result_v2, statement):
        records = "".join(record["CSVRecords"] for record in page["Records"])
        if rows < 0:
            header = _csv_line([_label(column) for column in page["ColumnMetadata"]])
            doubtful = records.startswith(header)
            repeated = doubtful and _counted(client, statement) > max(state.get("ResultRows", 0), 0)
            file.write("" if repeated else header)
            rows = 0
        if why := ends():
            raise CommandError(f"the result was not written to its end: {why}")
        file.write(records)
        rows += records.count("\n")
        tell(f"{rows:,} of {state.get('ResultRows', 0):,} rows written")
    return Written(max(state.get("ResultRows", 0), 0), state.get("Duration", 0) / 1e9)


def reader_of(target: Target) -> str | None:
    """The name of the user who only reads, which its secret has; None where there is none."""
    from headrace.adapters.secret import read_login
    from headrace_cli.stack.services import READER

    if READER not in target.outputs:
        return None
    return read_login(target.client("secretsmanager"), target.output(READER))[0]


def _counted(client: Any, statement: str) -> int:
    """The records of a result as CSV.

    The reference does not say whether they begin with a header
    (https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_GetStatementResultV2.html), and a first row may
    equal the columns' names: with a header there is one record more than there are rows.
    """
    pages = _pages(client.get_statement_result_v2, statement)
    texts = (record["CSVRecords"] for page in pages for record in page["Records"])
    return sum(1 for text in texts for _ in csv.reader(io.StringIO(text, newline="")))


def _csv_line(fields: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(fields)
    return line.getvalue()


def _executed(target: Target, text: str, *, writes: bool, ends: Ends, **options: str) -> tuple[str, dict[str, Any]]:
    """A statement's id, and its description once it has ended well. Raises CommandError. Ctrl-C cancels it."""
    from headrace_cli.stack.services import READER, connection_of

    client = target.client("redshift-data")
    login = connection_of(target, reads=not writes).arguments()
    statement = client.execute_statement(Sql=text, **login, **options)["Id"]
    try:
        state = _ended(client, statement, ends)
    except (KeyboardInterrupt, CommandError):
        with suppress(ClientError):  # it has ended by now
            client.cancel_statement(Id=statement)
        raise
    if state["Status"] != "FINISHED":
        reason = state.get("Error") or state["Status"].lower()
        if not writes and READER in target.outputs and "permission denied" in reason:
            reason += ". It ran as the user who reads Headrace's tables; --write runs it as their owner"
        raise CommandError(f"the warehouse refused it: {reason}")
    return statement, state


def _ended(client: Any, statement: str, ends: Ends) -> dict[str, Any]:
    pause = FIRST_PAUSE
    while True:
        state: dict[str, Any] = client.describe_statement(Id=statement)
        if state["Status"] in FINAL:
            return state
        if why := ends():
            raise CommandError(f"the query was cancelled: {why}")
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def _result(client: Any, statement: str, most: int | None) -> tuple[list[str], list[list[Any]]]:
    columns: list[str] = []
    rows: list[list[Any]] = []
    for page in _pages(client.get_statement_result, statement):
        columns = columns or [_label(column) for column in page["ColumnMetadata"]]
        rows += [[value(field) for field in record] for record in page["Records"]]
        if most is not None and len(rows) >= most:
            break
    return columns, rows[:most]


def _label(column: dict[str, Any]) -> str:
    return str(column.get("label") or column["name"])


def _pages(call: Callable[..., dict[str, Any]], statement: str) -> Iterator[dict[str, Any]]:
    page = call(Id=statement)
    yield page
    while page.get("NextToken"):
        page = call(Id=statement, NextToken=page["NextToken"])
        yield page


def value(field: dict[str, Any]) -> Any:
    """A Data API field as a Python value. A decimal, a date or a SUPER comes as text, as the API has it."""
    return None if field.get("isNull") else next(iter(field.values()))
