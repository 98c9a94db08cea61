"""Files on their way into the landing bucket: staged in the lake, part by part, then copied within S3.

What is staged lies below `incoming/`, where nobody looks for data; an object of the landing bucket is always whole.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from headrace.domain.sizes import part_bytes

READ_BYTES = 1 << 20
COPY_PART_BYTES = 512 << 20
"""Copied in one call, which has to answer within a minute; S3 takes up to 5 GiB."""
COPIES_AT_ONCE = 8
GONE = frozenset({"NoSuchKey", "NoSuchUpload", "404", "NotFound"})


class S3Incoming:
    """`client` is a boto3 S3 client that adds no checksums itself: each part is sent with its MD5."""

    def __init__(self, client: Any, lake: str, landing: str) -> None:
        self._client = client
        self._lake = lake
        self._landing = landing

    def begin(self, staged: str) -> str:
        """Begin to stage a file. Returns the upload's id."""
        return str(self._client.create_multipart_upload(Bucket=self._lake, Key=staged)["UploadId"])

    def part(self, staged: str, upload: str, number: int, body: bytes | bytearray) -> str:
        """Stage a part, at least 5 MiB unless it is the last. Returns its ETag."""
        answer = self._client.upload_part(
            Bucket=self._lake, Key=staged, UploadId=upload, PartNumber=number, Body=body, ContentMD5=_md5(body)
        )
        return str(answer["ETag"])

    def abort(self, staged: str, upload: str) -> None:
        """Forget what was staged."""
        try:
            self._client.abort_multipart_upload(Bucket=self._lake, Key=staged, UploadId=upload)
        except ClientError as error:
            if not _gone(error):
                raise
        self._client.delete_object(Bucket=self._lake, Key=staged)

    def recover(self, staged: str, upload: str) -> int:
        """Make the staged parts, as far as they follow each other, an object that can be read. Returns its size.

        0 when nothing is left. Doing it again finds the object that the first time made.
        """
        try:
            parts = self._parts(staged, upload)
        except ClientError as error:
            if _gone(error):
                return self._size(self._lake, staged) or 0
            raise
        if not parts:
            return 0
        self._complete(staged, upload, [part["ETag"] for part in parts])
        return self._size(self._lake, staged) or 0

    def read(self, staged: str) -> Iterator[bytes]:
        """What `recover` made readable."""
        body = self._client.get_object(Bucket=self._lake, Key=staged)["Body"]
        yield from body.iter_chunks(READ_BYTES)

    def copied(self, staged: str, upload: str, size: int) -> list[str]:
        """Make the recovered object the first parts of a new upload of the same key, within S3."""
        piece = max(COPY_PART_BYTES, part_bytes(size))

        def copy(number: int) -> str:
            first = number * piece
            answer = self._client.upload_part_copy(
                Bucket=self._lake,
                Key=staged,
                UploadId=upload,
                PartNumber=number + 1,
                CopySource={"Bucket": self._lake, "Key": staged},
                CopySourceRange=f"bytes={first}-{min(size, first + piece) - 1}",
            )
            return str(answer["CopyPartResult"]["ETag"])

        with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
            return list(pool.map(copy, range(-(-size // piece))))

    def land(self, staged: str, upload: str, etags: list[str], key: str, notes: dict[str, str]) -> None:
        """Copy the whole file into the landing bucket, and forget what was staged."""
        from headrace.adapters.transfers import copy  # noqa: PLC0415 - only the poller copies

        self._complete(staged, upload, etags)
        source = {"Bucket": self._lake, "Key": staged}
        extra = {"Metadata": notes, "MetadataDirective": "REPLACE"}
        copy(self._client, source, self._landing, key, extra, COPY_PART_BYTES)
        self._client.delete_object(Bucket=self._lake, Key=staged)

    def put(self, key: str, body: bytes, notes: dict[str, str]) -> None:
        """Land a small file."""
        self._client.put_object(Bucket=self._landing, Key=key, Body=body, Metadata=notes, ContentMD5=_md5(body))

    def size(self, key: str) -> int | None:
        """The size of an object of the landing bucket, None when there is none."""
        return self._size(self._landing, key)

    def _size(self, bucket: str, key: str) -> int | None:
        try:
            return int(self._client.head_object(Bucket=bucket, Key=key)["ContentLength"])
        except ClientError as error:
            if _gone(error):
                return None
            raise

    def _parts(self, staged: str, upload: str) -> list[dict[str, Any]]:
        """The parts from the first to the last before a gap."""
        pages = self._client.get_paginator("list_parts").paginate(Bucket=self._lake, Key=staged, UploadId=upload)
        parts = [part for page in pages for part in page.get("Parts", [])]
        return [part for number, part in enumerate(parts, 1) if part["PartNumber"] == number]

    def _complete(self, staged: str, upload: str, etags: list[str]) -> None:
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        self._client.complete_multipart_upload(
            Bucket=self._lake, Key=staged, UploadId=upload, MultipartUpload={"Parts": parts}
        )


def _md5(body: bytes | bytearray) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _gone(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in GONE
