"""The landing bucket: putting files there, and seeing what is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from headrace.domain.ingest.ledger import Arrival
from headrace_cli.stack.target import Target

ONE_REQUEST = 64 * 2**20
"""Bytes up to which a file goes up in one request; a bigger one goes in parts."""


@dataclass(frozen=True, slots=True)
class Landed:
    """One version of an object in the landing bucket."""

    bucket: str
    key: str
    version: str
    size: int
    at: datetime

    @property
    def file_id(self) -> str:
        """The id the ledger knows it by."""
        return file_id_of(self.bucket, self.key, self.version)


def file_id_of(bucket: str, key: str, version: str) -> str:
    """The ledger's id of an object version."""
    return Arrival(bucket, key, version, size=0, etag="", sequencer="", at="").file_id


def upload(target: Target, path: Path, key: str) -> str:
    """Put a local file under `key` in the landing bucket. Returns the new object version's id."""
    s3, bucket = target.client("s3"), target.output("LandingBucket")
    if path.stat().st_size <= ONE_REQUEST:
        with path.open("rb") as body:
            return str(s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId", "null"))
    from headrace.adapters import transfers

    transfers.upload(s3, str(path), bucket, key)
    return str(s3.head_object(Bucket=bucket, Key=key).get("VersionId", "null"))


def landed_since(target: Target, start: datetime) -> Iterator[Landed]:
    """Every object version that landed at `start` or later. Reads the listing of the whole bucket."""
    return (item for item in _versions(target) if item.at >= start)


def newest_of(target: Target, key: str) -> Landed | None:
    """The newest version of one key, None when there is no such object."""
    return max((item for item in _versions(target, key) if item.key == key), key=lambda item: item.at, default=None)


def _versions(target: Target, prefix: str = "") -> Iterator[Landed]:
    bucket = target.output("LandingBucket")
    pages = target.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for item in page.get("Versions", []):
            yield _landed(bucket, item)


def _landed(bucket: str, item: dict[str, Any]) -> Landed:
    return Landed(bucket, item["Key"], item["VersionId"], item["Size"], item["LastModified"])
