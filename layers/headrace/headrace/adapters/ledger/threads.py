"""Messages that are changed as more is heard of their trouble, in the ledger table.

pk                    sk                what
THREADS#<tool>        <channel>#<key>   a message: who began it, what the service calls it, how much it shows
HEARD#<opened_by>     <message id>      a notice of it: counting is reading, so writing one again changes no number

Both go after a week.
"""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import Any

from headrace.adapters.table import Key, Table, expiry
from headrace.domain.notice import Notice
from headrace.domain.thread import KEPT_DAYS, MOST_COUNTED, Heard, Thread, heard_of

CLAIMED_SECONDS = 60
"""How long one call has to change a message before another may: longer than the function runs."""
MOST_OPEN = 1_000
"""Messages that one round looks at."""


class DynamoThreads:
    """The messages of one tool."""

    def __init__(self, table: Table, tool: str) -> None:
        self._table = table
        self._pk = f"THREADS#{tool}"

    def find(self, channel: str, key: str) -> Thread | None:
        """The message of a trouble; None if there is none."""
        return _thread(self._table.get(self._pk, _sk(channel, key)))

    def open(self, thread: Thread) -> Thread:
        """The message of the trouble as the ledger has it: begun by this call, or by an earlier one."""
        item = {
            "channel": thread.channel, "key": thread.key, "opened_by": thread.opened_by, "opened_at": thread.opened_at,
            "first": thread.first.to_json(), **expiry(KEPT_DAYS),
        }  # fmt: skip
        put = self._table.putting(*self._key(thread), item, "attribute_not_exists(pk) OR closed = :yes", yes=True)
        return thread if self._table.put(put) else self.find(thread.channel, thread.key) or thread

    def note(self, thread: Thread, message_id: str, reason: str, at: int) -> None:
        """Count a notice."""
        item = {"reason": reason, "at": at} | expiry(KEPT_DAYS)
        self._table.put(self._table.putting(f"HEARD#{thread.opened_by}", message_id, item))

    def heard(self, thread: Thread) -> Heard:
        """The notices of a message, up to `MOST_COUNTED`."""
        found = islice(self._table.partition(f"HEARD#{thread.opened_by}"), MOST_COUNTED + 1)
        return heard_of([(str(item["reason"]), int(item["at"])) for item in found])

    def claim(self, thread: Thread, by: str, now: int) -> Thread | None:
        """Take on to change a message, and return it as it is then; None while another call does, or it has ended."""
        values: dict[str, Any] = {"by": by, "until": now + CLAIMED_SECONDS, "now": now, "opened": thread.opened_by}
        free = "attribute_not_exists(claimed_until) OR claimed_until < :now OR claimed_by = :by"
        condition = f"opened_by = :opened AND attribute_not_exists(closed) AND ({free})"
        expression = "SET claimed_until = :until, claimed_by = :by"
        taken = self._table.update(self._table.updating(*self._key(thread), expression, condition, **values))
        return self.find(thread.channel, thread.key) if taken else None

    def note_shown(self, thread: Thread, by: str) -> None:
        """Write what the message says now, and let others change it."""
        values: dict[str, Any] = {"by": by, "ref": thread.ref, "shown": thread.shown, "at": thread.shown_at}
        expression = "SET #ref = :ref, #shown = :shown, shown_at = :at REMOVE claimed_until, claimed_by"
        self._table.update(self._table.updating(*self._key(thread), expression, "claimed_by = :by", **values))

    def close(self, thread: Thread) -> None:
        """The next notice of the trouble begins a new message."""
        values: dict[str, Any] = {"opened": thread.opened_by, "yes": True}
        self._table.update(
            self._table.updating(*self._key(thread), "SET closed = :yes", "opened_by = :opened", **values)
        )

    def all(self) -> list[Thread]:
        """The open messages, at most `MOST_OPEN`."""
        found = map(_thread, self._table.partition(self._pk))
        return list(islice((thread for thread in found if thread), MOST_OPEN))

    def _key(self, thread: Thread) -> Key:
        return self._pk, _sk(thread.channel, thread.key)


def _sk(channel: str, key: str) -> str:
    return f"{hashlib.sha256(channel.encode(errors='replace')).hexdigest()[:16]}#{key}"


def _thread(item: dict[str, Any]) -> Thread | None:
    if not item or "closed" in item:
        return None
    known = {name: item[name] for name in Thread.__dataclass_fields__ if name in item}
    return Thread(**known | {"first": Notice.from_json(item["first"])})
