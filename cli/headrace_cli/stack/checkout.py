"""The contracts and migrations of the checkout that a command is typed in, against a deployed stack."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.domain.contract import Contract
from headrace.domain.export import Export
from headrace.domain.judgement import Scope
from headrace_cli.output.failures import CommandError
from headrace_cli.stack.services import TargetServices
from headrace_compiler import ContractErrors, compile_folder
from headrace_compiler.compile.exports import compile_exports
from headrace_compiler.sql.load import load_sql, table_sql, views_sql
from headrace_compiler.sql.metrics import measure_sql
from headrace_compiler.sql.staged import append_sql, merge_sql, stage_sql

if TYPE_CHECKING:
    from headrace_cli.stack.target import Target


class CheckoutCatalog:
    """Contracts compiled from a folder. Raises CommandError with every mistake that they have."""

    def __init__(self, contracts: Path, sql: Path) -> None:
        if not contracts.is_dir():
            raise CommandError(f"there is no folder {contracts} here: run this where the contracts are")
        try:
            self._contracts = {contract.dataset: contract for contract in compile_folder(contracts)}
            self._exports = compile_exports(contracts.parent / "exports")
        except ContractErrors as errors:
            raise CommandError(str(errors)) from errors
        self._migrations = sql / "migrations"

    def all(self) -> list[Contract]:
        """Every contract."""
        return list(self._contracts.values())

    def contract(self, dataset: str) -> Contract:
        """One dataset's."""
        return self._contracts[dataset]

    def exports(self) -> list[Export]:
        """Every export that is declared beside them."""
        return self._exports

    def load_sql(self, dataset: str) -> str:
        """The template of its load transaction."""
        contract = self._contracts[dataset]
        return append_sql(contract) if contract.staged else load_sql(contract)

    def merge_sql(self, dataset: str) -> str:
        """The template of a staged dataset's merge."""
        return merge_sql(self._contracts[dataset])

    def stage_sql(self, dataset: str) -> str:
        """The DDL of a staged dataset's stage table, and the query that tries its transformation."""
        return stage_sql(self._contracts[dataset])

    def table_sql(self, dataset: str) -> str:
        """The DDL of its tables."""
        return table_sql(self._contracts[dataset])

    def views_sql(self, dataset: str) -> str:
        """The DDL of its materialized views."""
        return views_sql(self._contracts[dataset])

    def measure_sql(self, dataset: str, scope: Scope) -> str:
        """The template that measures a batch or a day of it."""
        return measure_sql(self._contracts[dataset], scope)

    def migrations(self) -> list[tuple[str, str]]:
        """The project's own migrations, in their order."""
        return [(path.name, path.read_text()) for path in sorted(self._migrations.glob("*.sql"))]


class CheckoutServices(TargetServices):
    """The stack's services with the checkout's contracts."""

    def __init__(self, target: Target, contracts: Path, sql: Path) -> None:
        super().__init__(target)
        self._folders = contracts, sql

    @cached_property
    def catalog(self) -> CheckoutCatalog:  # type: ignore[override]
        """The contracts of the checkout."""
        return CheckoutCatalog(*self._folders)
