"""From an ODCS document to one Contract: its columns together, its key, how the table is laid out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject, SchemaProperty

from headrace.domain.contract import ENGINES, MERGE_SECONDS, UNKNOWN_COLUMN, Column, Contract, FileFormat, Kind
from headrace.transform.rules.values import value_rules
from headrace.transform.values.meaning import nulls_of
from headrace_compiler.compile import promises
from headrace_compiler.compile.columns import compile_column, encoding_problem
from headrace_compiler.compile.deletions import deletions
from headrace_compiler.compile.expected import expectations
from headrace_compiler.compile.groups import Groups, check_grouped
from headrace_compiler.compile.histories import keeps_history
from headrace_compiler.compile.key_columns import with_origins
from headrace_compiler.compile.metrics import statistics_checks
from headrace_compiler.compile.operations import check_null_tokens, with_operations
from headrace_compiler.compile.row_rules import row_rules
from headrace_compiler.compile.servers import TRIMMED, compile_servers
from headrace_compiler.compile.snapshots import key_problems, size_checks, snapshot_of
from headrace_compiler.compile.support import severities_of, support_of
from headrace_compiler.compile.views import compile_views
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.names import dataset_name_problem, name_problem
from headrace_compiler.document.shape import suggestion

TABLE: Where = ("schema", 0)
NO_KEY = {Kind.SUPER, Kind.FLOAT, Kind.BOOLEAN}
VERSIONS = {"replace": True, "add": False}
LOAD_MODES = ("direct", "staged")
LONGEST_MERGE_INTERVAL = 86400
PADDED_KEYS = ("refuse", "same")
LONGEST_FRACTION = "SSSSSS"
ON_COPY = ("skip", "load")
ON_UNKNOWN = ("keep", "ignore", "refuse")
WHILE_HELD = ("continue", "wait")
WHEN_QUIET = ("ignore", "notify")
MOST_HELD_HOURS = 720
SHARE = r"[0-9]{1,2}(\.[0-9]+)?%|100%"
SHRINK_LIMIT = "20%"
"""What a corrected file may lose without a person's look; a file cut off half-way loses more, mostly."""


def compile_dataset(model: OpenDataContractStandard, digest: str, problems: Problems) -> Contract | None:
    """The contract that a document means; None, with the reasons noted, when there is none."""
    servers = compile_servers(model, problems)
    table = _table(model, problems)
    _check_name(model, problems)
    custom.read_custom(model.customProperties, custom.NO_PROPERTIES, (), problems)
    promised = promises.freshness(model.slaProperties or [], problems)
    support = support_of(model.support or [], problems)
    expected = expectations(model.slaProperties or [], model.apiVersion, problems)
    if table is None:
        return None
    values = custom.read_custom(table.customProperties, custom.DATASET, TABLE, problems)
    columns = _columns(table, values, servers.of_columns if servers else {}, problems)
    if servers is not None and len(columns) == len(table.properties or []):
        columns = with_origins(columns, table, servers, TABLE, problems)
    if servers is not None:
        check_grouped(servers.groups, table, values, TABLE, problems)
        _check_places(columns, problems, placed=servers.format.traits.placed)
    on_unknown = _chosen("unknownColumns", ON_UNKNOWN, table, values, problems)
    waits = _chosen("whileHeld", WHILE_HELD, table, values, problems)
    versions = _chosen("onNewVersion", tuple(VERSIONS), table, values, problems)
    copies = _chosen("onCopy", ON_COPY, table, values, problems)
    engine = _chosen("engine", ENGINES, table, values, problems)
    snapshot = snapshot_of(table, values, servers, TABLE, problems)
    removes = deletions(table, values, servers.groups if servers else Groups(), TABLE, problems)
    limit = _bad_row_limit(table, values, problems) | _shrink_limit(table, values, problems)
    watched = _watched(table, values, problems)
    if len(columns) < len(table.properties or []):
        return None  # what follows would only say of a column with a mistake that there is none
    layout = _layout(table, values, columns, problems)
    columns, changes = with_operations(columns, table, values, layout, TABLE, problems)
    history = keeps_history(table, values, columns, layout, TABLE, problems)
    if servers is not None:
        for reason in key_problems(snapshot, columns, layout["primary_key"], servers.folders):
            problems.add(custom.place_of(table.customProperties, "snapshot", TABLE), reason)
        check_null_tokens(columns, table, servers.format.null_tokens, TABLE, problems)
        _check_quoted_nulls(columns, servers.format.quoted_nulls, problems)
        _check_of_format(columns, table, servers.format, problems)
    if _chosen("paddedKeys", PADDED_KEYS, table, values, problems) == "refuse":
        columns = tuple(_unpadded(column, layout["primary_key"]) for column in columns)
    rules = row_rules(table.quality or [], columns, TABLE, problems)
    checks = statistics_checks(table, columns, layout["primary_key"], TABLE, problems)
    views = compile_views(table, values, servers.schema if servers else "public", problems)
    staging = _staging(table, values, columns, promised, problems)
    if servers is None or problems.errors:
        return None
    return Contract(
        dataset=str(model.name),
        version=str(model.version),
        digest=digest,
        prefix=servers.prefix,
        files=servers.files,
        ignore=servers.ignore,
        marker=servers.groups.marker,
        manifest=servers.groups.manifest,
        patience_seconds=servers.groups.patience_seconds,
        folder_templates=servers.folders,
        name_templates=servers.names,
        load_copies=copies == "load",
        engine=engine,
        snapshot=snapshot,
        history=history,
        format=servers.format,
        schema=servers.schema,
        table=str(table.physicalName or table.name),
        columns=(*columns, *([_unknown_column(values.get("encode"))] if on_unknown == "keep" else [])),
        refuse_unknown=on_unknown == "refuse",
        expected=expected,
        **limit,
        **watched,
        **removes,
        rules=rules,
        sources=servers.sources,
        checks=(*checks, *size_checks(snapshot, limit.get("max_shrink"))),
        views=views,
        wait_while_held=waits == "wait",
        replace_versions=VERSIONS[versions],
        wait_seconds=int(values.get("groupWait", promises.wait(promised, int(staging.get("merge_seconds", 0))))),
        **staging,
        freshness_seconds=promised,
        channel=next((entry.channel for entry in support if entry.tool == "slack"), None),
        support=support,
        severities=severities_of(values, custom.place_of(table.customProperties, "severities", TABLE), problems),
        description=_description(model),
        extra={"database": servers.database} if servers.database else {},
        **layout,
        **changes,
    )


