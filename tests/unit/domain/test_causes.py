"""The table of causes: what it promises of itself, and that the page shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.causes import CAUSES, Cause, Severity
from headrace.domain.notice import LONGEST_KEY, Incident, Matter, shortened

PAGE = Path(__file__).parents[3] / "docs/notifications.md"


def rows(page: Path) -> dict[str, list[str]]:
    lines = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row for row in cells if len(row) == 6}


def test_the_page_has_the_table_of_the_code() -> None:
    assert rows(PAGE) == {
        cause.name: [
            f"`{cause.name}`",
            cause.severity,
            "yes" if cause.calls else "",
            f"dataset, {cause.of}" if cause.of else "dataset",
            cause.means,
            cause.ends,
        ]
        for cause in CAUSES.values()
    }


def test_what_calls_has_an_end_and_needs_a_person() -> None:
    for cause in CAUSES.values():
        assert not cause.calls or (cause.ends and cause.severity.rank >= Severity.ERROR.rank)
    with pytest.raises(ValueError, match="nothing resolves"):
        Cause("another", Severity.ERROR, "", calls=True)


@pytest.mark.parametrize("name", CAUSES)
def test_the_end_of_a_trouble_has_the_key_of_its_beginning(name: str) -> None:
    cause = CAUSES[name]
    matter = Matter(cause, "readings", "live", "#m")
    begun, ended = matter.notice("t", ["why"]), matter.end("t")
    assert begun.key == ended.key == f"headrace/{name}/readings/live"
    assert (begun.severity, begun.over, ended.over) == (cause.severity, False, bool(cause.ends))
    called = (Incident(begun.key, "trigger", "readings"), Incident(begun.key, "resolve", "readings"))
    assert (begun.incident, ended.incident) == (called if cause.calls else (None, None))


@given(st.text(max_size=400), st.text(max_size=400))
def test_keys_are_short_and_stay_apart(one: str, other: str) -> None:
    keys = {shortened("headrace/" + text) for text in (one, other)}
    assert all(len(key) <= LONGEST_KEY for key in keys)
    assert (len(keys) == 1) is (one == other)
