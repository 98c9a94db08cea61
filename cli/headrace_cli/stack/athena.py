"""Athena as commands ask it, by AWS SDK for pandas."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace_cli.output.failures import CommandError

if TYPE_CHECKING:
    from headrace_cli.stack.target import Target

ROWS_AT_ONCE = 10_000
SERVICES = ("athena", "glue", "s3", "sts")
PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
MISSING = "this needs AWS SDK for pandas: pip install 'headrace[lake]'"


@dataclass(frozen=True)
class Answer:
    """What a query found. `scanned` counts bytes; `pieces` are its rows, read as they are asked for."""

    columns: list[str]
    seconds: float
    scanned: int
    pieces: Iterator[list[list[Any]]]

    def first(self, most: int) -> tuple[list[list[Any]], int]:
        """At most this many rows, and how many there are."""
        shown: list[list[Any]] = []
        total = 0
        for rows in self.pieces:
            total += len(rows)
            shown += rows[: most - len(shown)]
        return shown, total

    def write_csv(self, path: Path) -> int:
        """Write all rows. Returns how many there are; a file that could not be written whole is removed."""
        partial, total = path.with_name(path.name + ".partial"), 0
        try:
            with partial.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(self.columns)
                for rows in self.pieces:
                    writer.writerows(rows)
                    total += len(rows)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return total


class Athena:
    """The workgroup and the database of a stack. Raises CommandError where it has none."""

    def __init__(self, target: Target) -> None:
        if "LakeWorkgroup" not in target.outputs:
            raise CommandError(
                f"the stack {target.stack} has no tables of its lake: deploy it with CreateLakeTables=true"
            )
        self._wr = _awswrangler()
        self._workgroup = target.outputs["LakeWorkgroup"]
        self._database = target.outputs["LakeDatabase"].lower()
        self._session = target.boto3_session
        self._wr.config.botocore_config = target.config
        for service in SERVICES if target.endpoint_url else ():
            setattr(self._wr.config, f"{service}_endpoint_url", target.endpoint_url)

    def query(self, text: str) -> Answer:
        """Run one query, and wait for its end. Raises CommandError with Athena's reason."""
        wr = self._wr
        try:
            done = wr.athena.start_query_execution(
                text, database=self._database, workgroup=self._workgroup, boto3_session=self._session, wait=True
            )
        except (wr.exceptions.QueryFailed, wr.exceptions.QueryCancelled) as error:
            raise CommandError(f"Athena: {error}") from error
        kinds = wr.athena.get_query_columns_types(done["QueryExecutionId"], boto3_session=self._session)
        numbers = done["Statistics"]
        seconds = numbers["TotalExecutionTimeInMillis"] / 1000
        pieces = self._pieces(done["QueryExecutionId"])
        return Answer(list(kinds), seconds, numbers["DataScannedInBytes"], pieces)

    def _pieces(self, query: str) -> Iterator[list[list[Any]]]:
        frames = self._wr.athena.get_query_results(query, chunksize=ROWS_AT_ONCE, boto3_session=self._session)
        for frame in frames:
            yield [[_value(item) for item in row] for row in frame.itertuples(index=False, name=None)]


def _awswrangler() -> Any:
    """The library. It makes a session as it is imported, of the person's profile, which may be a missing one."""
    hidden = {name: os.environ.pop(name) for name in PROFILES if name in os.environ}
    try:
        import awswrangler
    except ImportError as error:
        raise CommandError(MISSING) from error
    finally:
        os.environ.update(hidden)
    return awswrangler


def _value(item: Any) -> Any:
    """A value as JSON and CSV have it: NULL as None, times and decimals as text, bytes in hexadecimal."""
    import pandas as pd

    if isinstance(item, bytes):
        return item.hex()
    if pd.api.types.is_scalar(item) and pd.isna(item):
        return None
    plain = item.tolist() if hasattr(item, "tolist") else item  # NumPy's, lists too
    return plain if isinstance(plain, bool | int | float | str) else str(plain)
