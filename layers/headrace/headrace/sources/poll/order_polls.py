"""Every round: an order for each server, each at its own moment, so that they are not all asked at once."""

from __future__ import annotations

from headrace.domain.contracts import Contracts
from headrace.domain.source import offset_seconds, servers_of
from headrace.sources.ports import Orders


def order_polls(contracts: Contracts, queue: Orders, spread_seconds: int) -> list[str]:
    """Order a poll of every server that a deployed contract names. Returns the servers."""
    servers = servers_of(source for contract in contracts.all() for source in contract.sources)
    for server in servers:
        queue.send(server.name, offset_seconds(server.name, spread_seconds))
    return [server.name for server in servers]
