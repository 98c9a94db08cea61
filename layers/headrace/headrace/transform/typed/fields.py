"""Which field of a typed file is which column of the contract: by name, or by a path into a struct."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from headrace.domain.contract import Contract
from headrace.transform.delimited.header import Layout, by_name
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.typed.json_lines import plain

PLACE = "the file's schema"


@dataclass(frozen=True, slots=True)
class Field:
    """A field by its name or path. `within` are the places of the structs' fields below the top one at `place`."""

    name: str
    place: int
    within: tuple[int, ...]
    kind: pa.DataType

    def of(self, table: pa.Table) -> pa.Array:
        """Its values."""
        array = table.column(self.place).combine_chunks()
        return plain(pc.struct_field(array, self.within) if self.within else array)


def fields_of(contract: Contract, schema: pa.Schema, limits: Limits) -> tuple[tuple[Field, ...], Layout]:
    """The fields of a schema, and the columns that they are. A struct is divided where the contract names parts of it.

    Raises FileRejected for a schema that is not this dataset's.
    """
    paths = {column.source.casefold() for column in contract.row_columns}
    found = tuple(each for place, field in enumerate(schema) for each in _below(field, paths, place))
    most = limits.unknown_names + len(contract.named_columns)
    if len(found) > most:
        reason = f"{PLACE} has {len(found):,} fields, and at most {most:,} are read: is it a file of this dataset?"
        raise FileRejected("too_wide", reason)
    return found, by_name(contract, [field.name for field in found], PLACE)


def _below(
    field: pa.Field, paths: set[str], place: int, name: str = "", within: tuple[int, ...] = ()
) -> Iterator[Field]:
    name = f"{name}.{field.name}" if name else field.name
    is_column = name.casefold() in paths
    is_divided = kinds.is_struct(field.type) and any(path.startswith(f"{name.casefold()}.") for path in paths)
    if is_column or not is_divided:
        yield Field(name, place, within, plain(pa.nulls(0, field.type)).type)
    for number in range(field.type.num_fields) if is_divided else ():
        for each in _below(field.type[number], paths, place, name, (*within, number)):
            if not is_column or each.name.casefold() in paths:
                yield each
