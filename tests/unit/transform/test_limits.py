"""What a file may cost is bounded by how it is read, not by what it holds: counted, since no test asserts a time."""

from __future__ import annotations

import bz2
import io
import struct
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.domain.contract import UNKNOWN_COLUMN, Column, Kind
from headrace.transform import BadRow, FileRejected, Limits, QuarantineWriter, RowError, read_quarantine
from headrace.transform.decode.lines import LineBlocks
from headrace.transform.delimited.escaped import EscapedSplitter
from headrace.transform.delimited.quoted import Splitter
from headrace.transform.delimited.scan import LOOKS_AHEAD
from headrace.transform.rules.parsed import Parsed, without

from .kit import column, contract, integer, read, text, transform_of, zipped

KEEPS = replace(
    contract(text("id")), columns=(text("id"), Column(UNKNOWN_COLUMN, "", Kind.SUPER, "SUPER", unknown=True))
)


def test_rows_that_are_left_out_are_not_held_any_more() -> None:
    table = pa.table({"id": ["x" * 100] * 5000})
    for gone, most in ((range(5000), 8), (range(4999), 200)):
        left = without(Parsed(table, pa.array(range(5000), pa.int64()), []), gone)
        assert left.table.num_rows == 5000 - len(gone)
        assert left.table.get_total_buffer_size() <= most


