"""Patterns of SIMILAR TO as regular expressions."""

from __future__ import annotations

_WILDCARDS = {"%": ".*", "_": "."}
_LITERAL = ".^$"


def similar_pattern(pattern: str, escape: str) -> str:
    """The regular expression of a SIMILAR TO pattern."""
    parts: list[str] = []
    escaped = False
    for character in pattern:
        if escaped:
            parts.append("\\" + character if not character.isalnum() and character != "_" else character)
            escaped = False
        elif character == escape:
            escaped = True
        else:
            literal = "\\" + character if character in _LITERAL else character
            parts.append(_WILDCARDS.get(character, literal))
    return "".join(parts)
