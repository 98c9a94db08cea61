"""Redshift's grammar as sqlglot reads it, with every function call left under the name it was written with.

sqlglot knows the functions of thirty dialects and would take any of them for Redshift's own. Here a call
stays anonymous, so that `functions.py` alone decides which names exist and what they mean.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.redshift import Redshift
from sqlglot.parsers.redshift import RedshiftParser
from sqlglot.tokenizer_core import TokenType

from headrace_local.redshift.datatypes.datatypes import TYPE_WORDS

_SPECIAL_SYNTAX = ("CAST", "CONVERT", "EXTRACT", "POSITION", "SUBSTRING", "TRIM", "TRY_CAST")
APPROXIMATE_COUNT = "APPROXIMATE COUNT"


def _approximate(parser: Any) -> exp.Expr:
    call = parser._parse_function()  # noqa: SLF001
    if isinstance(call, exp.Anonymous) and call.name.upper() == "COUNT":
        return exp.Anonymous(this=APPROXIMATE_COUNT, expressions=call.expressions)
    return exp.Anonymous(this="APPROXIMATE", expressions=[])


class _WordTokenizer(Redshift.Tokenizer):
    KEYWORDS: ClassVar[dict[str, Any]] = {
        text: kind for text, kind in Redshift.Tokenizer.KEYWORDS.items() if not text[0].isalpha()
    }
    COMMANDS: ClassVar[set[Any]] = set()


class WordDialect(Redshift):
    """Redshift's tokens with every word on its own: no `PRIMARY KEY` in one, no statement swallowed whole."""

    Tokenizer = _WordTokenizer


_FOREIGN_TYPES = RedshiftParser.TYPE_TOKENS - RedshiftParser.NESTED_TYPE_TOKENS - {TokenType.NULL, TokenType.INTERVAL}


class _TypeTokenizer(Redshift.Tokenizer):
    KEYWORDS: ClassVar[dict[str, Any]] = {
        text: kind
        for text, kind in Redshift.Tokenizer.KEYWORDS.items()
        if kind not in _FOREIGN_TYPES or TYPE_WORDS.issuperset(text.split())
    }


class EmbeddedRedshiftDialect(Redshift):
    """Redshift without sqlglot's catalogue of functions, and without the types of other databases."""

    Tokenizer = _TypeTokenizer

    class Parser(RedshiftParser):
        """Parses calls as anonymous functions, but for those whose arguments have a syntax of their own."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {}

        def _parse_is(self, this: Any) -> Any:
            start = self._index
            negated = self._match(TokenType.NOT)
            if self._match_text_seq("UNKNOWN"):
                condition = self.expression(exp.Is(this=this, expression=exp.Null()))
                return self.expression(exp.Not(this=condition)) if negated else condition
            self._retreat(start)
            return super()._parse_is(this)

        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            name: RedshiftParser.FUNCTION_PARSERS[name]
            for name in _SPECIAL_SYNTAX
            if name in RedshiftParser.FUNCTION_PARSERS
        }
        NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {
            TokenType.CURRENT_DATE: exp.CurrentDate,
            TokenType.CURRENT_USER: exp.CurrentUser,
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            "ANY": RedshiftParser.NO_PAREN_FUNCTION_PARSERS["ANY"],
            "APPROXIMATE": _approximate,
            "CASE": RedshiftParser.NO_PAREN_FUNCTION_PARSERS["CASE"],
            "SYSDATE": RedshiftParser.NO_PAREN_FUNCTION_PARSERS["SYSDATE"],
        }
