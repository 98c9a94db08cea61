"""Whether texts are JSON, a column at a time: most by one pass of RE2, the others by a parser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from headrace.transform.expression import compiled, match_end

FALSE = pa.scalar(value=False)
MOSTLY = 0.9
SUPER_BYTES = 65535
"""JSON reaches the warehouse as VARCHAR and is parsed there, so this bounds its text."""
DEEPEST = 1000
TEXT = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
NESTING = re.compile(r"[\[\]{}]")
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}:]', re.DOTALL)
MOST_DIGITS = 38
LONG_NUMBER = re.compile(r"[0-9][0-9.]{38}")
DIGITS = re.compile(r"[0-9.]+")
MAY_VANISH = re.compile(r"[eE]-0*[1-9][0-9]{2}|0{200}")
MANTISSA_AND_EXPONENT = re.compile(r"([0-9.]+)(?:[eE][+-]?[0-9]+)?")
AT_A_TIME = 2048
"""How many texts are parsed together."""
ESCAPED_COLON = b"\\u003"
"""How a colon begins that is written as an escape, in either case of letters."""
FEW_TEXTS = 2000
"""Compiling the expression takes as long as parsing this many texts."""
SHAPED_LEVELS = 2
MOST_KEYS = 64
"""How many keys, over all shapes, the expression for them may have: each is an expression for a value, too."""
PLAIN_KEY = re.compile("[A-Za-z0-9_-]+")
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


Shape = tuple[tuple[str, "Shape | None"], ...]
"""An object's keys in their order, each with the shape of its value where that is an object."""


def shaped(mark: str, character: str, shapes: Sequence[Shape]) -> str:
    """The expression for objects of these shapes, and JSON without objects: no key is there twice in what matches."""
    text = rf"{mark}(?:{character}|\\(?:{mark}|[\\/bfnrt]))*{mark}"
    leaf = f"(?:{text}|{CONSTANTS})"
    value = rf"(?:{leaf}|\[{BLANK}(?:{leaf}{BLANK}(?:,{BLANK}{leaf}{BLANK})*)?\])"
    return f"(?:{'|'.join([*(_object(shape, mark, value) for shape in shapes), value])})"


def _object(shape: Shape, mark: str, value: str) -> str:
    members = [
        f"{mark}{re.escape(key)}{mark}{BLANK}:{BLANK}{value if inner is None else _object(inner, mark, value)}{BLANK}"
        for key, inner in shape
    ]
    return rf"\{{{BLANK}{f',{BLANK}'.join(members)}\}}"


def shapes_of(texts: Sequence[bytes]) -> tuple[Shape, ...]:
    """The shapes that objects have in these texts; none where they are too many, or too intricate."""
    found: dict[Shape, None] = {}
    for text in filter(None, texts):
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        if type(document) is dict and (shape := _shape(document, SHAPED_LEVELS)) is not None:
            found[shape] = None
    return tuple(found) if sum(len(keys_of(shape)) + 1 for shape in found) <= MOST_KEYS else ()


def _shape(document: dict[str, Any], levels: int) -> Shape | None:
    members: list[tuple[str, Shape | None]] = []
    for key, value in document.items():
        inner = _shape(value, levels - 1) if type(value) is dict else None
        if not PLAIN_KEY.fullmatch(key) or levels == 0 or (type(value) is dict and inner is None):
            return None
        members.append((key, inner))
    return tuple(members)


def keys_of(shape: Shape) -> list[str]:
    """All keys of a shape, those of inner objects too."""
    return [name for key, inner in shape for name in (key, *keys_of(inner or ()))]


def is_mostly_shallow(texts: Sequence[bytes]) -> bool:
    """Whether nearly all of these texts are JSON of little depth; going by none of them, they are."""
    filled = [text for text in texts if text]
    expression = compiled(SHALLOW)
    matching = [text for text in filled if expression and match_end(expression, text, 0, len(text)) >= 0]
    return len(matching) >= MOSTLY * len(filled)


def is_json(text: str) -> bool:
    """Whether the warehouse takes the text as JSON: strictly, without NaN, comments or trailing commas."""
    if len(text) > SUPER_BYTES:
        return False
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    if is_too_deep(text) or has_long_number(text) or has_vanishing_number(text):
        return False
    return repeated_key(text.encode(), document) is None


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


