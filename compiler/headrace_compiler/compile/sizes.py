"""Whether the SQL of a contract is short enough for the Data API, and how many files a batch may then have.

Each column is named in the SQL, and so is each file of a batch: the more columns, the fewer files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from headrace.domain.contract import PARTITION, Contract
from headrace.domain.ingest.lane import LIMITS
from headrace.domain.ingest.load import load_statements, split_statements
from headrace.domain.migration import MOST_COLUMNS, MOST_STATEMENTS
from headrace.domain.sql_text import MOST_BYTES, one_line, role_in_sql, size_of
from headrace.domain.statistics.judgement import Scope
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.sql.load import load_sql, table_sql, views_sql
from headrace_compiler.sql.metrics import measure_sql
from headrace_compiler.sql.names import is_wide, names_of
from headrace_compiler.sql.staged import append_sql, merge_sql, stage_sql

COLUMNS: Where = ("schema", 0, "properties")
LEAST_FILES = 50
"""A batch must have room for this many, or a dataset of many small files would never get through."""
TOO_LONG = f"would be longer than the {MOST_BYTES:,} bytes that Redshift's Data API takes"
BATCH = "b" * 80
MANIFEST = f"s3://{'l' * 63}/batches/{BATCH}/manifest.json"
ARRIVAL = "20260131093000-0055AED6DCD90281E5"
"""By event; one that a backfill found, or to a fraction of a second, may be seven characters longer."""
ROLE = f"arn:aws-us-gov:iam::123456789012:role/{'r' * 128}"
FILLED_IN = len(BATCH + MANIFEST + role_in_sql(ROLE))


def fitted(contract: Contract, problems: Problems) -> Contract:
    """The contract with the number of files that its batches may have; notes what does not fit, and how much would."""
    columns = len(names_of(contract))
    if columns > MOST_COLUMNS:
        own = columns - len(contract.named_columns)
        allowed = f"Redshift allows {MOST_COLUMNS:,} columns of a table"
        problems.add(COLUMNS, f"{allowed}, {own} are Headrace's: {MOST_COLUMNS - own:,} fit")
    elif what := _too_long(_columns_sql(contract)):
        fit = _most(lambda n: not _too_long(_columns_sql(_with_columns(contract, n))), len(contract.columns))
        problems.add(COLUMNS, f"{what} {TOO_LONG}: {fit:,} columns with such names fit")
    elif (statements := len(load_of(contract, 1))) > MOST_STATEMENTS:
        allowed = f"{MOST_STATEMENTS} that Redshift's Data API takes at once"
        problems.add(("schema", 0), f"the load would have {statements} statements, more than the {allowed}")
    elif contract.deleted_at and is_wide(contract):
        problems.add(COLUMNS, "a table of so many columns cannot mark deleted rows: leave out deletedAtColumn")
    elif contract.history and is_wide(contract):
        problems.add(COLUMNS, "a table of so many columns cannot keep its history: leave out history")
    elif what := _too_long(_checks_sql(contract)):
        fit = _most(lambda n: not _too_long(_checks_sql(_with_checks(contract, n))), len(contract.checks))
        problems.add(("schema", 0), f"{what} {TOO_LONG}: {fit:,} checks fit")
    if problems.errors:
        return contract
    return replace(contract, most_files=room_for_files(contract))


def room_for_files(contract: Contract) -> int:
    """How many files a batch may have that all are loaded again and all replace another: at most what a lane takes."""
    most = max(limits.files for limits in LIMITS.values())
    one, all_ = load_bytes(contract, 1), load_bytes(contract, most)
    each = (all_ - one) / (most - 1)
    return min(most, 1 + int((MOST_BYTES - one) / each))


def load_bytes(contract: Contract, files: int) -> int:
    """The size, at worst, of the transaction that takes this many files to the target."""
    return size_of(load_of(contract, files))


def load_of(contract: Contract, files: int) -> list[str]:
    """The transaction, at worst, that takes this many files to the target: all loaded again, all replacing another."""
    new = {f"{number:024x}": ARRIVAL for number in range(files)}
    objects = {file_id: file_id[:16] for file_id in new}
    old = [f"{number:024x}" for number in range(files, 2 * files)]
    template = merge_sql(contract) if contract.staged else load_sql(contract)
    return load_statements(
        template, batch=BATCH, manifest=MANIFEST, iam_role=ROLE,
        arrived=new, objects=objects, replaced=old, reloaded=[*new],
        scopes=objects if contract.snapshot == PARTITION else None,
    )  # fmt: skip


def _columns_sql(contract: Contract) -> Iterator[tuple[str, int]]:
    yield "the CREATE TABLE", _bytes(table_sql(contract))
    yield "the load", load_bytes(contract, LEAST_FILES)
    if contract.staged:
        create, attempt = split_statements(stage_sql(contract))
        yield "the CREATE TABLE of the stage", _bytes(create)
        yield "the trial of the transformation", _bytes(attempt)
        yield "the load into the stage", _bytes(append_sql(contract)) + FILLED_IN
    if contract.views:
        yield "a view", max(map(_bytes, split_statements(views_sql(contract))))


def _checks_sql(contract: Contract) -> Iterator[tuple[str, int]]:
    for scope in Scope if contract.checks else ():
        if scope in {Scope.BATCH, Scope.DAY}:
            yield f"the measurement of a {scope}", _bytes(measure_sql(contract, scope)) + FILLED_IN


def _bytes(text: str) -> int:
    return size_of(map(one_line, split_statements(text) or [text]))


def _too_long(sizes: Iterable[tuple[str, int]]) -> str:
    return next((what for what, size in sizes if size > MOST_BYTES), "")


def _most(fits: Callable[[int], bool], too_many: int) -> int:
    """The largest number that fits, found by halves."""
    least, most = 0, too_many
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if fits(middle) else (least, middle)
    return least


def _with_checks(contract: Contract, number: int) -> Contract:
    return replace(contract, checks=contract.checks[:number])


def _with_columns(contract: Contract, number: int) -> Contract:
    """The contract with this many columns, its keys among them."""
    keys = {*contract.primary_key, *contract.ordering, *contract.sort_key, contract.dist_key}
    ranked = sorted(contract.columns, key=lambda column: (column.name not in keys, not column.unknown))
    return replace(contract, columns=tuple(ranked[: max(number, len(keys))]))
