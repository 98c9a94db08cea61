"""From landed bytes to the files inside them: plain, gzip, bzip2, zstd, or a zip of one or several members."""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, Protocol, cast

import pyarrow as pa

from headrace.domain.files.formats import USUAL, Format
from headrace.transform.decode.gzip_members import GzipMembers
from headrace.transform.decode.landed_bytes import PIECE, LandedBytes
from headrace.transform.outcome import FileRejected, Limits

MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip"}
SNIFF_BYTES = 8
ARROW_NAMES = {"bzip2": "bz2", "zstd": "zstd"}
NEVER_TEXT = {
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\xd0\xcf\x11\xe0": "an old or encrypted Excel or Word document",
    b"Obj\x01": "an Avro file",
    b"SQLite format 3"[:SNIFF_BYTES]: "an SQLite database",
}
UNSUPPORTED = {
    b"\xfd7zXZ": "compressed with xz",
    b"\x04\x22\x4d\x18": "compressed with lz4",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
}
OPAQUE = (*MAGIC, *NEVER_TEXT, *UNSUPPORTED)
"""How bytes begin in which no text stands as it is."""
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
DEFLATE64 = 9
LOCAL_HEADER = 30
"""Bytes before a member's name, the last four of which say how long name and extra field are (APPNOTE 4.3.7)."""
LZMA_VERSION_AND_LENGTH = 4
ENDS = 2
"""The flag that says that LZMA ends with a mark (APPNOTE 4.4.4)."""
ENDS_BY_MARK = b"\xff" * 8
TOO_WIDE = "too much memory"
"""What zstd says of frames whose window is larger than 128 MiB (`zstd --ultra --long=31`)."""
DAMAGE = (
    MemoryError,
    pa.ArrowException,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)
"""What decompressors raise over data that they cannot read."""
LONGEST_COMPLAINT = 200
"""Characters: some name a member, whose name may be as long as 65,535."""
MAKE_IT_PLAIN = "make it with plain Deflate, or send gzip, bzip2 or zstd"
TOO_MANY = "the zip contains more than {} files, or a directory of more than {} bytes: send several zips"
TOO_BIG = (
    "the zip is larger than {:,} bytes, and must fit on the disk, because it is read from its end: send several, or"
    " gzip, bzip2 or zstd, which are read as they come"
)


class Readable(Protocol):
    """Anything with `read(size)` that returns b"" at the end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside the landed one. `name` is empty unless it comes from a zip."""

    name: str
    read: Callable[[int], bytes]


def sniff(first: bytes, declared: str, *, traits: Format = USUAL) -> str:
    """The compression: what the contract says, or under `auto` what the first bytes say. Raises FileRejected.

    What a file of the format begins with is not taken for anything else.
    """
    if not first:
        raise FileRejected("empty", "the file is empty")
    is_ours = bool(traits.magic) and first.startswith(traits.magic)
    magics = {} if is_ours else MAGIC
    found = next((name for magic, name in magics.items() if first.startswith(magic)), "none")
    if not is_ours:
        _refuse_others(first, traits)
    if declared not in {"auto", found}:
        reason = f"the contract says compression {declared}, the file's first bytes say {found}"
        raise FileRejected("compression", reason)
    return found


def _refuse_others(first: bytes, traits: Format) -> None:
    wanted = f"the contract says {traits.title}" if traits.binary else "not the text that the contract describes"
    for magic, what in NEVER_TEXT.items():
        if first.startswith(magic):
            raise FileRejected("not_text", f"the file is {what}, {wanted}")
    for magic, what in UNSUPPORTED.items():
        if first.startswith(magic):
            raise FileRejected("not_text", f"the file is {what}, which is not supported: use gzip, bzip2, zstd or zip")


def open_members(source: LandedBytes, first: bytes, compression: str, limits: Limits) -> Iterator[Member]:
    """The files inside, one after the other; each is read to its end before the next is asked for."""
    stream = _Rejoined(first, source)
    budget = _Budget(limits.decompressed)
    if compression == "none":
        yield Member("", stream.read)
    elif compression == "zip":
        yield from _zip_members(source, stream, budget, limits)
    elif compression == "gzip":
        yield Member("", _guarded(GzipMembers(stream.read), source, compression, budget))
    else:
        inner = pa.CompressedInputStream(pa.PythonFile(stream, "r"), ARROW_NAMES[compression])
        yield Member("", _guarded(cast("Readable", inner), source, compression, budget))


class _Rejoined:
    """The sniffed first bytes and the rest, as one stream."""

    closed = False

    def __init__(self, first: bytes, rest: LandedBytes) -> None:
        self._first = first
        self._rest = rest

    def read(self, size: int) -> bytes:
        if not self._first:
            return self._rest.read(size)
        piece, self._first = self._first[:size], self._first[size:]
        return piece if len(piece) == size else piece + self._rest.read(size - len(piece))

    def close(self) -> None:
        self.closed = True


