"""The quick way through JSON Lines: a column of all documents at a time.

What is not plainly good is doubtful, and left to the slow path: values of another type, numbers near a limit, times
written in a rarer way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import methodcaller
from types import NoneType
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Column, Contract, Kind
from headrace.transform.delimited.patterns import value_pattern
from headrace.transform.delimited.plain_values import plain_reader
from headrace.transform.delimited.time_columns import is_zoned
from headrace.transform.schema import arrow_type, data_schema
from headrace.transform.values.meaning import is_cleaned, meaning, nulls_of
from headrace.transform.values.numbers import is_rewritten
from headrace.transform.values.times import has_epochs

Values = list[Any]
Path = tuple[tuple[str, str], ...]
"""The keys to a value, each with the rest of the path from it on."""
Documents = Sequence[dict[str, Any]]
Taken = tuple[pa.Array, set[int]]
"""A column, and the places of the documents whose value is doubtful; it is null there."""
EXACT_INTEGER = 1 << 53
"""Up to here a double holds every integer."""
SAFE_DECIMAL = 15
"""A number of this many characters survives being read as a double."""


TOO_DEEP = "nested too deeply"


class JsonColumns:
    """Makes tables of documents that have been parsed."""

    def __init__(self, contract: Contract) -> None:
        self._schema = data_schema(contract)
        self._meanings = {
            column.name: meaning(column, contract.format)
            for column in contract.columns
            if nulls_of(column, contract.format) or is_cleaned(column)
        }
        tree = key_tree(contract)
        self._columns = [
            (_surplus_of(tree) if column.unknown else _getter(column.source), column, TAKERS[column.kind])
            for column in contract.columns
        ]

    def values(self, documents: Documents) -> list[Values]:
        """What the documents hold for each column; for SUPER already as JSON, so that the documents can go."""
        taken = [(self._meant(column, get(documents)), column.kind) for get, column, _ in self._columns]
        return [list(map(_as_json, values)) if kind is Kind.SUPER else values for values, kind in taken]

    def table(self, values_by_column: list[Values]) -> tuple[pa.Table, set[int]]:
        """The columns of documents as a table, and the places of the documents that the slow path must read."""
        arrays: list[pa.Array] = []
        doubtful: set[int] = set()
        for values, (_, column, take) in zip(values_by_column, self._columns, strict=True):
            array, unsure = take(column, values)
            arrays.append(array)
            doubtful |= unsure
        return pa.table(arrays, schema=self._schema), doubtful

    def _meant(self, column: Column, values: Values) -> Values:
        """What the values mean that are texts."""
        meant = self._meanings.get(column.name)
        return [meant(value) if type(value) is str else value for value in values] if meant else values


KeyTree = dict[str, Any]
"""The keys that columns take: None for a value that is taken whole, or the keys within it."""
NOT_TAKEN: KeyTree = {}


def known_keys(contract: Contract) -> frozenset[str]:
    """The keys of a document that the contract's columns take something of."""
    return frozenset(column.source.split(".")[0] for column in contract.named_columns)


def key_tree(contract: Contract) -> KeyTree:
    """All that the contract's columns take. A key may have dots in it: `a.b` means either, and so on below."""
    tree: KeyTree = {}
    for column in contract.named_columns:
        node, keys = tree, column.source.split(".")
        for place, key in enumerate(keys):
            node[".".join(keys[place:])] = None
            if node.setdefault(key, {}) is None:
                break
            node = node[key]
    return tree


def unclaimed(document: dict[str, Any], tree: KeyTree) -> dict[str, Any]:
    """What a document holds that no column takes, by its path: siblings of what a path names, too."""
    found: dict[str, Any] = {}
    for key, value in document.items():
        within = tree.get(key, NOT_TAKEN)
        if within and type(value) is dict:
            found |= {f"{key}.{name}": each for name, each in unclaimed(value, within).items()}
        elif within is not None and not (within and value is None):
            found[key] = value
    return found


def surplus(document: dict[str, Any], tree: KeyTree, *, nested: bool) -> dict[str, Any] | None:
    """What of that is not null; None if that is nothing. `nested`, the tree has paths in it."""
    if not nested and tree.keys() >= document.keys():
        return None
    return {name: value for name, value in unclaimed(document, tree).items() if value is not None} or None


def has_paths(tree: KeyTree) -> bool:
    """Whether a column takes something within a value."""
    return any(tree.values())


def _surplus_of(tree: KeyTree) -> Callable[[Documents], Values]:
    nested = has_paths(tree)
    return lambda documents: [surplus(document, tree, nested=nested) for document in documents]


def _getter(source: str) -> Callable[[Documents], Values]:
    """A function from documents to the values of one column."""
    path = path_of(source)
    if len(path) > 1:
        return lambda documents: [at_path(document, path) for document in documents]
    get = methodcaller("get", source)
    return lambda documents: list(map(get, documents))


