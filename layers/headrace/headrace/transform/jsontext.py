"""Whether texts are JSON, a column at a time: most by one pass of RE2, the others by a parser."""

from __future__ import annotations

import orjson
import pyarrow as pa
import pyarrow.compute as pc

FALSE = pa.scalar(value=False)
BLANK = r"[ \t]*"
STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt])*"'
NUMBER = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?"
SCALAR = f"(?:{STRING}|{NUMBER}|true|false|null)"


def _nested(inner: str) -> str:
    """Any of `inner`, or an object or list of it."""
    member = f"{STRING}{BLANK}:{BLANK}{inner}{BLANK}"
    listed = rf"\[{BLANK}(?:{inner}{BLANK}(?:,{BLANK}{inner}{BLANK})*)?\]"
    return rf"(?:\{{{BLANK}(?:{member}(?:,{BLANK}{member})*)?\}}|{listed}|{inner})"


SHALLOW = f"^{_nested(_nested(SCALAR))}$"
"""JSON of a depth of two, without the rarer escapes: all that matches is JSON, not all JSON matches."""


def is_json(text: str) -> bool:
    """Whether the text is JSON: strictly, without NaN, comments or trailing commas."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def not_json(array: pa.Array) -> pa.Array:
    """A mask, true where the text is not JSON."""
    unsure = pc.fill_null(pc.invert(pc.match_substring_regex(array, SHALLOW)), FALSE)
    places = pc.indices_nonzero(unsure)
    texts = array.take(places).to_pylist()
    broken = {place for place, text in zip(places.to_pylist(), texts, strict=True) if not is_json(text)}
    if not broken:
        return pa.repeat(FALSE, len(array))
    return pc.is_in(pa.arange(0, len(array)), pa.array(sorted(broken), pa.int64()))
