"""A cursor over a statement's tokens, for the statements that this package parses itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import TokenType

from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.syntax.dialect import WordDialect

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

Name = tuple[str, ...]

_NEVER_NAMES = {TokenType.STRING, TokenType.NUMBER, TokenType.L_PAREN, TokenType.R_PAREN, TokenType.COMMA}


def tokenize(sql: str) -> list[Token]:
    """The tokens of `sql` without a trailing semicolon; SqlError if it holds more than one statement."""
    try:
        tokens = list(WordDialect().tokenize(sql))
    except TokenError as error:
        raise SqlError(f"syntax error: {error}") from error
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise SqlError("cannot insert multiple commands into a prepared statement")
    if not tokens:
        raise SqlError("the statement is empty")
    return tokens


class TokenCursor:
    """Reads tokens one after the other; words are compared without regard to case."""

    def __init__(self, sql: str, tokens: list[Token]) -> None:
        self.sql = sql
        self._tokens = tokens
        self.position = 0

    @property
    def at_end(self) -> bool:
        """Whether every token has been read."""
        return self.position >= len(self._tokens)

    @property
    def current(self) -> Token:
        """The next token; SqlError at the end of the statement."""
        if self.at_end:
            raise SqlError("syntax error at end of input")
        return self._tokens[self.position]

    def peek(self) -> str:
        """The next word in upper case, or an empty string at the end."""
        return "" if self.at_end or self._is_string() else self.current.text.upper()

    def advance(self) -> Token:
        """Read one token."""
        token = self.current
        self.position += 1
        return token

    def match(self, *words: str) -> bool:
        """Read `words` if they are what comes next."""
        upcoming = self._tokens[self.position : self.position + len(words)]
        if [_word(token) for token in upcoming] != list(words):
            return False
        self.position += len(words)
        return True

    def match_any(self, *words: str) -> str | None:
        """Read and return the first of `words` that comes next."""
        return next((word for word in words if self.match(word)), None)

    def expect(self, *words: str) -> None:
        """Read `words`, or raise SqlError."""
        if not self.match(*words):
            raise self.unexpected()

    def unexpected(self) -> SqlError:
        """The error of a token that does not belong where it is."""
        if self.at_end:
            return SqlError("syntax error at end of input")
        return SqlError(f'syntax error at or near "{self.current.text}"')

    def expect_end(self) -> None:
        """Raise SqlError unless the statement ends here."""
        if not self.at_end:
            raise self.unexpected()

    def identifier(self) -> str:
        """Read one identifier, folded to lower case as Redshift folds it."""
        if self.current.token_type in _NEVER_NAMES:
            raise self.unexpected()
        return self.advance().text.lower()

    def user(self) -> str:
        """Read the name of a user: those that stand for IAM roles have capitals, and are quoted."""
        if self.current.token_type == TokenType.IDENTIFIER:
            return self.advance().text
        return self.identifier()

    def name(self) -> Name:
        """Read a dotted name."""
        parts = [self.identifier()]
        while self.match("."):
            parts.append(self.identifier())
        return tuple(parts)

    def string(self) -> str:
        """Read a string literal."""
        if not self._is_string():
            raise self.unexpected()
        return self.advance().text

    def identifiers_in_parentheses(self) -> list[str]:
        """Read `(a, b, …)`."""
        self.expect("(")
        names = [self.identifier()]
        while self.match(","):
            names.append(self.identifier())
        self.expect(")")
        return names

    def rest(self) -> str:
        """The text from here to the end of the statement; everything counts as read."""
        return self._text_until(len(self._tokens))

    def text_until(self, *words: str) -> str:
        """The text up to one of `words`, a comma or a closing parenthesis at this level."""
        depth, index = 0, self.position
        while index < len(self._tokens):
            word = _word(self._tokens[index])
            if depth == 0 and (word in words or word in {",", ")"}):
                break
            depth += {"(": 1, ")": -1}.get(word, 0)
            index += 1
        return self._text_until(index)

    def _text_until(self, index: int) -> str:
        if index == self.position:
            raise self.unexpected()
        text = self.sql[self._tokens[self.position].start : self._tokens[index - 1].end + 1]
        self.position = index
        return text

    def _is_string(self) -> bool:
        return not self.at_end and self.current.token_type == TokenType.STRING


def _word(token: Token) -> str:
    return "" if token.token_type in {TokenType.STRING, TokenType.IDENTIFIER} else token.text.upper()
