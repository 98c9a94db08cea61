"""The landing bucket, listed, and written to by operators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from headrace.adapters.lake import GONE
from headrace.domain.clock import written
from headrace.domain.ingest.landed import Landed

PARALLEL = 8
"""Calls at once; a client keeps ten connections."""


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

    def history(self, prefix: str) -> Iterator[Landed]:
        """The same with the deletions of keys. Those of one page come after its versions."""
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix):
            yield from map(self._landed, page.get("Versions", []))
            yield from map(self._deleted, page.get("DeleteMarkers", []))

    def histories(self, keys: Iterable[str]) -> dict[str, list[Landed]]:
        """The versions and deletions of each key: none of one that was never there."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            return dict(pool.map(lambda key: (key, self._of_key(key)), keys))

    def _of_key(self, key: str) -> list[Landed]:
        """A key is listed before those that begin with it, which are passed over."""
        found: list[Landed] = []
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=key):
            found += (self._landed(item) for item in page.get("Versions", []) if item["Key"] == key)
            found += (self._deleted(item) for item in page.get("DeleteMarkers", []) if item["Key"] == key)
            if page.get("NextKeyMarker") != key:
                break
        return found

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

    def _deleted(self, item: dict[str, Any]) -> Landed:
        return replace(self._landed({"Size": 0} | item), deleted=True)
