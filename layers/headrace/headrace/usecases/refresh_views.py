"""The materialized views of a dataset, as its table is now."""

from __future__ import annotations

from headrace.usecases.ports import Services


def refresh_views(dataset: str, services: Services) -> list[str]:
    """Refresh each, one after the other. Returns their names. Raises WarehouseError or TransientError.

    A statement of its own each, outside of transactions: a refresh sees only what others have committed.
    """
    views = [view.name for view in services.catalog.contract(dataset).views]
    for view in views:
        services.warehouse.run_alone(f"REFRESH MATERIALIZED VIEW {view}")
    return views
