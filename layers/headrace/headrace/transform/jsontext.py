"""Whether texts are JSON, a column at a time: most by one pass of RE2, the others by a parser."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from headrace.transform.expression import compiled, match_end

FALSE = pa.scalar(value=False)
MOSTLY = 0.9
DEEPEST = 1000
TEXT = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
NESTING = re.compile(r"[\[\]{}]")
ESCAPED_COLON = b"\\u003"
"""How a colon begins that is written as an escape, in either case of letters."""
FEW = 2000
"""Compiling the expression takes as long as parsing so many texts."""
BLANK = " *"
CHARACTER = r'[^"\\\x00-\x1f]'
NUMBER = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?"
CONSTANTS = f"{NUMBER}|true|false|null"


def shallow(mark: str, character: str) -> str:
    """The expression for JSON of a depth of two: all that matches is JSON, not all JSON matches.

    `mark` is how a quotation mark is written, `character` the expression for what texts hold beside escapes.
    """
    text = rf"{mark}(?:{character}|\\(?:{mark}|[\\/bfnrt]))*{mark}"
    return _nested(_nested(f"(?:{text}|{CONSTANTS})", text), text)


def _nested(inner: str, text: str) -> str:
    """Any of `inner`, or an object or list of it."""
    member = f"{text}{BLANK}:{BLANK}{inner}{BLANK}"
    listed = rf"\[{BLANK}(?:{inner}{BLANK}(?:,{BLANK}{inner}{BLANK})*)?\]"
    return rf"(?:\{{{BLANK}(?:{member}(?:,{BLANK}{member})*)?\}}|{listed}|{inner})"


SHALLOW = f"^{shallow(chr(34), CHARACTER)}$"
"""JSON as it is, of a depth of two."""


def is_mostly_shallow(texts: Sequence[bytes]) -> bool:
    """Whether nearly all of these texts are JSON of little depth; going by none of them, they are."""
    filled = [text for text in texts if text]
    expression = compiled(SHALLOW)
    matching = [text for text in filled if expression and match_end(expression, text, 0, len(text)) >= 0]
    return len(matching) >= MOSTLY * len(filled)


def is_json(text: str) -> bool:
    """Whether the text is JSON that can be loaded: strictly, without NaN, comments or trailing commas."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return not is_too_deep(text)


def is_too_deep(text: str) -> bool:
    """Whether JSON is nested more deeply than SUPER can hold.

    https://docs.aws.amazon.com/redshift/latest/dg/limitations-super.html
    """
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    depth = deepest = 0
    for mark in NESTING.findall(TEXT.sub("", text)):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    return deepest > DEEPEST


def not_json(array: pa.Array) -> pa.Array:
    """A mask, true where the text is not JSON."""
    matching = pc.match_substring_regex(array, SHALLOW) if len(array) > FEW else pc.is_null(array)
    places = pc.indices_nonzero(pc.fill_null(pc.invert(matching), FALSE))
    texts = array.take(places).to_pylist()
    broken = {place for place, text in zip(places.to_pylist(), texts, strict=True) if not is_json(text)}
    if not broken:
        return pa.repeat(FALSE, len(array))
    return pc.is_in(pa.arange(0, len(array)), pa.array(sorted(broken), pa.int64()))


def have_each_key_once(lines: Sequence[bytes], documents: Sequence[dict[str, Any]]) -> bool:
    """Whether it is plain that no object in these lines has a key twice. Parsers keep the last and tell nobody.

    There are as many colons in the lines as in what was parsed of them: one for each key, and those within texts.
    """
    text = b"\n".join(lines)
    try:
        return ESCAPED_COLON not in text and text.count(b":") == orjson.dumps(documents).count(b":")
    except TypeError:
        return False


def repeated_key(line: bytes) -> str | None:
    """A key that an object of the line has twice; None if there is none, or it is nested too deeply to be looked at."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                found.append(key)
            seen.add(key)

    with contextlib.suppress(RecursionError):
        json.loads(line, object_pairs_hook=look)
    return found[0] if found else None
