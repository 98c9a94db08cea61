"""Every act of a person that changes files, batches or rows is written down before it is done: the one place for it."""

from __future__ import annotations

import getpass
import secrets
import socket
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from headrace.domain.audit import AuditEntry
from headrace.domain.clock import now
from headrace_cli.stack.target import Target

DONE, INTERRUPTED = "done", "interrupted"
MOST_ENTRIES = 10_000


@dataclass(slots=True)
class Act:
    """What is being done: the command adds what came of it."""

    outcome: str = DONE
    about: list[str] = field(default_factory=list)


@contextmanager
def audited(
    target: Target,
    action: str,
    about: Sequence[str],
    *,
    reason: str = "",
    dataset: str = "",
    dry_run: bool = False,
) -> Iterator[Act]:
    """Write who does what, from where and why, do it, and write what came of it; of a dry run nothing is written.

    `about` are ids of files, batches, keys: never a value of a row. If the entry cannot be written, nothing is done.
    """
    act = Act()
    if dry_run:
        yield act
        return
    entry = AuditEntry(
        secrets.token_hex(4), now(), action, who(target), host(), dataset, tuple(about), len(about), reason.strip()
    )
    audit = target.ledger.audit
    audit.write(entry)
    try:
        yield act
    except BaseException as error:
        outcome = INTERRUPTED if isinstance(error, KeyboardInterrupt) else f"failed: {type(error).__name__}"
        audit.write(replace(entry, outcome=outcome))
        raise
    named, number = (*entry.about, *act.about), len(act.about) or entry.number
    audit.write(replace(entry, outcome=act.outcome, about=named, number=number))


def entries(target: Target, since: str, dataset: str | None = None) -> list[AuditEntry]:
    """What people did since a time, the oldest first; at most the newest `MOST_ENTRIES`."""
    found = target.ledger.audit.since(since)
    return list(deque((entry for entry in found if dataset in {None, entry.dataset}), MOST_ENTRIES))


def acts_about(target: Target, names: Collection[str | None], since: str) -> Iterator[dict[str, Any]]:
    """What people did about these files or batches since a time, as steps of a story."""
    for entry in entries(target, since):
        if not set(entry.about).isdisjoint(names):
            detail = {"by": entry.by, "from": entry.host, "reason": entry.reason, "outcome": entry.outcome}
            said = {name: text for name, text in detail.items() if text}
            yield {"at": entry.at, "step": f"headrace {entry.action}", "detail": said, "source": "person"}


def who(target: Target) -> str:
    """Who is at the keyboard: the AWS identity of the caller, on the laptop the user of the machine.

    Asked once for a target. An identity that cannot be had is no reason not to repair: it is said instead.
    """
    if target.caller is None:
        target.caller = _user() if target.endpoint_url else _identity(target)
    return target.caller


def host() -> str:
    """The name of the machine on which the command runs."""
    return socket.gethostname()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return "unknown"


def _identity(target: Target) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return str(target.client("sts").get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError) as error:
        return f"unknown: {type(error).__name__}"
