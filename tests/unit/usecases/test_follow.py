"""Streams of notices, with copies, concurrent calls and crashes: what a channel shows of them in the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.domain import causes, clock
from headrace.domain.notice import Matter, Notice
from headrace.domain.thread import (
    LONGEST_SECONDS,
    PACE_SECONDS,
    QUIET_SECONDS,
    Heard,
    Thread,
    heard_of,
    reason_of,
)
from headrace.errors import TerminalError, TransientError
from headrace.usecases.follow import catch_up, follow
from headrace.usecases.recovery.one_by_one import BrokenError

FAILED = Matter(causes.FILE_NOT_LOADED, "readings")
TROUBLE = Matter(causes.LANE_IN_TROUBLE, "readings", "live")
LATE = Matter(causes.PROMISE_BROKEN, "readings")


class MemoryThreads:
    """What `adapters.ledger.threads` promises, in memory."""

    def __init__(self) -> None:
        self.open_ones: dict[tuple[str, str], Thread] = {}
        self.notes: dict[str, dict[str, tuple[str, int]]] = {}
        self.claims: dict[str, tuple[str, int]] = {}

    def find(self, channel: str, key: str) -> Thread | None:
        return self.open_ones.get((channel, key))

    def open(self, thread: Thread) -> Thread:
        return self.open_ones.setdefault((thread.channel, thread.key), thread)

    def note(self, thread: Thread, message_id: str, reason: str, at: int) -> None:
        self.notes.setdefault(thread.opened_by, {})[message_id] = (reason, at)

    def heard(self, thread: Thread) -> Heard:
        return heard_of(list(self.notes.get(thread.opened_by, {}).values()))

    def claim(self, thread: Thread, by: str, now: int) -> Thread | None:
        known = self.find(thread.channel, thread.key)
        holder, until = self.claims.get(thread.opened_by, (by, 0))
        if known is None or known.opened_by != thread.opened_by or (holder != by and until >= now):
            return None
        self.claims[thread.opened_by] = (by, now + 60)
        return known

    def note_shown(self, thread: Thread, by: str) -> None:
        self.open_ones[thread.channel, thread.key] = thread
        self.claims.pop(thread.opened_by, None)

    def close(self, thread: Thread) -> None:
        self.open_ones.pop((thread.channel, thread.key), None)

    def all(self) -> list[Thread]:
        return list(self.open_ones.values())


class MemoryMessenger:
    """Messages as the channel shows them, the replies apart, and every change."""

    def __init__(self) -> None:
        self.shown: dict[str, Notice] = {}
        self.replies: list[tuple[str, Notice]] = []
        self.edits: Counter[str] = Counter()
        self.fails = 0
        self.refuses: set[str] = set()

    def _may_fail(self, what: str) -> None:
        if what in self.refuses:
            raise TerminalError(f"msg_too_long: {what}")
        self.fails -= 1
        if self.fails >= 0:
            raise TransientError("ratelimited")

    def post(self, channel: str, notice: Notice, below: str = "") -> str:
        self._may_fail("post")
        if below:
            self.replies.append((below, notice))
            return below
        ref = f"{channel}/{len(self.shown)}"
        self.shown[ref] = notice
        return ref

    def edit(self, channel: str, ref: str, notice: Notice) -> str:
        self._may_fail("edit")
        self.edits[ref] += 1
        self.shown[ref] = notice
        return ref


class Channel:
    """A channel, its ledger, and a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.threads, self.slack, self.at = MemoryThreads(), MemoryMessenger(), 1_000_000.0
        monkeypatch.setattr(clock, "seconds", lambda: self.at)

    def tell(self, notice: Notice, message_id: str, after: float = 1.0) -> None:
        self.at += after
        for _ in range(3):  # SNS delivers what fails again
            try:
                follow(notice, message_id, "#m", self.threads, self.slack)
            except TransientError:
                self.at += 60
            else:
                return

    def sweep(self, after: float = 300.0) -> int:
        self.at += after
        return catch_up(self.threads, lambda _: self.slack, f"sweep {self.at}")


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Channel:
    return Channel(monkeypatch)


