"""The warehouse's accounts: verbs over the tables of the schema `etl`, and all SQL that reads or writes them.

Every name and id in it is the contract's, checked when it was compiled, or Headrace's own; free text is quoted.
"""

from __future__ import annotations

from typing import Protocol

from headrace.adapters.accounts.figures import WarehouseFigures
from headrace.adapters.accounts.loads import WarehouseLoads
from headrace.adapters.accounts.rows import WarehouseRows
from headrace.adapters.accounts.sql import Statements

__all__ = ["AccountServices", "WarehouseFigures", "WarehouseLoads", "WarehouseRows"]


class HasWarehouse(Protocol):
    """Services with a warehouse."""

    @property
    def warehouse(self) -> Statements: ...


class AccountServices:
    """The accounts as services of their own, of what has a `warehouse`."""

    @property
    def loads(self: HasWarehouse) -> WarehouseLoads:
        """The account of loads."""
        return WarehouseLoads(self.warehouse)

    @property
    def rows(self: HasWarehouse) -> WarehouseRows:
        """The account of rows."""
        return WarehouseRows(self.warehouse)

    @property
    def figures(self: HasWarehouse) -> WarehouseFigures:
        """The figures that were measured."""
        return WarehouseFigures(self.warehouse)
