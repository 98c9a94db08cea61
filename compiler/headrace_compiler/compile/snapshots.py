"""Datasets whose files are each the whole table, or the whole of a partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from open_data_contract_standard.model import SchemaObject

from headrace.domain.contract import PARTITION, TABLE, Column
from headrace.domain.files.key_values import fields_of
from headrace.domain.statistics.checks import Check, Metric
from headrace_compiler.compile.servers import Servers
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.shape import suggestion

KINDS = (TABLE, PARTITION)
AGAINST = {"onNewVersion": ("add",), "onCopy": ("skip", "load")}
"""Choices that a snapshot leaves no room for: each counts, and takes the place of the one before."""


def snapshot_of(
    table: SchemaObject, values: dict[str, Any], servers: Servers | None, where: Where, problems: Problems
) -> str:
    """Of what each file is the whole: of the table, or of a partition; empty if of neither. `where` is the table."""
    snapshot = values.get("snapshot")
    if snapshot is None:
        return ""
    place = custom.place_of(table.customProperties, "snapshot", where)
    if snapshot not in KINDS:
        problems.add(place, f"snapshot must be {' or '.join(KINDS)}{suggestion(str(snapshot), KINDS)}")
        return ""
    if snapshot == PARTITION and servers is not None and not servers.folders:
        example = f"s3://{{landing}}/{servers.prefix}dt={{dt}}/"
        problems.add(place, f"snapshot: partition needs a partition in the location, such as {example}")
    for name, against in AGAINST.items():
        if values.get(name) in against:
            reason = f"{name} does not go with snapshot: each file takes the place of the one before, copies too"
            problems.add(custom.place_of(table.customProperties, name, where), reason)
    if "operationColumn" in values:
        place = custom.place_of(table.customProperties, "operationColumn", where)
        problems.add(place, "operationColumn does not go with snapshot: a snapshot has rows, and no changes")
    return str(snapshot)


def key_problems(snapshot: str, columns: Sequence[Column], key: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Why a table cannot have this key: a row in the place of one of another partition would be missing there."""
    if snapshot != PARTITION or not key:
        return []
    fields = {field for folder in folders for field in fields_of(folder)}
    lacking = [column.name for column in columns if column.source in fields and column.name not in key]
    why = "which says in which partition a row is: the same key in another one would take it out of the first"
    return [f"snapshot: partition needs {name!r} in the primaryKey, {why}" for name in lacking]


def size_checks(snapshot: str, max_shrink: float | None) -> tuple[Check, ...]:
    """The check that holds a snapshot of too few rows, by the share of those that it would replace."""
    if not snapshot or max_shrink is None:
        return ()
    return (Check(Metric.SNAPSHOT_SHARE, hold=True, lowest=round(1 - max_shrink, 6)),)
