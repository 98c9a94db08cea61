"""The whole story of one batch: its files, its steps and those of its execution, and its rows."""

from __future__ import annotations

from itertools import chain
from typing import Any

from headrace.domain.ingest.ledger import BatchRecord
from headrace_cli.output.formatting import moment
from headrace_cli.stack.audited import acts_about
from headrace_cli.stack.target import Target
from headrace_cli.stack.totals import file_account, row_counts
from headrace_cli.stories.execution import execution_arn, execution_steps

MOST_FILES = 1000


def batch_story(target: Target, batch: BatchRecord) -> dict[str, Any]:
    """`{"batch", "dataset", "lane", "status", "started_at", "ended_at", "execution", "attempts", "rows", "reason",
    "steps": [{"at", "step", "detail", "source"}], "files": [the first thousand], "more"}`.
    """
    execution = execution_arn(target, batch.execution) if batch.execution else None
    noted = ({"at": event.at, "step": event.step, "detail": event.detail, "source": "batch"}
             for event in target.ledger.events.of_batch(batch.batch))  # fmt: skip
    states = ({**step, "source": "execution"} for step in execution_steps(target, execution)) if execution else ()
    acts = acts_about(target, {batch.batch}, batch.started_at)
    return {
        "batch": batch.batch,
        "dataset": batch.dataset,
        "lane": batch.lane,
        "status": str(batch.status),
        "started_at": batch.started_at,
        "ended_at": batch.ended_at,
        "execution": execution,
        "attempts": batch.attempts,
        "rows": row_counts(batch.rows),
        "reason": batch.reason,
        "steps": sorted(chain(noted, states, acts), key=lambda step: moment(step["at"])),
        "files": [file_account(file) for file in target.ledger.files.get_all(batch.file_ids[:MOST_FILES])],
        "more": max(0, len(batch.file_ids) - MOST_FILES),
    }
