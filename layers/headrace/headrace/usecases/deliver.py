"""A notice to everybody of one tool whom it is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from headrace.domain.notice import Notice
from headrace.domain.recipients import as_declared, recipients
from headrace.domain.support import Support
from headrace.errors import HeadraceError

Declared = dict[str, tuple[tuple[Support, ...], Mapping[str, str]]]
"""Support and severities, by the dataset or export that declares them."""


class Addresses(Protocol):
    """Where a tool's channels are."""

    def send(self, notice: Notice, name: str, *, asked: bool) -> bool: ...


def deliver(notice: Notice, tool: str, addresses: Addresses, declared: Declared) -> bool:
    """Send a notice to the channels of a tool that its contract names, or to the default one. Returns whether any.

    One that fails keeps no other from it. Raises what the last one raised, and SNS delivers the notice again, then to
    all of them: a message may come twice, and never not at all.
    """
    support, severities = declared.get(notice.dataset, ((), {}))
    notice = as_declared(notice, severities)
    failed: HeadraceError | None = None
    sent = False
    for entry in recipients(notice, tool, support, severities):
        try:
            sent |= addresses.send(notice, entry.channel, asked=entry in support)
        except HeadraceError as error:
            failed = error
    if failed:
        raise failed
    return sent
