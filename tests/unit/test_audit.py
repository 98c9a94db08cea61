"""How `make audit` judges: nothing is accepted without a reason, and no acceptance outlives what it was for."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.audit import Acceptance, AuditError, Finding, accepted, judged

ROOT = Path(__file__).parents[2]
REASON = "It is meant to be so, for a reason."


def acceptance(*where: str, rule: str = "R1") -> Acceptance:
    return Acceptance("tool", rule, where, REASON)


def test_every_acceptance_of_the_project_has_a_reason() -> None:
    assert len(accepted((ROOT / "audit.toml").read_text())) > 10


@pytest.mark.parametrize(
    "text",
    [
        '[[accepted]]\ntool = "t"\nrule = "r"\nwhere = ["*"]\nreason = " short "',
        '[[accepted]]\ntool = "t"\nrule = "r"\nwhere = ["*"]',
        f'[[accepted]]\ntool = "t"\nrule = "r"\nwhere = []\nreason = "{REASON}"',
    ],
)
def test_an_acceptance_without_reason_or_place_is_refused(text: str) -> None:
    with pytest.raises(AuditError, match="t r needs"):
        accepted(text)


@pytest.mark.parametrize(
    ("where", "finding", "is_accepted"),
    [
        ("*", Finding("tool", "R1", "anything"), True),
        ("Bucket", Finding("tool", "R1", "Bucket"), True),
        ("Bucket", Finding("tool", "R1", "BucketPolicy"), False),
        ("cli/", Finding("tool", "R1", "cli/a.py"), True),
        ("cli/", Finding("tool", "R1", "client/a.py"), False),
        ("*", Finding("tool", "R2", "anything"), False),
        ("*", Finding("other", "R1", "anything"), False),
    ],
)
def test_a_finding_is_accepted_by_tool_rule_and_place(where: str, finding: Finding, is_accepted: bool) -> None:
    refused, stale = judged([finding], [acceptance(where)])
    assert (refused == []) is is_accepted
    assert (stale == []) is is_accepted


def test_a_place_where_nothing_is_found_any_more_is_stale() -> None:
    refused, stale = judged([Finding("tool", "R1", "there")], [acceptance("there", "gone")])
    assert (refused, stale) == ([], ["tool R1 gone"])
