"""The functions of regular expressions, which are RE2's here: no look-around."""

from __future__ import annotations

from sqlglot import exp

from headrace_local.redshift.errors import not_emulated
from headrace_local.redshift.syntax.nodes import Arguments, Function, call, literal_text, text


def _number(arguments: Arguments, position: int, name: str) -> int:
    if len(arguments) <= position:
        return 1
    value = arguments[position]
    if not isinstance(value, exp.Literal) or value.is_string:
        raise not_emulated(f"{name} with a position or occurrence that is not a number")
    return int(value.name)


def _options(arguments: Arguments, position: int, name: str) -> str:
    given = literal_text(arguments[position], name) if len(arguments) > position else ""
    if set(given) - set("ciep"):
        raise not_emulated(f'{name} with the parameters "{given}"')
    return given


def _from(arguments: Arguments, name: str) -> exp.Expr:
    start = _number(arguments, 2, name)
    return arguments[0] if start == 1 else call("substring", arguments[0], exp.Literal.number(start))


def _flags(options: str, more: str = "") -> exp.Expr:
    return text(("i" if "i" in options else "c") + more)


def _count(arguments: Arguments) -> exp.Expr:
    options = _options(arguments, 3, "REGEXP_COUNT")
    source = _from(arguments, "REGEXP_COUNT")
    return call("len", call("regexp_extract_all", source, arguments[1], exp.Literal.number(0), _flags(options)))


def _substr(arguments: Arguments) -> exp.Expr:
    options = _options(arguments, 4, "REGEXP_SUBSTR")
    occurrence = _number(arguments, 3, "REGEXP_SUBSTR")
    group = exp.Literal.number(1 if "e" in options else 0)
    source = _from(arguments, "REGEXP_SUBSTR")
    found = call("regexp_extract_all", source, arguments[1], group, _flags(options))
    chosen = call("coalesce", call("list_extract", found, exp.Literal.number(occurrence)), text(""))
    missing = exp.Is(this=arguments[0].copy(), expression=exp.Null())
    return exp.Case(default=chosen).when(missing, exp.Null())


def _instr(arguments: Arguments) -> exp.Expr:
    name = "REGEXP_INSTR"
    options = _options(arguments, 5, name)
    if _number(arguments, 3, name) != 1 or (len(arguments) > 4 and _number(arguments, 4, name) != 0):
        raise not_emulated("REGEXP_INSTR of a later occurrence or of the end of one")
    start, source = _number(arguments, 2, name), _from(arguments, name)
    pattern = text(f"^(.*?)(?:{literal_text(arguments[1], name)})")
    before = call("length", call("regexp_extract", source, pattern, exp.Literal.number(1), _flags(options, "s")))
    place = exp.Add(this=before, expression=exp.Literal.number(start))
    found = call("regexp_matches", source.copy(), pattern.copy(), _flags(options, "s"))
    return exp.Case(default=exp.Literal.number(0)).when(found, place)


def _replace(arguments: Arguments) -> exp.Expr:
    name = "REGEXP_REPLACE"
    replacement = arguments[2] if len(arguments) > 2 else text("")
    options = _options(arguments, 4, name)
    if _number(arguments, 3, name) != 1:
        raise not_emulated("REGEXP_REPLACE from a later position")
    if any(mark in literal_text(replacement, name) for mark in "\\$"):
        raise not_emulated("REGEXP_REPLACE with references to groups")
    return call("regexp_replace", arguments[0], arguments[1], replacement, _flags(options, "g"))


REGEX_FUNCTIONS = {
    "REGEXP_COUNT": Function(2, 4, _count),
    "REGEXP_INSTR": Function(2, 6, _instr),
    "REGEXP_REPLACE": Function(2, 5, _replace),
    "REGEXP_SUBSTR": Function(2, 5, _substr),
}
