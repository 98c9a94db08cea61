"""The contracts and exports of one deployment, or of one checkout, by name."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.domain.contract import Contract
from headrace.domain.export import Export
from headrace.errors import TerminalError


class UnknownDatasetError(TerminalError):
    """No contract of this name is deployed."""

    def __init__(self, dataset: str) -> None:
        super().__init__(f"no contract for the dataset {dataset!r} is deployed")


class UnknownExportError(TerminalError):
    """No export of this name is deployed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no export {name!r} is deployed")


class Contracts:
    """Contracts by dataset."""

    def __init__(self, contracts: Iterable[Contract]) -> None:
        self._by_dataset = {contract.dataset: contract for contract in contracts}

    def all(self) -> list[Contract]:
        """Every contract."""
        return list(self._by_dataset.values())

    def get(self, dataset: str) -> Contract:
        """One dataset's contract. Raises UnknownDatasetError."""
        try:
            return self._by_dataset[dataset]
        except KeyError:
            raise UnknownDatasetError(dataset) from None


class Exports:
    """Declared exports by name."""

    def __init__(self, exports: Iterable[Export]) -> None:
        self._by_name = {export.name: export for export in exports}

    def all(self) -> list[Export]:
        """Every declared export."""
        return list(self._by_name.values())

    def get(self, name: str) -> Export:
        """One export. Raises UnknownExportError."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownExportError(name) from None
