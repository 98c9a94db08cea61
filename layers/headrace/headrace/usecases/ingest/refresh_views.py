"""The materialized views of a dataset, as its table is now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from headrace.domain.clock import now
from headrace.domain.ingest.failure import advised, classify, explain
from headrace.domain.ingest.reported import Reported, stale
from headrace.domain.notice import fresh_notice, stale_notice
from headrace.errors import HeadraceError, TransientError
from headrace.usecases.ports import HasContracts, HasTopic, HasWarehouse, HasWatches


class Services(HasContracts, HasTopic, HasWarehouse, HasWatches, Protocol):
    """The ports used here."""


def refresh_view(view: str, services: HasWarehouse) -> None:
    """Refresh one view, outside of transactions: it sees only what others have committed.

    Raises what the warehouse raises, with cause and remedy.
    """
    try:
        services.warehouse.run_alone(f"REFRESH MATERIALIZED VIEW {view}")
    except HeadraceError as error:
        raise type(error)(advised(str(error))) from error


def refresh_views(dataset: str, services: Services) -> dict[str, list[str]]:
    """Refresh each, one after the other. Returns `{"refreshed", "stale"}`: names of views.

    People are notified once per view and cause while it is stale, and once when it is refreshed again. Raises
    TransientError where the warehouse may refresh the view in a moment.
    """
    done: dict[str, list[str]] = {"refreshed": [], "stale": []}
    for view in _views(dataset, services):
        try:
            refresh_view(view, services)
        except TransientError:
            raise
        except HeadraceError as error:
            _report(dataset, view, str(error), services)
            done["stale"].append(view)
        else:
            _report_end(dataset, view, services)
            done["refreshed"].append(view)
    return done


def report_stale(dataset: str, error: str, cause: str, services: Services) -> dict[str, list[str]]:
    """The refresh itself has failed, by Step Functions' error and cause: each view may be stale. Returns as above."""
    views = list(_views(dataset, services))
    for view in views:
        _report(dataset, view, advised(explain(error, cause)), services)
    return {"refreshed": [], "stale": views}


def _views(dataset: str, services: Services) -> Iterable[str]:
    return (view.name for view in services.contracts.get(dataset).views)


def _report(dataset: str, view: str, reason: str, services: Services) -> None:
    known, what = services.watches.reported(dataset, stale(view)), classify(reason).name
    if known.since and known.what == what:
        return
    services.topic.publish(stale_notice(services.contracts.get(dataset), view, reason))
    services.watches.note_reported(dataset, stale(view), known, Reported(known.since or now(), what))


def _report_end(dataset: str, view: str, services: Services) -> None:
    known = services.watches.reported(dataset, stale(view))
    if known.since:
        services.topic.publish(fresh_notice(services.contracts.get(dataset), view, known.since))
        services.watches.note_reported(dataset, stale(view), known, Reported())
