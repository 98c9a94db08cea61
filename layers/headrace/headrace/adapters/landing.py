"""The landing bucket, listed and written to: what operators do, never the pipeline itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from headrace.adapters.lake import GONE
from headrace.domain.clock import written
from headrace.domain.ingest.landed import Landed


class LandingBucket:
    """The landing bucket. `client` is a boto3 S3 client."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def versions(self, prefix: str, after: str = "") -> Iterator[Landed]:
        """Every object version below the prefix, by key, the newest of each key first. Delete markers are left out.

        Those of keys `after` a key only, itself left out: https://github.com/ceph/s3-tests/pull/594.
        """
        begin = {"KeyMarker": after} if after else {}
        pages = self._client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self.bucket, Prefix=prefix, **begin):
            for item in page.get("Versions", []):
                yield self._landed(item)

    def put(self, key: str, body: bytes) -> None:
        """Land an object."""
        self._client.put_object(Bucket=self.bucket, Key=key, Body=body)

    def has(self, key: str, version: str) -> bool:
        """Whether this version is there."""
        try:
            self._client.head_object(Bucket=self.bucket, Key=key, VersionId=version)
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return False
            raise
        return True

    def delete(self, key: str, version: str) -> None:
        """Delete this version for good; others of the key stay."""
        self._client.delete_object(Bucket=self.bucket, Key=key, VersionId=version)

    def _landed(self, item: dict[str, Any]) -> Landed:
        at = written(item["LastModified"])
        version, etag = item["VersionId"], item.get("ETag", "").strip('"')
        return Landed(self.bucket, item["Key"], version, item["Size"], etag, at, bool(item["IsLatest"]))
