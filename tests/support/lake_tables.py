"""Glue's catalogue in memory, whose tables Athena's queries read as on the laptop."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.domain.lake_catalog import FILE_COLUMNS, PARTITIONS, LakeTable
from headrace_local.athena import run
from tests.support.fakes import MemoryLake

DATABASE = "headrace"
ARROW = {"string": pa.string(), "bigint": pa.int64(), "boolean": pa.bool_()}


class MemoryLakeCatalog:
    """The port `LakeCatalog` of the use cases, and the catalogue of `headrace_local.athena`."""

    def __init__(self, lake: MemoryLake) -> None:
        self._lake = lake
        self.tables: dict[str, dict[str, Any]] = {}
        self.parts: dict[str, dict[tuple[str, str], str]] = {}
        self.digests: dict[str, str] = {}
        self.defined: list[str] = []

    # -- the port -----------------------------------------------------------------------------------------------------

    def digest(self, table: LakeTable) -> str | None:
        return self.digests.get(table.name)

    def note_digest(self, table: LakeTable, digest: str) -> None:
        self.digests[table.name] = digest

    def define(self, table: LakeTable) -> None:
        before = self.tables.get(table.name, {"StorageDescriptor": {"Columns": []}})["StorageDescriptor"]["Columns"]
        columns = {each["Name"]: each["Type"] for each in before} | dict(table.columns)
        keys = PARTITIONS if table.partitioned else {}
        self.tables[table.name] = {
            "Name": table.name,
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [{"Name": name, "Type": kind} for name, kind in keys.items()],
            "StorageDescriptor": {
                "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
                "Location": table.folder,
            },
        }
        self.defined.append(table.name)

    def define_view(self, name: str, select: str) -> None:
        made = run(f'CREATE OR REPLACE VIEW "{name}" AS {select}', DATABASE, self).view
        assert made is not None
        self.tables[name] = made["input"]

    def add_batch(self, table: LakeTable, load_date: str, batch: str, folder: str) -> None:
        self.parts.setdefault(table.name, {})[load_date, batch] = folder

    def batches(self, table: LakeTable) -> set[str]:
        return {batch for _, batch in self.parts.get(table.name, {})}

    def write_files(self, key: str, states: Sequence[Mapping[str, Any]]) -> None:
        columns = {
            name: pa.array([state[name] for state in states], ARROW[kind]) for name, kind in FILE_COLUMNS.items()
        }
        sink = io.BytesIO()
        pq.write_table(pa.table(columns), sink)
        self._lake.objects[key] = sink.getvalue()
        self._lake.times.pop(key, None)

    # -- what queries read --------------------------------------------------------------------------------------------

    def table(self, database: str, name: str) -> dict[str, Any] | None:
        return self.tables.get(name)

    def partitions(self, database: str, name: str) -> list[dict[str, Any]]:
        found = self.parts.get(name, {}).items()
        return [{"Values": list(values), "StorageDescriptor": {"Location": place}} for values, place in found]

    def objects(self, location: str) -> list[tuple[str, bytes]]:
        return sorted((key, self._lake.objects[key]) for key, _ in self._lake.listing(location))

    def query(self, text: str) -> list[list[str | None]]:
        """The rows of a query."""
        return run(text, DATABASE, self).rows
