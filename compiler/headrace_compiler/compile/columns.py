"""From an ODCS property to a column, with all of its rules checked against each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from open_data_contract_standard.model import SchemaProperty

from headrace.domain.contract import Column, Kind
from headrace.domain.sql_text import one_line
from headrace.transform.rules.values import bound_values, value_rules, without_formats
from headrace.transform.values.values import Broken, text_reader
from headrace_compiler.compile.column_types import (
    KINDS,
    ColumnType,
    TypeProblem,
    check_width,
    default_type,
    physical_type,
)
from headrace_compiler.compile.rules import BOUNDS, enum_rule, option_rules, quality_rules, several_formats
from headrace_compiler.compile.writing import of_files, with_writing
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.names import column_name_problem
from headrace_compiler.document.shape import suggestion
from headrace_compiler.sql.staged import logic_problem

ENCODINGS = {
    "RAW", "ZSTD", "AZ64", "LZO", "BYTEDICT", "DELTA", "DELTA32K", "MOSTLY8", "MOSTLY16", "MOSTLY32", "RUNLENGTH",
    "TEXT255", "TEXT32K",
}  # fmt: skip
NO_AZ64 = {Kind.STRING, Kind.SUPER, Kind.FLOAT, Kind.BOOLEAN}
ABSENT = (None, False, -1)
NO_PATH = re.compile(r"^\$\.|\[(?:[0-9]+|\*)\]")
"""Marks of JSONPath: https://www.rfc-editor.org/rfc/rfc9535."""
NOT_YET = {
    "properties": "fields inside an object are not checked yet: leave them out, the column takes any JSON",
    "items": "items of a list are not checked yet: leave them out, the column takes any JSON",
    "map": "the parts of a map are not checked yet: leave them out, the column takes any JSON",
    "encryptedName": "encrypted columns are not supported",
}


def compile_column(item: SchemaProperty, server: Mapping[str, Any], where: Where, problems: Problems) -> Column | None:
    """The column that a property means; None, with the reasons noted, when it has none.

    `server` is what the customProperties of the files' server say.
    """
    name = item.physicalName or item.name
    if name is None:
        problems.add(where, "a property needs a name")
        return None
    _refuse_unsupported(item, where, problems)
    if reason := column_name_problem(name):
        problems.add((*where, "physicalName" if item.physicalName else "name"), reason)
    column_type = _type(item, where, problems)
    if column_type is None:
        return None
    values = custom.read_custom(item.customProperties, custom.COLUMN, where, problems)
    column = Column(
        name=name,
        source=values.get("source") or item.name or name,
        kind=column_type.kind,
        redshift_type=column_type.redshift_type,
        bits=column_type.bits,
        precision=column_type.precision,
        scale=column_type.scale,
        max_bytes=column_type.max_bytes,
        start=int(values.get("start", 0)),
        width=int(values.get("width", 0)),
        logic=_logic(item, where, problems),
        encode=_encoding(values.get("encode"), item, column_type.kind, where, problems),
        description=item.description or "",
        **_rules(item, column_type, where, problems),
    )
    column = _with_formats(column, item, values.get("formats", []), where, problems)
    column = with_writing(column, item, of_files(server, column.kind) | values, where, problems)
    _check_path(column, item, where, problems)
    _check_rules(column, item, where, problems)
    return column


def _check_path(column: Column, item: SchemaProperty, where: Where, problems: Problems) -> None:
    """Refuses what looks like a path into JSON and means nothing here."""
    if NO_PATH.search(column.source) and "." in column.source:
        place = custom.place_of(item.customProperties, "source", where)
        reason = "is no path: write its keys with dots, such as customer.id; an element of a list cannot be taken"
        problems.add(place, f"source {column.source!r} {reason}, but the list as a whole can (logicalType: array)")


def _with_formats(column: Column, item: SchemaProperty, formats: list[str], where: Where, problems: Problems) -> Column:
    """The column with more formats than the one of logicalTypeOptions."""
    if not formats:
        return column
    place = custom.place_of(item.customProperties, "formats", where)
    more = several_formats(formats, column.kind, place, problems)
    return replace(column, formats=tuple(dict.fromkeys((*column.formats, *more))))


def _refuse_unsupported(item: SchemaProperty, where: Where, problems: Problems) -> None:
    for key, reason in NOT_YET.items():
        if getattr(item, key) not in ABSENT:
            problems.add((*where, key), reason)
    if item.semanticType not in {None, "column"}:
        problems.add((*where, "semanticType"), f"semanticType {item.semanticType!r} is not a column of a file")


def _logic(item: SchemaProperty, where: Where, problems: Problems) -> str:
    """The SQL that a merge puts in the place of a staged value."""
    logic = one_line(item.transformLogic or "")
    if item.transformLogic is not None and (reason := logic_problem(logic)):
        problems.add((*where, "transformLogic"), f"transformLogic: {reason}")
    return logic


