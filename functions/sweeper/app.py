"""Every few minutes: stuck lanes are started again, broken promises and refused objects reported, lanes measured."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.ingest import services
from headrace.entrypoint import entrypoint
from headrace.usecases.recovery.measure_lanes import measure_lanes
from headrace.usecases.recovery.one_by_one import OneByOne
from headrace.usecases.recovery.recover import sweep
from headrace.usecases.recovery.report_storms import report_storms
from headrace.usecases.recovery.watch_arrivals import watch_arrivals
from headrace.usecases.recovery.watch_freshness import watch_promises
from headrace.usecases.recovery.watch_waiting import watch_waiting


@entrypoint
def lambda_handler(_event: dict[str, Any]) -> dict[str, Any]:
    """A scheduled event -> `{"helped": [lanes], "notified": [datasets], "storms": messages, "waiting": [datasets],
    "measured": datasets, "arrivals": [datasets]}`.

    What is broken for one dataset keeps nothing else from being done; it is an error of the function in the end.
    """
    done: dict[str, Any] = {}
    each = OneByOne()
    with each.of("lanes"):
        done["helped"] = sweep(services)
    with each.of("promises"):
        done["notified"] = watch_promises(services)
    with each.of("refused objects"):
        done["storms"] = report_storms(services)
    with each.of("waiting files"):
        done["waiting"] = watch_waiting(services)
    with each.of("metrics"):
        done["measured"] = measure_lanes(services)
    with each.of("arrivals"):  # the last one: it may read many files
        done["arrivals"] = watch_arrivals(services)
    each.end()
    return done
