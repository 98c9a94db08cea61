"""All SQL of a contract, by the name of its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from headrace.domain.contract import Contract
from headrace.domain.contracts import Contracts
from headrace.domain.sql_text import SqlText
from headrace.domain.statistics.judgement import Scope
from headrace_compiler.sql.load import history_sql, load_sql, table_sql, views_sql
from headrace_compiler.sql.metrics import measure_sql
from headrace_compiler.sql.staged import append_sql, merge_sql, stage_sql

MAKERS: dict[SqlText, Callable[[Contract], str]] = {
    SqlText.TABLE: table_sql,
    SqlText.LOAD: lambda contract: append_sql(contract) if contract.staged else load_sql(contract),
    SqlText.STAGE: stage_sql,
    SqlText.MERGE: merge_sql,
    SqlText.VIEWS: views_sql,
    SqlText.HISTORY: history_sql,
    SqlText.MEASURE_BATCH: lambda contract: measure_sql(contract, Scope.BATCH),
    SqlText.MEASURE_DAY: lambda contract: measure_sql(contract, Scope.DAY),
}


def texts_of(contract: Contract) -> dict[SqlText, str]:
    """The texts that the contract has."""
    absent = set() if contract.staged else {SqlText.STAGE, SqlText.MERGE}
    absent |= set() if contract.views else {SqlText.VIEWS}
    absent |= set() if contract.history else {SqlText.HISTORY}
    absent |= set() if contract.checks else {SqlText.MEASURE_BATCH, SqlText.MEASURE_DAY}
    return {text: make(contract) for text, make in MAKERS.items() if text not in absent}


class CompiledSql:
    """The texts of contracts, made when they are asked for, and the migrations of a folder."""

    def __init__(self, contracts: Contracts, migrations: Path) -> None:
        self._contracts = contracts
        self._migrations = migrations

    def text(self, dataset: str, text: SqlText) -> str:
        """One of a dataset's texts."""
        return MAKERS[text](self._contracts.get(dataset))

    def migrations(self) -> list[tuple[str, str]]:
        """The migrations, name and text, in the order to apply them."""
        return [(path.name, path.read_text()) for path in sorted(self._migrations.glob("*.sql"))]