def test_a_thousand_bad_files_within_minutes_are_one_message_with_their_reasons(channel: Channel) -> None:
    for number in range(1000):
        why = "no header" if number % 10 else f"row {number} is too long"
        lines = (f"failed: readings/{number}.csv: {why}", "`headrace status readings --failed` lists them")
        channel.tell(FAILED.notice("readings: nothing was loaded", lines), f"m{number}", 0.3)
    channel.sweep()
    (message,) = channel.slack.shown.values()
    assert message.title == "readings: nothing was loaded"
    assert message.lines[0].startswith("1,000 notifications since ")
    assert message.lines[1:3] == ("900 times: no header", "100 times: row N is too long")
    assert "`headrace status readings --failed` lists them" in message.lines
    assert sum(channel.slack.edits.values()) <= 300 / PACE_SECONDS + 2, "Slack takes one change a second"
    channel.sweep(QUIET_SECONDS)
    channel.tell(FAILED.notice("readings: nothing was loaded", ("failed: x: y",)), "later")
    assert len(channel.slack.shown) == 2, "an hour later it is another matter"


def test_a_trouble_is_one_message_and_one_end_however_long_it_lasts(channel: Channel) -> None:
    for day in range(30):
        channel.tell(TROUBLE.notice("readings does not load", ("no table",)), f"m{day}", 86_400.0)
        channel.sweep()
    channel.tell(TROUBLE.end("readings loads again"), "end")
    (ref, message), *others = channel.slack.shown.items()
    assert not others
    assert (message.level, message.title) == ("ok", "readings loads again")
    assert message.lines == ("30 notifications since 13:46 UTC:", "30 times: no table")
    assert [(below, notice.title) for below, notice in channel.slack.replies] == [(ref, "readings loads again")]
    assert channel.threads.open_ones == {}


def test_good_news_of_a_single_batch_are_messages_of_their_own(channel: Channel) -> None:
    for number in range(3):
        channel.tell(Matter(causes.LOADED, "readings").notice("1 row loaded"), f"m{number}")
    assert len(channel.slack.shown) == 3
    channel.tell(LATE.end("nothing is late any more"), "end")
    assert len(channel.slack.shown) == 4, "nobody knows of its beginning here"


def test_an_end_waits_until_nobody_changes_the_message(channel: Channel) -> None:
    channel.tell(TROUBLE.notice("t", ("why",)), "m1")
    thread = channel.threads.all()[0]
    assert channel.threads.claim(thread, "another call", int(channel.at))
    with pytest.raises(TransientError, match="is being changed"):
        follow(TROUBLE.end("over"), "end", "#m", channel.threads, channel.slack)
    channel.at += 61
    channel.tell(TROUBLE.end("over"), "end")
    assert [message.level for message in channel.slack.shown.values()] == ["ok"]


def test_what_was_counted_and_not_shown_by_a_call_that_died_is_shown_by_the_next_round(channel: Channel) -> None:
    channel.slack.fails = 3
    channel.tell(FAILED.notice("t", ("failed: a: no header",)), "m1")
    assert channel.slack.shown == {}
    assert channel.sweep() == 1
    assert [message.title for message in channel.slack.shown.values()] == ["t"]
    assert channel.sweep() == 0


def test_a_message_that_can_never_be_shown_again_is_finished_in_its_time(channel: Channel) -> None:
    channel.tell(FAILED.notice("t", ("failed: a: x",)), "m1")
    channel.tell(FAILED.notice("t", ("failed: b: x",)), "m2")
    channel.slack.refuses = {"edit"}
    with pytest.raises(BrokenError):
        channel.sweep(QUIET_SECONDS)
    assert channel.sweep() == 0, "it keeps no round from its work any more"
    channel.slack.refuses = set()
    channel.tell(FAILED.notice("t", ("failed: c: x",)), "m3")
    assert len(channel.slack.shown) == 2


