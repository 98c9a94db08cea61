"""The `support` of a contract: which channels it means, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from open_data_contract_standard.model import Support as Declared

from headrace.domain.support import Support
from headrace_compiler.compile.support import severities_of, support_of
from headrace_compiler.document.document import Problems


class Noted:
    """Collects problems in words."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def add(self, _where: Any, problem: str) -> None:
        self.errors.append(problem)


def read(*entries: dict[str, Any]) -> tuple[tuple[Support, ...], list[str]]:
    problems = Noted()
    found = support_of([Declared(**entry) for entry in entries], problems)  # type: ignore[arg-type]  # only add is used
    return found, problems.errors


def test_each_tool_and_scope_has_its_meaning() -> None:
    found, problems = read(
        {"tool": "slack", "channel": "#all"},
        {"tool": "Teams", "channel": "issues", "scope": "issues"},
        {"tool": "email", "channel": "team", "scope": "notifications"},
        {"tool": "pagerduty", "channel": "on-call",
         "customProperties": [{"property": "severity", "value": "critical"}]},
        {"tool": "slack", "channel": "#ask-us", "scope": "interactive"},
        {"tool": "ticketing", "channel": "x", "url": "https://example.org"},
    )  # fmt: skip
    assert problems == []
    assert found == (
        Support("slack", "#all"), Support("teams", "issues", "error"), Support("email", "team"),
        Support("pagerduty", "on-call", "critical"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([{"tool": "slack"}], "a slack channel needs its name: channel: '#data-events'"),
        ([{"tool": "slak", "channel": "#a"}], "Headrace notifies through no tool 'slak'"),
        ([{"tool": "teams", "channel": "a", "url": "https://prod.example.org/hook"}], "is a secret"),
        ([{"tool": "slack", "channel": "#a", "scope": "issue"}], "scope 'issue' is none of"),
        ([{"tool": "slack", "channel": "#a"}] * 2, "the slack channel '#a' is written twice"),
        ([{"tool": "slack", "channel": "#a", "customProperties": [{"property": "severity", "value": "bad"}]}],
         "severity 'bad' is none of info, warning, error, critical"),
        ([{"tool": "slack", "channel": "#a", "customProperties": [{"property": "sverity", "value": "error"}]}],
         "Headrace knows no customProperty 'sverity' here"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused(entries: list[dict[str, Any]], problem: str) -> None:
    _, problems = read(*entries)
    assert len(problems) == 1
    assert problem in problems[0]


def test_severities_name_causes_and_severities_that_there_are() -> None:
    problems = Noted()
    given = {"severities": {"rows-quarantined": "error", "rows-quarantine": "error", "loaded": "loud"}}
    severities_of(given, ("x",), problems)  # type: ignore[arg-type]  # only add is used
    assert len(problems.errors) == 2
    assert "there is no cause 'rows-quarantine'" in problems.errors[0]
    assert "rows-quarantined" in problems.errors[0]
    assert "loaded must be one of info, warning, error, critical, not 'loud'" in problems.errors[1]
    assert severities_of({}, (), Problems.__new__(Problems)) == {}
