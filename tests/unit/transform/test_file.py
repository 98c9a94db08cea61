"""A file as a whole: its lineage, its report, its hash, its limits."""

from __future__ import annotations

import contextlib
import difflib
import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.contract import Kind
from headrace.transform import FileRejected, FileTransform, Limits, arrow_schema

from .kit import column, contract, decimal, integer, read, text, transform_of, zipped

SPEC = contract(text("id", required=True), integer("n", minimum="0"), column("at", Kind.TIMESTAMP))


def test_good_rows_have_the_contracts_columns_in_order_and_their_lineage() -> None:
    (block,) = transform_of(SPEC, b"n,at,id\n1,2024-05-31T12:00:00Z,a\n")
    assert block.good.schema == arrow_schema(SPEC)
    assert block.good.column_names == ["id", "n", "at", "_file_id", "_row_number", "_batch_id"]
    row = block.good.to_pylist()[0]
    assert (row["_file_id"], row["_row_number"], row["_batch_id"]) == ("f" * 24, 1, "parcels-7")


def test_every_error_of_a_row_is_told() -> None:
    found = read(SPEC, b"id,n,at\n,-1,yesterday\nb,x,2024-13-01T00:00:00Z\nc,1\n")
    assert found.errors() == [
        (1, "id", "required"),
        (1, "n", "minimum"),
        (1, "at", "logicalType"),
        (2, "n", "logicalType"),
        (2, "at", "logicalType"),
        (3, None, "fieldCount"),
    ]
    assert [row.raw for row in found.bad] == [b",-1,yesterday", b"b,x,2024-13-01T00:00:00Z", b"c,1"]
    assert found.bad[0].errors[1].reason == "'-1' is less than the minimum 0"


def test_an_open_quote_costs_its_own_row_and_no_other() -> None:
    found = read(SPEC, b'id,n,at\n"a,1,\nb,2,\n"c"x,3,\nd"e,4,\nf,5,\n')
    assert found.values("id", "_row_number") == [("b", 2), ("f", 5)]
    assert found.errors() == [(1, None, "quoting"), (3, None, "quoting"), (4, None, "quoting")]


def test_a_bad_record_over_several_lines_is_one_row_with_all_its_bytes() -> None:
    found = read(SPEC, b'id,n,at\n"a\nb",x,\nc,1,\n')
    assert found.bad[0].raw == b'"a\nb",x,'
    assert found.values("id", "_row_number") == [("c", 2)]


def test_row_numbers_count_records_not_lines() -> None:
    found = read(SPEC, b'id,n,at\n\na,1,\n"b\nb",2,\n\n\nc,x,\nd,4,\n')
    assert found.values("id", "_row_number") == [("a", 1), ("b\nb", 2), ("d", 4)]
    assert found.errors() == [(3, "n", "logicalType")]


def test_missing_optional_columns_are_null_and_unknown_ones_are_reported() -> None:
    found = read(SPEC, b"id,colour\na,red\n")
    assert found.values("id", "n", "at") == [("a", None, None)]
    assert found.report.detected == {
        "compression": "none",
        "encoding": "UTF-8",
        "unknown_columns": ["colour"],
        "absent_columns": ["n", "at"],
    }


def test_the_hash_is_of_the_bytes_as_they_landed() -> None:
    data = gzip.compress(b"id,n,at\na,1,\n")
    report = read(SPEC, data).report
    assert report.sha256 == hashlib.sha256(data).hexdigest()
    assert (report.bytes_read, report.name, report.file_id) == (len(data), "parcels.csv", "f" * 24)


@pytest.mark.parametrize(
    "data", [b"no header here\n" + b"x" * 100_000, gzip.compress(b"id\n" + b"a\n" * 9999, mtime=0)[:-9]]
)
def test_the_hash_covers_a_rejected_file_too(data: bytes) -> None:
    transform = transform_of(SPEC, data, block_bytes=512)
    with pytest.raises(FileRejected):
        list(transform)
    assert transform.report.sha256 == hashlib.sha256(data).hexdigest()
    assert transform.report.bytes_read == len(data)


def test_a_line_longer_than_the_limit_rejects_the_file() -> None:
    with pytest.raises(FileRejected, match="a line is longer than 1,000 bytes"):
        read(SPEC, b"id,n,at\n" + b"x" * 5000 + b",1,\n", 100, Limits(line=1000))


def test_a_file_that_decompresses_without_end_is_rejected() -> None:
    bomb = gzip.compress(b"id,n,at\n" + b"aaaa,1,\n" * 100_000)
    with pytest.raises(FileRejected, match="larger than the limit of 100,000 bytes"):
        read(SPEC, bomb, 4096, Limits(decompressed=100_000))