def test_while_a_service_is_out_of_reach_no_message_is_finished_unshown(channel: Channel) -> None:
    channel.slack.fails = 3
    channel.tell(FAILED.notice("t", ("failed: a: x",)), "m1")
    channel.slack.fails = 1
    with pytest.raises(TransientError):
        channel.sweep(LONGEST_SECONDS)
    assert channel.sweep() == 1
    assert len(channel.slack.shown) == 1


def test_an_end_is_posted_once_and_ends_a_message_that_cannot_be_changed(channel: Channel) -> None:
    channel.tell(TROUBLE.notice("t", ("why",)), "m1")
    channel.slack.refuses = {"edit"}
    channel.tell(TROUBLE.end("over"), "end")
    assert [notice.title for _, notice in channel.slack.replies] == ["over"]
    assert channel.threads.open_ones == {}


def test_each_message_is_changed_by_the_bot_of_its_channel(channel: Channel) -> None:
    bots = {"#a": MemoryMessenger(), "#b": MemoryMessenger()}
    for name, bot in bots.items():
        for message_id in (f"{name} 1", f"{name} 2"):
            follow(LATE.notice("t", (message_id,)), message_id, name, channel.threads, bot)
    channel.at += 60
    assert catch_up(channel.threads, bots.get, "sweep") == 2
    assert [sum(bot.edits.values()) for bot in bots.values()] == [1, 1]
    follow(LATE.notice("t", ("3",)), "3", "#a", channel.threads, bots["#a"])
    channel.at += 60
    assert catch_up(channel.threads, lambda _: None, "sweep") == 0, "the channel has a webhook now"


MATTERS = {"failed": FAILED, "trouble": TROUBLE, "late": LATE}
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(sorted(MATTERS)), st.sampled_from(["begin", "again", "end", "copy", "sweep"]),
        st.floats(0, 400), st.integers(0, 2),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_overlapping_troubles_copies_and_failures_leave_one_message_for_each(events: list[Any]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        channel = Channel(monkeypatch)
        told: dict[str, set[str]] = {}
        last: dict[str, tuple[Notice, str]] = {}
        episodes = Counter[str]()
        for number, (name, what, after, fails) in enumerate(events):
            matter, message_id = MATTERS[name], f"m{number}"
            channel.slack.fails = fails
            if what == "sweep":
                channel.slack.fails = 0
                channel.sweep(after)
            elif what == "end" and matter is not FAILED and told.get(name):
                channel.tell(matter.end(f"{name} is over"), message_id, after)
                told.pop(name)
                last.pop(name)
            elif what in {"begin", "again"}:
                episodes[name] += name not in told
                told.setdefault(name, set()).add(message_id)
                last[name] = (matter.notice(name, (f"failed: file{number}.csv: why",)), message_id)
                channel.tell(*last[name], after)
            elif what == "copy" and name in last:
                channel.tell(*last[name], after)
        channel.slack.fails = 0
        channel.sweep(100)
        for thread in channel.threads.all():
            heard = channel.threads.heard(thread)
            assert thread.shown == heard.number, "what is shown is what was heard"
            assert heard.number <= len(told.get(thread.first.title, set())) or thread.first.cause == "file-not-loaded"
        for name in ("trouble", "late"):
            shown = [message for message in channel.slack.shown.values() if message.title == name]
            assert len(shown) == (name in told), "one message while it lasts, none that says so afterwards"
            assert len([1 for message in channel.slack.shown.values() if name in message.title]) == episodes[name]


def test_reasons_are_the_same_without_names_and_numbers() -> None:
    one, other = (FAILED.notice("t", (f"failed: a/{n}.csv: row {n},000 has {n} fields",)) for n in (1, 22))
    assert reason_of(one) == reason_of(other) == "row N has N fields"
    assert reason_of(replace(one, lines=())) == "t"
    assert LONGEST_SECONDS > QUIET_SECONDS
