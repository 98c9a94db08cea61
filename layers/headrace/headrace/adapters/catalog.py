"""The compiled contracts and their SQL, as the contracts layer carries them: the package `headrace_contracts`."""

from __future__ import annotations

import json
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

from headrace.domain.contract import Contract
from headrace.domain.export import Export
from headrace.errors import TerminalError

if TYPE_CHECKING:
    from headrace.domain.judgement import Scope  # brings `statistics`, which only judging needs


class UnknownDatasetError(TerminalError):
    """No contract of this name is deployed."""

    def __init__(self, dataset: str) -> None:
        super().__init__(f"no contract for the dataset {dataset!r} is deployed")


class UnknownExportError(TerminalError):
    """No export of this name is deployed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no export {name!r} is deployed")


class Catalog:
    """Contracts by dataset. `root` is the folder that `headrace_compiler build` wrote."""

    def __init__(self, root: Traversable | None = None) -> None:
        self._root = root or files("headrace_contracts")

    @cached_property
    def _contracts(self) -> dict[str, Contract]:
        listed = json.loads((self._root / "contracts.json").read_text())
        return {item["dataset"]: Contract.from_json(item) for item in listed}

    def all(self) -> list[Contract]:
        """Every deployed contract."""
        return list(self._contracts.values())

    def contract(self, dataset: str) -> Contract:
        """One dataset's contract. Raises UnknownDatasetError."""
        try:
            return self._contracts[dataset]
        except KeyError:
            raise UnknownDatasetError(dataset) from None

    @cached_property
    def _exports(self) -> dict[str, Export]:
        listed = json.loads((self._root / "exports.json").read_text())
        return {item["name"]: Export.from_json(item) for item in listed}

    def exports(self) -> list[Export]:
        """Every declared export."""
        return list(self._exports.values())

    def export(self, name: str) -> Export:
        """One export. Raises UnknownExportError."""
        try:
            return self._exports[name]
        except KeyError:
            raise UnknownExportError(name) from None

    def load_sql(self, dataset: str) -> str:
        """The template of the dataset's load transaction."""
        return self._sql(dataset, "load")

    def merge_sql(self, dataset: str) -> str:
        """The template of the transaction that merges a staged dataset's stage table into its target."""
        return self._sql(dataset, "merge")

    def table_sql(self, dataset: str) -> str:
        """The DDL of the dataset's tables."""
        return self._sql(dataset, "table")

    def stage_sql(self, dataset: str) -> str:
        """The DDL of a staged dataset's stage table, then a query that tries its transformation."""
        return self._sql(dataset, "stage")

    def _sql(self, dataset: str, name: str) -> str:
        return (self._root / "sql" / "datasets" / dataset / f"{name}.sql").read_text()

    def views_sql(self, dataset: str) -> str:
        """The DDL of the dataset's materialized views."""
        return self._sql(dataset, "views")

    def measure_sql(self, dataset: str, scope: Scope) -> str:
        """The template that measures a batch or a day of the dataset, for the checks of its contract."""
        return (self._root / "sql" / "datasets" / dataset / f"measure_{scope}.sql").read_text()

    def migrations(self) -> list[tuple[str, str]]:
        """The project's own migrations, name and text, in the order to apply them."""
        folder = self._root / "sql" / "migrations"
        named = [(item.name, item) for item in folder.iterdir() if item.name.endswith(".sql")]
        return [(name, item.read_text()) for name, item in sorted(named, key=lambda pair: pair[0])]
