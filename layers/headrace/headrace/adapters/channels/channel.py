"""What a channel is, and how a message is posted to one."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
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
    `optional` channel is not used while the parameter is empty.

    `read(text, what)` reads the secret's text; it raises TerminalError that says `what` should have which form, and
    never what it has. `send(target, notice)`, given what was read, says whether the notice is one for this channel. It
    raises TransientError when another try is worthwhile, TerminalError when not. `secret_for(url)` is the text of a
    secret that sends to another address, as the laptop's.
    """

    title: str
    parameter: str
    secret: str
    holds: str
    form: str
    read: Callable[[str, str], Any]
    send: Callable[[Any, Notice], bool]
    secret_for: Callable[[str], str]
    begins: str = ""
    optional: bool = False


def post_json(url: str, document: dict[str, Any], whose: str) -> None:
    """Post a JSON document to an API, under https or on this machine. Redirects are not followed.

    The address of a webhook is a secret, and the errors of the standard library quote it: none of them is passed on.
    """
    url = address(url, f"the address of {whose}", "https://HOST/PATH")
    body = json.dumps(document).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - checked above
    try:
        OPENER.open(request, timeout=10).close()
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
