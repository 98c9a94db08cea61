"""Drift: what files bring beyond their contract, and the change of the contract that would take it in."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import orjson
import pyarrow as pa

from headrace.domain.bounds import LONGEST_NAME
from headrace.domain.files.names import plain_name
from headrace.transform.values.inference import Guess, guess

SEEN = 1000
"""Rows that are looked at for the type of a new column."""
LISTED = 50
"""At most this many unknown fields are named: documents may have keys without end."""
NAMED = 1000
"""How many of them are looked at, the first ones."""
NAME = re.compile(r"(?!.*\d{5})(?=.)(?:[^\W\d][\w .:/#%$&()-]{0,63})?(?: ?\(\d{1,4}\))?", re.DOTALL)
"""How fields are named: by a word first, without long numbers. A place in brackets is Headrace's own."""
PLACE = re.compile(r"(?:^| )\(\d{1,4}\)$")
"""What stands for a field in the header that has no name, or one that is there before."""
PLAIN = re.compile("[A-Za-z][A-Za-z0-9_]*")
NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""Beyond what JSON escapes: https://yaml.org/spec/1.2.2/#51-character-set."""
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

        None are given for a field without a name, one that is there again, and one of which no good row has a value.

        `others` are fields that are not named, since their names may be values.
        """
        listed = list(names)[:LISTED]
        guesses = {name: guess(self._values[name], typed=self._typed) for name in listed if name in self._values}
        twins = Counter(map(plain_name, guesses))
        columns = [{"name": name, "type": _type_of(guesses.get(name))} for name in listed]
        again = set() if self._typed else {name for name in listed if PLACE.search(name)}
        places = {PLACE.sub("", name) for name in again} | again
        taken = [name for name in guesses if name not in places and twins[plain_name(name)] == 1]
        return {
            "columns": columns,
            "yaml": "".join(property_yaml(name, guesses[name]) for name in taken),
            "others": others,
        }


def _type_of(found: Guess | None) -> str:
    return "no value in a good row" if found is None else found.physical or found.logical


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
    return text if bare else quoted(text)


def quoted(text: str) -> str:
    """A text in YAML's double quotes."""
    return escaped(json.dumps(text, ensure_ascii=False))


def escaped(text: str) -> str:
    """A text without what no YAML may hold, or takes for a line end: escaped, as double quotes have it."""
    return NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
