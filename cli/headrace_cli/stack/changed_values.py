"""Whether the table has the values that the lake has, file by file: for `headrace reconcile --values`.

Batch by batch, the warehouse copies the Parquet once more and compares the rows that are still in the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.domain.sql_text import role_in_sql
from headrace.errors import HeadraceError
from headrace.usecases import lake_paths
from headrace.usecases.recovery.reconcile_report import Difference
from headrace.usecases.recovery.requeue import advice_to_reload
from headrace_cli.output.formatting import count
from headrace_compiler.sql.values import COLUMNS_AT_ONCE, compared_columns, values_sql

if TYPE_CHECKING:
    from headrace.domain.contract import Contract
    from headrace_cli.stack.target import Target

STAGED = "datasets that are merged on a schedule are not compared by value"
EARLIER = "written by another version of the contract"
NO_MANIFEST = "whose manifest has expired"
Progress = Callable[[str], None]


def changed_values(target: Target, contract: Contract, since: str, progress: Progress) -> Iterator[Difference | str]:
    """Each file with rows in the table that are not as they were loaded; and, as text, what was not compared."""
    if contract.staged:
        yield f"{contract.dataset}: {STAGED}"
        return
    loaded = [file for file in target.ledger.files.of_dataset(contract.dataset, since) if _has_rows(file)]
    skipped: Counter[str] = Counter()
    for batch, group in groupby(sorted(loaded, key=_batch), _batch):
        files = list(group)
        progress(f"{contract.dataset}: the values of {batch}")
        if any(file.contract_version != contract.version for file in files):
            skipped[EARLIER] += len(files)
        elif target.services.lake.find_json(lake_paths.manifest(batch)) is None:
            skipped[NO_MANIFEST] += len(files)
        else:
            yield from _of_batch(target, contract, batch, {file.file_id: file for file in files})
    yield from (f"{contract.dataset}: {count(number, 'file')}, {why}" for why, number in sorted(skipped.items()))


def _of_batch(
    target: Target, contract: Contract, batch: str, files: dict[str, FileRecord]
) -> Iterator[Difference | str]:
    manifest = f"s3://{target.output('LakeBucket')}/{lake_paths.manifest(batch)}"
    filled = {"${manifest}": manifest, "${iam_role}": role_in_sql(target.outputs.get("CopyRole", "default"))}
    setup, queries = values_sql(contract)
    found: dict[str, dict[str, int]] = {}
    try:
        for number, query in enumerate(queries):
            names = compared_columns(contract)[number * COLUMNS_AT_ONCE :]
            statements = [_replaced(statement, filled) for statement in (*setup, query, "DROP TABLE stage")]
            for file_id, *counts in target.services.warehouse.answer(statements, len(setup)):
                changed = {name: int(rows) for name, rows in zip(names, counts, strict=False) if int(rows)}
                found.setdefault(str(file_id), {}).update(changed)
    except HeadraceError as error:
        yield f"{contract.dataset}: {batch} could not be compared: {error}"
        return
    for file_id in sorted(found.keys() & files.keys()):
        columns = ", ".join(f"{name} in {count(rows, 'row')}" for name, rows in found[file_id].items())
        file = files[file_id]
        what = f"{file.key} has other values in {contract.target} than were loaded: {columns}"
        yield Difference("values", contract.dataset, what, advice_to_reload(file, target.services))


def _replaced(statement: str, filled: dict[str, str]) -> str:
    for name, value in filled.items():
        statement = statement.replace(name, value)
    return statement


def _has_rows(file: FileRecord) -> bool:
    return file.status is FileStatus.LOADED and bool(file.rows.loaded) and bool(file.batch)


def _batch(file: FileRecord) -> str:
    return str(file.batch)