def _chosen(
    name: str, choices: tuple[str, ...], table: SchemaObject, values: dict[str, Any], problems: Problems
) -> str:
    """The value of a customProperty that must be one of a few; the first is the default."""
    chosen = str(values.get(name, choices[0]))
    if chosen not in choices:
        listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
        place = custom.place_of(table.customProperties, name, TABLE)
        problems.add(place, f"{name} must be {listed}{suggestion(chosen, choices)}")
    return chosen


def _staging(
    table: SchemaObject, values: dict[str, Any], columns: Sequence[Column], promised: int | None, problems: Problems
) -> dict[str, Any]:
    """The fields of a Contract that `loadMode` and `mergeEvery` set, if the promise leaves time for merges."""
    chosen = str(values.get("loadMode", "direct"))
    place = custom.place_of(table.customProperties, "loadMode", TABLE)
    if chosen not in LOAD_MODES:
        problems.add(place, f"loadMode must be direct or staged{suggestion(chosen, LOAD_MODES)}")
    if chosen != "staged":
        _refuse_merging(table, values, columns, problems)
        return {}
    _refuse_rules_before_merge(table, columns, problems)
    every = int(values.get("mergeEvery", MERGE_SECONDS))
    place = custom.place_of(table.customProperties, "mergeEvery", place)
    if not 1 <= every <= LONGEST_MERGE_INTERVAL:
        problems.add(place, f"mergeEvery must be 1 to {LONGEST_MERGE_INTERVAL} seconds")
    if promised is not None and every + promises.PROCESSING_SECONDS > promised:
        reason = f"a merge every {every} s cannot keep a promise of {promised} s: set mergeEvery, or promise more"
        problems.add(place, reason)
    return {"staged": True, "merge_seconds": every}


