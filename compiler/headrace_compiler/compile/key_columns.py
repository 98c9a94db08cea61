"""Which columns have their values in an object's key: the fields of templates, the file's name, the key itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from open_data_contract_standard.model import SchemaObject, SchemaProperty

from headrace.domain.contract import Column, Kind
from headrace.domain.files.key_values import FOLDERS, KEY, NAME, fields_of
from headrace_compiler.compile.servers import Servers
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.shape import suggestion

ORIGINS = {"fileName": NAME, "key": KEY}


def with_origins(
    columns: Sequence[Column], table: SchemaObject, servers: Servers, where: Where, problems: Problems
) -> tuple[Column, ...]:
    """The columns, each with where in the key its value stands. `columns` are those of all properties, in order."""
    fields = _fields(servers, columns, problems)
    properties = table.properties or []
    found = tuple(
        _with_origin(column, item, fields, servers, (*where, "properties", index), problems)
        for index, (column, item) in enumerate(zip(columns, properties, strict=True))
    )
    if found and all(column.origin for column in found):
        problems.add((*where, "properties"), "all columns come from the key: the rows of the files have none")
    return found


def _fields(servers: Servers, columns: Sequence[Column], problems: Problems) -> list[str]:
    """The fields of the templates, those of folders first. Patterns of names may share theirs."""
    in_folders = [field for folder in servers.folders for field in fields_of(folder)]
    in_names = dict.fromkeys(field for name in servers.names for field in fields_of(name))
    known = {column.source for column in columns}
    for field, times in Counter([*in_folders, *in_names]).items():
        if times > 1:
            problems.add(("servers",), f"the field {{{field}}} is in location and files twice")
        if field not in known:
            problems.add(("servers",), f"{{{field}}} is the field of no property{suggestion(field, known)}")
    return [*in_folders, *in_names]


def _with_origin(
    column: Column, item: SchemaProperty, fields: list[str], servers: Servers, where: Where, problems: Problems
) -> Column:
    value_from = next((p.value for p in item.customProperties or [] if p.property == "valueFrom"), None)
    if value_from is not None and value_from not in ORIGINS:
        place = custom.place_of(item.customProperties, "valueFrom", where)
        wanted = " or ".join(ORIGINS)
        problems.add(place, f"valueFrom must be {wanted}{suggestion(str(value_from), ORIGINS)}")
    is_field = column.source in fields
    _check_partition(column, item, fields, servers, where, problems)
    if not is_field and value_from is None:
        return column
    if is_field and value_from is not None:
        reason = f"{column.source!r} is a field of location or files already: leave out valueFrom"
        problems.add(custom.place_of(item.customProperties, "valueFrom", where), reason)
    if column.kind is Kind.SUPER:
        problems.add(where, f"{column.name!r} comes from the key, in which there is no JSON: give it another type")
    if column.start or column.width:
        problems.add(where, f"{column.name!r} comes from the key: it has no start and width")
    return replace(column, origin=FOLDERS if is_field else ORIGINS.get(str(value_from), NAME))


def _check_partition(
    column: Column, item: SchemaProperty, fields: list[str], servers: Servers, where: Where, problems: Problems
) -> None:
    """What the standard says of a partition must be so in the location."""
    if item.partitioned and column.source not in fields:
        example = f"s3://{{landing}}/{servers.prefix}{column.source}={{{column.source}}}/"
        reason = f"partitioned: the value of {column.source!r} comes from the key: write location: {example}"
        problems.add((*where, "partitioned"), reason)
    position = item.partitionKeyPosition
    if position in {None, -1}:
        return
    if not item.partitioned:
        problems.add((*where, "partitionKeyPosition"), "partitionKeyPosition has no effect without partitioned: true")
    elif column.source in fields and position != fields.index(column.source) + 1:
        place = fields.index(column.source) + 1
        problems.add((*where, "partitionKeyPosition"), f"{column.source!r} is field {place} of the location")
