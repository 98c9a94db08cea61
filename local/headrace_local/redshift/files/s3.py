"""Where COPY reads from and UNLOAD writes to."""

from __future__ import annotations

from typing import Any, Protocol

from botocore.exceptions import ClientError

_ABSENT = {"NoSuchKey", "NoSuchBucket", "404"}


class S3Store(Protocol):
    """Reads and writes whole objects."""

    def read(self, bucket: str, key: str) -> bytes:
        """The object's bytes; FileNotFoundError if there is no such object or bucket."""

    def write(self, bucket: str, key: str, data: bytes) -> None:
        """Put an object; FileNotFoundError if there is no such bucket."""

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """The keys that begin with `prefix`; FileNotFoundError if there is no such bucket."""

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object."""


class Boto3Store:
    """Goes through a boto3 S3 client, whatever endpoint it has."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, bucket: str, key: str) -> bytes:
        """The object's bytes; FileNotFoundError if there is no such object or bucket."""
        body: bytes = self._call("get_object", bucket, Key=key)["Body"].read()
        return body

    def write(self, bucket: str, key: str, data: bytes) -> None:
        """Put an object; FileNotFoundError if there is no such bucket."""
        self._call("put_object", bucket, Key=key, Body=data)

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """The keys that begin with `prefix`; FileNotFoundError if there is no such bucket."""
        found: list[str] = []
        page: dict[str, Any] = {"IsTruncated": True}
        while page["IsTruncated"]:
            token = {"ContinuationToken": page["NextContinuationToken"]} if found else {}
            page = self._call("list_objects_v2", bucket, Prefix=prefix, **token)
            found += [entry["Key"] for entry in page.get("Contents", [])]
        return found

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object."""
        self._call("delete_object", bucket, Key=key)

    def _call(self, operation: str, bucket: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, operation)(Bucket=bucket, **arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                raise FileNotFoundError(f"s3://{bucket}/{arguments.get('Key', '')}") from error
            raise