def _refuse_rules_before_merge(table: SchemaObject, columns: Sequence[Column], problems: Problems) -> None:
    """Refuses rules on columns that the merge computes of others: rows are checked before, without their values."""
    computed = [column.name for column in columns if column.logic and not _names(column.logic, column.name)]
    for index, column in enumerate(columns):
        if column.name in computed and (column.required or value_rules(column)):
            reason = f"{column.name!r} is computed by the merge: its rows are checked before, and no rule can see it"
            problems.add((*TABLE, "properties", index), f"{reason}; put rules on the columns it is made of")
    for index, check in enumerate(table.quality or []):
        named = next((name for name in computed if check.type == "sql" and _names(str(check.query), name)), None)
        if named:
            reason = f"the rule {check.name!r} sees no value of {named!r}, which the merge computes after it"
            problems.add((*TABLE, "quality", index, "query"), reason)


def _names(sql: str, column: str) -> bool:
    return re.search(rf"\b{re.escape(column)}\b", sql, re.IGNORECASE) is not None


def _refuse_merging(table: SchemaObject, values: dict[str, Any], columns: Sequence[Column], problems: Problems) -> None:
    """What only a merge does is not passed over."""
    if "mergeEvery" in values:
        place = custom.place_of(table.customProperties, "mergeEvery", TABLE)
        problems.add(place, "mergeEvery belongs to loadMode: staged")
    for index, column in enumerate(columns):
        if column.logic:
            place = (*TABLE, "properties", index, "transformLogic")
            problems.add(
                place, f"transformLogic of {column.name!r} belongs to loadMode: staged, whose merge applies it"
            )


def _unknown_column(encode: str | None) -> Column:
    description = "What files bring beyond the contract, by its name in the file."
    return Column(
        UNKNOWN_COLUMN, "", Kind.SUPER, "SUPER",
        encode=(encode or "ZSTD").upper(), description=description, unknown=True,
    )  # fmt: skip


def _bad_row_limit(table: SchemaObject, values: dict[str, Any], problems: Problems) -> dict[str, Any]:
    """The fields of a Contract that `badRowLimit` sets."""
    written = str(values.get("badRowLimit", "")).replace(" ", "")
    if not written:
        return {}
    if written.isdecimal():
        return {"max_bad_rows": int(written)}
    if re.fullmatch(SHARE, written):
        return {"max_bad_share": float(written[:-1]) / 100}
    place = custom.place_of(table.customProperties, "badRowLimit", TABLE)
    problems.add(place, f"badRowLimit must be {custom.DATASET['badRowLimit']}")
    return {}


def _shrink_limit(table: SchemaObject, values: dict[str, Any], problems: Problems) -> dict[str, Any]:
    """The field of a Contract that `shrinkLimit` sets; 100% is none."""
    written = str(values.get("shrinkLimit", SHRINK_LIMIT)).replace(" ", "")
    if not re.fullmatch(SHARE, written):
        place = custom.place_of(table.customProperties, "shrinkLimit", TABLE)
        problems.add(place, f"shrinkLimit must be {custom.DATASET['shrinkLimit']}")
        return {}
    if "shrinkLimit" in values and values.get("onNewVersion") == "add" and "snapshot" not in values:
        place = custom.place_of(table.customProperties, "shrinkLimit", TABLE)
        problems.add(place, "shrinkLimit has no effect with onNewVersion: add, which replaces no rows: leave it out")
    share = float(written[:-1]) / 100
    return {"max_shrink": share if share < 1 else None}


def _watched(table: SchemaObject, values: dict[str, Any], problems: Problems) -> dict[str, Any]:
    """The fields of a Contract that say of what people are notified, beside promises and expected files."""
    found: dict[str, Any] = {"notify_quiet": _chosen("whenQuiet", WHEN_QUIET, table, values, problems) == "notify"}
    if "quarantineLimit" in values:
        written = str(values["quarantineLimit"]).replace(" ", "")
        if not re.fullmatch(SHARE, written) or written == "100%":
            place = custom.place_of(table.customProperties, "quarantineLimit", TABLE)
            problems.add(place, f"quarantineLimit must be {custom.DATASET['quarantineLimit']}, below 100%")
        else:
            found["quarantine_limit"] = float(written[:-1]) / 100
    if "heldLimitHours" in values:
        hours = values["heldLimitHours"]
        if not 1 <= hours <= MOST_HELD_HOURS:
            place = custom.place_of(table.customProperties, "heldLimitHours", TABLE)
            problems.add(place, f"heldLimitHours must be 1 to {MOST_HELD_HOURS:,}")
        found["held_seconds"] = int(hours * 3600)
    return found


def _check_name(model: OpenDataContractStandard, problems: Problems) -> None:
    if reason := dataset_name_problem(str(model.name)):
        problems.add(("name",), reason.partition(":")[0])