class _Budget:
    """How many decompressed bytes a file may still bring."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise FileRejected("too_big", f"decompressed, the file is larger than the limit of {self._limit:,} bytes")


def _guarded(stream: Readable, source: LandedBytes, compression: str, budget: _Budget) -> Callable[[int], bytes]:
    """Reads with the decompressor's complaints turned into FileRejected, and everybody else's left alone."""

    def read(size: int) -> bytes:
        source.guard()
        try:
            piece = stream.read(size)
        except DAMAGE as error:
            if source.failure is not None:
                raise
            raise FileRejected("compression", _complaint(compression, error)) from error
        budget.spend(len(piece))
        return piece

    return read


def _complaint(compression: str, error: Exception) -> str:
    text = str(error)[:LONGEST_COMPLAINT]
    if isinstance(error, MemoryError) or TOO_WIDE in text:
        return f"the {compression} needs a larger window than is supported: compress it with the usual settings"
    if isinstance(error, EOFError) or "Truncated" in text:
        return f"the {compression} data ends in the middle: the file was cut off on its way, send it again"
    if isinstance(error, UnicodeDecodeError):
        return f"a name in the {compression} is not the UTF-8 that it says it is: rename the files in it"
    if isinstance(error, NotImplementedError):
        return f"the {compression} needs what is not supported here ({text}): {MAKE_IT_PLAIN}"
    if type(error) is pa.ArrowException:  # bzip2 with a stream of nothing in it, which Arrow cannot pass
        return f"the {compression} data cannot be read ({text}): compress it again, as one stream"
    after = "" if compression in {"zip", "gzip"} else ", or other bytes follow its end"
    return f"the {compression} data is damaged ({text}){after}"


def spool(file: IO[bytes], read: Callable[[int], bytes], limits: Limits, title: str) -> None:
    """Writes a file to the disk that is read from its end. Raises FileRejected for one that does not fit there."""
    size = 0
    while piece := read(PIECE):
        size += len(piece)
        if size > limits.zipped:
            reason = f"the {title} is larger than {limits.zipped:,} bytes, and must fit on the disk"
            raise FileRejected("too_big", f"{reason}, because it is read from its end: send several")
        file.write(piece)
    file.flush()
    file.seek(0)


class Archive:
    """A zip on the disk whose files are parts of one, and read by name. Raises FileRejected for one that is unsound."""

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._source = LandedBytes(file)
        self._budget = _Budget(limits.decompressed)
        self._zip = _opened(file, limits)
        members = self._zip.infolist()
        _refuse_bombs(file, members, limits)
        self.names = {info.filename: info for info in members}

    def open(self, name: str) -> Callable[[int], bytes]:
        """Reads a part, from its beginning."""
        return _guarded(_opened_member(self._zip, self.names[name]), self._source, "zip", self._budget)

    def spend(self, size: int) -> None:
        """Counts bytes that are not in the zip, but come of what is in it. Raises FileRejected for too many."""
        self._budget.spend(size)

    def refuse_longer(self, name: str, most: int, what: str) -> None:
        """Raises FileRejected for a part that is longer than may be held."""
        if self.names[name].file_size > most:
            raise FileRejected("too_large", f"{what} more than {most:,} bytes: send several files")


def _zip_members(source: LandedBytes, stream: _Rejoined, budget: _Budget, limits: Limits) -> Iterator[Member]:
    """A zip is read from its end, so it goes to a temporary file first."""
    with tempfile.TemporaryFile() as spool:
        while piece := stream.read(PIECE):
            if source.bytes_read > limits.zipped:
                raise FileRejected("too_big", TOO_BIG.format(limits.zipped))
            spool.write(piece)
        with _opened(spool, limits) as archive:
            members = [info for info in archive.infolist() if _is_data(info.filename)]
            _refuse_odd_archives(archive, members)
            _refuse_bombs(spool, members, limits)
            for info in members:
                yield Member(info.filename, _guarded(_opened_member(archive, info), source, "zip", budget))


def _reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Readable:
    """The content of a member, no more of it at a time than is asked for."""
    opened = archive.open(info)
    if info.compress_type == zipfile.ZIP_BZIP2:
        return _Packed(_as_stored(archive, info), bz2.BZ2Decompressor())
    if info.compress_type == zipfile.ZIP_LZMA:
        packed = _as_stored(archive, info)
        return _Packed(packed, _lzma(packed, info))
    return opened


def _as_stored(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """A member's bytes as they are in the zip."""
    raw = copy(info)
    raw.compress_type, raw.file_size = zipfile.ZIP_STORED, info.compress_size
    del raw.CRC
    return archive.open(raw)


def _lzma(packed: IO[bytes], info: zipfile.ZipInfo) -> lzma.LZMADecompressor:
    """The decompressor for LZMA in a zip, whose header lacks the size that the `.lzma` format has (APPNOTE 5.8.8)."""
    _, length = struct.unpack("<HH", packed.read(LZMA_VERSION_AND_LENGTH))
    properties = packed.read(length)
    size = ENDS_BY_MARK if info.flag_bits & ENDS else info.file_size.to_bytes(8, "little")
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    decompressor.decompress(properties + size, 0)
    return decompressor


