"""Names as files have them, and as Redshift takes them without quotes, or as they can be shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import fnmatchcase

UNDECOMPOSED = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"}
)
"""Latin letters that Unicode does not take apart into one of ASCII and an accent."""


def plain_name(name: str) -> str:
    """The name in lower case letters, digits and underscores, a letter first; accents are left out."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    snake = re.sub("([a-z0-9])([A-Z])", r"\1_\2", bare).lower().translate(UNDECOMPOSED)
    fixed = re.sub("[^a-z0-9]+", "_", snake).strip("_") or "name"
    return fixed if fixed[0].isalpha() else f"c_{fixed}"


def printable(text: str, keep: str = "") -> str:
    """A text in which no name can forge a line or be a terminal command: what does not print is escaped."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in keep else repr(sign)[1:-1] for sign in text)


def one_form(text: str) -> str:
    """A name in the one form of Unicode that keys and the ledger have: `é` may come as one sign or as two."""
    return unicodedata.normalize("NFC", text)


IGNORED = (
    "_*", ".*", "~$*", "*.tmp", "*.temp", "*.part", "*.partial", "*.filepart", "*.crdownload", "*.swp", "*.crc",
    "*_$folder$",
)  # fmt: skip
"""Names of what tools leave beside files: markers and folders of jobs (`_SUCCESS`, `_temporary`, `_committed_1`),
hidden files, checksums, what is still written."""


def ignored_by(path: str, patterns: Iterable[str]) -> str | None:
    """The pattern that means a name in a path below a dataset's folder; None when there is none.

    A part with `=` names a partition: `_region=eu` is not hidden.
    """
    for name in path.split("/"):
        for pattern in patterns if "=" not in name else ():
            if fnmatchcase(one_form(name), one_form(pattern)):
                return pattern
    return None


def matches(name: str, pattern: str) -> bool:
    """Whether a name is one that a pattern means. As in a shell, a point that it begins with must stand there too.

    So must the `~$` of a file that Office holds open.
    """
    hidden = name.startswith((".", "~$")) and not pattern.startswith(name[0])
    return not hidden and fnmatchcase(one_form(name), one_form(pattern))
