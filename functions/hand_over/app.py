"""Last state: the next generation's turn."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.ingest import services
from headrace.entrypoint import entrypoint
from headrace.usecases.ingest.hand_over import hand_over


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """`{"dataset", "lane", "generation"}` -> `{"more": whether the next execution was started}`."""
    return {"more": hand_over(event["dataset"], event["lane"], event["generation"], services)}
