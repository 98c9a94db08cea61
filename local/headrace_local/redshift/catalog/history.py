"""What SYS_QUERY_HISTORY and the SYS_LOAD_ views tell: written beside the statement's own transaction."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING

from headrace_local.redshift.catalog.system_views import insert_rows

if TYPE_CHECKING:
    import duckdb

USER_ID = 100


def utc_now() -> dt.datetime:
    """The current moment in UTC, without a zone, as the system views keep it."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def as_utc(seconds: float) -> dt.datetime:
    """A moment in seconds since the epoch, as the system views keep it."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(tzinfo=None)


class History:
    """Writes the emulator's records on a separate connection, so that a rollback does not take them away."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def record(self, table: str, *rows: dict[str, object]) -> None:
        """Append `rows`, all with the same columns, to the hidden table `table`."""
        with self._lock:
            insert_rows(self._connection, table, [{"user_id": USER_ID} | row for row in rows])

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()
