"""Tables in Glue's catalogue, by AWS SDK for pandas. Only functions with the lake layer can import this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import awswrangler as wr
import pandas as pd
from botocore.exceptions import ClientError

from headrace.adapters import aws
from headrace.domain.lake_catalog import DIGEST, FILE_COLUMNS, PARTITIONS, LakeTable
from headrace.errors import TransientError

OVERTAKEN = frozenset({"ConcurrentModificationException", "OperationTimeoutException"})
"""Glue's refusals of a change that was made at the same time as another, which pass."""
FRAME_TYPES = {"bigint": "Int64", "boolean": "boolean", "string": "string"}


class GlueTables:
    """The tables of one database, whose data lie in one bucket. Views are made in a workgroup of Athena."""

    def __init__(self, database: str, workgroup: str, bucket: str) -> None:
        self._database = database.lower()  # as Glue keeps it
        self._workgroup = workgroup
        self._bucket = bucket
        wr.config.botocore_config = aws.calls_of("glue")  # its own would wait for minutes for an answer

    def digest(self, table: LakeTable) -> str | None:
        """What `note_digest` noted last for a table; None where there is no such table."""
        try:
            found: dict[str, str] = wr.catalog.get_table_parameters(self._database, table.name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "EntityNotFoundException":
                return None
            raise
        return found.get(DIGEST)

    def note_digest(self, table: LakeTable, digest: str) -> None:
        """Note that the table, and what belongs to it, is as its definition says."""
        with _glue():
            wr.catalog.upsert_table_parameters({DIGEST: digest}, self._database, table.name)

    def define(self, table: LakeTable) -> None:
        """Make the table, or give it what it lacks. A column that the definition lacks stays: older parts have it."""
        wanted = dict(table.columns)
        with _glue():
            for name, kind in (wr.catalog.get_table_types(self._database, table.name) or {}).items():
                if name in wanted and wanted[name] != kind:
                    wr.catalog.delete_column(self._database, table.name, name)
            wr.catalog.create_parquet_table(
                database=self._database,
                table=table.name,
                path=self._url(table.folder),
                columns_types=wanted,
                partitions_types=PARTITIONS if table.partitioned else None,
                description=table.description,
                columns_comments=dict(table.comments),
                compression="zstd",
                mode="append",
            )

    def define_view(self, name: str, select: str) -> None:
        """Make a view, or make it another. Raises `awswrangler.exceptions.QueryFailed`."""
        text = f'CREATE OR REPLACE VIEW "{name}" AS {select}'
        wr.athena.start_query_execution(text, database=self._database, workgroup=self._workgroup, wait=True)

    def add_batch(self, table: LakeTable, load_date: str, batch: str, folder: str) -> None:
        """Add the partition of a batch. One that is there already is no error."""
        with _glue():
            wr.catalog.add_parquet_partitions(
                self._database,
                table.name,
                {self._url(folder): [load_date, batch]},
                compression="zstd",
                columns_types=dict(table.columns),
            )

    def batches(self, table: LakeTable) -> set[str]:
        """The batches that have a partition."""
        return {values[-1] for values in wr.catalog.get_parquet_partitions(self._database, table.name).values()}

    def write_files(self, key: str, states: Sequence[Mapping[str, Any]]) -> None:
        """Write lines of `FILE_COLUMNS` as one object."""
        types = {name: FRAME_TYPES[kind] for name, kind in FILE_COLUMNS.items()}
        frame = pd.DataFrame(states, columns=list(FILE_COLUMNS)).astype(types)
        wr.s3.to_parquet(frame, self._url(key), index=False, compression="snappy")

    def _url(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"


@contextmanager
def _glue() -> Iterator[None]:
    """Errors of changes that another one has overtaken are raised as TransientError."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in OVERTAKEN:
            raise TransientError(str(error)) from error
        raise
