"""`headrace new` and `check` of files whose columns have types: the contract has those, and every row is good."""

from __future__ import annotations

import io
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.domain.contract import Kind
from tests.unit.cli.commands.files.test_new_samples import made
from tests.unit.cli.conftest import RunJson
from tests.unit.transform.sheets.test_xlsx import Styled, workbook

COLUMNS = {
    "id": pa.array([1, 2], pa.int32()),
    "code": ["007", "x"],
    "large": pa.array([2**64 - 1, 0], pa.uint64()),
    "price": pa.array([Decimal("1.50"), None], pa.decimal128(12, 4)),
    "share": pa.array([1.0, math.nan]),
    "at": pa.array([datetime(2024, 5, 31, 12, tzinfo=UTC)] * 2, pa.timestamp("ns", "Europe/Berlin")),
    "day": [date(2024, 5, 31), None],
    "tags": [["a"], []],
    "place": [{"city": "Ulm"}, None],
    "never": pa.nulls(2, pa.float32()),
}


def parquet(columns: dict[str, object]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_a_parquet_gives_its_types(checkout: Path, run_json: RunJson) -> None:
    contract, decide = made(run_json, a=parquet(COLUMNS))
    found = {column.source: column.redshift_type for column in contract.named_columns}
    assert found == {
        "id": "INTEGER", "code": "VARCHAR(16)", "large": "DECIMAL(20,0)", "price": "DECIMAL(12,4)",
        "share": "DOUBLE PRECISION", "at": "TIMESTAMP", "day": "DATE", "tags": "SUPER", "place.city": "VARCHAR(16)",
        "never": "DOUBLE PRECISION",
    }  # fmt: skip
    assert (contract.format.kind, contract.format.nan_is_null) == ("parquet", True)
    assert any("NaN or Infinity in share is taken for nothing" in text for text in decide)


def test_files_that_do_not_agree_on_a_type_go_by_their_values(checkout: Path, run_json: RunJson) -> None:
    contract, _ = made(run_json, a=parquet({"n": pa.array([1], pa.int8())}), b=parquet({"n": pa.array([1.5])}))
    assert contract.columns[0].kind is Kind.DECIMAL


def test_a_workbook_gives_what_its_cells_show(checkout: Path, run_json: RunJson) -> None:
    data = workbook(
        ["id", "Code No", "on", "share", "seen"],
        [1, Styled((7, 4)), Styled((45443, 1)), 0.5, Styled((45443.5, 2))],
        [2, Styled((12, 4)), None, 2, None],
    )
    contract, _ = made(run_json, a=data)
    found = {column.source: column.kind for column in contract.named_columns}
    assert found == {
        "id": Kind.INTEGER, "Code No": Kind.STRING, "on": Kind.DATE, "share": Kind.DECIMAL, "seen": Kind.TIMESTAMP,
    }  # fmt: skip
    assert contract.format.kind == "xlsx"


def test_xml_gives_its_rows_and_what_their_texts_say(checkout: Path, run_json: RunJson) -> None:
    rows = b"".join(b'<row id="%d"><n>%d</n><on>2024-05-31</on><p><c>x</c></p></row>' % (n, n) for n in (1, 2))
    contract, _ = made(run_json, a=b'<?xml version="1.0"?><all><head/>' + rows + b"</all>")
    found = {column.source: column.kind for column in contract.named_columns}
    assert found == {"@id": Kind.INTEGER, "n": Kind.INTEGER, "on": Kind.DATE, "p.c": Kind.STRING}
    assert (contract.format.kind, contract.format.row_element) == ("xml", "row")


def test_a_parquet_and_a_text_are_no_dataset(checkout: Path, run_json: RunJson) -> None:
    Path("a").write_bytes(parquet({"n": [1]}))
    Path("b").write_bytes(b'{"n": 1}\n')
    code, document = run_json("new", "things", "a", "b")
    assert (code, document["error"]) == (1, "b is JSON, a is Parquet")
