"""The commands against a real laptop's S3, DynamoDB, SQS, Step Functions, sink and warehouse."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.clock import now
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.transform import BadRow, QuarantineWriter, RowError
from headrace_cli.main import run
from headrace_cli.stack.target import Target
from headrace_local.state import LaptopState
from tests.functional.cli.conftest import RunJson
from tests.support.fakes import contract, file


def drop(run_json: RunJson, folder: Path, name: str, *options: str) -> dict[str, Any]:
    path = folder / name
    path.write_text("meter,read_at,value\n")
    code, document = run_json("drop", "readings", path, *options)
    assert code == 0
    return dict(document["files"][0])


def record(target: Target, sent: dict[str, Any], sequencer: str = "01") -> FileRecord:
    """What the starter would write for a dropped file."""
    given = {name: sent[name] for name in ("file_id", "key", "version", "size")}
    bucket = target.output("LandingBucket")
    return target.ledger.files.record_arrival(file(bucket=bucket, sequencer=sequencer, arrived_at=now(), **given))


def load(target: Target, arrived: FileRecord, batch: str) -> None:
    """What an execution would write for a file of ten rows: one execution, one batch, loaded."""
    machine = target.output("IngestStateMachineArn")
    target.client("stepfunctions").start_execution(stateMachineArn=machine, name=batch, input="{}")
    opened = BatchRecord(batch, "readings", LIVE, 1, BatchStatus.RUNNING, (arrived.file_id,), now(), execution=batch)
    target.ledger.batches.open(opened)
    (taken,) = target.ledger.batches.take(opened)
    rows = RowCounts(10, 8, 1, 1)
    target.ledger.batches.settle(opened, [replace(taken, status=FileStatus.LOADED, rows=rows)])
    target.ledger.batches.save(replace(opened, status=BatchStatus.LOADED, ended_at=now(), rows=rows))
    target.ledger.events.note_batch(batch, "Loaded", {"rows": 8})


def test_a_listing_begins_behind_a_key(target: Target) -> None:
    for name in ("a", "b", "b", "c"):
        target.landing.put(f"listed/{name}", b"x")
    assert [item.key for item in target.landing.versions("listed/", "listed/a")] == ["listed/b", "listed/b", "listed/c"]
    assert [item.key for item in target.landing.versions("listed/", "listed/b")] == ["listed/c"]
    assert [item.latest for item in target.landing.versions("listed/", "listed/a")] == [True, False, True]
    assert list(target.landing.versions("listed/", "listed/c")) == []
    for item in list(target.landing.versions("listed/")):
        target.landing.delete(item.key, item.version)


def test_the_way_of_a_file(run_json: RunJson, target: Target, tmp_path: Path) -> None:
    """Dropped, waited for, recorded, loaded, counted, traced."""
    sent = drop(run_json, tmp_path, "way.csv", "--key", "2026/way.csv")
    assert sent["key"] == "readings/2026/way.csv"
    code, waited = run_json("wait", "--timeout", "0")
    assert code == 1
    assert waited["open"] == {"not_yet_in_ledger": [sent["key"]]}

    arrived = record(target, sent)
    waited = run_json("wait", "--timeout", "0")[1]
    assert waited["open"] == {"unfinished_files": [sent["key"]], "pending_files": {"readings": 1}}

    load(target, arrived, "readings-1")
    assert run_json("wait", "--timeout", "20")[0] == 0
    (readings,) = run_json("status", "readings")[1]["datasets"]
    assert readings["files"]["loaded"] >= 1
    assert readings["freshness_seconds"] >= 0

    code, story = run_json("trace", "way.csv")
    assert code == 0
    assert (story["status"], story["batch"], story["file_id"]) == ("loaded", "readings-1", arrived.file_id)
    assert story["rows"] == {"read": 10, "loaded": 8, "superseded": 1, "quarantined": 1, "duplicate": 0}
    steps = [step["step"] for step in story["steps"]]
    assert steps[0] == "Arrived"
    assert {"Do nothing", "Loaded"} <= set(steps)


def test_a_second_version_is_told_and_the_first_listed(run_json: RunJson, target: Target, tmp_path: Path) -> None:
    first = record(target, drop(run_json, tmp_path, "twice.csv"), "01")
    second = record(target, drop(run_json, tmp_path, "twice.csv"), "02")
    for arrived in (first, second):
        target.ledger.files.change(replace(arrived, status=FileStatus.FAILED, reason="for the test"), arrived)
    story = run_json("trace", "readings/twice.csv")[1]
    assert (story["file_id"], story["status"], story["reason"]) == (second.file_id, "failed", "for the test")
    assert [item["file_id"] for item in story["versions"]] == [first.file_id]


def test_quarantined_rows_from_the_lake(run_json: RunJson, target: Target, tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    writer = QuarantineWriter(path, contract(), batch_id="readings-9")
    writer.write([BadRow(5, b"m,-1", (RowError("value", "minimum", "too small"),))], file_id="0" * 24, key="k")
    writer.close()
    where = "quarantine/readings/batch=readings-9/part-0001.parquet"
    target.client("s3").put_object(Bucket=target.output("LakeBucket"), Key=where, Body=path.read_bytes())
    (row,) = run_json("quarantine", "readings")[1]["rows"]
    assert (row["file"], row["row_number"], row["rule"], row["raw"]) == ("k", 5, "minimum", "m,-1")


def test_notifications_as_the_sink_received_them(run_json: RunJson, laptop: LaptopState) -> None:
    body = json.dumps({"text": "*hello*", "channel": "#there"}).encode()
    request = urllib.request.Request(laptop.slack_url, body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
    code, document = run_json("notifications", "--limit", "1")
    (message,) = document["notifications"]
    assert code == 0
    assert (message["text"], message["channel"]) == ("*hello*", "#there")
    assert message["n"] == document["received"]


def test_a_query(run_json: RunJson) -> None:
    code, document = run_json("sql", "SELECT 1 AS one, 'x' AS letter, NULLIF(1, 1) AS nothing")
    assert code == 0
    assert (document["columns"], document["rows"]) == (["one", "letter", "nothing"], [[1, "x", None]])


def test_a_refused_query(run_json: RunJson) -> None:
    code, document = run_json("sql", "SELECT * FROM public.no_such_table")
    assert code == 1
    assert "no_such_table" in document["error"]


def test_no_laptop_there_is_a_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "some")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "body")
    assert run(["--endpoint-url", "http://127.0.0.1:1", "contracts"]) == 1
    assert "is it up?" in capsys.readouterr().err
