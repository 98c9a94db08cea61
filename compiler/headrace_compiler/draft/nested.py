"""Objects within objects, as columns of their own; and documents that only wrap the rows."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]
DEEPEST = 4
MOST_FIELDS = 60
"""An object with more different keys than this is rather a map, whose keys are values."""
FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_ -]{0,60}")
GEOJSON = re.compile(rb'"type"\s*:\s*"FeatureCollection"')
LIST = re.compile(rb'"([A-Za-z_][A-Za-z0-9_]{0,60})"\s*:\s*\[\s*\{')
LOOKED_AT = 1 << 16
"""Bytes of a document's beginning in which a list of rows is looked for."""


def laid_out(rows: Sequence[Row]) -> tuple[list[Row], set[str], list[str]]:
    """The rows with the fields of inner objects under their paths, such as `customer.id`.

    Also the paths that were made, and the keys whose objects were taken apart.
    """
    paths: set[str] = set()
    parents: list[str] = []
    made = [dict(row) for row in rows]
    for _ in range(DEEPEST):
        inner = [key for key in _keys(made) if _is_record([row.get(key) for row in made]) and _may(key, paths)]
        if not inner:
            break
        taken = set(_keys(made))
        for key in inner:
            fields = {f"{key}.{field}" for row in made for field in row.get(key) or ()}
            if not fields.isdisjoint(taken):
                continue
            paths = (paths | fields) - {key}
            parents.append(key)
            made = [_apart(row, key) for row in made]
    return made, paths, parents


def _keys(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def _may(key: str, paths: set[str]) -> bool:
    return "." not in key or key in paths


def _is_record(values: Sequence[Any]) -> bool:
    """Whether a key holds objects only, and such whose keys are names."""
    objects = [value for value in values if value is not None]
    if not objects or not all(isinstance(value, dict) and value for value in objects):
        return False
    fields = {field for value in objects for field in value}
    return len(fields) <= MOST_FIELDS and all(map(FIELD.fullmatch, fields))


def _apart(row: Row, key: str) -> Row:
    return {
        name: value
        for outer, inner in row.items()
        for name, value in (
            [(f"{key}.{field}", each) for field, each in (inner or {}).items()] if outer == key else [(outer, inner)]
        )
    }


def envelope(data: bytes) -> str | None:
    """Where the rows are in a document that only wraps them, such as GeoJSON or an API's answer: `features`."""
    if GEOJSON.search(data[:LOOKED_AT]):
        return "features"
    try:
        document = json.loads(data)
    except ValueError:  # the sample may be cut off
        found = LIST.search(data[:LOOKED_AT])
        return found[1].decode() if found else None
    lists = _lists(document, ()) if isinstance(document, dict) else []
    return max(lists, default=(0, None))[1]


def _lists(document: Row, path: tuple[str, ...]) -> list[tuple[int, str]]:
    """The lists of objects in a document, down to one within another object: how long each is, and its path."""
    found: list[tuple[int, str]] = []
    for key, value in document.items():
        here = (*path, key)
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            found.append((len(value), ".".join(here)))
        elif isinstance(value, dict) and not path:
            found += _lists(value, here)
    return found


def is_geojson(data: bytes) -> bool:
    """Whether a document says that it is a GeoJSON FeatureCollection (https://www.rfc-editor.org/rfc/rfc7946)."""
    return GEOJSON.search(data[:LOOKED_AT]) is not None


def how_to_unwrap(data: bytes, place: str, label: str) -> str:
    """What to type, so that each row becomes a line."""
    what = "GeoJSON" if is_geojson(data) else "one object that wraps the rows"
    return f"it is {what}: its rows are in '{place}'. One row a line loads: jq -c '.{place}[]' {label} > {label}.jsonl"
