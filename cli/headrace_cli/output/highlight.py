"""Where in the text of a bad row the fault is, as far as its reason tells without doubt."""

from __future__ import annotations

import ast
import re

VALUE = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
PLACE = re.compile(r"place (\d+)\)$")


def fault_span(raw: str, rule: str, reason: str) -> tuple[int, int] | None:
    """Beginning and end of the fault in `raw`; None where that is not certain, or where something is missing."""
    if rule == "fieldCount":
        return len(raw), len(raw) + 1
    if rule == "json" and (match := PLACE.search(reason)):
        place = min(int(match[1]) - 1, len(raw))
        return place, place + 1
    value = _value(reason)
    if value is None and rule == "quoting":
        value = '"'
    if not value or raw.count(value) != 1:
        return None
    return raw.index(value), raw.index(value) + len(value)


def _value(reason: str) -> str | None:
    """The value that the reason begins with."""
    match = VALUE.match(reason)
    return str(ast.literal_eval(match[0])) if match else None
