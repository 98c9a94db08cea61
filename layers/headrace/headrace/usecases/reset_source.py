"""A person says that a server is in order again."""

from __future__ import annotations

from dataclasses import replace

from headrace.domain.source import Server
from headrace.domain.sourcefile import SourceStatus
from headrace.usecases.source_ports import SourceLedger


def reset_source(server: Server, ledger: SourceLedger) -> int:
    """Close its breaker and let held files be tried again. Returns how many were held.

    Open incidents stay open: the next good poll, or the file once it is taken, resolves them.
    """
    ledger.reset(server.name)
    held = [
        replace(record, status=SourceStatus.SEEN, attempts=0)
        for source in server.sources
        for record in ledger.known(server.name, source.dataset).values()
        if record.status is SourceStatus.HELD
    ]
    ledger.save_all(held)
    return len(held)