def _description(model: OpenDataContractStandard) -> str:
    return " ".join((model.description.purpose or "").split()) if model.description else ""


def _table(model: OpenDataContractStandard, problems: Problems) -> SchemaObject | None:
    tables = model.schema_ or []
    if not tables:
        problems.add(("schema",), "schema must describe one table")
        return None
    for index in range(1, len(tables)):
        problems.add(("schema", index), "a contract describes one table: write a separate contract for this one")
    table = tables[0]
    name = table.physicalName or table.name
    if reason := name_problem(name or "", "table"):
        problems.add((*TABLE, "physicalName" if table.physicalName else "name"), reason)
    return table


def _columns(
    table: SchemaObject, values: dict[str, Any], server: dict[str, Any], problems: Problems
) -> tuple[Column, ...]:
    places: list[Where] = [(*TABLE, "properties", index) for index in range(len(table.properties or []))]
    pairs = zip(table.properties or [], places, strict=True)
    compiled = [(compile_column(item, server, where, problems), where) for item, where in pairs]
    columns = [(column, where) for column, where in compiled if column is not None]
    if not compiled:
        problems.add((*TABLE, "properties"), "the table needs properties: its columns")
    _refuse_twins(columns, problems)
    return tuple(_with_default_encoding(column, values.get("encode"), table, problems) for column, _ in columns)


def _check_quoted_nulls(columns: Sequence[Column], quoted_nulls: bool, problems: Problems) -> None:
    """Where a word in quotes is a value, quotes must be seen until the end."""
    for index, column in enumerate(columns):
        if column.writing.trim and not quoted_nulls:
            reason = f"trim of {column.name!r} and quotedNulls: false do not go together: {TRIMMED}"
            problems.add((*TABLE, "properties", index, "customProperties"), reason)


def _check_of_format(
    columns: Sequence[Column], table: SchemaObject, file_format: FileFormat, problems: Problems
) -> None:
    """What a property says of values that its files cannot have."""
    items = {str(item.physicalName or item.name): item.customProperties for item in table.properties or []}
    for index, column in enumerate(columns):
        said, where = items.get(column.name), (*TABLE, "properties", index)
        if file_format.traits.delimited and any(item.property == "jsonTypes" for item in said or []):
            reason = f"jsonTypes is for files of JSON, whose values have types; {file_format.kind} has texts only"
            problems.add(custom.place_of(said, "jsonTypes", where), reason)
        words = {word.lower(): word for word in (*column.writing.true, *column.writing.false)}
        for null in nulls_of(column, file_format):
            if null.lower() in words:
                reason = f"{words[null.lower()]!r} is one of the nullTokens as well: it cannot mean both"
                name = "trueValues" if words[null.lower()] in column.writing.true else "falseValues"
                problems.add(custom.place_of(said, name, where), reason)


def _refuse_twins(columns: list[tuple[Column, Where]], problems: Problems) -> None:
    for attribute, what in (("name", "column"), ("source", "field of the file")):
        counts = Counter(getattr(column, attribute) for column, _ in columns)
        seen: set[str] = set()
        for column, where in columns:
            value = getattr(column, attribute)
            if counts[value] > 1 and value in seen:
                problems.add(where, f"the {what} {value!r} is there twice")
            seen.add(value)


def _with_default_encoding(column: Column, encode: str | None, table: SchemaObject, problems: Problems) -> Column:
    if encode is None or column.encode is not None:
        return column
    if reason := encoding_problem(encode, column.kind):
        problems.add(custom.place_of(table.customProperties, "encode", TABLE), f"{column.name}: {reason}")
    return replace(column, encode=encode.upper())


def _check_places(columns: Sequence[Column], problems: Problems, *, placed: bool) -> None:
    """Columns of files with fixed width have places that do not overlap; others have none."""
    for index, column in enumerate(columns):
        where = (*TABLE, "properties", index)
        if not placed and (column.start or column.width):
            problems.add(where, "start and width apply only to files of format fixed")
        if placed and not column.origin and not (column.start and column.width):
            problems.add(where, f"the column {column.name!r} needs the customProperties start (from 1) and width")
        for other in columns[:index] if placed else ():
            if column.start < other.start + other.width and other.start < column.start + column.width:
                problems.add(where, f"the places of {column.name!r} and {other.name!r} overlap")


