"""`make bench-queries`: analysts' queries on 10,000,000 events, with sort key and view and without.

One table is kept in the order of its sort key, the other has the same rows in random order and no sort key; a view
keeps the hourly sums. The embedded Redshift is DuckDB on this machine: what it shows is that an order lets a scan skip,
and that a sum which is kept need not be computed. It says nothing of Redshift's times. Set ROWS to try it with fewer.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from benchmarks.warehouse import TARGET
from headrace_local.redshift import EmbeddedRedshift
from tests.functional.redshift.client import FakeS3

ROWS = int(os.environ.get("ROWS", "10000000"))
SECONDS_BETWEEN = 30 * 86400 / ROWS
"""The events are of thirty days."""
TIMES = 5
COLUMNS = (
    "task_id VARCHAR(64) NOT NULL, event_type VARCHAR(16) NOT NULL, event_timestamp TIMESTAMP NOT NULL,"
    " worker_id VARCHAR(32), duration_ms BIGINT, payload SUPER"
)
SORTED = f"CREATE TABLE events_sorted ({COLUMNS}) DISTSTYLE KEY DISTKEY (task_id) COMPOUND SORTKEY (event_timestamp)"
PLAIN = f"CREATE TABLE events_plain ({COLUMNS}) DISTSTYLE EVEN"
VIEW = (
    "CREATE MATERIALIZED VIEW events_by_hour SORTKEY (event_hour) AUTO REFRESH NO AS"
    " SELECT event_type, DATE_TRUNC('hour', event_timestamp) AS event_hour, COUNT(*) AS events,"
    " SUM(duration_ms) AS duration_ms FROM events_sorted GROUP BY event_type, DATE_TRUNC('hour', event_timestamp)"
)
EVENTS = """
    SELECT 't' || (range / 7)::BIGINT AS task_id,
      list_extract(['created', 'assigned', 'started', 'paused', 'resumed', 'completed', 'failed'],
        (hash(range) % 7)::INTEGER + 1) AS event_type,
      TIMESTAMP '2026-03-01' + to_microseconds((range * {step})::BIGINT) AS event_timestamp,
      'w-' || (hash(range, 1) % 400) AS worker_id, (hash(range, 2) % 90000)::BIGINT AS duration_ms,
      '{{"tool": {{"name": "press"}}, "steps": ' || (hash(range, 3) % 30) || '}}' AS payload
    FROM range({rows})
"""
DAY = "event_timestamp >= '2026-03-17' AND event_timestamp < '2026-03-18'"
BY_HOUR = "DATE_TRUNC('hour', event_timestamp)"
QUERIES: dict[str, tuple[str, str | None]] = {
    "the last hour, by type": (
        "SELECT event_type, COUNT(*) FROM {table} WHERE event_timestamp >= '2026-03-30 23:00:00' GROUP BY event_type",
        None,
    ),
    "slowest workers of a day": (
        f"""SELECT worker_id, AVG(duration_ms) AS mean_ms, COUNT(*) AS steps FROM {{table}}
            WHERE {DAY} AND event_type = 'completed' GROUP BY worker_id ORDER BY mean_ms DESC LIMIT 10""",
        None,
    ),
    "payloads of a day": (
        f"SELECT COUNT(*) FROM {{table}} WHERE {DAY} AND event_type = 'failed' AND payload.steps > 20",
        None,
    ),
    "events by hour, a month": (
        f"SELECT {BY_HOUR} AS event_hour, COUNT(*) AS events FROM {{table}} GROUP BY {BY_HOUR} ORDER BY 1",
        "SELECT event_hour, SUM(events) AS events FROM events_by_hour GROUP BY event_hour ORDER BY 1",
    ),
    "mean duration by type, a week": (
        """SELECT event_type, SUM(duration_ms) / COUNT(*) AS mean_ms FROM {table}
           WHERE event_timestamp >= '2026-03-20' AND event_timestamp < '2026-03-27' GROUP BY event_type ORDER BY 1""",
        """SELECT event_type, SUM(duration_ms) / SUM(events) AS mean_ms FROM events_by_hour
           WHERE event_hour >= '2026-03-20' AND event_hour < '2026-03-27' GROUP BY event_type ORDER BY 1""",
    ),
}


def fill(file: Path) -> None:
    """The rows, written past the emulator: in order, and in an order of no meaning."""
    events = EVENTS.format(step=SECONDS_BETWEEN * 1e6, rows=ROWS)
    with duckdb.connect(str(file), config={"memory_limit": "2GB", "threads": 2}) as connection:
        connection.execute(f"INSERT INTO public.events_sorted {events}")
        connection.execute(f"INSERT INTO public.events_plain SELECT * FROM ({events}) ORDER BY hash(event_timestamp)")


def run(redshift: EmbeddedRedshift, sql: str) -> tuple[float, list[Any]]:
    """Seconds that the warehouse took for a statement, and its rows."""
    submitted = redshift.call("ExecuteStatement", {**TARGET, "Sql": sql}, principal="bench")
    described: dict[str, Any] = {"Status": "STARTED"}
    while described["Status"] not in {"FINISHED", "FAILED", "ABORTED"}:
        described = redshift.call(
            "DescribeStatement", {"Id": submitted["Id"], "WaitTimeSeconds": 30}, principal="bench"
        )
    if described["Status"] != "FINISHED":
        raise SystemExit(described.get("Error"))
    seconds = described["Duration"] / 1e9
    if not described["HasResultSet"]:
        return seconds, []
    answer = redshift.call("GetStatementResult", {"Id": submitted["Id"]}, principal="bench")
    return seconds, [[str(next(iter(cell.values()))) for cell in record] for record in answer["Records"]]


def measured(redshift: EmbeddedRedshift) -> Iterator[tuple[str, float, float, float | None]]:
    """Per query the median seconds without sort key, with it, and from the view if that answers it."""
    for name, (query, from_view) in QUERIES.items():
        ways = [
            query.format(table="events_plain"),
            query.format(table="events_sorted"),
            *([from_view] if from_view else []),
        ]
        answers = [[run(redshift, way) for _ in range(TIMES)] for way in ways]
        found = [sorted(map(str, way[0][1])) for way in answers]
        if any(rows != found[0] for rows in found):
            raise SystemExit(f"{name}: the ways do not give the same rows")
        plain, ordered, *view = [median(seconds for seconds, _ in way) for way in answers]
        yield name, plain, ordered, view[0] if view else None


def main() -> int:
    """Print the times; 1 if neither sort key nor view helps a query."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.duckdb"
        redshift = EmbeddedRedshift(file, FakeS3())
        run(redshift, SORTED)
        run(redshift, PLAIN)
        redshift.close()
        fill(file)
        redshift = EmbeddedRedshift(file, FakeS3())
        made, _ = run(redshift, VIEW)
        print(f"{ROWS:,} events of 30 days; the embedded Redshift on this machine, median of {TIMES}, in ms")
        print(f"{'':34}{'no sort key':>12}{'sort key':>10}{'view':>8}{'times':>8}")
        helped = True
        for name, plain, ordered, view in measured(redshift):
            best = min(ordered, view) if view is not None else ordered
            helped &= best < plain
            shown = f"{1000 * view:8.1f}" if view is not None else f"{'':8}"
            print(f"  {name:32}{1000 * plain:12.1f}{1000 * ordered:10.1f}{shown}{plain / best:8.1f}")
        print(f"  making the view took {made:.2f} s")
        redshift.close()
    return int(not helped)


if __name__ == "__main__":
    sys.exit(main())
