"""The contracts and migrations of the checkout that a command is typed in, against a deployed stack."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.domain.contracts import Contracts, Exports
from headrace_cli.output.failures import CommandError
from headrace_cli.stack.services import TargetServices
from headrace_compiler import ContractErrors, compile_folder
from headrace_compiler.compile.exports import compile_exports
from headrace_compiler.sql.texts import CompiledSql

if TYPE_CHECKING:
    from headrace_cli.stack.target import Target


class CheckoutServices(TargetServices):
    """The stack's services with the contracts of a folder. Raises CommandError with every mistake that they have."""

    def __init__(self, target: Target, contracts: Path, sql: Path) -> None:
        super().__init__(target)
        self._folder = contracts
        self._migrations = sql / "migrations"

    @property
    def contracts(self) -> Contracts:
        """The contracts of the checkout."""
        return self._compiled[0]

    @property
    def declared_exports(self) -> Exports:
        """The exports that are declared beside them."""
        return self._compiled[1]

    @cached_property
    def _compiled(self) -> tuple[Contracts, Exports]:
        if not self._folder.is_dir():
            raise CommandError(f"there is no folder {self._folder} here: run this where the contracts are")
        try:
            exports = self._folder.parent / "exports"
            return Contracts(compile_folder(self._folder)), Exports(compile_exports(exports))
        except ContractErrors as errors:
            raise CommandError(str(errors)) from errors

    @cached_property
    def sql(self) -> CompiledSql:
        """The SQL of those contracts, and the checkout's migrations."""
        return CompiledSql(self.contracts, self._migrations)
