"""The materialized views of a dataset, as its table is now."""

from __future__ import annotations

from headrace.domain.ingest.failure import advised
from headrace.errors import HeadraceError
from headrace.usecases.ports import Services


def refresh_views(dataset: str, services: Services) -> list[str]:
    """Refresh each, one after the other. Returns their names. Raises what the warehouse raises, with cause and remedy.

    One statement each, outside of transactions: a refresh sees only what others have committed.
    """
    views = [view.name for view in services.catalog.contract(dataset).views]
    for view in views:
        try:
            services.warehouse.run_alone(f"REFRESH MATERIALIZED VIEW {view}")
        except HeadraceError as error:
            raise type(error)(advised(str(error))) from error
    return views
