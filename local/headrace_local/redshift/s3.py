"""Where COPY reads from."""

from __future__ import annotations

from typing import Any, Protocol

from botocore.exceptions import ClientError

_ABSENT = {"NoSuchKey", "NoSuchBucket", "404"}


class S3Reader(Protocol):
    """Reads whole objects."""

    def read(self, bucket: str, key: str) -> bytes:
        """The object's bytes; FileNotFoundError if there is no such object or bucket."""


class Boto3Reader:
    """Reads through a boto3 S3 client, whatever endpoint it has."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, bucket: str, key: str) -> bytes:
        """The object's bytes; FileNotFoundError if there is no such object or bucket."""
        try:
            body: bytes = self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                raise FileNotFoundError(f"s3://{bucket}/{key}") from error
            raise
        return body
