"""Functions of JSON texts and SUPER values."""

from __future__ import annotations

from sqlglot import exp

from headrace_local.redshift.nodes import Arguments, Function, call, cast, literal_text, raw, renamed, text

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
    return cast(call("json_array_length", arguments[0]), "BIGINT")


def _path_text(arguments: Arguments) -> exp.Expr:
    """A trailing TRUE makes NULL of what is no JSON."""
    document, *keys = arguments
    null_if_invalid = isinstance(keys[-1], exp.Boolean) and keys.pop().this
    names = [literal_text(key, "JSON_EXTRACT_PATH_TEXT").replace('"', '\\"') for key in keys]
    found = call("json_extract_string", document, text("$" + "".join(f'."{name}"' for name in names)))
    return exp.Case().when(call("json_valid", document.copy()), found) if null_if_invalid else found


def _element_text(arguments: Arguments) -> exp.Expr:
    path = exp.DPipe(this=exp.DPipe(this=text("$["), expression=cast(arguments[1], "VARCHAR")), expression=text("]"))
    return call("json_extract_string", arguments[0], path)


def _type_name(arguments: Arguments) -> exp.Expr:
    kind = call("json_type", arguments[0])
    case = exp.Case()
    for name in _KINDS:
        case = case.when(of_kind(kind.copy(), name), text(name))
    return case


def _is_kind(*names: str) -> Function:
    return Function(1, 1, lambda a: call("coalesce", of_kind(call("json_type", a[0]), *names), exp.false()))


JSON_FUNCTIONS = {
    "CAN_JSON_PARSE": Function(1, 1, renamed("json_valid")),
    "GET_ARRAY_LENGTH": Function(1, 1, _array_length),
    "IS_ARRAY": _is_kind("array"),
    "IS_OBJECT": _is_kind("object"),
    "IS_SCALAR": _is_kind("boolean", "number", "string"),
    "IS_VALID_JSON": Function(1, 1, renamed("json_valid")),
    "JSON_ARRAY_LENGTH": Function(1, 1, _array_length),
    "JSON_EXTRACT_ARRAY_ELEMENT_TEXT": Function(2, 2, _element_text),
    "JSON_EXTRACT_PATH_TEXT": Function(2, 7, _path_text),
    "JSON_PARSE": Function(1, 1, renamed("json")),
    "JSON_SERIALIZE": Function(1, 1, lambda a: cast(a[0], "VARCHAR")),
    "JSON_TYPEOF": Function(1, 1, _type_name),
}
