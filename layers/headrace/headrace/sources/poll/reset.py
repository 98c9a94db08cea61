"""A person says that a server is in order again."""

from __future__ import annotations

from headrace.domain.source import Server
from headrace.sources.model.source_file import SourceFile, SourceStatus
from headrace.sources.ports import SourceLedger


def reset_source(server: Server, ledger: SourceLedger) -> int:
    """Close its breaker and let held files be tried again. Returns how many were held.

    Open incidents stay open: the next good poll, or the file once it is taken, resolves them.
    """
    ledger.reset(server.name)
    datasets = dict.fromkeys(source.dataset for source in server.sources)
    return sum(ledger.let_go(record) for dataset in datasets for record in _held(server.name, dataset, ledger))


def _held(server: str, dataset: str, ledger: SourceLedger) -> list[SourceFile]:
    records = ledger.files(server, dataset, ledger.open_paths(server, dataset)).values()
    return [record for record in records if record.status is SourceStatus.HELD]
