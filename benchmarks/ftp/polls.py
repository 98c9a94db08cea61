"""Asking servers from outside, as `headrace sources --poll` does, and waiting for the answer."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from headrace_cli.stack.target import Target

PATIENCE = 300.0


def poll(target: Target, names: Iterable[str]) -> float:
    """Ask servers at the same time, and wait until each poll has ended. Returns the seconds that it took."""
    before = {name: target.source_ledger.state(name).last_poll for name in names}
    begun = time.monotonic()
    for name in before:
        target.poll_orders.send(name)
    wait_for_polls(target, before)
    return time.monotonic() - begun


def wait_for_polls(target: Target, before: dict[str, Any]) -> None:
    """Wait until of each server a poll has ended that is not the one it had `before`."""
    begun, waiting = time.monotonic(), set(before)
    while waiting and time.monotonic() - begun < PATIENCE:
        time.sleep(0.1)
        waiting = {name for name in waiting if not _ended(target, name, before[name])}
    if waiting:
        raise SystemExit(f"these polls never ended: {', '.join(sorted(waiting))}")


def _ended(target: Target, name: str, before: Any) -> bool:
    state = target.source_ledger.state(name)
    return state.last_poll != before and not state.polling
