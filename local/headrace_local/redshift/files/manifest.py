"""COPY's manifest: what it may hold, and the files it names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.files.parquet import LoadError

if TYPE_CHECKING:
    from headrace_local.redshift.files.s3 import S3Store


@dataclass(frozen=True)
class Entry:
    """One file of a manifest; `content_length` in bytes."""

    url: str
    mandatory: bool
    content_length: int


def split_s3_url(url: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`; SqlError for another kind of URL."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if not url.startswith("s3://") or not bucket or not key:
        raise SqlError(f"S3 path \"{url}\" is not of the form 's3://bucket/key'")
    return bucket, key


def read_manifest(s3: S3Store, url: str) -> list[Entry]:
    """The entries of the manifest at `url`; SqlError if it is malformed, LoadError for an entry without size."""
    try:
        text = s3.read(*split_s3_url(url)).decode("utf-8")
    except FileNotFoundError as error:
        raise SqlError(
            "Problem reading manifest file - S3ServiceException:The specified key does not exist.,"
            f"Status 404,Error NoSuchKey,ExtRid {url}"
        ) from error
    except UnicodeDecodeError as error:
        raise SqlError(f"Manifest file is not in UTF-8: {url}") from error
    return [_entry(entry) for entry in _entries(text, url)]


def _entries(text: str, url: str) -> list[Any]:
    try:
        entries = json.loads(text)["entries"]
    except (ValueError, KeyError, TypeError) as error:
        raise SqlError(f"Manifest file is not in correct json format: {url}") from error
    if not isinstance(entries, list) or not entries:
        raise SqlError(f"Manifest file has no entries: {url}")
    return entries


def _entry(entry: Any) -> Entry:
    if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
        raise SqlError("Mandatory url is not present in manifest file.")
    url = entry["url"]
    split_s3_url(url)
    meta = entry.get("meta")
    if not isinstance(meta, dict):
        raise LoadError(15003, "File entry does not have 'meta' key", url)
    length = meta.get("content_length")
    if not isinstance(length, int) or isinstance(length, bool):
        raise LoadError(15003, "File entry does not have 'content_length' key", url)
    mandatory = entry.get("mandatory", False)
    if not isinstance(mandatory, bool):
        raise SqlError("Manifest file is not in correct json format: mandatory must be true or false")
    return Entry(url, mandatory, length)


def read_entry(s3: S3Store, entry: Entry) -> bytes | None:
    """The file's bytes, or None for a missing file that is not mandatory; LoadError if the size is another one."""
    try:
        data = s3.read(*split_s3_url(entry.url))
    except FileNotFoundError as error:
        if entry.mandatory:
            raise SqlError(
                f"S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey: {entry.url}"
            ) from error
        return None
    if len(data) != entry.content_length:
        context = f"416 InvalidRange: content_length is {entry.content_length}, the object has {len(data)} bytes"
        raise LoadError(15001, context, entry.url)
    return data
