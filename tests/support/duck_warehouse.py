"""A warehouse that runs a load's own SQL, in DuckDB and in memory: quick enough for searches over thousands of loads.

Of what Redshift refuses it refuses only an UPDATE that finds a row twice, and it takes no locks:
`tests/functional/redshift` has those.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow.parquet as pq

from headrace.domain.ingest.load import split_statements

_LAYOUT = re.compile(
    r"\b(?:ENCODE \w+|DISTSTYLE \w+|(?:COMPOUND )?SORTKEY ?\([^)]*\)|DISTKEY ?\([^)]*\))", re.IGNORECASE
)
_PRIMARY_KEY = re.compile(r",\s*PRIMARY KEY \([^)]*\)")
_UPDATE_FROM = re.compile(r"UPDATE ([\w.]+)\s+SET .*?\nFROM (.*)", re.DOTALL)
_MANIFEST = re.compile(r"COPY (\w+) FROM 's3://lake/([^']+)'")
_DROPS = re.compile(r"DROP TABLE ([\w, ]+)")
_SUPER, _NOW = re.compile(r"\bSUPER\b"), re.compile(r"GETDATE\(\)")


class DuckWarehouse:
    """`usecases.ports.Warehouse`. `read` gives the bytes of an object in the lake by its key."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self._duckdb = duckdb.connect()
        self._duckdb.execute("CREATE SCHEMA public; CREATE SCHEMA etl")
        self._duckdb.execute("CREATE MACRO json_parse(text) AS CAST(text AS JSON)")
        self._duckdb.execute("CREATE MACRO json_serialize(value) AS CAST(value AS VARCHAR)")

    def run(self, statements: list[str]) -> None:
        """One transaction."""
        self._duckdb.execute("BEGIN")
        try:
            for statement in statements:
                self.run_alone(statement)
        except BaseException:
            self._duckdb.execute("ROLLBACK")
            raise
        self._duckdb.execute("COMMIT")

    def run_alone(self, statement: str) -> None:
        """One statement."""
        if statement.startswith("LOCK "):
            return
        if copy := _MANIFEST.match(statement):
            self._copy(copy[1], json.loads(self._read(copy[2])))
            return
        if several := _DROPS.fullmatch(statement):
            for name in several[1].split(", "):
                self._duckdb.execute(f"DROP TABLE {name}")
            return
        statement = _in_duckdb(statement)
        if update := _UPDATE_FROM.fullmatch(statement):
            self._check_matches(*update.groups())
        self._duckdb.execute(statement)

    def _check_matches(self, table: str, source: str) -> None:
        pairs = f"SELECT COUNT(*) FROM {table}, {source}\nGROUP BY {table}.rowid HAVING COUNT(*) > 1"
        assert not self._duckdb.execute(pairs).fetchall(), "Found multiple matches to update the same tuple."

    def run_file(self, text: str) -> None:
        """The statements of a file of SQL."""
        self.run(split_statements(text))

    def query(self, sql: str) -> list[list[Any]]:
        """The rows of a query."""
        return [list(row) for row in self._duckdb.execute(_in_duckdb(sql)).fetchall()]

    def _copy(self, table: str, manifest: dict[str, Any]) -> None:
        for entry in manifest["entries"]:
            part = pq.read_table(io.BytesIO(self._read(entry["url"].removeprefix("s3://lake/"))))
            self._duckdb.register("part", part)
            self._duckdb.execute(f"INSERT INTO {table} SELECT * FROM part")
            self._duckdb.unregister("part")


def _in_duckdb(statement: str) -> str:
    return _NOW.sub("now()", _SUPER.sub("JSON", _PRIMARY_KEY.sub("", _LAYOUT.sub("", statement))))