def _type(item: SchemaProperty, where: Where, problems: Problems) -> ColumnType | None:
    logical = item.logicalType
    if logical is None and item.physicalType is None:
        problems.add(where, f"{item.name!r} needs a logicalType or a physicalType")
        return None
    if logical is not None and logical not in KINDS:
        problems.add((*where, "logicalType"), f"logicalType {logical!r} is not supported{suggestion(logical, KINDS)}")
        return None
    try:
        options = item.logicalTypeOptions or {}
        if item.physicalType is None:
            return default_type(logical or "", options.get("format"), _max_length(options))
        column_type = physical_type(item.physicalType)
        check_width(logical or "", options.get("format"), column_type)
    except TypeProblem as problem:
        key = "logicalTypeOptions" if item.physicalType is None else "physicalType"
        problems.add((*where, key), str(problem))
        return None
    if logical is not None and column_type.kind not in KINDS[logical]:
        problems.add((*where, "physicalType"), f"logicalType {logical} and physicalType {item.physicalType} disagree")
        return None
    return column_type


def _max_length(options: dict[str, Any]) -> int | None:
    length = options.get("maxLength")
    return length if isinstance(length, int) else None


def _rules(item: SchemaProperty, column_type: ColumnType, where: Where, problems: Problems) -> dict[str, Any]:
    options = option_rules(item.logicalTypeOptions or {}, column_type, (*where, "logicalTypeOptions"), problems)
    enum = enum_rule(item, column_type.kind, where, problems)
    quality = quality_rules(item, column_type.kind, where, problems)
    flags = {"required": bool(item.required), "unique": bool(item.unique)}
    return flags | {"enum": enum} | options | quality


def _encoding(value: str | None, item: SchemaProperty, kind: Kind, where: Where, problems: Problems) -> str | None:
    if value is None:
        return None
    reason = encoding_problem(value, kind)
    if reason:
        problems.add(custom.place_of(item.customProperties, "encode", where), reason)
    return value.upper()


def encoding_problem(value: str, kind: Kind | None) -> str | None:
    """Why a column of this kind cannot have the compression encoding; `kind` None asks about the name alone."""
    if value.upper() not in ENCODINGS:
        return f"encode {value!r} is not an encoding of Redshift{suggestion(value, ENCODINGS)}"
    if value.upper() == "AZ64" and kind in NO_AZ64:
        return f"encode AZ64 does not exist for a {kind}: write ZSTD"
    return None


def _check_rules(column: Column, item: SchemaProperty, where: Where, problems: Problems) -> None:
    """Rules that no value can keep, or that contradict each other."""
    options = (*where, "logicalTypeOptions")
    broken = len(problems.errors)
    for name, attribute in BOUNDS.items():
        bound = getattr(column, attribute)
        if bound is not None:
            _readable(bound, column, (*options, name), name, problems)
    for index, value in enumerate(column.enum):
        place = (*where, "enum", index, "value") if item.enum else (*where, "quality")
        _readable(value, column, place, "the enum value", problems)
    default = column.writing.default
    if default is not None:
        _readable(default, column, custom.place_of(item.customProperties, "default", where), "the default", problems)
    if len(problems.errors) > broken:
        return
    if default is not None:
        _check_default(default, column, custom.place_of(item.customProperties, "default", where), problems)
    _check_order(column, options, problems)
    _check_enum(column, item, where, problems)


def _readable(text: str, column: Column, where: Where, what: str, problems: Problems) -> None:
    try:
        text_reader(without_formats(column))(text)
    except Broken as reason:
        problems.add(where, f"{what}: {reason}")


def _check_default(default: str, column: Column, where: Where, problems: Problems) -> None:
    """What stands in place of a value must keep the column's rules."""
    value = text_reader(without_formats(column))(default)
    for name, rule in value_rules(column):
        if reason := rule(value):
            problems.add(where, f"the default {default!r} breaks the property's own {name}: it {reason}")


def _check_order(column: Column, where: Where, problems: Problems) -> None:
    bounds = bound_values(column)
    lower = [bounds[name] for name in ("minimum", "exclusiveMinimum") if name in bounds]
    upper = [bounds[name] for name in ("maximum", "exclusiveMaximum") if name in bounds]
    if lower and upper and max(lower) > min(upper):
        problems.add((*where, "minimum"), f"no value is at least {max(lower)} and at most {min(upper)}")
    shortest, longest = column.min_length, column.max_length
    if shortest is not None and longest is not None and shortest > longest:
        problems.add((*where, "minLength"), f"minLength {shortest} is more than maxLength {longest}")
    if column.max_bytes and (longest or shortest or 0) > column.max_bytes:
        problems.add((*where, "maxLength"), f"{column.redshift_type} holds {column.max_bytes} bytes, not that many")


def _check_enum(column: Column, item: SchemaProperty, where: Where, problems: Problems) -> None:
    """Each allowed value must keep the column's other rules."""
    rules = [(name, rule) for name, rule in value_rules(column) if name != "enum"]
    read: Callable[[str], Any] = text_reader(without_formats(column))
    for index, value in enumerate(column.enum):
        place = (*where, "enum", index, "value") if item.enum else (*where, "quality")
        for name, rule in rules:
            if reason := rule(read(value)):
                problems.add(place, f"the enum value {value!r} breaks the property's own {name}: it {reason}")
