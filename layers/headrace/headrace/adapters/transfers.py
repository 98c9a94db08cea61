"""Large objects into S3 in several parts at once, by s3transfer: what boto3's `upload_file` and `copy` call.

The errors are those of the call that failed: botocore's ClientError, for an upload as for any other call. Imported only
where something is transferred, since s3transfer takes as long to import as a third of botocore.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from s3transfer.manager import TransferConfig, TransferManager


def upload(client: Any, source: str | BinaryIO, bucket: str, key: str, extra: dict[str, str] | None = None) -> None:
    """A file, by its path or opened for reading, as an object. `extra` are arguments of PutObject."""
    with TransferManager(client) as manager:
        manager.upload(source, bucket, key, extra or {}).result()


def copy(client: Any, source: dict[str, str], bucket: str, key: str, extra: dict[str, Any], part_bytes: int) -> None:
    """An object within S3, in one call up to `part_bytes`, beyond it in parts of that size."""
    config = TransferConfig(multipart_threshold=part_bytes, multipart_chunksize=part_bytes)
    with TransferManager(client, config) as manager:
        manager.copy(source, bucket, key, extra).result()
