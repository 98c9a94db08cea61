"""Typed columns as texts of JSON, a whole column at a time.

It is what a typed row is to people, in quarantine, and to the reader of documents, which is the authority on rows.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from headrace.transform.unknown import in_braces

NOTHING = pa.scalar(None, pa.binary())
NULL = pa.scalar(b"null", pa.binary())
SPECIAL = r'["\\\x00-\x1f]'
"""What JSON cannot hold as it is."""
BEYOND_INTEGERS = float(1 << 63)
"""Whole numbers below it are written as such."""
CLOCK = r"^-?[0-9]{4,6}-[0-9]{2}-[0-9]{2}(?:$|[ T][0-9]{2}:)|^[0-9]{2}:"
"""How Arrow writes a date or time, unless it is beyond all that it can write."""
DEEPEST = 100
"""Levels of types within types."""


class TooDeepError(Exception):
    """A type has more levels than are read."""


def is_text(kind: pa.DataType) -> bool:
    """Whether values are texts, which some writers store as mere bytes."""
    return bool(
        kinds.is_string(kind)
        or kinds.is_large_string(kind)
        or kinds.is_string_view(kind)
        or kinds.is_binary(kind)
        or kinds.is_large_binary(kind)
        or kinds.is_binary_view(kind)
        or kinds.is_fixed_size_binary(kind)
    )


def is_number(kind: pa.DataType) -> bool:
    """Whether values are numbers."""
    return bool(kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind))


def is_nested(kind: pa.DataType) -> bool:
    """Whether values hold others."""
    return bool(
        kinds.is_struct(kind)
        or kinds.is_list(kind)
        or kinds.is_large_list(kind)
        or kinds.is_fixed_size_list(kind)
        or kinds.is_list_view(kind)
        or kinds.is_large_list_view(kind)
        or kinds.is_map(kind)
    )


def is_clock(kind: pa.DataType) -> bool:
    """Whether values are dates, times of a day or points in time."""
    return bool(kinds.is_date(kind) or kinds.is_time(kind) or kinds.is_timestamp(kind))


def plain(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The values themselves, without how they are stored: a dictionary, a type of someone's own, long offsets.

    UUIDs become texts, texts bytes, halves doubles.
    """
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _uuids(array.storage) if kind.extension_name == "arrow.uuid" else plain(array.storage)
    if kinds.is_dictionary(kind):
        return plain(array.dictionary_decode())
    if kinds.is_float16(kind):
        return array.cast(pa.float64())
    if is_text(kind) and not kinds.is_binary(kind):
        return array.cast(pa.binary())
    return array


def _uuids(array: pa.Array) -> pa.Array:
    texts = (None if raw is None else str(uuid.UUID(bytes=raw)).encode() for raw in array.to_pylist())
    return pa.array(list(texts), pa.binary())


def clock_texts(array: pa.Array) -> pa.Array:
    """Dates and times in ISO 8601, without zeros at the end of a fraction; those with a zone in UTC.

    What is beyond all years that can be written is null.
    """
    kind = array.type
    if kinds.is_timestamp(kind) and kind.tz is not None:
        array = array.cast(pa.timestamp(kind.unit, "UTC"))
    if kinds.is_date(kind):
        return _written(array.cast(pa.date32()).cast(pa.string()))
    texts = _written(array.cast(pa.string()))
    texts = pc.replace_substring(texts, " ", "T", max_replacements=1)
    return pc.replace_substring_regex(texts, r"(?:(\.[0-9]*[1-9])|\.)0+(Z?)$", r"\1\2")


def _written(texts: pa.Array) -> pa.Array:
    known = pc.match_substring_regex(texts, CLOCK)
    return texts if pc.all(known).as_py() is not False else pc.if_else(known, texts, pa.scalar(None, pa.string()))


def clock_json(array: pa.Array, rewritten: Callable[[pa.Array], pa.Array] = lambda texts: texts) -> pa.Array:
    """Dates and times as JSON, perhaps rewritten; what cannot be written is an object that says its number."""
    texts = clock_texts(array)
    made = _quoted(rewritten(texts).cast(pa.binary()))
    if texts.null_count == array.null_count:
        return made
    counts = array.cast(pa.int32() if array.type.bit_width == 32 else pa.int64()).cast(pa.string())
    unwritten = pc.binary_join_element_wise('{"outOfRange":', counts, "}", "").cast(pa.binary())
    return pc.if_else(pc.and_(pc.is_valid(array), pc.is_null(texts)), unwritten, made)