def _layout(
    table: SchemaObject, values: dict[str, Any], columns: tuple[Column, ...], problems: Problems
) -> dict[str, Any]:
    """The key, the ordering, the distribution and sort keys: names of columns that must be fit for it."""
    known = {column.name: column for column in columns}
    key = _primary_key(table.properties or [], known, problems)
    named = {
        "orderingColumns": values.get("orderingColumns", []),
        "distributionKey": [values["distributionKey"]] if "distributionKey" in values else [],
        "sortKey": values.get("sortKey", []),
    }
    for what, names in named.items():
        where = custom.place_of(table.customProperties, what, TABLE)
        for name in names:
            if reason := _unfit(what, name, known):
                problems.add(where, reason)
    if named["orderingColumns"] and not key:
        place = custom.place_of(table.customProperties, "orderingColumns", TABLE)
        problems.add(place, "orderingColumns say which row of a key wins, but no property is a primaryKey")
    return {
        "primary_key": key,
        "ordering": tuple(named["orderingColumns"]),
        "dist_key": values.get("distributionKey"),
        "sort_key": tuple(named["sortKey"]),
    }


def _unfit(what: str, name: str, known: dict[str, Column]) -> str | None:
    if name not in known:
        return f"{what}: there is no column {name!r}{suggestion(name, known)}"
    if known[name].kind is Kind.SUPER:
        return f"{what}: the column {name!r} is SUPER, which Redshift cannot compare"
    if what == "orderingColumns" and not known[name].required:
        return f"{what}: the column {name!r} must be required, or rows without it cannot be ordered"
    return None


def _primary_key(items: Sequence[SchemaProperty], known: dict[str, Column], problems: Problems) -> tuple[str, ...]:
    members: list[tuple[int, str]] = []
    for index, item in enumerate(items):
        where = (*TABLE, "properties", index)
        name = item.physicalName or item.name or ""
        if item.primaryKey and name in known:
            members.append((item.primaryKeyPosition or -1, name))
            _check_key(known[name], where, problems)
        elif item.primaryKeyPosition not in {None, -1} and not item.primaryKey:
            problems.add((*where, "primaryKeyPosition"), "primaryKeyPosition has no effect without primaryKey: true")
    positions = [position for position, _ in members]
    if len(members) > 1 and sorted(positions) != list(range(1, len(members) + 1)):
        problems.add(TABLE, "each property of a primary key of several needs its primaryKeyPosition: 1, 2, …")
    key = tuple(name for _, name in sorted(members, key=lambda member: member[0]))
    _check_unique(items, key, problems)
    return key


def _check_key(column: Column, where: Where, problems: Problems) -> None:
    if not column.required:
        problems.add((*where, "primaryKey"), f"the primary key column {column.name!r} must be required: true")
    if column.kind in NO_KEY:
        problems.add((*where, "primaryKey"), f"a {column.kind} cannot be a primary key")
    if column.writing.default is not None:
        reason = f"rows without a value in the key {column.name!r} would be one"
        problems.add((*where, "customProperties"), f"{reason}: leave out its default")
    if column.writing.cut or column.writing.replaces:
        reason = f"the key {column.name!r} would be changed, so that two keys could become one"
        problems.add((*where, "customProperties"), f"{reason}: leave out tooLong and badBytes")
    if column.writing.rounding or column.writing.finer:
        reason = f"the key {column.name!r} would be rounded, so that two keys could become one"
        problems.add((*where, "customProperties"), f"{reason}: leave out rounding and finerTimes")
    if any(LONGEST_FRACTION + "S" in text for text in column.formats):
        reason = f"the key {column.name!r} would be cut: the warehouse keeps microseconds, which are {LONGEST_FRACTION}"
        problems.add((*where, "logicalTypeOptions", "format"), reason)


def _unpadded(column: Column, key: Sequence[str]) -> Column:
    """The column of a key as its values must be; those that a merge transforms are its `transformLogic`'s matter."""
    return replace(column, unpadded=column.name in key and column.kind is Kind.STRING and not column.logic)


def _check_unique(items: Sequence[SchemaProperty], key: tuple[str, ...], problems: Problems) -> None:
    for index, item in enumerate(items):
        if item.unique and key != (item.physicalName or item.name,):
            reason = "unique is enforced only by the merge on the primary key: leave it out elsewhere"
            problems.add((*TABLE, "properties", index, "unique"), reason)
