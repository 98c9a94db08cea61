"""A notice as part of the one message that its trouble has in a channel that can change messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from headrace.domain import clock
from headrace.domain.notice import Notice
from headrace.domain.thread import Heard, Thread, is_due, is_finished, is_grouped, message_of, reason_of
from headrace.errors import TerminalError, TransientError
from headrace.observability import logger
from headrace.usecases.recovery.one_by_one import OneByOne


class Threads(Protocol):
    """The messages that are open."""

    def find(self, channel: str, key: str) -> Thread | None: ...
    def open(self, thread: Thread) -> Thread: ...
    def note(self, thread: Thread, message_id: str, reason: str, at: int) -> None: ...
    def heard(self, thread: Thread) -> Heard: ...
    def claim(self, thread: Thread, by: str, now: int) -> Thread | None: ...
    def note_shown(self, thread: Thread, by: str) -> None: ...
    def close(self, thread: Thread) -> None: ...
    def all(self) -> list[Thread]: ...


class Messenger(Protocol):
    """A service whose messages can be changed."""

    def post(self, channel: str, notice: Notice, below: str = "") -> str: ...
    def edit(self, channel: str, ref: str, notice: Notice) -> str: ...


def follow(notice: Notice, message_id: str, channel: str, threads: Threads, messenger: Messenger) -> None:
    """Post a notice, or change the message that its trouble has already. Called again, it does no more.

    A notice is counted before it is shown: if the call ends in between, or another call shows the message at the
    moment, `catch_up` shows it. The number is read while no other call changes the message, so it never goes back.
    """
    now = int(clock.seconds())
    if not is_grouped(notice):
        messenger.post(channel, notice)
        return
    if notice.over:
        _end(notice, message_id, channel, threads, messenger)
        return
    thread = threads.open(Thread(channel, notice.key, message_id, now, notice))
    threads.note(thread, message_id, reason_of(notice), now)
    if is_due(thread, now):
        _show(thread, message_id, now, threads, messenger)


def _end(notice: Notice, message_id: str, channel: str, threads: Threads, messenger: Messenger) -> None:
    """The end is posted below the message, since nobody is notified of a change, and the message says so, too.

    Raises TransientError while another call changes the message: what that one says must not come last.
    """
    open_one = threads.find(channel, notice.key)
    thread = threads.claim(open_one, message_id, int(clock.seconds())) if open_one else None
    if open_one and thread is None:
        raise TransientError(f"the message of {notice.key} is being changed")
    if thread is None or thread.ref is None:
        messenger.post(channel, notice)
    else:
        messenger.post(channel, notice, below=thread.ref)
        try:
            messenger.edit(channel, thread.ref, message_of(thread, threads.heard(thread), notice))
        except TerminalError:  # the end is posted: the next trouble of the key must not wait for this message
            logger.exception("a message cannot say that its trouble is over", extra={"key": notice.key})
    if thread:
        threads.close(thread)


def _show(thread: Thread, by: str, now: int, threads: Threads, messenger: Messenger) -> None:
    claimed = threads.claim(thread, by, now)
    if claimed is None:
        return
    heard = threads.heard(claimed)
    message = message_of(claimed, heard)
    if claimed.ref:
        ref = messenger.edit(claimed.channel, claimed.ref, message)
    else:
        ref = messenger.post(claimed.channel, message)
    threads.note_shown(replace(claimed, ref=ref, shown=heard.number, shown_at=now), by)


def catch_up(threads: Threads, messenger_of: Callable[[str], Messenger | None], by: str) -> int:
    """Show what messages do not show yet, and finish those of which nothing more was heard. Returns how many changed.

    `messenger_of` is what changes the messages of a channel; None where that is not possible any more. A message that
    cannot be shown is finished in its time all the same. Raises BrokenError in the end, if one could not be shown.
    """
    now, changed, each = int(clock.seconds()), 0, OneByOne()
    for thread in threads.all():
        with each.of(f"the message of {thread.key}"):
            heard, messenger = threads.heard(thread), messenger_of(thread.channel)
            if messenger and heard.number > thread.shown:
                _show_or_close(thread, heard, by, now, threads, messenger)
                changed += 1
            elif is_finished(thread, heard, now):
                threads.close(thread)
    each.end()
    return changed


def _show_or_close(thread: Thread, heard: Heard, by: str, now: int, threads: Threads, messenger: Messenger) -> None:
    """What another try will not show either keeps no later notice from a message: it is closed in its time."""
    try:
        _show(thread, by, now, threads, messenger)
    except TerminalError:
        if is_finished(thread, heard, now):
            threads.close(thread)
        raise
