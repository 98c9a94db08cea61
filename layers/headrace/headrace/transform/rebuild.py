"""Bad rows as a file again: under the header of the file that they came in, in its encoding."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa

from headrace.domain.contract import Contract, FileFormat
from headrace.transform.decode.compression import SNIFF_BYTES, open_members, sniff
from headrace.transform.decode.encoding import AUTO, BOMS, TextBytes, canonical
from headrace.transform.decode.footer import Footer, recounted
from headrace.transform.decode.landed_bytes import LandedBytes
from headrace.transform.decode.lines import LineBlocks
from headrace.transform.delimited.header import header_line
from headrace.transform.file import FileTransform
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.typed.documents import in_replays

BLOCK_BYTES = 1 << 16
USUAL_FORMAT = FileFormat()


@dataclass(frozen=True, slots=True)
class Frame:
    """What a file has around its rows, in its own encoding: a mark, a header with its line end, a line end.

    Before the header stand as many empty lines as the contract skips. `footer` are its last lines in UTF-8, as far as
    they are no rows by what the contract has `written` of them.
    """

    mark: bytes
    header: bytes
    newline: bytes
    encoding: str = "utf-8"
    footer: bytes = b""
    written: FileFormat = USUAL_FORMAT

    def around(self, rows: Sequence[bytes]) -> bytes:
        """A whole file of these rows, not compressed."""
        if self.written.rows_at:
            keys = self.written.rows_at.split(".")
            around = "".join(f"{{{json.dumps(key)}:" for key in keys)
            text = f"{around}[".encode(), b"]" + b"}" * len(keys)
            return text[0] + b",".join(rows) + text[1]
        below = recounted(self.footer, len(rows), self.written)
        if self.encoding != "utf-8":
            below = below.decode("utf-8", "replace").encode(self.encoding, "replace")
        return self.mark + self.header + b"".join(row + self.newline for row in rows) + below


def frame_of(contract: Contract, stream: BinaryIO) -> Frame:
    """The frame of a landed file. Raises FileRejected when its members differ in it."""
    if contract.format.traits.binary:
        return Frame(b"", b"", b"\n", written=in_replays(contract).format)
    source = LandedBytes(stream)
    first = source.read(SNIFF_BYTES)
    compression = sniff(first, contract.format.compression)
    frames = {_frame(contract, member.read) for member in open_members(source, first, compression, Limits())}
    if len(frames) != 1:
        raise FileRejected("header", "the files in the archive have different headers: land the rows by hand")
    return frames.pop()


def _frame(contract: Contract, read: Callable[[int], bytes]) -> Frame:
    text = TextBytes(read, contract.format.encoding)
    written = contract.format
    footer = Footer(text.read, written, Limits()) if written.footer_lines else None
    lines = LineBlocks(footer.read if footer else text.read, BLOCK_BYTES, Limits())
    for _ in range(written.skip_lines):
        lines.next_line()
    header = lines.newline * written.skip_lines
    if written.traits.delimited and written.header:
        header += header_line(lines, written) + lines.newline
        header += b"".join((lines.next_line() or b"") + lines.newline for _ in range(written.after_header))
    while footer and footer.read(BLOCK_BYTES):
        pass
    mark, below = _mark(text.encoding, contract.format.encoding), footer.text if footer else b""
    return Frame(mark, text.landed(header), text.landed(lines.newline), text.encoding, below, written)


def _mark(encoding: str, declared: str) -> bytes:
    """What tells the order of UTF-16's bytes where the contract does not."""
    if not encoding.startswith("utf-16") or (declared != AUTO and canonical(declared) == encoding):
        return b""
    return next(mark for mark, marked in BOMS.items() if marked == encoding)


def rows_good_now(contract: Contract, frame: Frame, rows: Sequence[bytes], key: str) -> list[int]:
    """The places of the rows of a file that the contract, as it is now, lets through. `key` is that of the file.

    Rows are looked at together; where they do not come apart again as they are, as with open quotes, one by one.
    """
    seen, bad = _bad(contract, frame, rows, key)
    if seen == len(rows):
        return [place for place in range(len(rows)) if place + 1 not in bad]
    return [place for place, row in enumerate(rows) if _bad(contract, frame, [row], key) == (1, set())]


def _bad(contract: Contract, frame: Frame, rows: Sequence[bytes], key: str) -> tuple[int, set[int]]:
    contract = in_replays(contract)
    data = compressed(frame.around(rows), contract.format.compression)
    transform = FileTransform(contract, io.BytesIO(data), name=key, file_id="0" * 24, batch_id="replay")
    try:
        bad = {row.row_number for block in transform for row in block.bad}
    except FileRejected:
        return 0, set()
    return transform.report.rows_read, bad


def compressed(data: bytes, compression: str) -> bytes:
    """The file as the contract wants it; `auto` takes it as it is."""
    if compression == "zip":
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(zipfile.ZipInfo("replay"), data)
        return archive.getvalue()
    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": lambda raw: gzip.compress(raw, mtime=0),
        "bzip2": bz2.compress,
        "zstd": lambda raw: bytes(pa.Codec("zstd").compress(raw, asbytes=True)),
    }
    return packers[compression](data) if compression in packers else data
