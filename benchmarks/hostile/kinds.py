"""The kinds of files. Each says what must become of it, and where the kind is described if others found it before."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from benchmarks.hostile.packing import (
    Pieces,
    end_of_zip,
    gzipped,
    overlapping,
    patched,
    repeated,
    streams,
    zip_bomb,
    zipped,
    zipped_pairs,
)
from headrace.domain.contract import UNKNOWN_COLUMN, Column, Contract, FileFormat, Kind, RowRule

ZIP_BOMB = "https://www.bamsoftware.com/hacks/zipbomb/"
QUOTED_OVERLAP = "https://github.com/python/cpython/issues/109858"
LYING_SIZES = "https://github.com/python/cpython/issues/83522"
LONG_ROW = "https://github.com/mafintosh/csv-parser/issues/81"
NO_NEWLINE = "https://github.com/pgsty/silo/issues/25"
MANY_FIELDS = "https://github.com/d99kris/rapidcsv/issues/218"
OPEN_QUOTE = "https://github.com/super-csv/super-csv/issues/37"
MANY_DIGITS = "https://github.com/python/cpython/issues/95778"
JSON_SUITE = "https://github.com/nst/JSONTestSuite"
NAUGHTY = "https://github.com/minimaxir/big-list-of-naughty-strings"
NUL_IN_NUMBER = "https://github.com/simdjson/simdjson/issues/193"

MB = 1 << 20
LOADED, QUARANTINED, REJECTED = "loaded", "quarantined", "rejected"


def _column(name: str, kind: Kind, redshift: str, **rules: Any) -> Column:
    return Column(name, name, kind, redshift, **rules)


ID = _column("id", Kind.STRING, "VARCHAR(64)", max_bytes=64, required=True)
COLUMNS = (
    ID,
    _column("n", Kind.INTEGER, "BIGINT"),
    _column("at", Kind.TIMESTAMP, "TIMESTAMP"),
    _column("d", Kind.DECIMAL, "DECIMAL(38,10)", precision=38, scale=10),
    _column("note", Kind.STRING, "VARCHAR(200)", max_bytes=200, pattern="^[^<>]*$"),
    _column("p", Kind.SUPER, "SUPER"),
)
NAMED = Contract("hostile", "1.0.0", "0" * 64, "hostile/", FileFormat(), "public", "hostile", COLUMNS)
CSV = replace(NAMED, max_bad_share=1.0)
"""Files of bad rows only are read to their end, and kept."""
KEEPS = replace(CSV, columns=(*COLUMNS, Column(UNKNOWN_COLUMN, "", Kind.SUPER, "SUPER", unknown=True)))
WIDE = replace(CSV, columns=(ID, *(_column(f"c{number}", Kind.INTEGER, "BIGINT") for number in range(1599))))
LIMITED = replace(CSV, max_bad_rows=1000)


def _as(contract: Contract, **written: Any) -> Contract:
    return replace(contract, format=replace(contract.format, **written))


JSONL, ARRAY, KEEPS_JSON = (
    _as(contract, kind=kind, null_tokens=()) for contract, kind in ((CSV, "jsonl"), (CSV, "json"), (KEEPS, "json"))
)
FIXED = replace(
    _as(CSV, kind="fixed", header=False), columns=(replace(ID, start=1, width=4), replace(COLUMNS[1], start=5, width=6))
)
ESCAPED, ANY_ENCODING, COMMENTED = _as(CSV, escape="\\"), _as(CSV, encoding="auto"), _as(CSV, comment="#")
UTF16 = _as(CSV, encoding="utf-16")

HEAD = b"id,n,at,d,note,p\n"
ROW = b"a1,7,2026-01-01T00:00:00Z,1.50,fine,\n"
Make = Callable[[float], Pieces | bytes]


@dataclass(frozen=True)
class Hostile:
    """A kind of file. `make` takes the share of the full size, 1 for `make hostile`; `says` is part of the reason.

    `whole`: only the full size ends so.
    """

    name: str
    make: Make
    verdict: str
    says: str = ""
    contract: Contract = CSV
    source: str = ""
    whole: bool = False


def _lines(*rows: str) -> bytes:
    return HEAD + "".join(f"{row}\n" for row in rows).encode()


def _document(**fields: Any) -> bytes:
    return json.dumps({"id": "a"} | fields).encode() + b"\n"


def _names(count: int, length: int = 0) -> bytes:
    return ",".join(["id", *(f"x{number}".ljust(length, "_") for number in range(count))]).encode() + b"\n"


def _distinct_keys(rows: int, keys: int) -> Pieces:
    for row in range(rows):
        yield json.dumps({"id": "a"} | {f"{row * keys + key:x}": 1 for key in range(keys)}).encode() + b"\n"


def _huge_directory(entries: int) -> bytes:
    entry = b"PK\1\2" + b"\0" * 24 + b"\1\0" + b"\0" * 16 + b"a"
    return b"PK\3\4" + entry * entries + end_of_zip(entries, len(entry) * entries, 4)


def _zstd_window() -> bytes:
    """A frame whose header asks for a window of 2 GiB (RFC 8878, 3.1.1.1.2), and holds nothing."""
    return b"\x28\xb5\x2f\xfd" + b"\0" + bytes([21 << 3]) + b"\1\0\0"


def _lzma(window: int) -> bytes:
    archive = zipped({"rows.csv": HEAD + ROW}, zipfile.ZIP_LZMA)
    return patched(archive, b"PK\3\4", (30 + len("rows.csv") + 5, window.to_bytes(4, "little")))


BOMBS = [
    Hostile(
        "gzip: 21 GiB in one line",
        lambda s: gzipped(HEAD, b"0", s * 21504 * MB + 24 * MB),
        REJECTED,
        "a line is longer",
        source=NO_NEWLINE,
    ),
    Hostile("gzip: 2 GiB of blank lines", lambda s: gzipped(HEAD, b"\n", s * 2048 * MB), LOADED),
    Hostile(
        "gzip: 2 GiB of blank lines before the header",
        lambda s: gzipped(b"\n", b"\n", s * 2048 * MB),
        REJECTED,
        "empty",
    ),
    Hostile(
        "gzip: good rows beyond what may be decompressed",
        lambda s: gzipped(HEAD, ROW, s * 300 * MB + 2 * MB),
        REJECTED,
        "larger than the limit of 1,048,576",
        _as(CSV, max_decompressed_bytes=MB),
    ),
    Hostile(
        "gzip: 10 M bad rows",
        lambda s: gzipped(HEAD, b"a\n", s * 20 * MB),
        REJECTED,
        "no file may have more than 5,000,000",
        whole=True,
    ),
    Hostile("gzip: 3 M bad rows of one letter", lambda s: gzipped(HEAD, b"a\n", s * 6 * MB), QUARANTINED),
    Hostile(
        "gzip: more bad rows than the contract allows",
        lambda s: gzipped(HEAD, b"a\n", s * 60 * MB),
        REJECTED,
        "the contract allows 1,000",
        LIMITED,
    ),
    Hostile("gzip: a JSON array of commas", lambda s: gzipped(b"[", b",", s * 3 * MB), REJECTED, "not closed", ARRAY),
    Hostile(
        "gzip: a JSON array of empty objects",
        lambda s: gzipped(b'[{"id":"a"}', b",{}", s * 12 * MB),
        REJECTED,
        "not closed",
        ARRAY,
    ),
    Hostile(
        "gzip: a million empty members",
        lambda s: (gzip.compress(b"", mtime=0) * 100_000 for _ in range(max(1, int(s * 10)))),
        REJECTED,
        "empty",
    ),
    Hostile(
        "gzip: a name without an end",
        lambda s: (b"\x1f\x8b\x08\x08" + b"\0" * 5 + b"\3", *repeated(b"n", s * 50 * MB)),
        REJECTED,
        "ends in the middle",
    ),
    Hostile("gzip in a gzip", lambda _: gzip.compress(gzip.compress(HEAD + ROW * 99)), REJECTED),
    Hostile(
        "bzip2: 4 GiB in one line",
        lambda s: streams("bzip2", HEAD, b"0", s * 4096 * MB + 24 * MB),
        REJECTED,
        "a line is longer",
    ),
    Hostile(
        "bzip2: 200,000 empty streams",
        lambda s: (bz2.compress(HEAD), bz2.compress(b"") * int(s * 200_000)),
        REJECTED,
        "cannot be read",
    ),
    Hostile(
        "zstd: 21 GiB in one line",
        lambda s: streams("zstd", HEAD, b"0", s * 21504 * MB + 24 * MB),
        REJECTED,
        "a line is longer",
    ),
    Hostile("zstd: a window of 2 GiB", lambda _: _zstd_window(), REJECTED, "needs a larger window"),
    Hostile(
        "zstd: frames to be skipped",
        lambda s: (
            bytes(pa.Codec("zstd").compress(HEAD + ROW, asbytes=True)),
            b"\x50\x2a\x4d\x18\0\0\0\0" * int(s * 500_000),
        ),
        LOADED,
    ),
    Hostile("zip: 2 GiB of blank lines", lambda s: zip_bomb(HEAD, b"\n", s * 2048 * MB, zipfile.ZIP_DEFLATED), LOADED),
    Hostile(
        "zip: 1 GiB in one line, bzip2",
        lambda s: zip_bomb(HEAD, b"0", s * 1024 * MB + 24 * MB, zipfile.ZIP_BZIP2),
        REJECTED,
        "a line is longer",
    ),
    Hostile(
        "zip: 1 GiB of blank lines, LZMA", lambda s: zip_bomb(HEAD, b"\n", s * 1024 * MB, zipfile.ZIP_LZMA), LOADED
    ),
    Hostile("zip: LZMA with a window of 4 GiB", lambda _: _lzma(0xFFFFFFFF), REJECTED, "needs a window of more than"),
    Hostile(
        "zip: one file under a thousand names",
        lambda _: overlapping(HEAD + ROW * 9999, 1000),
        REJECTED,
        "overlap",
        source=ZIP_BOMB,
    ),
    Hostile(
        "zip: a file that begins in another",
        lambda _: patched(zipped({"a": HEAD, "b": HEAD}), b"PK\1\2", (42, b"\2\0\0\0"), last=True),
        REJECTED,
        "overlap",
        source=QUOTED_OVERLAP,
    ),
    Hostile(
        "zip in a zip",
        lambda _: zipped({"inner.zip": zipped({"rows.csv": HEAD + ROW * 999})}),
        REJECTED,
        "inner.zip",
        source=ZIP_BOMB,
    ),
    Hostile(
        "zip: 10,000 honest files",
        lambda s: zipped(dict.fromkeys((f"part-{n}.csv" for n in range(int(s * 10_000) + 1)), HEAD + ROW)),
        LOADED,
    ),
    Hostile(
        "zip: 30,000 files",
        lambda _: zipped(dict.fromkeys((f"{n}.csv" for n in range(30_000)), b"")),
        REJECTED,
        "more than 20,000 files",
    ),
    Hostile(
        "zip: a directory of a million entries",
        lambda _: _huge_directory(1_000_000),
        REJECTED,
        "directory of more than 8,388,608",
    ),
    Hostile(
        "zip: names of 60,000 characters",
        lambda _: zipped({f"{n}{'n' * 60_000}": HEAD + ROW for n in range(100)}),
        LOADED,
    ),
]
LIES = [
    Hostile(
        "zip: a size that is too small",
        lambda _: patched(zipped({"a": HEAD + ROW}), b"PK\1\2", (24, b"\x14\0\0\0")),
        REJECTED,
        "damaged",
        source=LYING_SIZES,
    ),
    Hostile(
        "zip: a size of 4 GiB for little",
        lambda _: patched(zipped({"a": HEAD + ROW}), b"PK\1\2", (24, b"\xfe\xff\xff\xff")),
        REJECTED,
        "its directory says 4,294,967,294",
        source=LYING_SIZES,
    ),
    Hostile(
        "zip: a false checksum",
        lambda _: patched(zipped({"a": HEAD + ROW}), b"PK\1\2", (16, b"\1\2\3\4")),
        REJECTED,
        "damaged (Bad CRC-32",
    ),
    Hostile(
        "zip: more entries than its end says",
        lambda _: patched(zipped({"a": HEAD + ROW, "b": HEAD + ROW}), b"PK\5\6", (8, b"\1\0\1\0")),
        LOADED,
    ),
    Hostile(
        "zip: a directory beyond its end",
        lambda _: patched(zipped({"a": HEAD + ROW}), b"PK\5\6", (12, b"\xff\xff\xff\x7f")),
        REJECTED,
        "the zip",
    ),
    Hostile(
        "zip: names that lead out of the folder",
        lambda _: zipped({"../../etc/passwd": HEAD + ROW, "/abs.csv": HEAD + ROW}),
        LOADED,
    ),
    Hostile("zip: cut in the middle", lambda _: zipped({"a": HEAD + ROW * 9999})[:-40], REJECTED, "cannot be opened"),
    Hostile("gzip: cut in the middle", lambda _: gzip.compress(HEAD + ROW * 9999)[:-40], REJECTED, "cut off"),
    Hostile(
        "gzip: a false checksum",
        lambda _: gzip.compress(HEAD + ROW)[:-8] + b"\1\2\3\4" + b"\0" * 4,
        REJECTED,
        "damaged",
    ),
    Hostile("bzip2: cut in the middle", lambda _: bz2.compress(HEAD + ROW * 9999)[:-20], REJECTED, "cut off"),
    Hostile(
        "zstd: cut in the middle",
        lambda _: bytes(pa.Codec("zstd").compress(HEAD + ROW * 9999, asbytes=True))[:-9],
        REJECTED,
        "cut off",
    ),
    Hostile("the magic of gzip before text", lambda _: b"\x1f\x8b" + HEAD + ROW, REJECTED, "damaged"),
    Hostile("the magic of Parquet before text", lambda _: b"PAR1" + HEAD + ROW, REJECTED, "a Parquet file"),
    Hostile("the magic of xz", lambda _: b"\xfd7zXZ\0" + b"\0" * 99, REJECTED, "xz, which is not supported"),
    Hostile("bytes at random", lambda s: random.Random(1).randbytes(int(s * 20 * MB) + 9999), REJECTED),
]
WIDTHS = [
    Hostile(
        "a header of 300,000 names",
        lambda _: _names(300_000),
        REJECTED,
        "longer than 1,048,576 bytes",
        source=MANY_FIELDS,
    ),
    Hostile(
        "a header of 1,000,000 names of a letter",
        lambda _: b"id" + b",x" * 500_000 + b"\n",
        REJECTED,
        "the header has 500,001 names",
        source=MANY_FIELDS,
    ),
    Hostile(
        "2,000 unknown fields, kept",
        lambda s: (_names(2000), *repeated(b"a" + b",1" * 2000 + b"\n", s * 100 * MB)),
        LOADED,
        "",
        KEEPS,
    ),
    Hostile(
        "2,000 unknown fields with long names, kept",
        lambda s: (_names(2000, 500), *repeated(b"a" + b",1" * 2000 + b"\n", s * 10 * MB)),
        LOADED,
        "",
        KEEPS,
    ),
    Hostile(
        "a row of 8 M fields",
        lambda _: HEAD + b"a" + b",1" * (7 * MB) + b"\n" + ROW,
        QUARANTINED,
        "fieldCount",
        source=MANY_FIELDS,
    ),
    Hostile(
        "a row of 4 M quoted fields",
        lambda _: HEAD + b'"a"' + b',"b"' * (3 * MB) + b"\n" + ROW,
        QUARANTINED,
        "fieldCount",
        source=MANY_FIELDS,
    ),
    Hostile("only delimiters", lambda s: (HEAD, *repeated(b",,,,,\n", s * 20 * MB)), QUARANTINED, "required"),
    Hostile("one field of 1,600 columns", lambda s: (b"id\n", *repeated(b"a\n", s * 2 * MB)), LOADED, "", WIDE),
    Hostile(
        "1,600 columns, each value bad",
        lambda s: (
            _names(0)[:-1] + b"".join(b",c%d" % n for n in range(1599)) + b"\n",
            *repeated(b"a" + b",x" * 1599 + b"\n", s * 30 * MB),
        ),
        QUARANTINED,
        "logicalType",
        WIDE,
    ),
    Hostile(
        "JSON: 200,000 keys in a line",
        lambda _: json.dumps({"id": "a"} | {f"k{n}": n for n in range(200_000)}).encode(),
        LOADED,
        "",
        KEEPS_JSON,
    ),
    Hostile(
        "JSON: 10,000 other keys in each line, kept",
        lambda s: _distinct_keys(int(s * 500) + 1, 5000),
        LOADED,
        "",
        KEEPS_JSON,
    ),
    Hostile(
        "JSON: keys of 8 MB",
        lambda s: (_document(**{f"{n}" + "k" * (8 * MB): 1}) for n in range(int(s * 30) + 1)),
        LOADED,
        "",
        KEEPS_JSON,
    ),
    Hostile(
        "JSON: 5 M empty lists in a line",
        lambda _: b'{"id": "a", "n": [[]' + b",[]" * (5 * MB) + b"]}\n" + _document(),
        QUARANTINED,
        "commas and opening brackets",
        JSONL,
    ),
    Hostile(
        "JSON: 490,000 objects in a line",
        lambda _: b'{"id": "a", "n": [{}' + b',{"k":1}' * 240_000 + b"]}\n" + _document(),
        QUARANTINED,
        "",
        JSONL,
    ),
]
DEPTHS = [
    Hostile(
        "JSON: texts nested 300 deep",
        lambda s: (b'{"id":"a","note":' + b"[" * 300 + b"]" * 300 + b"}\n") * max(1, int(s * 5000)),
        QUARANTINED,
        "not text",
        JSONL,
    ),
    Hostile(
        "JSON: an array 5 M deep",
        lambda s: repeated(b"[", s * 5 * MB + 2000),
        REJECTED,
        "not closed",
        ARRAY,
        JSON_SUITE,
    ),
    Hostile(
        "JSON: 100,000 levels in a line",
        lambda _: b'{"id":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n" + _document(),
        QUARANTINED,
        "",
        JSONL,
        JSON_SUITE,
    ),
    Hostile(
        "JSON: 900 levels of objects",
        lambda _: b'{"id":"a","p":' + b'{"a":' * 900 + b"1" + b"}" * 901 + b"\n" + _document(),
        QUARANTINED,
        "levels",
        JSONL,
    ),
    Hostile(
        "CSV: JSON of 1,001 levels",
        lambda _: _lines(f"a,,,,,{'[' * 1001}{']' * 1001}", "b,,,,,[]"),
        QUARANTINED,
        "levels",
    ),
]
LENGTHS = [
    Hostile(
        "one line of 200 MB",
        lambda s: (HEAD, *repeated(b"x", s * 200 * MB + 24 * MB)),
        REJECTED,
        "a line is longer",
        source=LONG_ROW,
    ),
    Hostile(
        "a header of 200 MB",
        lambda s: repeated(b"x,", s * 200 * MB + 24 * MB),
        REJECTED,
        "a line is longer",
        source=LONG_ROW,
    ),
    Hostile(
        "200 lines of 1 MB, all bad",
        lambda s: (HEAD, *(b"a,1,,,%s,\n" % (b"x" * MB) for _ in range(int(s * 200) + 1))),
        QUARANTINED,
        "physicalType",
    ),
    Hostile(
        "a value of 15 MB against a pattern", lambda _: HEAD + b"a,1,,,%s,\n" % (b"x" * (15 * MB)) + ROW, QUARANTINED
    ),
    Hostile(
        "JSON: a text of 15 MB for a SUPER",
        lambda _: HEAD + b'a,,,,,"""%s"""\n' % (b"x" * (15 * MB)) + ROW,
        QUARANTINED,
        "65535 can be loaded",
    ),
    Hostile(
        "JSON: 15 MB of numbers for a SUPER",
        lambda _: HEAD + b'a,,,,,"[1%s]"\n' % (b",1" * (7 * MB)) + ROW,
        QUARANTINED,
        "65535 can be loaded",
    ),
    Hostile("fixed width: lines of a letter", lambda s: repeated(b"a\n", s * 20 * MB), LOADED, "", FIXED),
    Hostile("fixed width: a line of 20 MB", lambda _: repeated(b"x", 20 * MB), REJECTED, "a line is longer", FIXED),
]
ENDLESS = [
    Hostile("a header's quote never closes", lambda s: (b'"', *repeated(b"\n", s * 2 * MB)), REJECTED, "never closed"),
    Hostile(
        "a header's quote never closes, with an escape",
        lambda s: (b'"', *repeated(b"\n", s * 2 * MB)),
        REJECTED,
        "never closed",
        ESCAPED,
    ),
    Hostile(
        "records of a line end in quotes and 1 MB of delimiters",
        lambda s: (HEAD, *repeated(b'"\n"' + b"," * (MB - 8) + b"\n", s * 10 * MB)),
        QUARANTINED,
    ),
    Hostile(
        "a quote that never closes",
        lambda s: (HEAD, b'"', *repeated(ROW, s * 50 * MB)),
        QUARANTINED,
        "never closed",
        source=OPEN_QUOTE,
    ),
    Hostile(
        "a quote opens in every line",
        lambda s: (HEAD, *repeated(b'"a,1\n', s * 5 * MB)),
        QUARANTINED,
        "quoting",
        source=OPEN_QUOTE,
    ),
    Hostile(
        "a quote opens in every 100th line",
        lambda s: (HEAD, *repeated(ROW * 99 + b'"a,1\n', s * 20 * MB)),
        QUARANTINED,
        "quoting",
    ),
    Hostile(
        "bad records over 1 MB of short lines",
        lambda s: (HEAD, *repeated(b'"' + b"z\n" * (MB // 3) + b'",x,,,,\n', s * 10 * MB)),
        QUARANTINED,
    ),
    Hostile(
        "an escape before every line end", lambda s: (HEAD, *repeated(b"a\\\n", s * 5 * MB)), QUARANTINED, "", ESCAPED
    ),
    Hostile(
        "JSON: a text that never closes",
        lambda s: (b'[{"id": "', *repeated(b"x", s * 40 * MB + 24 * MB)),
        REJECTED,
        "longer than",
        ARRAY,
    ),
    Hostile(
        "JSON: an array that never closes",
        lambda s: (b"[", *repeated(_document() + b",", s * 20 * MB)),
        REJECTED,
        "not closed",
        ARRAY,
    ),
    Hostile("comments without end", lambda s: (HEAD, *repeated(b"#\n", s * 50 * MB)), LOADED, "", COMMENTED),
    Hostile("carriage returns without end", lambda s: (HEAD, *repeated(b"\r\n", s * 50 * MB)), LOADED),
    Hostile(
        "end marks of DOS without end",
        lambda s: (HEAD, *repeated(b"\x1a", s * 24 * MB + 24 * MB)),
        REJECTED,
        "a line is longer",
    ),
]
ODD = [
    Hostile("two byte order marks", lambda _: codecs.BOM_UTF8 * 2 + HEAD + ROW, REJECTED, "lacks the required column"),
    Hostile("the mark of UTF-16 before UTF-8", lambda _: codecs.BOM_UTF16_LE + HEAD + ROW * 9, REJECTED, "", ANY_ENCODING),
    Hostile("UTF-32", lambda _: (HEAD + ROW).decode().encode("utf-32"), REJECTED, "", ANY_ENCODING),
    Hostile("UTF-16 cut in a character", lambda _: (HEAD + ROW).decode().encode("utf-16")[:-1], REJECTED, "middle of a character", UTF16),
    Hostile("UTF-16: halves of characters", lambda _: codecs.BOM_UTF16_LE + "id,note\n".encode("utf-16-le") + b"a\0,\0\0\xd8\n\0b\0,\0c\0\n\0", QUARANTINED, "encoding", UTF16),
    Hostile("encodings mixed by row", lambda s: (HEAD, *repeated(b"a,1,,,\xfc,\nb,1,,,\xc3\xbc,\n", s * 5 * MB)), QUARANTINED, "encoding"),
    Hostile("UTF-8 longer than need be, and surrogates", lambda _: HEAD + b"a,1,,,\xc0\xaf,\nb,1,,,\xed\xa0\x80,\nc,1,,,\xf4\x90\x80\x80,\n" + ROW, QUARANTINED, "encoding"),
    Hostile("NULs in every row", lambda s: (HEAD, *repeated(b"a\0,1,,,,\n", s * 5 * MB), ROW), REJECTED, "full of NUL bytes"),
    Hostile("NULs later", lambda s: (HEAD, ROW * 200, *repeated(b"a\0,1\0,,,,\n", s * 5 * MB)), QUARANTINED, "", CSV, NUL_IN_NUMBER),
    Hostile("control characters, marks of direction, blanks of no width", lambda _: _lines("a\x01\x7f,1,,,x,", "\u202eb,1,,,\u200b,", "c\u2028,1,,,\ufeff,"), LOADED, source=NAUGHTY),
    Hostile("a header in letters that look alike", lambda _: "іd,n\na,1\n".encode(), REJECTED, "lacks the required column id", source=NAUGHTY),
    Hostile("a header twice over", lambda _: b"id,n,id\na,1,b\n", REJECTED, "twice"),
    Hostile("only a header", lambda _: HEAD, LOADED),
    Hostile("a row for a header", lambda _: ROW * 9, REJECTED, "of which none is id"),
    Hostile("numbers at the edges", lambda _: _lines("a,9223372036854775808,,,,", "b,1e5,,,,", "c,,,1e-400,,", "d,,,NaN,,", "e,١٢,,,,", "f,1_000,,,,", f"g,{'7' * 5000},,,,", f"h,,,{'7' * 5000},,", "i,0,,0,,"), QUARANTINED, "", source=MANY_DIGITS),
    Hostile("dates at the edges", lambda _: _lines(*(f"a,,{at},,," for at in ("0000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "2024-02-30T00:00:00Z", "2024-06-30T23:59:60Z", "+12024-01-01T00:00:00Z", "0001-01-01T00:00:00Z"))), QUARANTINED, "", source=NAUGHTY),
    Hostile("JSON: numbers without measure", lambda _: b"".join(b'{"id":"a","d":%s}\n{"id":"b","x":%s}\n' % (n, n) for n in (b"1e-400", b"1e-99999999999999999999", b"1e99999999999999999999", b"7" * 5000, b"-0e-9", b"NaN", b"Infinity")), QUARANTINED, "", JSONL, JSON_SUITE),
    Hostile("JSON: keys twice", lambda _: b'{"id":"a","id":"b"}\n{"id":"c","p":{"x":1,"x":2}}\n' + _document(), QUARANTINED, "twice", JSONL, JSON_SUITE),
    Hostile("CSV: JSON with keys twice", lambda s: (HEAD, *repeated(b'a,,,,,"{""x"":1,""x"":2}"\nb,,,,,"{""x"":1}"\n', s * 20 * MB)), QUARANTINED, "has the key 'x' twice"),
    Hostile("JSON: halves of characters", lambda _: b'{"id":"\\ud800"}\n{"id":"\\udc00\\ud800"}\n' + _document(), QUARANTINED, "", JSONL, JSON_SUITE),
    Hostile("JSON: commas too many, comments, single quotes", lambda _: b"{'id':'a'}\n{\"id\":\"a\",}\n{\"id\":\"a\"}//\n" + _document(), QUARANTINED, "", JSONL, JSON_SUITE),
    Hostile("JSON: an array, then more", lambda _: b'[{"id":"a"}] {"id":"b"}', REJECTED, "text follows", ARRAY, JSON_SUITE),
    Hostile("HTML of a login page", lambda _: b"<!DOCTYPE html><html><body>Please log in</body></html>\n", REJECTED, "begins like HTML"),
    Hostile("formulas for a spreadsheet", lambda _: _lines("=cmd|'/c calc'!A0,1,,,=1+1,", "@x,1,,,-1,"), LOADED, source=NAUGHTY),
]  # fmt: skip


def _bits(value: int, place: int, signature: bytes, archive: bytes) -> bytes:
    """A zip with another two-byte number at a place behind a record's signature."""
    return patched(archive, signature, (place, value.to_bytes(2, "little")))


