"""S3: landed objects are read here, and everything that a batch makes is written here."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from headrace.adapters.aws import is_transient
from headrace.errors import HeadraceError, ObjectGoneError, TerminalError, TransientError

GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound"})
READ_BYTES = 1 << 20
PIECE_BYTES = 8 << 20
"""For reading from within an object: a request for all the rest would be cut off, and its connection lost."""


class LakeError(TerminalError):
    """S3 refused a call for a reason that stays, a missing permission for example."""


class S3Lake:
    """The lake bucket, and reading access to landed objects. `client` is a boto3 S3 client."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def open(self, bucket: str, key: str, version: str) -> BinaryIO:
        """A stream of exactly this version's bytes.

        Raises ObjectGoneError when it was deleted; opening and reading raise TransientError or LakeError otherwise, so
        that S3's trouble is never taken for a fault of the file.
        """
        with _s3_errors(key):
            answer = self._client.get_object(Bucket=bucket, Key=key, VersionId=version)
        return io.BufferedReader(_Landed(answer["Body"], key), READ_BYTES)

    def open_at(self, bucket: str, key: str, version: str, start: int) -> BinaryIO:
        """The same from `start` on, which must be within the object: read a piece at a time, as much as is asked for.

        Raises what `open` raises, while it is read.
        """

        def piece(first: int) -> tuple[bytes, int]:
            with _s3_errors(key):
                answer = self._client.get_object(
                    Bucket=bucket, Key=key, VersionId=version, Range=f"bytes={first}-{first + PIECE_BYTES - 1}"
                )
                given = str(answer.get("ContentRange", ""))
                if given.startswith(f"bytes {first}-"):
                    return answer["Body"].read(), int(given.rpartition("/")[2])
            raise LakeError(f"reading {key!r}: bytes from {first} on were asked for, what came is {given or 'all'}")

        return io.BufferedReader(_Pieces(piece, start), READ_BYTES)

    def upload(self, key: str, path: Path) -> int:
        """Write a file to the lake. Returns its size in bytes."""
        from headrace.adapters.transfers import upload  # noqa: PLC0415 - most functions upload nothing

        upload(self._client, str(path), self.bucket, key)
        return path.stat().st_size

    def replace(self, key: str, path: Path) -> int:
        """Write a file in the place of an object, of which no older version stays. Returns its size in bytes."""
        size = self.upload(key, path)
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=key)
        for page in pages:
            for item in page.get("Versions", []):
                if item["Key"] == key and not item["IsLatest"]:
                    self._client.delete_object(Bucket=self.bucket, Key=key, VersionId=item["VersionId"])
        return size

    def remove(self, key: str) -> None:
        """Take an object away. One that is not there is no error."""
        self._client.delete_object(Bucket=self.bucket, Key=key)

    def write_json(self, key: str, value: Any) -> None:
        """Write a JSON document; writing it again replaces it with the same."""
        body = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
        self._client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/json")

    def read_json(self, key: str) -> Any:
        """Read a JSON document that a batch wrote."""
        return json.loads(self.read(key))

    def read(self, key: str) -> bytes:
        """A whole object of the lake."""
        return bytes(self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def find_json(self, key: str) -> Any | None:
        """A JSON document, or None when there is none of that key."""
        try:
            return self.read_json(key)
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return None
            raise

    def listing(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Key and size of every object of the lake below a prefix."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                yield item["Key"], item["Size"]

    def written(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Key of every object of the lake below a prefix, and when it was written."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                yield item["Key"], item["LastModified"]


class _Landed(io.RawIOBase):
    """The body of an S3 answer, its network errors in our own words."""

    def __init__(self, body: Any, key: str) -> None:
        self._body = body
        self._key = key

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _s3_errors(self._key):
            data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Pieces(io.RawIOBase):
    """An object from a place on. `piece` gives what is there, from a place on, and the object's size."""

    def __init__(self, piece: Callable[[int], tuple[bytes, int]], start: int) -> None:
        self._piece = piece
        self._place = start
        self._size: int | None = None
        self._ahead = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._ahead and self._place != self._size:
            self._ahead, self._size = self._piece(self._place)
            self._place += len(self._ahead)
        data, self._ahead = self._ahead[: len(buffer)], self._ahead[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _s3_errors(key: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError, HTTPError, OSError) as error:
        raise _translated(error, key) from error


def _translated(error: Exception, key: str) -> HeadraceError:
    if isinstance(error, ClientError) and error.response["Error"]["Code"] in GONE:
        return ObjectGoneError(key)
    if isinstance(error, HTTPError | OSError) or is_transient(error):
        return TransientError(f"reading {key!r}: {error}")
    return LakeError(f"reading {key!r}: {error}")
