"""Every few minutes: lanes that stand still are started again."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap import services
from headrace.entrypoint import entrypoint
from headrace.usecases.recover import sweep


@entrypoint
def lambda_handler(_event: dict[str, Any]) -> dict[str, Any]:
    """A scheduled event -> `{"helped": [lanes]}`."""
    return {"helped": sweep(services)}