def _zip64(size: int) -> bytes:
    """A zip whose directory refers to a Zip64 field for its sizes, which says this (APPNOTE 4.5.3)."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        info = zipfile.ZipInfo("a")
        info.extra = struct.pack("<HHQQ", 1, 16, size, size)
        target.writestr(info, HEAD + ROW)
    return patched(archive.getvalue(), b"PK\1\2", (20, b"\xff" * 8))


def _comment(size: int) -> bytes:
    return zipped({"a": HEAD + ROW})[:-2] + size.to_bytes(2, "little") + b"PK\5\6" * (size // 4)


def _symlink() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        info = zipfile.ZipInfo("link.csv")
        info.external_attr = 0o120777 << 16
        target.writestr(info, "/etc/passwd")
    return archive.getvalue()


RULED = replace(CSV, rules=tuple(RowRule(f"rule {n}", f"n / 0 > {n}", (">", ("/", ("column", "n"), ("column", "n")), ("number", str(n)))) for n in range(20)))  # fmt: skip
ALL_REQUIRED = replace(WIDE, columns=tuple(replace(column, required=True) for column in WIDE.columns))
WIDE_JSON = _as(ALL_REQUIRED, kind="json", null_tokens=())
UTF16_LE = _as(CSV, encoding="utf-16-le")
LATIN = _as(CSV, encoding="iso-8859-1")
MANY_MARKS = _as(CSV, delimiter="<->")
FORMATTED = replace(CSV, columns=(ID, _column("at", Kind.TIMESTAMP, "TIMESTAMP", formats=("dd.MM.yyyy HH:mm:ss.SSS",))))

ARCHIVES = [
    Hostile("zip: bzip2 of 4 GiB of blank lines", lambda s: zip_bomb(HEAD, b"\n", s * 4096 * MB, zipfile.ZIP_BZIP2), LOADED),
    Hostile("zip: a Zip64 size of 8 EiB", lambda _: _zip64(1 << 63), REJECTED),
    Hostile("zip: a Zip64 field of nothing", lambda _: _zip64(0), REJECTED),
    Hostile("zip: encrypted", lambda _: _bits(1, 8, b"PK\1\2", zipped({"a": HEAD + ROW})), REJECTED, "encrypted"),
    Hostile("zip: encrypted, says only the file itself", lambda _: _bits(1, 6, b"PK\3\4", zipped({"a": HEAD + ROW})), LOADED),
    Hostile("zip: another method in the file than in the directory", lambda _: _bits(12, 8, b"PK\3\4", zipped({"a": HEAD + ROW})), LOADED),
    Hostile("zip: stored says the directory, and is not", lambda _: _bits(0, 10, b"PK\1\2", zipped({"a": HEAD + ROW * 99})), REJECTED, "damaged"),
    Hostile("zip: a comment of ends", lambda _: _comment(0xFFFC), REJECTED),
    Hostile("zip: a link", lambda _: _symlink(), REJECTED, "first line"),
    Hostile("zip: the same name a hundred times", lambda _: zipped_pairs([("a.csv", HEAD + ROW)] * 100), LOADED),
    Hostile("zip: names of blanks, marks and nothing", lambda _: zipped_pairs([(name, HEAD + ROW) for name in ("", " ", "\u202e", "a\nb", "COM1", "a\\b", "é" * 9999)]), LOADED),
    Hostile("zip: five deep", lambda _: zipped({"4": zipped({"3": zipped({"2": zipped({"1": zipped({"0": HEAD})})})})}), REJECTED),
    Hostile("gzip: bytes behind its end", lambda _: gzip.compress(HEAD + ROW) + b"no gzip at all" * 99, REJECTED, "follow the end"),
    Hostile("gzip: zeros behind its end", lambda _: gzip.compress(HEAD + ROW) + bytes(9999), LOADED),
    Hostile("gzip: a million members of a row", lambda s: (gzip.compress(HEAD), *(gzip.compress(ROW) * 10_000 for _ in range(int(s * 100) + 1))), LOADED),
    Hostile("zstd: a frame of the largest block, cut", lambda _: bytes(pa.Codec("zstd").compress(HEAD + ROW * 99999, asbytes=True))[:99], REJECTED, "cut off"),
    Hostile("zstd: a dictionary that nobody has", lambda _: b"\x28\xb5\x2f\xfd\x23\x01\x02\x03\x04\x05\x01\0\0", REJECTED),
    Hostile("bzip2: a block that repeats without end", lambda s: streams("bzip2", HEAD, b"\n", s * 8192 * MB), LOADED),
]  # fmt: skip
TEXTS = [
    Hostile("a header of 2,006 names, each 500 times over", lambda _: _names(2000, 500)[:-1] + b",n\na\n", QUARANTINED, "fieldCount"),
    Hostile("unknown fields of control characters, kept", lambda s: (b"id," + b",".join(b"\x01" * 500 + b"%d" % n for n in range(1900)) + b"\n", *repeated(b"a" + b",1" * 1900 + b"\n", s * 3 * MB)), LOADED, contract=KEEPS),
    Hostile("unknown values of control characters, kept", lambda s: (b"id,x\n", *repeated(b"a," + b"\x01" * 9000 + b"\n", s * 60 * MB)), LOADED, "", KEEPS),
    Hostile("a name 2,000 times, kept", lambda _: b"id" + b",x" * 2000 + b"\n" + (b"a" + b",1" * 2000 + b"\n") * 99, LOADED, "", KEEPS),
    Hostile("a quote never closed in 1 GB", lambda s: (HEAD, b'"', *repeated(ROW, s * 1024 * MB)), QUARANTINED, "never closed"),
    Hostile("a rule between columns that none can compute", lambda s: (HEAD, *repeated(b"a,0,,,,\n", s * 4 * MB)), QUARANTINED, "cannot be computed", RULED),
    Hostile("dates that are none, in a format", lambda s: (b"id,at\n", *repeated(b"a,31.02.2026 25:61:61.999\n", s * 20 * MB)), QUARANTINED, "format", FORMATTED),
    Hostile("a delimiter of three characters, half of one everywhere", lambda s: (b"id<->n\n", *repeated(b"a<-<-<-><->1\n", s * 10 * MB)), QUARANTINED, "", MANY_MARKS),
    Hostile("UTF-16 without line ends", lambda s: (codecs.BOM_UTF16_LE, *repeated("x".encode("utf-16-le"), s * 60 * MB + 40 * MB)), REJECTED, "a line is longer", UTF16),
    Hostile("UTF-16: lone surrogates by the million", lambda s: (HEAD.decode().encode("utf-16-le"), *repeated(b"\0\xd8\n\0", s * 8 * MB)), QUARANTINED, "", UTF16_LE),
    Hostile("Latin-1 of the highest bytes", lambda s: (HEAD, *repeated(b"\xff,1,,,\xff\x80,\n", s * 10 * MB)), LOADED, "", LATIN),
    Hostile("overlong UTF-8 in each name", lambda _: b"id,\xc0\xae,n\na,1,2\n", REJECTED, "UTF-8"),
    Hostile("values of 60,000 blanks", lambda s: (HEAD, *repeated(b"a,1,,," + b" " * 60_000 + b",\n", s * 50 * MB)), QUARANTINED, "physicalType"),
    Hostile("numbers of 100,000 digits", lambda s: (HEAD, *repeated(b"a," + b"7" * 100_000 + b",,,,\n", s * 50 * MB)), QUARANTINED, "physicalType"),
    Hostile("decimals of 100,000 zeros", lambda s: (HEAD, *repeated(b"a,,,0." + b"0" * 100_000 + b"1,,\n", s * 50 * MB)), QUARANTINED, "physicalType"),
    Hostile("fixed width: bytes that are no text", lambda s: repeated(b"\xfd\xfc\xfb\xfa123456\n", s * 10 * MB), QUARANTINED, "encoding", FIXED),
    Hostile("CR and LF in every sequence", lambda s: (HEAD, *repeated(b"a,1,,,,\r\n\n\r\r\nb,2,,,,\n\r", s * 10 * MB)), QUARANTINED, ""),
]  # fmt: skip
DOCUMENTS = [
    Hostile("JSON: a million keys in a line", lambda _: json.dumps({"id": "a"} | {f"k{n}": 1 for n in range(1_000_000)}).encode() + b"\n" + _document(), QUARANTINED, "commas", KEEPS_JSON),
    Hostile("JSON: a key 100,000 times", lambda _: b'{"id":"a"' + b',"k":1' * 100_000 + b"}\n" + _document(), QUARANTINED, "twice", JSONL),
    Hostile("JSON: a key of escapes twice in each line", lambda s: repeated(b'{"id":"a","\\u0069d":"b"}\n', s * 20 * MB), QUARANTINED, "twice", JSONL),
    Hostile("JSON: 1,600 required columns, empty objects", lambda s: (b"[{}", *repeated(b",{}", s * 0.02 * MB), b"]"), QUARANTINED, "required", WIDE_JSON),
    Hostile("JSON: numbers of many digits for a SUPER", lambda s: repeated(b'{"id":"a","p":[12345678901234567890123,0.12345678901234567890]}\n', s * 20 * MB), LOADED, "", JSONL),
    Hostile("JSON: numbers that vanish, for a SUPER", lambda s: repeated(b'{"id":"a","p":[1e-400,1]}\n', s * 10 * MB), QUARANTINED, "double cannot hold", JSONL),
    Hostile("JSON: numbers of 4,000 digits in a text", lambda s: repeated(b'{"id":"a","note":"%s"}\n' % (b"7" * 4000), s * 40 * MB), QUARANTINED, "physicalType", JSONL),
    Hostile("JSON: brackets in texts", lambda s: (b'[{"id":"a"}', *repeated(b',{"id":"[[[{{{\\"]]"}', s * 20 * MB), b"]"), LOADED, "", ARRAY),
    Hostile("JSON: an element of 15 MB after others", lambda _: b'[{"id":"a"},{"id":"b","x":"' + b"x" * (15 * MB) + b'"},{"id":"c"}]', LOADED, "", ARRAY),
    Hostile("JSON: lines of blanks", lambda s: (_document(), *repeated(b" " * 999 + b"\n", s * 50 * MB)), QUARANTINED, "json", JSONL),
    Hostile("JSON: nothing but nulls", lambda s: repeated(b"null\n", s * 10 * MB), QUARANTINED, "not an object", JSONL),
]  # fmt: skip
KINDS = [*ARCHIVES, *TEXTS, *DOCUMENTS, *BOMBS, *LIES, *WIDTHS, *DEPTHS, *LENGTHS, *ENDLESS, *ODD]
