"""Functions of JSON texts and SUPER values."""

from __future__ import annotations

from sqlglot import exp

from headrace_local.redshift.catalog.macros import macro
from headrace_local.redshift.errors import not_emulated
from headrace_local.redshift.syntax.nodes import Arguments, Builder, Function, call, cast, literal_text, raw, text

_KINDS = {
    "boolean": "'BOOLEAN'",
    "number": "'BIGINT', 'UBIGINT', 'DOUBLE'",
    "string": "'VARCHAR'",
    "array": "'ARRAY'",
    "object": "'OBJECT'",
    "null": "'NULL'",
}


def of_kind(kind: exp.Expr, *names: str) -> exp.Expr:
    """Whether what DuckDB's json_type gives is one of Redshift's kinds of SUPER values."""
    kinds = ", ".join(_KINDS[name] for name in names)
    return exp.In(this=kind, expressions=[raw(kinds)])


def _array_length(arguments: Arguments) -> exp.Expr:
    return cast(call("json_array_length", macro("_array", _checked(arguments[0]))), "BIGINT")


def _path_text(arguments: Arguments) -> exp.Expr:
    """A trailing TRUE makes NULL of what is no JSON."""
    document, *keys = arguments
    null_if_invalid = isinstance(keys[-1], exp.Boolean) and keys.pop().this
    names = [literal_text(key, "JSON_EXTRACT_PATH_TEXT").replace('"', '\\"') for key in keys]
    found = call("json_extract_string", _checked(document), text("$" + "".join(f'."{name}"' for name in names)))
    return exp.Case().when(_valid(document.copy()), found) if null_if_invalid else found


def _element_text(arguments: Arguments) -> exp.Expr:
    """NULL for a place that is not there, as a negative one, which DuckDB would count from the end."""
    path = exp.DPipe(this=exp.DPipe(this=text("$["), expression=cast(arguments[1], "VARCHAR")), expression=text("]"))
    there = exp.GTE(this=arguments[1].copy(), expression=exp.Literal.number(0))
    return exp.Case().when(there, call("json_extract_string", _checked(arguments[0]), path))


def _type_name(arguments: Arguments) -> exp.Expr:
    kind = call("json_type", arguments[0])
    case = exp.Case()
    for name in _KINDS:
        case = case.when(of_kind(kind.copy(), name), text(name))
    return case


def _parse(arguments: Arguments) -> exp.Expr:
    if isinstance(arguments[0], exp.Null):
        return cast(exp.Null(), "JSON")
    return macro("json_parse", cast(arguments[0], "VARCHAR"))


def _checked(document: exp.Expr) -> exp.Expr:
    """A document that is an error if it is no JSON."""
    return macro("_json", cast(document, "VARCHAR"))


def _valid(document: exp.Expr) -> exp.Expr:
    return macro("_json_valid", cast(document, "VARCHAR"))


def _is_json_array(arguments: Arguments) -> exp.Expr:
    kind = exp.EQ(this=call("json_type", arguments[0]), expression=text("ARRAY"))
    return exp.Case(default=exp.false()).when(_valid(arguments[0].copy()), kind)


def _or_null(build: Builder) -> Builder:
    """A trailing TRUE makes NULL of what is no JSON."""

    def guarded(arguments: Arguments) -> exp.Expr:
        last = arguments[-1]
        if not isinstance(last, exp.Boolean):
            return build(arguments)
        found = build(arguments[:-1])
        return exp.Case().when(_valid(arguments[0].copy()), found) if last.this else found

    return guarded


def _whole_number(bits: int) -> Function:
    limits = exp.Literal.number(-(2 ** (bits - 1))), exp.Literal.number(2 ** (bits - 1) - 1)

    def build(arguments: Arguments) -> exp.Expr:
        is_whole = exp.In(this=call("json_type", arguments[0]), expressions=[raw("'BIGINT', 'UBIGINT'")])
        number = cast(call("json_extract_string", arguments[0].copy(), text("$")), "HUGEINT")
        in_range = exp.Between(this=number, low=limits[0], high=limits[1])
        return exp.Case(default=exp.false()).when(is_whole, in_range)

    return Function(1, 1, build)


def _array(arguments: Arguments) -> exp.Expr:
    return call("json_array", *arguments)


def _joined_arrays(arguments: Arguments) -> exp.Expr:
    lists = [call("from_json", argument, text('["JSON"]')) for argument in arguments]
    return call("to_json", call("list_concat", *lists))


def _split_to_array(arguments: Arguments) -> exp.Expr:
    delimiter = arguments[1] if len(arguments) > 1 else text(",")
    return call("to_json", call("string_split", arguments[0], delimiter))


def _sub_array(arguments: Arguments) -> exp.Expr:
    if len(arguments) < 3:
        raise not_emulated("SUBARRAY without a size")
    array, first, size = arguments
    start = exp.Paren(this=exp.Add(this=first, expression=exp.Literal.number(1)))
    last = exp.Paren(this=exp.Add(this=first.copy(), expression=size))
    return call("to_json", call("list_slice", call("from_json", array, text('["JSON"]')), start, last))


def _is_kind(*names: str) -> Function:
    return Function(1, 1, lambda a: call("coalesce", of_kind(call("json_type", a[0]), *names), exp.false()))


JSON_FUNCTIONS = {
    "CAN_JSON_PARSE": Function(1, 1, lambda a: _valid(a[0])),
    "GET_ARRAY_LENGTH": Function(1, 1, _array_length),
    "IS_ARRAY": _is_kind("array"),
    "IS_OBJECT": _is_kind("object"),
    "IS_SCALAR": _is_kind("boolean", "number", "string"),
    "IS_VALID_JSON": Function(1, 1, lambda a: _valid(a[0])),
    "ARRAY": Function(0, None, _array),
    "ARRAY_CONCAT": Function(2, 2, _joined_arrays),
    "IS_BIGINT": _whole_number(64),
    "IS_BOOLEAN": _is_kind("boolean"),
    "IS_CHAR": _is_kind("string"),
    "IS_INTEGER": _whole_number(32),
    "IS_SMALLINT": _whole_number(16),
    "IS_VALID_JSON_ARRAY": Function(1, 1, _is_json_array),
    "IS_VARCHAR": _is_kind("string"),
    "JSON_ARRAY_LENGTH": Function(1, 2, _or_null(_array_length)),
    "JSON_EXTRACT_ARRAY_ELEMENT_TEXT": Function(2, 3, _or_null(_element_text)),
    "SPLIT_TO_ARRAY": Function(1, 2, _split_to_array),
    "SUBARRAY": Function(2, 3, _sub_array),
    "JSON_EXTRACT_PATH_TEXT": Function(2, 7, _path_text),
    "JSON_PARSE": Function(1, 1, _parse),
    "JSON_SERIALIZE": Function(1, 1, lambda a: cast(a[0], "VARCHAR")),
    "JSON_TYPEOF": Function(1, 1, _type_name),
}
