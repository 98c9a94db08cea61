"""The compiled contracts and their SQL, as the contracts layer carries them: the package `headrace_contracts`."""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.resources.abc import Traversable

from headrace.domain.contract import Contract
from headrace.domain.contracts import Contracts, Exports
from headrace.domain.export import Export
from headrace.domain.sql_text import SqlText


class ContractsLayer:
    """The layer's files. `root` is the folder that `headrace_compiler build` wrote."""

    def __init__(self, root: Traversable | None = None) -> None:
        self._root = root or files("headrace_contracts")

    def contracts(self) -> Contracts:
        """The deployed contracts."""
        listed = json.loads((self._root / "contracts.json").read_text())
        return Contracts(map(Contract.from_json, listed))

    def exports(self) -> Exports:
        """The deployed exports."""
        listed = json.loads((self._root / "exports.json").read_text())
        return Exports(map(Export.from_json, listed))

    def text(self, dataset: str, text: SqlText) -> str:
        """One of the dataset's texts."""
        return (self._root / "sql" / "datasets" / dataset / f"{text}.sql").read_text()

    def migrations(self) -> list[tuple[str, str]]:
        """The project's own migrations, name and text, in the order to apply them."""
        folder = self._root / "sql" / "migrations"
        named = [(item.name, item) for item in folder.iterdir() if item.name.endswith(".sql")]
        return [(name, item.read_text()) for name, item in sorted(named, key=lambda pair: pair[0])]
