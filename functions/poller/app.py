"""Poll queue -> one server asked for its files -> landing bucket. An invocation has one server, and no other waits."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from headrace.bootstrap.sources import services
from headrace.entrypoint import SecondsLeft, timed_entrypoint
from headrace.observability import emit, logger
from headrace.sources.adapters.clock import WallClock
from headrace.sources.poll.poller import poll


@timed_entrypoint
def lambda_handler(event: dict[str, Any], left: SecondsLeft) -> dict[str, Any]:
    """One order of the queue -> what came of the poll. A server's trouble is an outcome, not an error."""
    (message,) = event["Records"]
    server = json.loads(message["body"])["server"]
    logger.append_keys(server=server)
    report = poll(server, message["messageId"], services, WallClock(left))
    outcome = asdict(report)
    outcome["tally"] = {
        name: sorted(value) if isinstance(value, set) else value for name, value in outcome["tally"].items()
    }
    logger.info("polled", extra={"outcome": outcome})
    if report.trouble or not report.skipped:
        failed = len(report.tally.problems) + report.tally.more_problems
        measured = {"SourceFilesTaken": report.tally.files, "SourceFilesFailed": failed}
        emit(measured | {"SourceInTrouble": int(bool(report.trouble))}, source=server)
    return outcome
