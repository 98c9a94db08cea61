"""A producer's manifest: which files belong together, in the forms in which they are commonly written.

- Redshift's, of COPY and UNLOAD: `{"entries": [{"url", "mandatory", "meta": {"content_length"}}]}`
  (https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html).
- Other JSON: a list of names, or of objects that have a name and perhaps a size and hashes; or an object with such a
  list called `entries` or `files`.
- Text: a name a line, or what `sha256sum` and `md5sum` write: a hash, blanks, a name.

A name is a URL, a whole key, or a path from the manifest's own folder. What is written in it is anybody's: it is
bounded, and can name nothing outside of the dataset's folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from headrace.domain.bounds import cut
from headrace.domain.contract import Contract
from headrace.domain.ingest.groups import MOST_MEMBERS, Entry, folder_of
from headrace.domain.ingest.ledger import FileRecord
from headrace.errors import GroupRefusedError

MOST_BYTES = 16 << 20
"""Of a manifest: 10,000 of S3's longest keys, with all else that an entry has."""
LONGEST_KEY = 1024
LISTS, NAMES, SIZES = ("entries", "files"), ("url", "key", "path", "name", "file"), ("content_length", "size", "length")
SHOWN = 80
SUM = re.compile(r"(?P<hash>[0-9a-fA-F]{64}|[0-9a-fA-F]{32}) [ *](?P<name>.+)")
DIGITS = {"sha256": re.compile(r"[0-9a-fA-F]{64}"), "md5": re.compile(r"[0-9a-fA-F]{32}")}


def entries_of(data: bytes, manifest: FileRecord, contract: Contract) -> list[Entry]:
    """The files that a manifest lists, each once, in its order. Raises GroupRefusedError where it cannot be used."""
    if len(data) > MOST_BYTES:
        raise GroupRefusedError(f"it has more than {MOST_BYTES:,} bytes: write several manifests")
    found: dict[str, Entry] = {}
    for entry in _listed(data):
        placed = _placed(entry, manifest, contract)
        if found.setdefault(placed.key, placed) != placed:
            raise GroupRefusedError(f"it lists {placed.key} twice, with another size, hash or mandatory")
        if len(found) > MOST_MEMBERS:
            raise GroupRefusedError(f"it lists more than {MOST_MEMBERS:,} files: write several manifests")
    if not found:
        raise GroupRefusedError("it lists no file")
    return list(found.values())


def _listed(data: bytes) -> Iterator[Entry]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise GroupRefusedError("it is no text in UTF-8, and cannot be compressed") from None
    if text.lstrip()[:1] in {"{", "["}:
        yield from _of_json(text)
        return
    for line in text.splitlines():
        if name := line.strip():
            yield _of_line(name)


def _of_line(line: str) -> Entry:
    found = SUM.fullmatch(line)
    if found is None:
        return Entry(line)
    name, digits = found["name"].strip(), found["hash"].lower()
    return Entry(name, sha256=digits) if DIGITS["sha256"].fullmatch(digits) else Entry(name, md5=digits)


def _of_json(text: str) -> Iterator[Entry]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GroupRefusedError(f"it begins as JSON does, and is none: {cut(str(error), SHOWN)}") from None
    items = value
    if isinstance(value, dict):
        items = next((value[name] for name in LISTS if isinstance(value.get(name), list)), None)
    if not isinstance(items, list):
        raise GroupRefusedError(f"it has no list called {' or '.join(LISTS)}")
    for number, item in enumerate(items, start=1):
        if isinstance(item, str):
            yield Entry(item)
        elif isinstance(item, dict):
            yield _of_object(item, number)
        else:
            raise GroupRefusedError(f"its entry {number:,} is neither a name nor an object")


def _of_object(item: dict[str, Any], number: int) -> Entry:
    name = next((item[name] for name in NAMES if isinstance(item.get(name), str)), None)
    if name is None:
        raise GroupRefusedError(f"its entry {number:,} has no {', '.join(NAMES[:-1])} or {NAMES[-1]}")
    meta = item.get("meta")
    facts = item | (meta if isinstance(meta, dict) else {})
    size = next((facts[name] for name in SIZES if facts.get(name) is not None), None)
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
        raise GroupRefusedError(f"its entry {number:,} has a size that is no number of bytes")
    hashes = {kind: str(facts[kind]).lower() for kind in DIGITS if facts.get(kind) is not None}
    for kind, text in hashes.items():
        if not DIGITS[kind].fullmatch(text):
            raise GroupRefusedError(f"its entry {number:,} has a {kind} that is not written in hexadecimal digits")
    # A file that is listed must be there unless the entry says otherwise. UNLOAD, too, leaves `mandatory` out.
    return Entry(name, required=item.get("mandatory") is not False, size=size, **hashes)


def _placed(entry: Entry, manifest: FileRecord, contract: Contract) -> Entry:
    """The entry with the whole key of its file."""
    name = entry.key.removeprefix("./")
    bucket, key = manifest.bucket, name
    if name.startswith("s3://"):
        bucket, _, key = name.removeprefix("s3://").partition("/")
    elif not name.startswith(contract.prefix):
        key = f"{folder_of(manifest.key)}{name}"
    odd = not name or name.endswith("/") or len(key.encode("utf-8", "replace")) > LONGEST_KEY or not key.isprintable()
    if odd or ".." in key.split("/"):
        raise GroupRefusedError(f"it lists {cut(ascii(entry.key), SHOWN)}, which is not the name of a file")
    if bucket != manifest.bucket or not key.startswith(contract.prefix):
        raise GroupRefusedError(f"it lists {cut(name, SHOWN)}, which is outside of {contract.prefix}")
    return Entry(key, entry.required, entry.size, entry.sha256, entry.md5)
