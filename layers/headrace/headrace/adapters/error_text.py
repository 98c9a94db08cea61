"""Other people's errors in a sentence of ours."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.domain.bounds import cut

LONGEST = 500
"""Bytes of it: an answer of FTP may have a megabyte."""
HIDDEN = "***"
SHORTEST_HIDDEN = 4
"""Signs of a secret: what is shorter stands in half of all sentences, and is no secret worth the name."""


def plain(error: object, hide: Iterable[str] = ()) -> str:
    """What a server or a library said, in one line, without the system's number for it.

    Secrets in `hide` are replaced: some servers repeat the command that they refuse, password and all.
    """
    said = error.strerror if isinstance(error, OSError) and error.strerror else error
    text = without(" ".join(str(said).split()), hide)
    return cut(text, LONGEST) or type(error).__name__


def without(text: str, hide: Iterable[str]) -> str:
    """The text with each of the secrets replaced, also as it looks when its bytes or blanks are read otherwise."""
    forms = {form for secret in hide for form in (secret, " ".join(secret.split()))}
    forms |= {form.encode(errors="replace").decode("latin-1") for form in forms}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= SHORTEST_HIDDEN:
            text = text.replace(form, HIDDEN)
    return text
