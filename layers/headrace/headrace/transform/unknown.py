"""Fields that the contract does not know, as one JSON object a row: name to the text that the file has."""

from __future__ import annotations

import orjson
import pyarrow as pa
import pyarrow.compute as pc

ESCAPED = r'["\\\x00-\x1f]'
"""What JSON cannot hold as it is."""


def json_object(fields: dict[str, bytes]) -> bytes:
    """The fields of one row as JSON. Bytes that are no text go in as they are, and spoil the JSON like any text."""
    members = [orjson.dumps(name) + b":" + _quoted(value) for name, value in fields.items()]
    return b"{" + b",".join(members) + b"}"


def _quoted(value: bytes) -> bytes:
    try:
        return orjson.dumps(value.decode())
    except UnicodeDecodeError:
        return b'"' + value + b'"'


def unknown_json(columns: dict[str, pa.Array]) -> pa.Array:
    """Columns of texts as one column of JSON objects: without the nulls, and null where nothing is left."""
    members = [
        pc.binary_join_element_wise("," + orjson.dumps(name).decode() + ':"', _escaped(array), '"', "")
        for name, array in columns.items()
    ]
    joined = pc.binary_join_element_wise(*members, "", null_handling="replace", null_replacement="")
    return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), in_braces(joined))


def in_braces(members: pa.Array) -> pa.Array:
    """Objects of members, texts or bytes, that each begin with a comma.

    Arrow would put commas between them with `null_handling="skip"`, but then leaves out rows of which all are null:
    https://github.com/narwhals-dev/narwhals/issues/3965.
    """
    opening, closing = ("{", "}") if pa.types.is_string(members.type) else (b"{", b"}")
    return pc.binary_join_element_wise(pc.binary_replace_slice(members, 0, 1, opening), closing, opening[:0])


def _escaped(array: pa.Array) -> pa.Array:
    """The texts as they stand between the quotes of JSON."""
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    special = pc.fill_null(pc.match_substring_regex(array, ESCAPED), pa.scalar(value=False))
    if not pc.any(special).as_py():
        return array
    texts = [orjson.dumps(text).decode()[1:-1] for text in array.filter(special).to_pylist()]
    return pc.replace_with_mask(array, special, pa.array(texts, pa.string()))
