"""What a channel is, and how a message is posted to one."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from headrace.adapters.error_text import plain
from headrace.adapters.secret import address
from headrace.domain.notice import Notice
from headrace.errors import TerminalError, TransientError


@dataclass(frozen=True, slots=True)
class Channel:
    """A service that people are notified by. What it needs is in a secret.

    `title` is the service's name, `parameter` the template's parameter with the secret's name, `secret` its default.
    `holds` says what is in it, `form` what to type for that, `begins` how it usually begins. An
    `optional` channel is not used while the parameter is empty, and nobody misses an `extra` one.

    `read(text, what)` reads an address; it raises TerminalError that says `what` should have which form, and never what
    it has. `send(address, notice, name)`, given what was read and how the contract calls the place there, says whether
    the notice is one for this channel. It raises TransientError when another try is worthwhile, TerminalError when not.
    `secret_for(url)` is the text of a secret that sends to another address, as the laptop's. A channel without
    `parameter` needs no secret: what it reads is in the function's setting CHANNEL_ADDRESS.
    """

    title: str
    parameter: str
    secret: str
    holds: str
    form: str
    read: Callable[[str, str], Any]
    send: Callable[[Any, Notice, str], bool]
    secret_for: Callable[[str], str]
    begins: str = ""
    optional: bool = False
    extra: bool = False


LARGEST_ANSWER = 1 << 20
DEFAULT = "default"
"""The name of the address that gets what has no other."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """What a secret holds: one address, or several by the names that contracts call them."""

    channel: Channel
    known: Mapping[str, Any] = field(repr=False)
    what: str

    @classmethod
    def read(cls, channel: Channel, text: str, what: str) -> Addresses:
        """A secret's text: an address of the channel, or JSON with several: `{"default": …, "NAME": …}`.

        Raises TerminalError, which never quotes it.
        """
        several = _several(text)
        if several is None:
            return cls(channel, {DEFAULT: channel.read(text, what)}, what)
        written = {name: value if isinstance(value, str) else json.dumps(value) for name, value in several.items()}
        return cls(channel, {name: channel.read(text, f"{name} in {what}") for name, text in written.items()}, what)

    def send(self, notice: Notice, name: str, *, asked: bool) -> bool:
        """Send a notice to the address of a name, or to the default one.

        Raises TerminalError where there is neither, if the contract has `asked` for it.
        """
        target = self.of(name, asked=asked)
        return target is not None and self.channel.send(target, notice, name)

    def of(self, name: str, *, asked: bool) -> Any | None:
        """The address of a name, or the default one; None without. Raises as `send` does."""
        target = self.known.get(name, self.known.get(DEFAULT))
        if target is None and asked:
            raise TerminalError(f"{self.what} has no address for {name!r}, and no {DEFAULT!r}")
        return target


def _several(text: str) -> dict[str, Any] | None:
    """The addresses by name; None of a text that is one address. One address's own JSON has no such names."""
    try:
        value = json.loads(text) if text.lstrip().startswith("{") else None
    except ValueError:
        return None
    several = isinstance(value, dict) and value and not {"routing_key", "url", "token"} & value.keys()
    return value if several else None


Sign = Callable[[bytes], dict[str, str]]
"""More headers for the bytes that are sent."""


def post_json(url: str, document: dict[str, Any], whose: str, sign: Sign | None = None) -> None:
    """Post a JSON document to an API, under https or on this machine. Redirects are not followed.

    The address of a webhook is a secret, and the errors of the standard library quote it: none of them is passed on.
    """
    body = json.dumps(document).encode()
    _post(url, body, whose, {"Content-Type": "application/json"} | (sign(body) if sign else {})).close()


def ask_json(url: str, document: dict[str, Any], whose: str, headers: dict[str, str]) -> bytes:
    """Post a JSON document as `post_json` does, and return the answer, up to `LARGEST_ANSWER` bytes of it."""
    with _post(url, json.dumps(document).encode(), whose, headers) as answer:
        try:
            said: bytes = answer.read(LARGEST_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise TransientError(f"the answer of {whose} broke off: {type(error).__name__}") from None
    return said


def _post(url: str, body: bytes, whose: str, headers: dict[str, str]) -> Any:
    url = address(url, f"the address of {whose}", "https://HOST/PATH")
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - checked above
    try:
        return OPENER.open(request, timeout=10)
    except urllib.error.HTTPError as error:
        error.close()
        kind = TransientError if error.code == 429 or error.code >= 500 else TerminalError
        raise kind(f"{whose} answered {error.code}") from None
    except OSError as error:
        path = urlsplit(url).path
        said = plain(getattr(error, "reason", error), [url, path, path.rpartition("/")[2]])
        raise TransientError(f"{whose} could not be reached: {said}") from None
    except (http.client.HTTPException, ValueError) as error:
        raise TransientError(f"the answer of {whose} is not HTTP: {type(error).__name__}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET without its document, at an unchecked address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


OPENER = urllib.request.build_opener(_NoRedirect)