def test_a_quoted_value_longer_than_the_record_limit_is_an_open_quote() -> None:
    found = read(SPEC, b'id,n,at\n"a\n' + b"x\n" * 50 + b'",1,\nz,2,\n', 16, Limits(record=60))
    assert found.values("id") == ["z"]
    assert found.report.rows_read == 53


def test_a_lost_connection_is_no_broken_file() -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 50:
                raise ConnectionResetError("gone")
            return super().read(40)

    compressed = gzip.compress(b"id,n,at\n" + bytes(range(32, 127)) * 20)
    transform = FileTransform(SPEC, Breaking(compressed), name="x", file_id="f", batch_id="b")
    with pytest.raises(ConnectionResetError):
        list(transform)


def test_a_column_may_have_another_name_in_the_file() -> None:
    renamed = contract(
        *(c if c.name != "id" else type(c)("parcel", "id", c.kind, "VARCHAR(16)", max_bytes=16) for c in SPEC.columns)
    )
    assert read(renamed, b"id,n,at\na,1,\n").values("parcel") == ["a"]


def test_decimals_are_exact() -> None:
    spec = contract(decimal("d", 38, 10))
    said = "1234567890123456789012345678.0123456789"
    assert str(read(spec, f"d\n{said}\n".encode()).values("d")[0]) == said


def test_a_bomb_ends_as_a_failed_file_without_being_held_in_memory() -> None:
    zeros = b"\0" * (1 << 20)
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(b"id,n,at\n") + b"".join(packer.compress(b"a,1,\n" * 200_000) for _ in range(64))
    bomb += packer.compress(zeros) + packer.flush()
    assert len(bomb) < 300_000
    spec = replace(SPEC, format=replace(SPEC.format, max_decompressed_bytes=8 << 20))
    before = pa.total_allocated_bytes()
    blocks = iter(transform_of(spec, bomb, 1 << 20))
    held = [pa.total_allocated_bytes() - before for _ in range(4) if next(blocks)]
    assert max(held) < 64 << 20
    with pytest.raises(FileRejected, match="larger than the limit of 8,388,608 bytes"):
        list(blocks)


def test_a_zip_that_does_not_fit_on_the_disk_is_told_as_such() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("trips.csv", "id,n,at\n" + "a,1,\n" * 100)
    read(SPEC, archive.getvalue(), 4096, Limits(zipped=len(archive.getvalue())))
    with pytest.raises(FileRejected, match=r"the zip is larger than 200 bytes, .* send several, or gzip") as rejected:
        read(SPEC, archive.getvalue(), 4096, Limits(zipped=200))
    assert rejected.value.code == "too_big"


def a_zip(method: int) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as file:
        file.writestr("trips.csv", "id,n,at\n" + "a,1,\n" * 20)
    return archive.getvalue()


ZIPS = [a_zip(method) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)]


