"""Rules between columns: a small part of SQL, read into a plain tree that the transform evaluates.

    expression  = and-terms joined by OR;  terms joined by AND;  NOT term
    term        = sum, or sum and one of: comparison sum, IS [NOT] NULL, [NOT] IN (literals),
                  [NOT] BETWEEN sum AND sum, [NOT] LIKE text
    sum         = + and - over * and / over -x, (expression), name(arguments), columns and literals

A tree is a list: an operator and its operands. Its leaves are `["column", name]`, `["number", text]`, `["text", text]`,
`["boolean", bool]` and `["null"]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from headrace_compiler.document.shape import suggestion

Tree = list[Any]
TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)) | '(?P<text>(?:[^']|'')*)' | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | "(?P<quoted>[^"]+)" | (?P<mark><=|>=|<>|!=|[-+*/()=<>,]))""",
    re.VERBOSE,
)
COMPARISONS = {"=": "=", "<>": "!=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
FUNCTIONS = {"length": 1, "lower": 1, "upper": 1, "abs": 1, "coalesce": 2}
WORDS = {"and", "or", "not", "is", "null", "in", "between", "like", "true", "false"}
DEEPEST = 50


class ExpressionError(ValueError):
    """An expression that cannot be read; the text says where and why."""


def parse(text: str, columns: Collection[str]) -> Tree:
    """The tree of an expression over these columns. Raises ExpressionError."""
    reader = _Reader(_tokens(text), columns)
    tree = reader.expression()
    reader.finish()
    return tree


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise ExpressionError(f"{text[position:].strip()[:20]!r} cannot be read")
        kind = str(match.lastgroup)
        value = match[kind]
        is_word = kind == "name" and value.lower() in WORDS
        tokens.append(("word", value.lower()) if is_word else (kind, value))
        position = match.end()
    return tokens


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[tuple[str, str]], columns: Collection[str]) -> None:
        self._tokens = tokens
        self._columns = columns
        self._place = 0
        self._depth = 0

    def finish(self) -> None:
        if self._place < len(self._tokens):
            raise ExpressionError(f"{self._tokens[self._place][1]!r} is not expected there")

    def expression(self) -> Tree:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionError("it is nested too deeply")
        tree = self._chain(lambda: self._chain(self._negation, ("and",)), ("or",))
        self._depth -= 1
        return tree

    def _chain(self, part: Callable[[], Tree], operators: Collection[str]) -> Tree:
        tree = part()
        while operator := self._take(*operators):
            tree = [operator, tree, part()]
        return tree

    def _negation(self) -> Tree:
        negations = 0
        while self._take("not"):
            negations += 1
        tree = self._predicate()
        return ["not", tree] if negations % 2 else tree

    def _predicate(self) -> Tree:
        left = self._sum()
        if operator := self._take(*COMPARISONS):
            return [COMPARISONS[operator], left, self._sum()]
        if self._take("is"):
            return self._maybe_not(lambda: self._null_test(left))
        if self._next() in {"not", "in", "between", "like"}:
            return self._maybe_not(lambda: self._set_test(left))
        return left

    def _maybe_not(self, part: Callable[[], Tree]) -> Tree:
        return ["not", part()] if self._take("not") else part()

    def _null_test(self, left: Tree) -> Tree:
        self._expect("null")
        return ["is null", left]

    def _set_test(self, left: Tree) -> Tree:
        if self._take("between"):
            low = self._sum()
            self._expect("and")
            return ["and", [">=", left, low], ["<=", left, self._sum()]]
        if self._take("like"):
            return ["like", left, self._literal("text")]
        self._expect("in")
        items = self._arguments()
        if any(item[0] not in {"number", "text"} for item in items):
            raise ExpressionError("IN takes a list of numbers or texts")
        return ["in", left, *items]

    def _sum(self) -> Tree:
        return self._chain(lambda: self._chain(self._factor, ("*", "/")), ("+", "-"))

    def _factor(self) -> Tree:
        if self._take("-"):
            return ["negative", self._factor()]
        if self._take("("):
            tree = self.expression()
            self._expect(")")
            return tree
        return self._leaf()

    def _leaf(self) -> Tree:
        kind, value = self._tokens[self._place] if self._place < len(self._tokens) else ("end", "the end")
        self._place += 1
        if kind == "number":
            return ["number", value]
        if kind == "text":
            return ["text", value.replace("''", "'")]
        if kind == "word" and value in {"true", "false"}:
            return ["boolean", value == "true"]
        if kind in {"name", "quoted"}:
            return self._call(value) if kind == "name" and self._next() == "(" else self._column(value)
        raise ExpressionError(f"{value!r} is not expected there")

    def _call(self, name: str) -> Tree:
        function = name.lower()
        if function not in FUNCTIONS:
            raise ExpressionError(f"there is no function {name!r}; there are {', '.join(FUNCTIONS)}")
        arguments = self._arguments()
        if len(arguments) != FUNCTIONS[function]:
            raise ExpressionError(f"{function} takes {FUNCTIONS[function]} argument(s), not {len(arguments)}")
        return [function, *arguments]

    def _column(self, name: str) -> Tree:
        if name not in self._columns:
            raise ExpressionError(f"there is no column {name!r}{suggestion(name, self._columns)}")
        return ["column", name]

    def _arguments(self) -> list[Tree]:
        self._expect("(")
        items = [self._sum()]
        while self._take(","):
            items.append(self._sum())
        self._expect(")")
        return items

    def _literal(self, kind: str) -> Tree:
        leaf = self._leaf()
        if leaf[0] != kind:
            raise ExpressionError(f"a {kind} is expected there")
        return leaf

    def _next(self) -> str:
        kind, value = self._tokens[self._place] if self._place < len(self._tokens) else ("end", "")
        return value if kind in {"word", "mark"} else ""

    def _take(self, *wanted: str) -> str:
        found = self._next()
        if found in wanted and found:
            self._place += 1
            return found
        return ""

    def _expect(self, wanted: str) -> None:
        if not self._take(wanted):
            found = self._tokens[self._place][1] if self._place < len(self._tokens) else "the end"
            raise ExpressionError(f"{wanted!r} is expected, not {found!r}")
