"""From `exports/*.odcs.yaml` to the exports that run every day: the same standard, read for the way out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject, SchemaProperty, Server

from headrace.domain.contract import Kind
from headrace.domain.export import Export, ExportColumn
from headrace.domain.sql_text import one_line
from headrace.transform.values.times import FormatError, TimeFormat, parse_format
from headrace_compiler.compile import promises
from headrace_compiler.compile.column_types import KINDS, TypeProblem, default_type, physical_type
from headrace_compiler.compile.compiler import SUFFIX
from headrace_compiler.compile.export_files import compile_files
from headrace_compiler.compile.support import support_of
from headrace_compiler.document import custom
from headrace_compiler.document.document import Document, Problems, Where
from headrace_compiler.document.errors import ContractError, ContractErrors
from headrace_compiler.document.names import name_problem
from headrace_compiler.document.shape import read_shape, suggestion

TABLE: Where = ("schema", 0)
LONGEST_NAME = 60
"""Executions are named `<export>-<date>-<attempt>`, and Step Functions allows 80 characters."""
EMPTY = {"write": True, "skip": False}
KEYS = {Kind.STRING, Kind.INTEGER}
OBJECT = {
    "categoryKey": "text", "accountKey": "text", "orderBy": "a list of texts", "rowFilter": "text",
    "accountsFrom": "text", "categoriesFrom": "text", "emptyAccounts": "text",
}  # fmt: skip
PROPERTY = {"exported": "true or false"}


def compile_exports(folder: Path) -> list[Export]:
    """All exports of a folder, by name; none where there is no folder. Raises ContractErrors."""
    made: list[tuple[Export, Document]] = []
    errors: list[ContractError] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            made.append(_compiled(path))
        except ContractErrors as found:
            errors += found.errors
    for index, (export, document) in enumerate(made):
        errors += _conflicts(export, document, [other for other, _ in made[:index]])
    if errors:
        raise ContractErrors(errors)
    return [export for export, _ in made]


def to_json(exports: Iterable[Export]) -> str:
    """Exports as one JSON text: a list of what `Export.from_json` reads."""
    return json.dumps([export.to_json() for export in exports], indent=1, ensure_ascii=False) + "\n"


def _compiled(path: Path) -> tuple[Export, Document]:
    document = Document(path)
    model = read_shape(document)
    problems = Problems(document)
    export = _export(model, hashlib.sha256(document.text.encode()).hexdigest(), problems)
    problems.raise_any()
    assert export is not None
    return export, document


def _conflicts(export: Export, document: Document, others: Sequence[Export]) -> list[ContractError]:
    problems = Problems(document)
    for other in others:
        if export.name == other.name:
            problems.add(("name",), f"another export is named {export.name!r} already")
        if export.folder("").startswith(other.folder("")) or other.folder("").startswith(export.folder("")):
            problems.add(("servers",), f"the folders of this export and of {other.name!r} overlap")
    return problems.errors


def _export(model: OpenDataContractStandard, digest: str, problems: Problems) -> Export | None:
    _check_name(str(model.name), problems)
    promises.freshness(model.slaProperties or [], problems)
    table = _table(model, problems)
    servers = {kind: _server(model, kind, problems) for kind in ("redshift", "s3")}
    if table is None or servers["redshift"] is None or servers["s3"] is None:
        return None
    values = custom.read_custom(table.customProperties, OBJECT, TABLE, problems)
    columns, hidden = _columns(table, problems)
    known = {column.name: column for column in columns}
    keys = {name: _key(name, values, known, table, problems) for name in ("categoryKey", "accountKey")}
    _check_object(table, values, known, problems)
    schema, database = _warehouse(*servers["redshift"], problems)
    pattern, dialect = compile_files(*servers["s3"], problems)
    support = support_of(model.support or [], problems)
    if problems.errors:
        return None
    return Export(
        name=str(model.name),
        version=str(model.version),
        digest=digest,
        schema=schema,
        table=str(table.physicalName or table.name),
        columns=tuple(column for column in columns if column.name not in hidden),
        category=keys["categoryKey"].name,
        account=keys["accountKey"].name,
        category_kind=keys["categoryKey"].kind,
        account_kind=keys["accountKey"].kind,
        pattern=pattern,
        dialect=dialect,
        order_by=tuple(values.get("orderBy", ())),
        where=one_line(values.get("rowFilter", "")),
        accounts_from=values.get("accountsFrom", ""),
        categories_from=values.get("categoriesFrom", ""),
        write_empty=EMPTY[values.get("emptyAccounts", "write")],
        channel=next((entry.channel for entry in support if entry.tool == "slack"), None),
        support=support,
        description=" ".join((model.description.purpose or "").split()) if model.description else "",
        database=database,
    )


def _check_name(name: str, problems: Problems) -> None:
    if reason := name_problem(name, "export"):
        problems.add(("name",), reason.partition(":")[0])
    elif len(name) > LONGEST_NAME:
        problems.add(("name",), f"the export name is longer than {LONGEST_NAME} characters")


def _table(model: OpenDataContractStandard, problems: Problems) -> SchemaObject | None:
    tables = model.schema_ or []
    if len(tables) != 1:
        problems.add(("schema",), "schema must describe the one table or view that is exported")
        return None
    name = tables[0].physicalName or tables[0].name
    if reason := name_problem(name or "", "table"):
        problems.add((*TABLE, "physicalName" if tables[0].physicalName else "name"), reason)
    return tables[0]


def _server(model: OpenDataContractStandard, kind: str, problems: Problems) -> tuple[Server, Where] | None:
    found = [(server, ("servers", n)) for n, server in enumerate(model.servers or []) if server.type == kind]
    if len(found) != 1:
        what = {"redshift": "where the rows are", "s3": "where the files go"}[kind]
        problems.add(("servers",), f"servers needs exactly one of type {kind}: {what}")
        return None
    return found[0]


def _warehouse(server: Server, where: Where, problems: Problems) -> tuple[str, str]:
    schema = server.schema_ or "public"
    if reason := name_problem(schema, "schema"):
        problems.add((*where, "schema"), reason)
    return schema, server.database or ""


def _columns(table: SchemaObject, problems: Problems) -> tuple[list[ExportColumn], set[str]]:
    """All columns that are named, and the names of those that do not go into the files."""
    columns: list[ExportColumn] = []
    hidden: set[str] = set()
    for index, item in enumerate(table.properties or []):
        where: Where = (*TABLE, "properties", index)
        column = _column(item, where, problems)
        if column is None:
            continue
        if column.name in {other.name for other in columns}:
            problems.add(where, f"the column {column.name!r} is there twice")
        columns.append(column)
        if not custom.read_custom(item.customProperties, PROPERTY, where, problems).get("exported", True):
            hidden.add(column.name)
    if len(columns) == len(hidden):
        problems.add((*TABLE, "properties"), "the export needs properties: the columns of its files")
    return columns, hidden


def _column(item: SchemaProperty, where: Where, problems: Problems) -> ExportColumn | None:
    name = item.physicalName or item.name or ""
    if reason := name_problem(name, "column"):
        problems.add((*where, "physicalName" if item.physicalName else "name"), reason)
        return None
    if item.logicalType not in KINDS:
        hint = suggestion(item.logicalType or "", KINDS)
        problems.add((*where, "logicalType"), f"{name!r} needs a logicalType of {', '.join(KINDS)}{hint}")
        return None
    try:
        made = physical_type(item.physicalType) if item.physicalType else default_type(item.logicalType, None, None)
    except TypeProblem as problem:
        problems.add((*where, "physicalType"), str(problem))
        return None
    if made.kind not in KINDS[item.logicalType]:
        reason = f"logicalType {item.logicalType} and physicalType {item.physicalType} disagree"
        problems.add((*where, "physicalType"), reason)
    return ExportColumn(name, item.name or name, made.kind, _format(item, made.kind, where, problems))


def _format(item: SchemaProperty, kind: Kind, where: Where, problems: Problems) -> str:
    options = item.logicalTypeOptions or {}
    place = (*where, "logicalTypeOptions")
    for name in options:
        if name != "format" or kind not in {Kind.DATE, Kind.TIMESTAMP}:
            problems.add((*place, name), f"an export does not use {name} here: only dates and times have a format")
    written = str(options.get("format", ""))
    try:
        wanted = parse_format(written) if written else TimeFormat(())
    except FormatError as error:
        problems.add((*place, "format"), str(error))
        return ""
    tokens = wanted.tokens
    if not wanted.is_usual:
        problems.add((*place, "format"), "an export writes dates and times with yyyy MM dd HH mm ss S XXX alone")
    if kind is Kind.DATE and set(tokens) - {"yyyy", "MM", "dd"}:
        problems.add((*place, "format"), "a date has no time: use yyyy, MM and dd")
    return written


def _key(
    what: str, values: dict[str, Any], known: dict[str, ExportColumn], table: SchemaObject, problems: Problems
) -> ExportColumn:
    name = values.get(what, "")
    if name not in known:
        place = custom.place_of(table.customProperties, what, TABLE)
        reason = f"there is no property {name!r}{suggestion(name, known)}" if name else "it is missing"
        problems.add(place, f"{what} names the column whose values make the files: {reason}")
        return ExportColumn(name, name, Kind.STRING)
    if known[name].kind not in KEYS:
        problems.add(custom.place_of(table.customProperties, what, TABLE), f"{what} must be a string or an integer")
    return known[name]


def _check_object(
    table: SchemaObject, values: dict[str, Any], known: dict[str, ExportColumn], problems: Problems
) -> None:
    def add(name: str, reason: str) -> None:
        problems.add(custom.place_of(table.customProperties, name, TABLE), f"{name}: {reason}")

    for name in values.get("orderBy", ()):
        if name not in known:
            add("orderBy", f"there is no property {name!r}{suggestion(name, known)}")
        elif known[name].kind is Kind.SUPER:
            add("orderBy", f"{name!r} is SUPER, which has no order")
    if values.get("emptyAccounts", "write") not in EMPTY:
        add("emptyAccounts", "must be write (a file with the header only) or skip")
    if re.search(r";|--|/\*", values.get("rowFilter", "")):
        add("rowFilter", "must be one condition of SQL, without a semicolon and without a comment")
    for name in ("accountsFrom", "categoriesFrom"):
        parts = values.get(name, "a.b.c").split(".")
        if len(parts) != 3 or any(name_problem(part, "name") for part in parts):
            add(name, "must be schema.table.column")
