"""Every few minutes: lanes that are stuck are started again, broken promises and refused objects are reported."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.ingest import services
from headrace.entrypoint import entrypoint
from headrace.usecases.recovery.recover import sweep
from headrace.usecases.recovery.report_storms import report_storms
from headrace.usecases.recovery.watch_freshness import watch_promises
from headrace.usecases.recovery.watch_waiting import watch_waiting


@entrypoint
def lambda_handler(_event: dict[str, Any]) -> dict[str, Any]:
    """A scheduled event -> `{"helped": [lanes], "notified": [datasets], "storms": messages, "waiting": [datasets]}`."""
    return {
        "helped": sweep(services),
        "notified": watch_promises(services),
        "storms": report_storms(services),
        "waiting": watch_waiting(services),
    }
