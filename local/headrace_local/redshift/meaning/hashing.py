"""Calls of CRC32, FNV_HASH, SOUNDEX and DIFFERENCE."""

from __future__ import annotations

from sqlglot import exp

from headrace_local.redshift.catalog.macros import macro
from headrace_local.redshift.errors import not_emulated
from headrace_local.redshift.meaning.kinds import is_text, kind_of
from headrace_local.redshift.syntax.nodes import Arguments, Function

_WIDTHS = {"smallint": 2, "integer": 4, "bigint": 8}
_BASIS = "-3750763034362895579"


def _fnv_hash(arguments: Arguments) -> exp.Expr:
    """The type decides how many bytes are hashed."""
    value = arguments[0]
    kind = kind_of(value)
    if is_text(value):
        hashed = macro("_bytes", value)
    elif kind is not None and kind.name in _WIDTHS:
        hashed = macro("_bytes_of_number", value, exp.Literal.number(_WIDTHS[kind.name]))
    else:
        raise not_emulated("FNV_HASH of other than whole numbers and texts of a known type")
    return macro("_fnv_of", value, hashed, arguments[1] if len(arguments) > 1 else exp.Literal.number(_BASIS))


HASH_FUNCTIONS: dict[str, Function] = {
    "CRC32": Function(1, 1, lambda a: macro("crc32", *a)),
    "DIFFERENCE": Function(2, 2, lambda a: macro("difference", *a)),
    "FNV_HASH": Function(1, 2, _fnv_hash),
    "SOUNDEX": Function(1, 1, lambda a: macro("soundex", *a)),
}