@pytest.mark.parametrize("line", ["a", '"a"', "a\x01", "b,b"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_last_row_is_read_too_however_few_are_read_at_a_time(line: str, end: str) -> None:
    """Where just one more row was left, without a line end after it, it was taken for part of the row before."""
    spec = contract(text("id", enum=("a",)))
    for lines in range(1, 8):
        data = "id\n" + "\n".join([line] * lines) + end
        for rows in range(1, 8):
            report = read(spec, data.encode(), limits=Limits(rows=rows)).report
            assert (report.rows_read, report.rows_good) == (lines, lines * (line in {"a", '"a"'}))


def test_columns_that_a_file_has_nothing_for_have_a_limit_too() -> None:
    wide = contract(*(text(f"c{number}") for number in range(50)))
    blocks = [
        block.good.num_rows for block in transform_of(wide, b"c0\n" + b"a\n" * 20, limits=Limits(empty_cells=400))
    ]
    assert blocks == [8, 8, 4]


@pytest.mark.parametrize(("letter", "rows"), [("x", 7), ("\x01", 1)])
def test_a_block_has_as_many_rows_as_there_is_room_for_the_names_they_repeat(letter: str, rows: int) -> None:
    """A control character takes six bytes in JSON."""
    header = "id," + ",".join(f"{letter * 100}{n}" for n in range(10)) + "\n"
    data = header.encode() + b"a" + b",1" * 10 + (b"\na" + b",1" * 10) * 15
    blocks = [block.good.num_rows for block in transform_of(KEEPS, data, limits=Limits(names=8500))]
    assert (sum(blocks), max(blocks)) == (16, rows)


def test_open_records_are_looked_for_no_more_than_many_times_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these lines goes on in the next, and none of them ends in reach."""
    looked_at, limit = [], 1000
    search = EscapedSplitter.record_end

    def counted(self: EscapedSplitter, data: bytes, start: int, stop: int, newline: bytes) -> int:
        looked_at.append(stop - start)
        return search(self, data, start, stop, newline)

    monkeypatch.setattr(EscapedSplitter, "record_end", counted)
    data = b"id\n" + b"a\\\n" * 3000
    report = read(contract(text("id"), escape="\\"), data, limits=Limits(record=limit)).report
    # The lines of which the rest of the file could be one record are a row each; the last of them are one.
    assert (report.rows_read, report.rows_bad) == (2668, 2668)
    assert 0 < sum(looked_at) <= LOOKS_AHEAD * (len(data) + limit) + limit


def test_empty_lines_before_the_header_take_no_step_each(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    next_line = LineBlocks.next_line

    def counted(self: LineBlocks) -> bytes | None:
        steps.append(1)
        return next_line(self)

    monkeypatch.setattr(LineBlocks, "next_line", counted)
    assert read(contract(text("id")), b"\n" * 5000 + b"id\na\n", block_bytes=700).values("id") == ["a"]
    assert len(steps) <= 2


@pytest.mark.parametrize("escape", ["", "\\"])
@pytest.mark.parametrize("line", [b"", b'""', b"a"])
def test_a_header_that_never_ends_is_looked_through_a_few_times(
    line: bytes, escape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was split again after each line: the square of its length, in which no limit was looked at."""
    looked_at = []
    splitter = EscapedSplitter if escape else Splitter
    split, record_end = splitter.split, splitter.record_end

    def counted_split(self: Splitter, record: bytes) -> list[bytes]:
        looked_at.append(len(record))
        return split(self, record)  # type: ignore[arg-type]

    def counted_end(self: Splitter, data: bytes, start: int, stop: int, newline: bytes) -> int:
        looked_at.append(stop - start)
        return record_end(self, data, start, stop, newline)  # type: ignore[arg-type]

    monkeypatch.setattr(splitter, "split", counted_split)
    monkeypatch.setattr(splitter, "record_end", counted_end)
    data = b'"' + (line + b"\n") * 3000
    with pytest.raises(FileRejected, match="the header cannot be read: a quoted value is never closed"):
        read(contract(text("id"), escape=escape), data)
    assert 0 < sum(looked_at) <= 3 * len(data)


def test_a_complaint_of_arrow_itself_rejects_the_file() -> None:
    """Of a stream of nothing between others it says that it was used wrongly, as an error of no other kind."""
    data = bz2.compress(b"id\na\n") + bz2.compress(b"") + bz2.compress(b"b\n")
    with pytest.raises(FileRejected, match="the bzip2 data cannot be read"):
        read(contract(text("id")), data)


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_the_reason_for_too_long_json_shows_the_text_itself(kind: str) -> None:
    spec = contract(integer("id"), column("p", Kind.SUPER), kind=kind)
    long = '["' + "ä" * 40_000 + '"]'
    line = f'{{"id": 1, "p": {long}}}' if kind == "jsonl" else 'id,p\n1,"[""' + "ä" * 40_000 + '""]"'
    reason = read(spec, line.encode()).bad[0].errors[0].reason
    assert reason.startswith("the JSON takes 80004 bytes, 65535 can be loaded: '[\"ä")
    assert "\\x" not in reason


@pytest.mark.parametrize("size", [3, 0xFFFFFFFE])
def test_a_member_of_a_zip_is_as_long_as_its_directory_says(size: int) -> None:
    data = bytearray(zipped({"a": b"id\na\n"}))
    place = data.index(b"PK\1\2") + 24
    data[place : place + 4] = struct.pack("<I", size)
    with pytest.raises(FileRejected, match="the zip data is damaged"):
        read(contract(text("id")), bytes(data))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_is_decompressed_a_piece_at_a_time(method: int) -> None:
    """Python's reader made all 32 MB of the few hundred bytes that they are in bzip2 and LZMA."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method, compresslevel=1) as target:
        target.writestr("a.csv", b"id\na\n" + b"\n" * (32 << 20) + b"b")
    transform = transform_of(contract(text("id")), archive.getvalue(), block_bytes=1 << 16)
    tracemalloc.start()
    rows = sum(block.good.num_rows for block in transform)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 2
    assert most < 10 << 20


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_is_cut_or_changed_is_damaged(method: int) -> None:
    data = bytes(range(32, 127)) * 400
    archive = bytearray(zipped({"a.csv": b"id\n" + data}, method))
    false_sum = bytearray(archive)
    false_sum[archive.index(b"PK\1\2") + 16] ^= 1
    changed = bytearray(archive)
    changed[150] ^= 1
    for damaged in (false_sum, changed):
        with pytest.raises(FileRejected, match="the zip data is damaged"):
            read(contract(text("id", 99999), quote="", delimiter="\x07"), bytes(damaged))


@pytest.mark.parametrize("name", ["./b.csv", "../b.csv", "x/../b.csv", "/b.csv", "C:\\b.csv"])
def test_a_member_is_read_wherever_its_name_would_put_it(name: str) -> None:
    """Nothing is written under it. `./b.csv` was taken for a hidden file, and left out in silence."""
    found = read(contract(text("id")), zipped({"a.csv": b"id\na\n", name: b"id\nb\n", ".hidden": b"x"}))
    assert found.values("id") == ["a", "b"]


def test_a_row_of_many_errors_is_read_back_with_few_others(tmp_path: Path) -> None:
    writer = QuarantineWriter(tmp_path / "bad", contract(text("id")), batch_id="b")
    errors = tuple(RowError(f"c{number}", "logicalType", "'x' is not an integer") for number in range(100))
    writer.write([BadRow(number, b"x", errors) for number in range(640)], file_id="f", key="k")
    writer.close()
    tracemalloc.start()
    rows = sum(1 for _ in read_quarantine(tmp_path / "bad"))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 640
    assert most < 12 << 20