def has_long_number(text: str) -> bool:
    """Whether JSON has a number of more digits than a DECIMAL, the widest number that the warehouse has.

    A value in SUPER is limited as its type is (limitations-super.html). What JSON_PARSE makes of a longer number is
    said nowhere, and would be known when a whole load has failed.
    """
    if LONG_NUMBER.search(text) is None:
        return False
    return any(len(found.replace(".", "").lstrip("0")) > MOST_DIGITS for found in DIGITS.findall(TEXT.sub("", text)))


def has_vanishing_number(text: str) -> bool:
    """Whether JSON has a number that is not zero, and is zero as a double, such as 1e-400.

    SUPER holds numbers as one of the warehouse's types (https://docs.aws.amazon.com/redshift/latest/dg/r_SUPER_type.html).
    What JSON_PARSE makes of one that fits none is said nowhere.
    """
    if MAY_VANISH.search(text) is None:
        return False
    numbers = MANTISSA_AND_EXPONENT.finditer(TEXT.sub("", text))
    return any(not float(number[0]) and bool(number[1].strip("0.")) for number in numbers)


def not_json(array: pa.Array) -> pa.Array:
    """A mask, true where the text is not JSON that the warehouse takes."""
    if len(array) <= FEW_TEXTS:
        return _mask(array, _not_json(array, pc.indices_nonzero(pc.is_valid(array))))
    shallow = pc.fill_null(pc.match_substring_regex(array, SHALLOW), FALSE)
    others = pc.indices_nonzero(pc.and_(pc.is_valid(array), pc.invert(shallow)))
    return _mask(array, _not_json(array, others) | _repeating(array, pc.indices_nonzero(shallow)))


def repeats_a_key(array: pa.Array) -> pa.Array:
    """A mask of texts that are JSON of little depth, true where an object has a key twice."""
    return _mask(array, _repeating(array, pc.indices_nonzero(pc.is_valid(array))))


def _mask(array: pa.Array, places: set[int]) -> pa.Array:
    if not places:
        return pa.repeat(FALSE, len(array))
    return pc.is_in(pa.arange(0, len(array)), pa.array(sorted(places), pa.int64()))


def _not_json(array: pa.Array, places: pa.Array) -> set[int]:
    texts = array.take(places).to_pylist()
    return {place for place, text in zip(places.to_pylist(), texts, strict=True) if not is_json(text)}


def _repeating(array: pa.Array, places: pa.Array) -> set[int]:
    """The places, out of these, of JSON with a key twice. Many texts are looked at together; too long ones are not."""
    found: set[int] = set()
    short = pc.less_equal(pc.binary_length(array.take(places)), SUPER_BYTES)
    places = places if pc.all(short).as_py() is not False else places.filter(short)
    chosen = array.take(places).cast(pa.binary())
    texts = chosen.combine_chunks() if isinstance(chosen, pa.ChunkedArray) else chosen
    for start in range(0, len(texts), AT_A_TIME):
        some = texts[start : start + AT_A_TIME]
        text = b"[%s]" % pc.binary_join(pa.ListArray.from_arrays([0, len(some)], some), b",")[0].as_py()
        if not _has_each_key_once(text, orjson.loads(text)):
            pairs = zip(places[start : start + AT_A_TIME].to_pylist(), some.to_pylist(), strict=True)
            found |= {place for place, line in pairs if repeated_key(line, orjson.loads(line)) is not None}
    return found


def have_each_key_once(lines: Sequence[bytes], documents: Sequence[dict[str, Any]]) -> bool:
    """Whether it is plain that no object in these lines, which are these documents, has a key twice."""
    return _has_each_key_once(b"\n".join(lines), documents)


def _has_each_key_once(text: bytes, document: Any) -> bool:
    """Whether it is plain that no object in the text has a key twice. Parsers silently keep the last.

    There are as many colons in the text as in what was parsed of it: one for each key, and those within texts.
    """
    try:
        return ESCAPED_COLON not in text and text.count(b":") == orjson.dumps(document).count(b":")
    except TypeError:
        return False


def repeated_key(text: bytes, document: Any) -> str | None:
    """A key that an object of the JSON has twice; None if there is none. `document` is the text as it was parsed.

    JSON_PARSE refuses such an object, and with it the load
    (https://docs.aws.amazon.com/redshift/latest/dg/super-configurations.html, parsing options).
    """
    if _has_each_key_once(text, document):
        return None
    keys: list[set[str]] = []
    last = b""
    for match in TOKEN.finditer(text):
        token = match[0]
        if token in b"{[":
            keys.append(set())
        elif token in b"}]":
            keys.pop()
        elif token == b":":
            key = orjson.loads(last)
            if key in keys[-1]:
                return str(key)
            keys[-1].add(key)
        last = token
    return None
