"""Whom a notice is for, and how severe a contract makes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain import causes
from headrace.domain.causes import CAUSES, Severity
from headrace.domain.notice import Incident, Matter, Notice
from headrace.domain.recipients import as_declared, recipients
from headrace.domain.support import TOOLS, Support
from headrace.errors import TerminalError, TransientError
from headrace.usecases.deliver import deliver

LATE = Matter(causes.PROMISE_BROKEN, "readings", channel="#m")
BAD_ROWS = Matter(causes.ROWS_QUARANTINED, "readings")
STALE = Matter(causes.VIEW_STALE, "readings", "public.v")


@pytest.mark.parametrize("tool", TOOLS)
def test_without_an_entry_of_the_tool_its_default_channel_gets_all(tool: str) -> None:
    others = [Support(other, "x", "critical") for other in TOOLS if other != tool]
    for notice in (LATE.notice("t"), LATE.end("t"), BAD_ROWS.notice("t")):
        name = notice.channel or "" if tool == "slack" else ""
        assert recipients(notice, tool, others, {}) == [Support(tool, name)]


def test_a_channel_gets_what_is_as_severe_as_it_asks_for_and_the_end_of_that() -> None:
    for_all, issues, on_call = (Support("teams", name, least) for name, least in
                                (("all", "info"), ("issues", "error"), ("on-call", "critical")))  # fmt: skip
    support = [for_all, issues, on_call]
    assert recipients(BAD_ROWS.notice("t"), "teams", support, {}) == [for_all]
    assert recipients(BAD_ROWS.notice("t"), "teams", [issues], {}) == []
    for notice in (LATE.notice("t"), LATE.end("t")):
        assert recipients(notice, "teams", support, {}) == support
    lowered = as_declared(LATE.notice("t"), {"promise-broken": "error"})
    assert recipients(lowered, "teams", support, {"promise-broken": "error"}) == [for_all, issues]


@pytest.mark.parametrize(
    ("matter", "severity", "calls"),
    [(LATE, "error", True), (LATE, "warning", False), (STALE, "critical", True), (STALE, "info", False),
     (BAD_ROWS, "critical", False)],
)  # fmt: skip
def test_a_contract_makes_a_cause_more_or_less_severe(matter: Matter, severity: str, calls: bool) -> None:
    declared = {matter.cause.name: severity}
    begun, ended = as_declared(matter.notice("t"), declared), as_declared(matter.end("t"), declared)
    assert (begun.severity, ended.level) == (severity, "ok")
    opened = Incident(matter.key, "trigger", "readings")
    assert begun.incident == (opened if calls else None)
    if matter.cause.ends:
        assert ended.incident == replace(opened, action="resolve"), "it may have called before the contract was changed"
    assert as_declared(matter.notice("t"), {"load-failed": "info"}) == matter.notice("t")


@given(
    st.sampled_from(list(CAUSES.values())),
    st.lists(st.builds(Support, st.sampled_from(TOOLS), st.text(max_size=3), st.sampled_from(list(Severity)))),
    st.dictionaries(st.sampled_from(list(CAUSES)), st.sampled_from(list(Severity))),
)
def test_whoever_learns_of_a_trouble_learns_of_its_end_and_what_is_called_is_resolved(
    cause: causes.Cause, support: list[Support], severities: dict[str, str]
) -> None:
    matter = Matter(cause, "readings", "x")
    begun, ended = (as_declared(notice, severities) for notice in (matter.notice("t"), matter.end("t")))
    if cause.ends:
        for tool in TOOLS:
            began, hear = (recipients(notice, tool, support, severities) for notice in (begun, ended))
            assert all(entry in hear for entry in began)
    if cause.ends:
        assert ended.incident == Incident(matter.key, "resolve", "readings")
    assert cause.ends or not begun.incident


@given(
    st.sampled_from([cause for cause in CAUSES.values() if cause.ends]),
    *[st.dictionaries(st.sampled_from(list(CAUSES)), st.sampled_from(list(Severity)))] * 2,
    st.lists(st.builds(Support, st.just("pagerduty"), st.sampled_from(["a", "b"]), st.sampled_from(list(Severity)))),
)
def test_an_incident_is_resolved_though_the_contract_has_changed_in_between(
    cause: causes.Cause, before: dict[str, str], after: dict[str, str], support: list[Support]
) -> None:
    matter = Matter(cause, "readings", "x")
    begun, ended = as_declared(matter.notice("t"), before), as_declared(matter.end("t"), after)
    if begun.incident:
        assert ended.incident == replace(begun.incident, action="resolve")
    hear = recipients(ended, "pagerduty", support, after)
    opened_at = (recipients(begun, "pagerduty", known, before) for known in ([], support))
    assert all(entry in hear for entries in opened_at for entry in entries)


def test_what_was_an_issue_by_the_table_ends_for_those_who_hear_of_issues() -> None:
    issues = Support("teams", "issues", "error")
    lowered = {"promise-broken": "info"}
    assert recipients(as_declared(LATE.end("t"), lowered), "teams", [issues], lowered) == [issues]


def test_whoever_publishes_a_cause_that_calls_decides_whether_it_does_this_time() -> None:
    quiet = replace(LATE.notice("t"), incident=None)
    raised = as_declared(quiet, {"promise-broken": "critical"})
    assert (raised.severity, raised.incident) == ("critical", None)


class Book:
    """Addresses that refuse what they are told to."""

    def __init__(self, **refused: Exception) -> None:
        self.refused, self.sent = refused, list[tuple[str, bool, str]]()

    def send(self, notice: Notice, name: str, *, asked: bool) -> bool:
        if name in self.refused:
            raise self.refused[name]
        self.sent.append((name, asked, notice.level))
        return True


def test_each_channel_gets_its_notice_and_one_that_fails_keeps_no_other_from_it() -> None:
    support = tuple(Support("teams", name) for name in ("one", "two", "three"))
    declared: Any = {"readings": (support, {"promise-broken": "error"})}
    book = Book()
    assert deliver(LATE.notice("t"), "teams", book, declared)
    assert book.sent == [(name, True, "error") for name in ("one", "two", "three")]
    failing = Book(one=TransientError("busy"))
    with pytest.raises(TransientError, match="busy"):
        deliver(LATE.notice("t"), "teams", failing, declared)
    assert [name for name, *_ in failing.sent] == ["two", "three"]
    default = Book()
    assert deliver(replace(LATE.notice("t"), dataset="meter"), "slack", default, declared)
    assert default.sent == [("#m", False, "critical")]
    with pytest.raises(TerminalError):
        deliver(LATE.notice("t"), "teams", Book(three=TerminalError("no")), declared)
