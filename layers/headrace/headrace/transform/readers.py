"""The readers of files, by format. A new format is a row of `READERS` here and a row of `domain.file_formats`."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol

import orjson

from headrace.domain.contract import Contract
from headrace.transform.decode.encoding import TextBytes
from headrace.transform.delimited.reader import DelimitedReader
from headrace.transform.json_files.reader import JsonReader
from headrace.transform.json_files.records import Records, array_or_lines, lines
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.rules.parsed import Parsed

Read = Callable[[int], bytes]
"""Reads up to so many bytes; nothing at the end."""


class Reader(Protocol):
    """Reads one file, or one member of an archive."""

    @property
    def detected(self) -> dict[str, Any]:
        """What the file showed of itself."""

    def parse(self) -> Iterator[Parsed]:
        """The rows, a stretch at a time. Raises FileRejected for a file that is not what the contract says."""


Open = Callable[[Contract, Read, Limits, int], Reader]
"""Makes the reader of a file from the contract, its decompressed bytes, the limits, and the bytes of a block."""


def _delimited(contract: Contract, read: Read, limits: Limits, block_bytes: int) -> Reader:
    return DelimitedReader(contract, TextBytes(read, contract.format.encoding), limits, block_bytes)


def _json(contract: Contract, read: Read, limits: Limits, block_bytes: int) -> Reader:
    cut = DOCUMENTS[contract.format.kind]
    return JsonReader(contract, TextBytes(read, contract.format.encoding), limits, block_bytes, cut)


DOCUMENTS: dict[str, Records] = {"json": array_or_lines, "jsonl": lines}
"""The formats whose rows are JSON documents, and what cuts their files apart."""
READERS: Mapping[str, Open] = {"csv": _delimited, "fixed": _delimited} | dict.fromkeys(DOCUMENTS, _json)


def documents(data: bytes, kind: str) -> Iterator[dict[str, Any]]:
    """The objects in a sample of `DOCUMENTS`, which may be cut off. Raises FileRejected for one that is broken."""
    following = DOCUMENTS[kind](TextBytes(io.BytesIO(data).read, "utf-8"), Limits(), 2 * len(data), Limits().rows)
    records, final = following()
    yield from _objects(records)
    with suppress(FileRejected):
        while not final:
            records, final = following()
            yield from _objects(records)


def _objects(records: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for record in records:
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(record)
            if isinstance(value, dict):
                yield value
