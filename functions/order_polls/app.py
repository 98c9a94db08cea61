"""Every fifteen minutes: one order per server into the poll queue, spread over the round."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.sources import services
from headrace.config import setting
from headrace.entrypoint import entrypoint
from headrace.sources.poll.order_polls import order_polls


@entrypoint
def lambda_handler(_event: dict[str, Any]) -> dict[str, Any]:
    """A scheduled event -> `{"ordered": [servers]}`."""
    return {"ordered": order_polls(services.contracts, services.poll_orders, int(setting("POLL_SPREAD_SECONDS")))}