def path_of(source: str) -> Path:
    """The keys of a path, each with all that is left from it on: a key may have the dots in it."""
    keys = source.split(".")
    return tuple((key, ".".join(keys[place:])) for place, key in enumerate(keys))


def at_path(document: Any, path: Path) -> Any:
    """The value at a path of keys; None where the path ends early."""
    for key, rest in path:
        if type(document) is not dict:
            return None
        if rest in document:
            return document[rest]
        document = document.get(key)
    return document


def _only(values: Values, *allowed: type) -> tuple[Values, set[int]]:
    """The values without those of other types, and the places of those."""
    kinds = {*allowed, NoneType}
    if kinds.issuperset(map(type, values)):
        return values, set()
    others = {place for place, value in enumerate(values) if type(value) not in kinds}
    return _without(values, others), others


def _without(values: Values, places: set[int]) -> Values:
    return [None if place in places else value for place, value in enumerate(values)] if places else values


def _where(mask: pa.Array) -> set[int]:
    return set(pc.indices_nonzero(pc.fill_null(mask, pa.scalar(value=False))).to_pylist())


def _take_texts(values: Values) -> Taken:
    texts, doubtful = _only(values, str)
    array = pa.array(texts, pa.string())
    return array, doubtful | _where(pc.greater_equal(pc.find_substring(array, "\0"), 0))


def _take_integers(column: Column, values: Values) -> Taken:
    numbers, doubtful = _only(values, int)
    limit = 1 << (column.bits - 1)
    beyond = {place for place, n in enumerate(numbers) if n is not None and not -limit <= n < limit}
    return pa.array(_without(numbers, beyond), arrow_type(column)), doubtful | beyond


def _take_floats(column: Column, values: Values) -> Taken:
    numbers, doubtful = _only(values, float, int)
    large = {place for place, n in enumerate(numbers) if type(n) is int and not -EXACT_INTEGER < n < EXACT_INTEGER}
    array = pa.array(_without(numbers, large), pa.float64()).cast(arrow_type(column))
    return array, doubtful | large | _where(pc.invert(pc.is_finite(array)))


def _take_decimals(column: Column, values: Values) -> Taken:
    numbers, doubtful = _only(values, float, int, *([] if is_rewritten(column) else [str]))
    texts = pa.array([n if n is None or type(n) is str else repr(n) for n in numbers], pa.string())
    long = pc.and_(
        pc.greater(pc.binary_length(texts), SAFE_DECIMAL), pa.array([type(n) is float for n in numbers], pa.bool_())
    )
    texts, odd = _matching(texts, column)
    return texts.cast(arrow_type(column)), doubtful | odd | (_where(long) if column.precision > SAFE_DECIMAL else set())


def _take_booleans(values: Values) -> Taken:
    flags, doubtful = _only(values, bool)
    return pa.array(flags, pa.bool_()), doubtful


def _take_times(column: Column, values: Values) -> Taken:
    if has_epochs(column):
        values = [str(value) if type(value) is int else value for value in values]
    texts, doubtful = _only(values, str)
    zoned = is_zoned(column, next((text for text in texts if text is not None), "").encode())
    array = pa.array(texts, pa.string())
    values = plain_reader(column, zoned=zoned)(array)
    return values, doubtful | _where(pc.and_(pc.is_valid(array), pc.is_null(values)))


def _as_json(value: Any) -> bytes | str | None:
    """The value as JSON; TOO_DEEP where it is nested too deeply to be written."""
    try:
        return None if value is None else orjson.dumps(value)
    except TypeError:
        return TOO_DEEP


def _take_json(values: Values) -> Taken:
    texts, doubtful = _only(values, bytes)
    return pa.array(texts, pa.string()), doubtful


def _matching(texts: pa.Array, column: Column) -> tuple[pa.Array, set[int]]:
    """The texts that the column's pattern knows, the others null, and the places of the others."""
    known = pc.match_substring_regex(texts, f"^(?:{value_pattern(column, frozenset())})$")
    if pc.all(known).as_py() is not False:
        return texts, set()
    return pc.if_else(known, texts, pa.scalar(None, pa.string())), _where(pc.invert(known))


TAKERS: dict[Kind, Callable[[Column, Values], Taken]] = {
    Kind.STRING: lambda _, values: _take_texts(values),
    Kind.INTEGER: _take_integers,
    Kind.FLOAT: _take_floats,
    Kind.DECIMAL: _take_decimals,
    Kind.BOOLEAN: lambda _, values: _take_booleans(values),
    Kind.DATE: _take_times,
    Kind.TIMESTAMP: _take_times,
    Kind.SUPER: lambda _, values: _take_json(values),
}
