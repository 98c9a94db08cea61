"""The readers of files, by format. A new format is a row of `READERS` here and a row of `domain.files.formats`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Protocol

import orjson

from headrace.domain.contract import Contract, FileFormat
from headrace.transform.decode.encoding import TextBytes
from headrace.transform.delimited.reader import DelimitedReader
from headrace.transform.delimited.within import Within
from headrace.transform.json_files.objects import ConcatenatedObjects, EnvelopedRows
from headrace.transform.json_files.reader import JsonReader
from headrace.transform.json_files.records import LineRecords, Records, array_or_lines, lines
from headrace.transform.key_columns import KeyColumns
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.rules.parsed import Parsed
from headrace.transform.sheets.reader import SheetReader, sample_of_sheet
from headrace.transform.typed.parquet import ParquetTables
from headrace.transform.typed.reader import Tables, TypedReader
from headrace.transform.typed.sample import Sample, sample_of
from headrace.transform.xml_rows.reader import XmlReader, sample_of_xml

Read = Callable[[int], bytes]
"""Reads up to so many bytes; nothing at the end."""


class Reader(Protocol):
    """Reads one file, or one member of an archive."""

    @property
    def detected(self) -> dict[str, Any]:
        """What the file showed of itself."""

    def parse(self) -> Iterator[Parsed]:
        """The rows, a stretch at a time. Raises FileRejected for a file that is not what the contract says."""


Open = Callable[[Contract, Read, Limits, int, KeyColumns | None], Reader]
"""Makes the reader of a file from the contract, its decompressed bytes, the limits, the bytes of a block, its key."""


def reader_of(
    contract: Contract,
    text: TextBytes,
    limits: Limits,
    block_bytes: int,
    within: Within | None = None,
    key: KeyColumns | None = None,
) -> DelimitedReader | JsonReader:
    """The reader of a text in the contract's format, from its beginning or from a record on `within` it.

    Without what stands in the file's `key`, those columns have no values: for who looks at records only.
    """
    if contract.format.kind not in DOCUMENTS:
        return DelimitedReader(contract, text, limits, block_bytes, within, key)
    cut = _records_of(contract.format) if within is None else _lines_within(within)
    return JsonReader(contract, text, limits, block_bytes, cut, key)


def _records_of(written: FileFormat) -> Records:
    """What cuts a file of JSON apart, from its beginning."""
    if written.rows_at:
        return lambda text, limits, block, most: (
            EnvelopedRows(text.read, block, limits, most, written.rows_at).next_elements
        )
    if written.concatenated:
        return lambda text, limits, block, most: ConcatenatedObjects(text.read, block, limits, most).next_elements
    return DOCUMENTS.get(written.kind, lines)


def _lines_within(within: Within) -> Records:
    return lambda text, limits, block_bytes, _: LineRecords(text, limits, block_bytes, within)


def _text(contract: Contract, read: Read, limits: Limits, block_bytes: int, key: KeyColumns | None) -> Reader:
    return reader_of(contract, TextBytes(read, contract.format.encoding), limits, block_bytes, key=key)


TABLES: Mapping[str, Callable[[Read, Limits], Tables]] = {"parquet": ParquetTables}
"""The formats of typed columns, and what reads their tables."""


SAMPLES: Mapping[str, Callable[[Read, Limits], Sample]] = {
    "parquet": lambda read, limits: sample_of(ParquetTables(read, limits)),
    "xlsx": sample_of_sheet,
    "xml": sample_of_xml,
}
"""What the beginning of a file that is no text holds."""


def _tables(contract: Contract, read: Read, limits: Limits, _block_bytes: int, key: KeyColumns | None) -> Reader:
    return TypedReader(contract, TABLES[contract.format.kind](read, limits), limits, key)


def _xml(contract: Contract, read: Read, limits: Limits, block_bytes: int, key: KeyColumns | None) -> Reader:
    return XmlReader(contract, read, limits, block_bytes, key)


def _sheet(contract: Contract, read: Read, limits: Limits, block_bytes: int, key: KeyColumns | None) -> Reader:
    return SheetReader(contract, read, limits, block_bytes, key)


DOCUMENTS: dict[str, Records] = {"json": array_or_lines, "jsonl": lines}
"""The formats whose rows are JSON documents, and what cuts their files apart."""
READERS: Mapping[str, Open] = (
    {"csv": _text, "fixed": _text, "xlsx": _sheet, "xml": _xml}
    | dict.fromkeys(DOCUMENTS, _text)
    | dict.fromkeys(TABLES, _tables)
)


def documents(data: bytes, written: FileFormat) -> Iterator[dict[str, Any]]:
    """The objects in a sample, which may be cut off: of `DOCUMENTS`, or lines of JSON that were made of another format.

    Raises FileRejected for one that is broken.
    """
    text = TextBytes(io.BytesIO(data).read, "utf-8")
    following = _records_of(written)(text, Limits(), 2 * len(data), Limits().rows)
    records, final = following()
    yield from _objects(records)
    with suppress(FileRejected):
        while not final:
            records, final = following()
            yield from _objects(records)


def _objects(records: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for record in records:
        with suppress(orjson.JSONDecodeError):
            if isinstance(orjson.loads(record), dict):
                yield json.loads(record, parse_float=Decimal)  # with all digits
