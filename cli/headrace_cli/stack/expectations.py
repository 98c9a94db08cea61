"""What a dataset expects next, and what is missing, as the last look of the sweeper has it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headrace.domain.clock import written
from headrace.domain.contract import Contract
from headrace.domain.expected.verdict import State
from headrace.domain.ingest.reported import WATCHED

if TYPE_CHECKING:
    from headrace.domain.expected.calendar import Expectation
    from headrace.usecases.ports import Watches


def expected_account(contract: Contract, watches: Watches, now: datetime) -> dict[str, Any]:
    """`{"expected": [{"name", "files", "next", "by", "problem", "missing", "was_due"}]}`; empty if nothing is expected.

    `next` is when files are due, `by` the same in the calendar's zone. `missing` files were due at `was_due`.
    """
    if not contract.expected:
        return {}
    what = watches.reported(contract.dataset, WATCHED).what
    states = json.loads(what).get("expected", {}) if what else {}
    return {"expected": [_account(each, states.get(each.name), now) for each in contract.expected]}


def _account(expectation: Expectation, known: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    due, state = expectation.next_due(now), State.from_json(known) if known else None
    return {
        "name": expectation.name,
        "files": expectation.number,
        "next": written(due) if due else None,
        "by": expectation.here(due) if due else None,
        "problem": state.problem if state else "",
        "missing": state.missing if state and state.problem else 0,
        "was_due": expectation.here(state.due) if state and state.problem else None,
    }
