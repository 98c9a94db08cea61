"""`headrace quarantine`."""

from __future__ import annotations

import io

import pytest

from headrace.domain.ingest.ledger import FileStatus, RowCounts
from headrace.transform import BadRow, QuarantineWriter, RowError
from tests.support.fakes import contract, file
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack

NEGATIVE = RowError("value", "minimum", "-1 is less than 0")
MISSING = RowError("meter", "required", "there is no value")


def quarantined(stack: FakeStack, batch: str, key: str, *rows: BadRow) -> None:
    sink = io.BytesIO()
    writer = QuarantineWriter(sink, contract(), batch_id=batch)
    writer.write(rows, file_id="0" * 24, key=key)
    writer.close()
    where = f"quarantine/readings/batch={batch}/part-0001.parquet"
    stack.s3.put_object(Bucket="lake", Key=where, Body=sink.getvalue())


@pytest.fixture
def two_batches(stack: FakeStack) -> None:
    quarantined(stack, "readings-1", "readings/a.csv", BadRow(3, b"m1,-1", (NEGATIVE,)))
    quarantined(
        stack,
        "readings-2",
        "readings/b.csv",
        BadRow(1, b",-1", (MISSING, NEGATIVE)),
        BadRow(2, b"\xff", (MISSING,)),
    )


@pytest.mark.usefixtures("two_batches")
def test_rows_of_the_newest_batch_come_first(run_json: RunJson) -> None:
    code, document = run_json("quarantine", "readings")
    assert code == 0
    assert [(row["batch"], row["row_number"]) for row in document["rows"]] == [
        ("readings-2", 1),
        ("readings-2", 2),
        ("readings-1", 3),
    ]
    assert not document["more"]


@pytest.mark.usefixtures("two_batches")
def test_a_row_has_place_rule_reason_and_raw_text(run_json: RunJson) -> None:
    row = run_json("quarantine", "readings", "--batch", "readings-1")[1]["rows"][0]
    assert (row["file"], row["row_number"], row["raw"]) == ("readings/a.csv", 3, "m1,-1")
    assert (row["column"], row["rule"], row["reason"]) == ("value", "minimum", "-1 is less than 0")


@pytest.mark.usefixtures("two_batches")
def test_a_row_that_breaks_two_rules_is_one_row_with_both(run_json: RunJson) -> None:
    row = run_json("quarantine", "readings")[1]["rows"][0]
    assert [error["rule"] for error in row["errors"]] == ["required", "minimum"]


@pytest.mark.usefixtures("two_batches")
def test_limit_says_that_there_are_more(run_json: RunJson) -> None:
    document = run_json("quarantine", "readings", "--limit", "2")[1]
    assert len(document["rows"]) == 2
    assert document["more"]


@pytest.mark.usefixtures("two_batches")
@pytest.mark.parametrize("wanted", ["readings/a.csv", "a.csv"])
def test_one_file_only(run_json: RunJson, wanted: str) -> None:
    rows = run_json("quarantine", "readings", "--file", wanted)[1]["rows"]
    assert [row["file"] for row in rows] == ["readings/a.csv"]


@pytest.mark.usefixtures("two_batches")
def test_bytes_that_are_no_text_are_shown_escaped(run_json: RunJson) -> None:
    assert run_json("quarantine", "readings")[1]["rows"][1]["raw"] == "\\xff"


@pytest.mark.usefixtures("two_batches")
def test_text_names_the_row_once_and_every_rule(run_text: RunText) -> None:
    _, text = run_text("quarantine", "readings")
    assert text.count("-1 is less than 0") == 2
    assert text.count("readings/b.csv") == 2


@pytest.mark.parametrize(
    ("raw", "shown"), [(b"a,\x1b[31mb", "a,\\x1b[31mb"), (b"a\tb\nc", "a\\tb\\nc"), (b"x" * 500, "x" * 160 + "…")]
)
def test_raw_text_cannot_command_the_terminal(stack: FakeStack, run_text: RunText, raw: bytes, shown: str) -> None:
    quarantined(stack, "readings-1", "readings/a.csv", BadRow(1, raw, (NEGATIVE,)))
    _, text = run_text("quarantine", "readings")
    assert f"│ {shown}" in text
    assert "\x1b" not in text


def test_nothing_in_quarantine(run_json: RunJson, run_text: RunText) -> None:
    assert run_json("quarantine", "readings")[1]["rows"] == []
    assert "No row of readings" in run_text("quarantine", "readings")[1]


@pytest.mark.usefixtures("two_batches")
def test_rows_of_one_rule(run_json: RunJson) -> None:
    def found(rule: str) -> list[str]:
        return [row["file"] for row in run_json("quarantine", "readings", "--rule", rule)[1]["rows"]]

    assert found("minimum") == ["readings/b.csv", "readings/a.csv"]
    assert found("meter: required") == ["readings/b.csv", "readings/b.csv"]
    assert found("pattern") == []


@pytest.mark.usefixtures("two_batches")
def test_a_summary_by_rule(run_json: RunJson, run_text: RunText) -> None:
    _, document = run_json("quarantine", "readings", "--summary")
    assert document["rows"] == 3
    assert sorted((rule["rule"], rule["rows"], rule["files"]) for rule in document["rules"]) == [
        ("meter: required", 2, 1), ("value: minimum", 2, 2),
    ]  # fmt: skip
    text = run_text("quarantine", "readings", "--summary", "--rule", "minimum")[1]
    assert "value: minimum" in text
    assert "2 rows in quarantine." in text


def test_rows_are_not_given_up_without_a_reason(run_json: RunJson) -> None:
    code, document = run_json("quarantine", "readings", "--discard")
    assert code == 1
    assert "--reason" in document["error"]


def test_what_would_be_given_up_is_shown_by_file(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    known = file(status=FileStatus.LOADED, batch="readings-1", rows=RowCounts(2, 1, 0, 1))
    stack.ledger.add(known)
    sink = io.BytesIO()
    writer = QuarantineWriter(sink, contract(), batch_id="readings-1")
    writer.write([BadRow(3, b"m1,-1", (NEGATIVE,))], file_id=known.file_id, key=known.key)
    writer.close()
    stack.services.lake.objects["quarantine/readings/batch=readings-1/part-0001.parquet"] = sink.getvalue()
    code, document = run_json("quarantine", "readings", "--discard", "--dry-run")
    assert (code, document["rows"], document["files"][0]["key"]) == (0, 1, known.key)
    assert "1 row would be discarded." in run_text("quarantine", "readings", "--discard", "--dry-run")[1]
    assert stack.ledger.files.get(known.file_id) == known
