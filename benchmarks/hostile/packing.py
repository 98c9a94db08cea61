"""Bytes by the megabyte from a little code: streams that are compressed once and repeated, and zips that lie."""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator

import pyarrow as pa

PIECE = 4 << 20
Pieces = Iterable[bytes]


def repeated(unit: bytes, size: float) -> Iterator[bytes]:
    """About so many bytes of a text that repeats."""
    piece = unit * max(1, min(PIECE, int(size)) // len(unit))
    for _ in range(max(1, int(size) // len(piece))):
        yield piece


def gzipped(first: bytes, unit: bytes, size: float) -> Iterator[bytes]:
    """A gzip of `first` and so many bytes of `unit`: members are compressed once, and follow each other (RFC 1952)."""
    piece = unit * max(1, min(16 * PIECE, int(size)) // len(unit))
    member = gzip.compress(piece, 9, mtime=0)
    yield gzip.compress(first, mtime=0)
    for _ in range(max(1, int(size) // len(piece))):
        yield member


def streams(packed: str, first: bytes, unit: bytes, size: float) -> Iterator[bytes]:
    """The same for bzip2 and zstd, whose streams follow each other too."""
    piece = unit * max(1, min(PIECE, int(size)) // len(unit))
    yield _packed(packed, first)
    whole = _packed(packed, piece)
    for _ in range(max(1, int(size) // len(piece))):
        yield whole


def _packed(packed: str, data: bytes) -> bytes:
    return bz2.compress(data) if packed == "bzip2" else bytes(pa.Codec("zstd").compress(data, asbytes=True))


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    return zipped_pairs(list(members.items()), method)


def zipped_pairs(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of files of which several may have the same name."""
    archive = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(archive, "w", method) as target:
        for name, content in members:
            target.writestr(zipfile.ZipInfo(name), content, method)
    return archive.getvalue()


def zip_bomb(first: bytes, unit: bytes, size: float, method: int) -> bytes:
    """A zip of one file of so many bytes."""
    archive = io.BytesIO()
    with (
        zipfile.ZipFile(archive, "w", method, compresslevel=1) as target,
        target.open(
            zipfile.ZipInfo("rows.csv") if method == zipfile.ZIP_STORED else "rows.csv", "w", force_zip64=True
        ) as member,
    ):
        member.write(first)
        for piece in repeated(unit, size):
            member.write(piece)
    return archive.getvalue()


def patched(archive: bytes, signature: bytes, *changes: tuple[int, bytes], last: bool = False) -> bytes:
    """A zip with other bytes at places behind a record's signature."""
    data = bytearray(archive)
    start = data.rindex(signature) if last else data.index(signature)
    for place, other in changes:
        data[start + place : start + place + len(other)] = other
    return bytes(data)


def overlapping(content: bytes, times: int) -> bytes:
    """A zip whose directory names one compressed file so many times, as in Fifield's bomb."""
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(content) + packer.flush()
    sums = struct.pack("<III", zlib.crc32(content), len(packed), len(content))
    local = b"PK\3\4" + struct.pack("<HHHHH", 20, 0, 8, 0, 0x21) + sums + struct.pack("<HH", 1, 0) + b"a" + packed
    entry = (
        b"PK\1\2" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0x21) + sums + struct.pack("<HHHHHII", 1, *[0] * 6) + b"a"
    )
    return local + entry * times + end_of_zip(times, len(entry) * times, len(local))


def end_of_zip(entries: int, size: int, start: int) -> bytes:
    """The last record of a zip: how many entries its directory has, its size, and where it begins."""
    count = min(entries, 0xFFFF)
    return b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, size, start, 0)