@given(st.sampled_from(ZIPS), st.lists(st.tuples(st.integers(4, 400), st.integers(0, 255)), max_size=4))
def test_a_zip_with_any_bytes_changed_is_read_or_rejected(good: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(good)
    for place, byte in changes:
        data[place % len(data)] = byte
    with contextlib.suppress(FileRejected):
        read(SPEC, bytes(data))


def test_a_bomb_of_one_line_ends_at_the_limit_of_a_line() -> None:
    spec = replace(SPEC, format=replace(SPEC.format, max_line_bytes=1 << 20))
    with pytest.raises(FileRejected, match="a line is longer than 1,048,576 bytes"):
        list(transform_of(spec, gzip.compress(b"x" * (32 << 20)), 1 << 20))


def test_a_nul_byte_costs_its_own_row_wherever_it_is() -> None:
    found = read(contract(text("id"), integer("n")), b"id,n\na\0b,1\nc,2\n")
    assert found.values("id") == ["c"]
    assert [(row.raw, row.errors[0].rule) for row in found.bad] == [(b"a\0b,1", "encoding")]


def test_the_member_of_an_archive_that_is_refused_is_named() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("trips.csv", "id,n\na,1\n")
        file.writestr("README.txt", "how to read this\n")
    with pytest.raises(FileRejected, match=r"'README\.txt' in the archive: the first line is not the header"):
        read(contract(text("id"), integer("n")), archive.getvalue())


def test_of_a_line_of_many_fields_few_are_compared_with_a_columns_name(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def get_close_matches(word: str, possibilities: list[str], n: int) -> list[str]:
        compared.append(len(possibilities))
        return []

    monkeypatch.setattr(difflib, "get_close_matches", get_close_matches)
    line = ",".join(f"i{number}" for number in range(2000))
    with pytest.raises(FileRejected, match="lacks the required column id"):
        read(SPEC, f"n,{line}\n".encode())
    assert compared
    assert max(compared) <= 1000


def test_a_header_of_which_no_column_is_known_is_none() -> None:
    with pytest.raises(FileRejected, match="not the header of this dataset"):
        read(contract(text("id"), integer("n")), b"when,where\na,1\n")


@pytest.mark.parametrize(("levels", "rows_good"), [(1000, 1), (1001, 0)])
def test_json_is_as_deep_as_super_can_hold(levels: int, rows_good: int) -> None:
    nested = b"[" * levels + b"]" * levels
    found = read(contract(text("id"), column("p", Kind.SUPER)), b"id,p\na," + nested + b"\n")
    assert found.report.rows_good == rows_good
    assert [error.rule for row in found.bad for error in row.errors] == ["physicalType"] * (1 - rows_good)


def test_a_zip_of_ten_thousand_files_is_read_and_its_account_stays_short() -> None:
    names = [f"export/2026/11/30/region-{number:05}-with-a-long-name.csv" for number in range(10_000)]
    found = read(contract(text("id")), zipped(dict.fromkeys(names, b"id\na\n")))
    assert found.report.rows_good == 10_000
    members = found.report.detected["members"]
    assert (members["count"], members["first"]) == (10_000, names[:50])


def test_members_names_without_end_are_cut() -> None:
    found = read(contract(text("id")), zipped({f"{number}{'n' * 60_000}": b"id\na\n" for number in range(8)}))
    assert all(len(name.encode()) <= 127 for name in found.report.detected["members"]["first"])
    with pytest.raises(FileRejected) as rejected:
        read(contract(text("id")), zipped({"n" * 60_000: b"no\n1\n"}))
    assert len(rejected.value.reason) < 1000


PAYLOADS = contract(text("id"), column("p", Kind.SUPER))


@pytest.mark.parametrize("rows", [1, 3000])
def test_json_with_a_key_twice_costs_its_own_row(rows: int) -> None:
    lines = [f'a{number},"{{""x"": 1, ""y"": {{""x"": {number}}}}}"' for number in range(rows)]
    lines += ['b,"{""x"": 1, ""x"": 2}"', 'c,"{""other"": [{""k"": 1, ""k"": 2}]}"', 'd,"{""new"": 1}"']
    found = read(PAYLOADS, "\n".join(["id,p", *lines]).encode())
    assert found.report.rows_good == rows + 1
    assert [(error.rule, error.reason) for row in found.bad for error in row.errors] == [
        ("json", "an object has the key 'x' twice"),
        ("json", "an object has the key 'k' twice"),
    ]


def test_json_in_a_line_of_fixed_width_is_looked_at_too() -> None:
    columns = (replace(text("id"), start=1, width=2), replace(column("p", Kind.SUPER), start=3, width=30))
    found = read(contract(*columns, kind="fixed", header=False), b'a {"x": 1, "x": 2}\nb {"x": 1}\n')
    assert found.values("id") == ["b"]
    assert found.errors() == [(1, "p", "json")]


def test_shapes_that_come_late_change_nothing() -> None:
    early = [f'a,"{{""x"": {number}}}"' for number in range(300)]
    late = [f'b,"{{""k{number % 40}"": 1, ""z"": {number}}}"' for number in range(600)]
    lines = [*early, *late, 'c,"{""k1"": 1, ""k1"": 2}"']
    found = read(PAYLOADS, "\n".join(["id,p", *lines]).encode(), 3000)
    assert found.report.rows_good == 900
    assert found.errors() == [(901, "p", "json")]


SECRET = "jane.doe@example.com"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"17,{SECRET}", "it has 2 fields, of which none is id, n or at"),
        (f"idd,{SECRET}", "of which none is id, n or at; is its field 1 meant to be 'id'?"),
        (f"at,{SECRET},x,y", "the header lacks the required column id"),
        (f"ats,{SECRET},idd", "is its field 3 meant to be 'id' and its field 1 meant to be 'at'?"),
    ],
)
def test_the_reason_quotes_no_row_of_a_file_without_its_header(line: str, says: str) -> None:
    with pytest.raises(FileRejected) as rejected:
        read(SPEC, f"{line}\n".encode())
    assert says in rejected.value.reason
    assert SECRET not in str(rejected.value)
    assert SECRET in rejected.value.line


def test_a_reason_has_a_length() -> None:
    wide = contract(*(text(f"column_{number}", required=True) for number in range(1500)))
    long = replace(contract(text("id")), refuse_unknown=True)
    for spec, data in ((wide, b"x,y\n"), (wide, b"column_1,y\n"), (long, b"id," + b"x" * 60_000 + b"\n")):
        with pytest.raises(FileRejected) as rejected:
            read(spec, data)
        assert len(rejected.value.reason) <= 1000