def number_texts(array: pa.Array) -> pa.Array:
    """Numbers as JSON has them, whole ones without a point; NaN and Infinity as others read them."""
    texts = array.cast(pa.string())
    if not kinds.is_floating(array.type):
        return texts
    whole = pc.and_(pc.equal(pc.trunc(array), array), pc.less(pc.abs(array), pa.scalar(BEYOND_INTEGERS, array.type)))
    if pc.any(whole).as_py():
        zero = pa.scalar(0, array.type)
        texts = pc.if_else(whole, pc.if_else(whole, array, zero).cast(pa.int64()).cast(pa.string()), texts)
    if pc.all(pc.is_finite(array)).as_py() is False:
        for said, meant in (("nan", "NaN"), ("inf", "Infinity"), ("-inf", "-Infinity")):
            texts = pc.if_else(pc.equal(texts, said), meant, texts)
    return texts


def json_texts(array: pa.Array | pa.ChunkedArray, depth: int = 0) -> pa.Array:
    """Each value as JSON, in bytes; null where there is none. Bytes that are no text spoil their JSON, as they are.

    Raises TooDeepError for types in types without end.
    """
    array = plain(array)
    kind = array.type
    if depth > DEEPEST:
        raise TooDeepError
    if is_text(kind):
        return _quoted(_escaped(array))
    if is_clock(kind):
        return clock_json(array)
    if is_nested(kind):
        return _objects(array, depth) if kinds.is_struct(kind) else _lists(array, depth)
    texts = (number_texts(array) if is_number(kind) else array.cast(pa.string())).cast(pa.binary())
    return texts if is_number(kind) or kinds.is_boolean(kind) else _quoted(texts)


def objects(members: dict[str, pa.Array], rows: int) -> pa.Array:
    """Objects of these members, each already JSON; what is null is left out."""
    if not members:
        return pa.repeat(pa.scalar(b"{}", pa.binary()), rows)
    parts = [_member(name, array) for name, array in members.items()]
    return in_braces(pc.binary_join_element_wise(*parts, b"", null_handling="replace", null_replacement=b""))


def _member(name: str, array: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(b"," + orjson.dumps(name) + b":", array, b"")


def _quoted(array: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(b'"', array, b'"', b"")


def _escaped(array: pa.Array) -> pa.Array:
    """The texts as they stand between the quotes of JSON."""
    special = pc.fill_null(pc.match_substring_regex(array, SPECIAL), pa.scalar(value=False))
    if not pc.any(special).as_py():
        return array
    escaped = map(_between_quotes, array.filter(special).to_pylist())
    return pc.replace_with_mask(array, special, pa.array(list(escaped), pa.binary()))


def _between_quotes(text: bytes) -> bytes:
    """One text; of one that is none, each byte that can be."""
    try:
        return orjson.dumps(text.decode())[1:-1]
    except UnicodeDecodeError:
        escaped = json.dumps(text.decode("utf-8", "surrogateescape"), ensure_ascii=False)[1:-1]
        return escaped.encode("utf-8", "surrogateescape")


def _objects(array: pa.Array, depth: int) -> pa.Array:
    kind = array.type
    members = [
        _member(kind[place].name, pc.fill_null(json_texts(pc.struct_field(array, [place]), depth + 1), NULL))
        for place in range(kind.num_fields)
    ]
    made = in_braces(pc.binary_join_element_wise(*members, b"")) if members else pa.scalar(b"{}", pa.binary())
    return pc.if_else(pc.is_valid(array), made, NOTHING)


def _lists(array: pa.Array, depth: int) -> pa.Array:
    """Lists; maps with texts as keys as objects, other maps as lists of key and value."""
    kind = array.type
    is_object = kinds.is_map(kind) and is_text(plain(pa.nulls(0, kind.key_type)).type)
    if kinds.is_map(kind):
        array = array.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
    values = array.flatten()
    if is_object:
        keys, items = (json_texts(pc.struct_field(values, [place]), depth + 1) for place in (0, 1))
        texts = pc.binary_join_element_wise(keys, pc.fill_null(items, NULL), b":")
    else:
        texts = pc.fill_null(json_texts(values, depth + 1), NULL)
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64())
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(lengths)])
    joined = pc.binary_join(pa.LargeListArray.from_arrays(offsets, texts), b",")
    opening, closing = (b"{", b"}") if is_object else (b"[", b"]")
    made = pc.binary_join_element_wise(opening, joined.cast(pa.binary()), closing, b"")
    return pc.if_else(pc.is_valid(array), made, NOTHING)
