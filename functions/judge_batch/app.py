"""After the measurement: does the batch go on, or does it wait for a person?"""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.ingest import services
from headrace.entrypoint import entrypoint
from headrace.usecases.quality.judge_batch import judge_batch


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """`{"batch"}` -> `{"load": whether it goes on, "findings": [sentences]}`."""
    return judge_batch(services.batches.get(event["batch"]), services)