def test_blocks_have_as_many_rows_as_there_is_room_for() -> None:
    few = Limits(rows=100, cells=350, empty_cells=350)
    for data in (b"id,n,at\n" + b"a,1,\n" * 1000, b"id,n,at\n" + b"a\n" * 1000, b"id,n,at\n" + b"a,1,\nb,x,\n\n" * 500):
        blocks = [block.good.num_rows + len(block.bad) for block in transform_of(SPEC, data, limits=few)]
        assert sum(blocks) == 1000
        assert max(blocks) == 100
    wide = contract(*(text(f"c{number}") for number in range(50)))
    assert [block.good.num_rows for block in transform_of(wide, b"c0\n" + b"a\n" * 20, limits=few)] == [7, 7, 6]


@pytest.mark.parametrize(
    "data", [b"[" + b"," * 999 + b"1]", b'{"id": 1}\n' * 1000, b"[" + b'{"id": "x"},' * 999 + b"{}]"]
)
def test_blocks_of_json_have_as_many_rows_as_there_is_room_for(data: bytes) -> None:
    spec = contract(text("id"), kind="json")
    blocks = [block.good.num_rows + len(block.bad) for block in transform_of(spec, data, limits=Limits(rows=100))]
    assert sum(blocks) == 1000
    assert max(blocks) == 100


def test_rows_that_are_read_a_few_at_a_time_are_the_same_rows() -> None:
    data = b"id,n,at\n" + b'a,1,\n\n"b\nc",x,\n"open,2,\nd,3,\n\r\n#,4,\n' * 60
    whole = read(SPEC, data)
    for rows in (1, 2, 7, 130):
        few = read(SPEC, data, limits=Limits(rows=rows))
        assert (few.good, few.bad) == (whole.good, whole.bad)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("id," + ",".join(f"x{n}" for n in range(2003)), "the header has 2,004 names, the contract has 3"),
        ("id," + "x" * (1 << 20), "the header is longer than 1,048,576 bytes"),
    ],
)
def test_a_header_without_measure_rejects_the_file(header: str, says: str) -> None:
    with pytest.raises(FileRejected, match=says):
        read(SPEC, f"{header}\na,1,\n".encode())


def test_a_zip_of_too_many_files_is_rejected_before_they_are_listed() -> None:
    archive = zipped(dict.fromkeys(map(str, range(30)), b"id\na\n"))
    assert read(contract(text("id")), archive, limits=Limits(members=30)).report.rows_good == 30
    for few in (Limits(members=29), Limits(directory=1000)):
        with pytest.raises(FileRejected, match="the zip contains more than"):
            read(contract(text("id")), archive, limits=few)


def test_a_zip_whose_files_overlap_is_rejected() -> None:
    archive = bytearray(zipped({"a.csv": b"id\n" + b"a\n" * 50, "b.csv": b"id\n" + b"b\n" * 50}))
    second = archive.index(b"PK\1\2", archive.index(b"PK\1\2") + 1)
    archive[second + 42 : second + 46] = b"\1\0\0\0"
    with pytest.raises(FileRejected, match="files in the zip overlap"):
        read(contract(text("id")), bytes(archive))


def test_an_lzma_with_a_window_of_gigabytes_is_rejected() -> None:
    archive = bytearray(a_zip(zipfile.ZIP_LZMA))
    window = 30 + len("trips.csv") + 5
    archive[window : window + 4] = b"\0\0\0\xf0"
    with pytest.raises(FileRejected, match="needs a window of more than 67,108,864 bytes: make it with plain Deflate"):
        read(SPEC, bytes(archive))


def test_a_document_of_too_many_values_costs_its_own_row() -> None:
    spec = contract(integer("id"), kind="json")
    crowded = b'{"id": 2, "x": [%s1]}' % (b"1," * 600)
    found = read(spec, b'{"id": 1}\n' + crowded + b'\n{"id": 3}', limits=Limits(values=500))
    assert found.values("id") == [1, 3]
    assert "more than 500 commas and opening brackets" in found.bad[0].errors[0].reason


def test_blank_lines_before_the_header_are_left_out_in_one_go() -> None:
    assert read(contract(text("id")), b"\n" * 3_000_000 + b"id\na\n").values("id") == ["a"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_guard_ends_the_reading_of_any_file(pack: Callable[[bytes], bytes]) -> None:
    calls = iter(range(3))

    def guard() -> None:
        if next(calls, None) is None:
            raise FileRejected("too_long", "time is over")

    data = pack(b"id,n,at\n" + b"a,1,\n" * 100_000)
    transform = FileTransform(SPEC, io.BytesIO(data), name="", file_id="f", batch_id="b", block_bytes=1000, guard=guard)
    with pytest.raises(FileRejected, match="time is over"):
        list(transform)
