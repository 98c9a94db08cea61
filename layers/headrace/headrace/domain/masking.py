"""An error's words without what they may quote of a row: the words that errors are made of stay, all others go.

Redshift quotes values with and without marks (`Value 'J'`, `context: Jane`), and values hold marks themselves, so a
list of what stays is safer than a list of what goes.
"""

from __future__ import annotations

import re
from collections.abc import Collection

VALUE = re.compile(
    r"""(?<!\w)'(?:\\.|''|'(?=\w)|[^'\\])*?(?:'(?!\w)|\Z)|"(?:\\.|""|[^"\\])*?(?:"(?!\w)|\Z)""", re.DOTALL
)
"""Quoted words: a value of a row, a name, an object's key. An apostrophe within a word begins and ends none."""
TOKEN = re.compile(r"(?P<code>\b(?:code|ERROR|failed): *\d{3,5}\b)|(?:\w[\w@.+/'-]*)?\w|[^\x00-\x7f…]")
GAPS = re.compile(r"…(?:[^\w…]{0,3}…)+")
CONTEXT = re.compile(r"\bcontext:.*", re.DOTALL)
SHORTEST_WITH_DIGITS = 4
"""`UTF8` is a word, `c3` and `28` are bytes of a value."""
LEFT_OUT = " (… may quote a row: SYS_QUERY_HISTORY has the words)"


def without_quotes(text: str) -> str:
    """The text with nothing between quotation marks."""
    return VALUE.sub("'…'", text)


def words_of(text: str, *, quotes: bool) -> set[str]:
    """The words of an example of an error that belong to the error. After `context:` one that `quotes` has values."""
    bare = without_quotes(CONTEXT.sub("context:", text) if quotes else text)
    tokens = (token.group() for token in TOKEN.finditer(bare))
    return {
        token.lower()
        for token in tokens
        if token.isalpha() or (token[0].isalpha() and len(token) >= SHORTEST_WITH_DIGITS)
    }


def masked(text: str, words: Collection[str]) -> str:
    """The text with these words (lower case), its name and its code; `…` stands for all else, which the end says."""
    text = text.removesuffix(LEFT_OUT)
    name, colon, rest = text.partition(":")
    if not colon or not name.isidentifier():
        name, colon, rest = "", "", text
    bare = CONTEXT.sub("context: …", without_quotes(rest))
    kept = TOKEN.sub(lambda token: _kept(token, words), bare)
    shown = name + colon + GAPS.sub("…", kept)
    return shown + LEFT_OUT if "…" in shown else shown


def _kept(token: re.Match[str], words: Collection[str]) -> str:
    return token.group() if token["code"] or token.group().lower() in words else "…"
