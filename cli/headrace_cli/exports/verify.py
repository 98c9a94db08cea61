"""Whether a day's files are what their manifest says, and what the warehouse has."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from headrace.exports.adapters.bucket import ExportBucket
from headrace.exports.model import sql
from headrace_cli.exports.run import manifest

if TYPE_CHECKING:
    from headrace.domain.export import Export
    from headrace_cli.output.console import Document
    from headrace_cli.stack.target import Target

READERS = 8
Tell = Callable[[str], None]


def check(target: Target, export: Export, date: str, tell: Tell, *, deep: bool) -> Document:
    """Compare manifest, bucket and warehouse; `deep` reads every file and computes its digest again."""
    listed = manifest(target, export, date)
    bucket = ExportBucket(target.client("s3"), target.output("ExportBucket"))
    tell("the bucket")
    differences = list(_against_bucket(listed, bucket.sizes(export.folder(date)), export.manifest_key(date)))
    tell("the warehouse")
    counted = target.services.warehouse.query(sql.counts(export, date))
    differences += _against_warehouse(listed, counted)
    if deep:
        differences += _digests(listed, bucket, tell)
    return {
        "export": export.name, "date": date, "complete": listed["complete"], "files": len(listed["files"]),
        "rows": listed["rows"], "bytes": listed["bytes"], "digests_computed": deep, "differences": differences,
    }  # fmt: skip


def _against_bucket(listed: dict[str, Any], sizes: dict[str, int], manifest_key: str) -> Iterator[dict[str, str]]:
    for item in listed["files"]:
        size = sizes.pop(item["key"], None)
        if size is None:
            yield {"where": "bucket", "what": f"{item['key']} is missing"}
        elif size != item["bytes"]:
            yield {"where": "bucket", "what": f"{item['key']} has {size:,} bytes, {item['bytes']:,} by the manifest"}
    sizes.pop(manifest_key, None)
    for key in sizes:
        yield {"where": "bucket", "what": f"{key} is not in the manifest"}


def _against_warehouse(listed: dict[str, Any], counted: list[list[Any]]) -> Iterator[dict[str, str]]:
    has = {(category, account): int(rows) for category, account, rows in counted}
    stray = sum(has.pop(key) for key in list(has) if None in key)
    if stray:
        yield {"where": "warehouse", "what": f"{stray:,} rows have no category or no account, and are in no file"}
    for item in listed["files"]:
        rows = has.pop((item["category"], item["account"]), 0)
        if rows != item["rows"]:
            what = f"{item['key']} has {item['rows']:,} rows, the warehouse {rows:,} now"
            yield {"where": "warehouse", "what": what}
    for (category, account), rows in has.items():
        yield {"where": "warehouse", "what": f"{rows:,} rows of {category} / {account} are in no file"}


def _digests(listed: dict[str, Any], bucket: ExportBucket, tell: Tell) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []

    def digest(item: dict[str, Any]) -> tuple[dict[str, Any], str]:
        return item, hashlib.sha256(bucket.read(item["key"])).hexdigest()

    with ThreadPoolExecutor(READERS) as pool:
        for number, (item, computed) in enumerate(pool.map(digest, listed["files"]), 1):
            if number % 100 == 0:
                tell(f"digests, {number:,} of {len(listed['files']):,}")
            if computed != item["sha256"]:
                found.append(
                    {"where": "bytes", "what": f"{item['key']} is {computed}, {item['sha256']} by the manifest"}
                )
    return found
