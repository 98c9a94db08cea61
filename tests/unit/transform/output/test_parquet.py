"""What is written: parts for COPY, and the quarantine that gives every bad row back."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.domain.contract import Contract, Kind
from headrace.transform import BadRow, PartWriter, QuarantineWriter, RowError, arrow_schema, read_quarantine
from headrace.transform.output import parts
from headrace.transform.schema import one_text
from tests.unit.transform.kit import column, contract, decimal, integer, number, text, transform_of

SPEC = contract(
    text("id", required=True),
    integer("small", 16),
    integer("medium", 32),
    number("real", 32),
    decimal("price", 12, 2),
    column("at", Kind.TIMESTAMP),
    column("day", Kind.DATE),
    column("json", Kind.SUPER),
)


def rows(spec: Contract, count: int) -> pa.Table:
    line = b"a,1,2,0.5,9.99,2024-05-31T12:00:00Z,2024-05-31,{}\n"
    (block,) = transform_of(spec, b"id,small,medium,real,price,at,day,json\n" + line * count)
    return block.good


def test_types_are_exactly_the_targets(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path / "part.parquet", SPEC)
    writer.write(rows(SPEC, 3))
    assert writer.close() == 3
    schema = pq.ParquetFile(tmp_path / "part.parquet").schema
    types = {schema.column(i).name: schema.column(i) for i in range(len(schema))}
    assert types["price"].physical_type == "FIXED_LEN_BYTE_ARRAY"
    assert (types["price"].precision, types["price"].scale, types["price"].length) == (12, 2, 6)
    assert types["medium"].physical_type == "INT32"
    assert types["real"].physical_type == "FLOAT"
    assert "timeUnit=microseconds" in str(types["at"].logical_type)
    assert "isAdjustedToUTC=false" in str(types["at"].logical_type)
    assert types["id"].max_definition_level == 0
    assert types["small"].max_definition_level == 1
    assert types["_row_number"].max_definition_level == 0


def test_small_writes_become_row_groups_of_a_good_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "ROW_GROUP", 50)
    sink = io.BytesIO()
    writer = PartWriter(sink, SPEC)
    for _ in range(12):
        writer.write(rows(SPEC, 10))
    assert writer.close() == 120
    metadata = pq.ParquetFile(io.BytesIO(sink.getvalue())).metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [50, 50, 20]


def test_snappy_and_dictionaries_where_values_repeat_and_no_delta_encodings() -> None:
    table = rows(SPEC, 1000)
    table = table.set_column(0, "id", pa.array([f"unique {n}" for n in range(1000)]))
    sink = io.BytesIO()
    writer = PartWriter(sink, SPEC)
    writer.write(table.cast(arrow_schema(SPEC)))
    writer.close()
    group = pq.ParquetFile(io.BytesIO(sink.getvalue())).metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert {column.compression for column in columns.values()} == {"SNAPPY"}
    assert "RLE_DICTIONARY" not in columns["id"].encodings
    assert "RLE_DICTIONARY" in columns["_batch_id"].encodings
    assert not any("DELTA" in encoding for column in columns.values() for encoding in column.encodings)


def test_lineage_of_several_files_is_plain_text_with_one_dictionary() -> None:
    sink = io.BytesIO()
    writer = PartWriter(sink, SPEC)
    for file_id in ("a" * 24, "b" * 24, "a" * 24):
        writer.write(rows(SPEC, 2).set_column(8, arrow_schema(SPEC).field("_file_id"), one_text(file_id, 2)))
    writer.close()
    file = pq.ParquetFile(io.BytesIO(sink.getvalue()))
    assert file.schema_arrow.field("_file_id").type == pa.string()
    assert [value[0] for value in file.read()["_file_id"].to_pylist()] == ["a", "a", "b", "b", "a", "a"]
    column = file.metadata.row_group(0).column(8)
    assert (column.path_in_schema, column.physical_type) == ("_file_id", "BYTE_ARRAY")
    assert column.has_dictionary_page
    assert column.statistics.max == "b" * 24


def test_a_part_without_rows_is_still_a_parquet_file() -> None:
    sink = io.BytesIO()
    assert PartWriter(sink, SPEC).close() == 0
    assert pq.read_table(io.BytesIO(sink.getvalue())).column_names == arrow_schema(SPEC).names


def test_quarantine_gives_back_every_row_with_its_bytes_and_errors() -> None:
    bad = [
        BadRow(3, b'\xff"\r\n,\x00', (RowError("id", "encoding", "byte 0xff"), RowError(None, "quoting", "open"))),
        BadRow(9, b"", (RowError("small", "required", "it has no value"),)),
    ]
    sink = io.BytesIO()
    writer = QuarantineWriter(sink, SPEC, batch_id="parcels-7")
    writer.write(bad, file_id="f" * 24, key="parcels/in/x.csv")
    assert writer.close() == 2
    found = list(read_quarantine(sink.getvalue()))
    assert [(row.row_number, row.raw, row.errors) for row in found] == [(b.row_number, b.raw, b.errors) for b in bad]
    assert found[0].key == "parcels/in/x.csv"
    assert (found[0].dataset, found[0].contract_version, found[0].batch_id) == ("parcels", "2.1.0", "parcels-7")


def test_an_empty_quarantine_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "none.parquet"
    QuarantineWriter(path, SPEC, batch_id="b").close()
    assert list(read_quarantine(path)) == []