class _Packed:
    """A member in bzip2 or LZMA. Python's reader gives all at once that 4 KB of it become, which may be gigabytes."""

    def __init__(self, packed: IO[bytes], decompressor: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._packed = packed
        self._decompressor = decompressor

    def read(self, size: int, /) -> bytes:
        piece = b""
        while not piece and not self._decompressor.eof:
            packed = self._packed.read(PIECE) if self._decompressor.needs_input else b""
            if not packed and self._decompressor.needs_input:
                raise EOFError
            piece = self._decompressor.decompress(packed, size)
        return piece


class _Checked:
    """A member of a zip that must be as long as the directory says, and have its checksum.

    Python's reader minds a member that is longer; others refuse one that is shorter, too
    (https://cs.opensource.google/go/go/+/master:src/archive/zip/reader.go, checksumReader).
    """

    def __init__(self, member: Readable, info: zipfile.ZipInfo) -> None:
        self._member = member
        self._info = info
        self._read = self._sum = 0

    def read(self, size: int, /) -> bytes:
        piece = self._member.read(size)
        self._read += len(piece)
        self._sum = zlib.crc32(piece, self._sum)
        said = self._info.file_size
        if self._read > said or (not piece and self._read < said):
            more = "at least " if piece else ""
            raise zipfile.BadZipFile(f"a file in it has {more}{self._read:,} bytes, its directory says {said:,}")
        if not piece and self._sum != self._info.CRC:
            raise zipfile.BadZipFile("Bad CRC-32: a file in it does not match its checksum")
        return piece


class _Directory:
    """A zip while its directory is read, which is held in memory as a whole, and some hundred bytes for each member."""

    def __init__(self, spool: IO[bytes], limits: Limits) -> None:
        self._spool = spool
        self._limits = limits
        self.seek, self.tell = spool.seek, spool.tell

    def read(self, size: int = -1) -> bytes:
        if size > self._limits.directory:
            raise FileRejected("too_many", TOO_MANY.format(f"{self._limits.members:,}", f"{self._limits.directory:,}"))
        return self._spool.read(size)


def _opened(spool: IO[bytes], limits: Limits) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(cast("IO[bytes]", _Directory(spool, limits)))
    except zipfile.BadZipFile as error:
        reason = f"the zip cannot be opened ({str(error)[:LONGEST_COMPLAINT]}): it was cut off or damaged on its way"
        raise FileRejected("compression", reason) from error
    except DAMAGE as error:
        raise FileRejected("compression", _complaint("zip", error)) from error
    archive.fp = spool
    return archive


def _opened_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Readable:
    try:
        return _Checked(_reader(archive, info), info)
    except DAMAGE as error:
        raise FileRejected("compression", _complaint("zip", error)) from error


def _is_data(name: str) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) and part not in {".", ".."} for part in name.split("/"))
    return not name.endswith("/") and not hidden


def _refuse_bombs(spool: IO[bytes], members: list[zipfile.ZipInfo], limits: Limits) -> None:
    """Archives that are made to take more than they seem to.

    Members that overlap are read again and again (https://www.bamsoftware.com/hacks/zipbomb/). An LZMA stream says how
    large a window its reader needs, up to 4 GiB (https://www.7-zip.org/sdk.html, lzma-specification).
    """
    if len(members) > limits.members:
        raise FileRejected("too_many", TOO_MANY.format(f"{limits.members:,}", f"{limits.directory:,}"))
    placed = sorted(members, key=lambda info: info.header_offset)
    for info, after in pairwise(placed):
        if info.header_offset + LOCAL_HEADER + info.compress_size > after.header_offset:
            raise FileRejected("compression", "files in the zip overlap: it is damaged, by accident or on purpose")
    for info in members:
        if info.compress_type == zipfile.ZIP_LZMA and _window(spool, info) > limits.window:
            reason = f"the zip's LZMA needs a window of more than {limits.window:,} bytes: {MAKE_IT_PLAIN}"
            raise FileRejected("compression", reason)


def _window(spool: IO[bytes], info: zipfile.ZipInfo) -> int:
    """The window of a member in LZMA: after version, size and first byte of the properties (APPNOTE 5.8.8)."""
    spool.seek(max(info.header_offset, 0) + LOCAL_HEADER - 4)
    names = struct.unpack("<HH", spool.read(4).ljust(4, b"\0"))
    spool.seek(sum(names) + 5, io.SEEK_CUR)
    return int.from_bytes(spool.read(4), "little")


def _refuse_odd_archives(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    if "[Content_Types].xml" in archive.namelist():
        raise FileRejected("not_text", "the file is an Office document (Excel, Word): export it as the contract says")
    if not members:
        raise FileRejected("empty", "the zip contains no file")
    if any(info.flag_bits & 1 for info in members):
        raise FileRejected("compression", "the zip is encrypted: send it without a password")
    for method in {info.compress_type for info in members} - METHODS:
        name = "Deflate64, as Windows does with large files" if method == DEFLATE64 else f"method {method}"
        reason = f"the zip is compressed with {name}, which is not supported: {MAKE_IT_PLAIN}"
        raise FileRejected("compression", reason)
