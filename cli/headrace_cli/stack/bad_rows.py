"""Quarantined rows, read from the lake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from headrace.domain.lake_folders import QUARANTINE
from headrace_cli.stack.target import Target

if TYPE_CHECKING:
    from headrace.transform import QuarantinedRow


def bad_rows(
    target: Target, dataset: str, *, batch: str | None = None, file: str | None = None
) -> Iterator[dict[str, Any]]:
    """A dataset's bad rows, those of the newest batch first: `{"file", "row_number", "column", "rule", "reason", …}`.

    A row that breaks several rules is one item: the first rule stands in it, all of them in its `errors`.
    `file` is a key, or the last part of one.
    """
    from headrace.transform import read_quarantine
    from headrace.usecases.recovery.replay import Quarantine

    quarantine = Quarantine(target.services)
    s3, bucket = target.client("s3"), target.output("LakeBucket")
    for key in _objects(target, f"{QUARANTINE}/{dataset}/" + (f"batch={batch}/" if batch else "")):
        data = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        for row in read_quarantine(data):
            if (file is None or file in (row.key, PurePath(row.key).name)) and quarantine.holds(row):
                yield _item(row)


def _objects(target: Target, prefix: str) -> list[str]:
    pages = (
        target.client("s3").get_paginator("list_objects_v2").paginate(Bucket=target.output("LakeBucket"), Prefix=prefix)
    )
    found = [(item["LastModified"], item["Key"]) for page in pages for item in page.get("Contents", [])]
    return [key for _, key in sorted(found, reverse=True)]


def _item(row: QuarantinedRow) -> dict[str, Any]:
    errors = [error._asdict() for error in row.errors]
    return {
        "dataset": row.dataset,
        "file": row.key,
        "row_number": row.row_number,
        **errors[0],
        "raw": row.raw.decode("utf-8", "backslashreplace"),
        "errors": errors,
        "file_id": row.file_id,
        "batch": row.batch_id,
        "contract_version": row.contract_version,
    }
