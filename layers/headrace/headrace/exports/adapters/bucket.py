"""The bucket that exported files go to."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from tempfile import TemporaryFile
from typing import Any

from botocore.exceptions import ClientError


class ExportBucket:
    """`client` is a boto3 S3 client."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self.bucket = bucket
        client.meta.events.register("before-call.s3.PutObject", _send_at_once)

    def put(self, key: str, body: bytes, sha256: bytes) -> None:
        """Write a file. S3 refuses bytes that do not have this digest, and keeps it as the object's checksum."""
        self._client.put_object(
            Bucket=self.bucket, Key=key, Body=body, ContentType="text/csv",
            ChecksumSHA256=base64.b64encode(sha256).decode(),
        )  # fmt: skip

    def put_lines(self, key: str, lines: Iterable[str]) -> str:
        """Write a JSON document line by line, over a file without a name on the disk. Returns its SHA-256."""
        from headrace.adapters.transfers import upload  # noqa: PLC0415 - most functions upload nothing

        digest = hashlib.sha256()
        with TemporaryFile() as file:
            for line in lines:
                file.write(line.encode())
                digest.update(line.encode())
            file.seek(0)
            upload(self._client, file, self.bucket, key, {"ContentType": "application/json"})
        return digest.hexdigest()

    def sha256(self, key: str) -> str:
        """The digest of a file as it was put, "" where there is none."""
        try:
            answer = self._client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey", "NotFound"}:
                return ""
            raise
        return base64.b64decode(answer.get("ChecksumSHA256", "")).hex()

    def sizes(self, prefix: str) -> dict[str, int]:
        """The size of each object below a prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}

    def read(self, key: str) -> bytes:
        """A whole object."""
        return bytes(self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read())


def _send_at_once(params: dict[str, Any], **_: Any) -> None:
    """Do not ask first (`Expect: 100-continue`) whether a small file may be sent: it doubles the round trips."""
    params["headers"].pop("Expect", None)
