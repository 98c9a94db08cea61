"""Drift: what files bring beyond their contract, and the change of the contract that would take it in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import orjson
import pyarrow as pa

from headrace.domain.bounds import LONGEST_NAME
from headrace.domain.file_names import plain_name
from headrace.transform.values.inference import Guess, guess

SEEN = 1000
"""Rows that are looked at for the type of a new column."""
LISTED = 50
"""At most this many unknown fields are named: documents may have keys without end."""
NAMED = 1000
"""How many of them are looked at, the first ones."""
NAME = re.compile(r"(?!.*\d{5})(?=.)(?:[^\W\d][\w .:/#%$&()-]{0,63})?(?: ?\(\d{1,4}\))?", re.DOTALL)
"""How fields are named: by a word first, without long numbers. A place in brackets is Headrace's own."""
PLAIN = re.compile("[A-Za-z][A-Za-z0-9_]*")
YAML_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def is_name(text: str) -> bool:
    """Whether a field's name reads like a name, and so may be shown: JSON keys and a wrong header may be values."""
    return NAME.fullmatch(text) is not None


class Drift:
    """Watches the column of unknown fields while a file streams."""

    def __init__(self, *, typed: bool) -> None:
        self._typed = typed
        self._values: dict[str, list[Any]] = {}
        self._rows = 0

    def see(self, unknown: pa.ChunkedArray) -> None:
        """Takes note of some rows' unknown fields."""
        if self._rows >= SEEN or unknown.null_count == len(unknown):
            return
        rows = unknown.drop_null().slice(0, SEEN - self._rows).to_pylist()
        self._rows += len(rows)
        for row in rows:
            for name, value in orjson.loads(row).items():
                if name in self._values or (len(self._values) < NAMED and len(name) <= LONGEST_NAME):
                    self._values.setdefault(name, []).append(value)

    def reported(self, names: Iterable[str], others: int = 0) -> dict[str, Any]:
        """`{"columns": [{"name", "type"}], "yaml", "others"}` for these fields: the properties to add to the contract.

        `others` are fields that are not named, since their names may be values.
        """
        guesses = {name: guess(self._values.get(name, []), typed=self._typed) for name in list(names)[:LISTED]}
        columns = [{"name": name, "type": found.physical or found.logical} for name, found in guesses.items()]
        return {
            "columns": columns,
            "yaml": "".join(property_yaml(name, found) for name, found in guesses.items()),
            "others": others,
        }


def property_yaml(name: str, found: Guess) -> str:
    """One more property of a contract, to be put at the end of `properties`. Redshift takes its name as it is."""
    column = plain_name(name)
    lines = [f"- name: {yaml_text(name)}"]
    lines += [f"  physicalName: {column}"] if column != name else []
    lines += [f"  logicalType: {found.logical}"]
    lines += [f"  physicalType: {found.physical}"] if found.physical else []
    if found.formats and found.formats[0]:
        lines += ["  logicalTypeOptions:", f"    format: {found.formats[0]}"]
    return "".join(f"      {line}\n" for line in lines)


def yaml_text(text: str) -> str:
    """A text as YAML takes it for a text: bare where that is safe, else in quotes."""
    bare = PLAIN.fullmatch(text) and text.lower() not in YAML_WORDS
    return text if bare else json.dumps(text, ensure_ascii=False)
