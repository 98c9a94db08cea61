"""`headrace retry` and `headrace reload`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from tests.support.fakes import file
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack


def test_a_failed_file_is_sent_again(stack: FakeStack, run_json: RunJson) -> None:
    stack.ledger.add(file(status=FileStatus.FAILED, reason="no such column"))
    assert run_json("retry", "readings/a.csv", "--dry-run")[1]["sent"] == 1
    assert stack.ledger.files.get(file().file_id).status is FileStatus.FAILED
    code, document = run_json("retry", "a.csv")
    assert (code, document["sent"]) == (0, 1)
    assert "no such column" in document["files"][0]["why"]
    assert run_json("retry", "a.csv")[1]["sent"] == 0


def test_of_a_batch_the_failed_files_are(stack: FakeStack, run_json: RunJson) -> None:
    failed, loaded = file("a.csv", status=FileStatus.FAILED, reason="x"), file("b.csv", status=FileStatus.LOADED)
    stack.ledger.add(failed, loaded)
    ids = (failed.file_id, loaded.file_id)
    stack.ledger.add_batch(BatchRecord("readings-7", "readings", LIVE, 7, BatchStatus.FAILED, ids, "t"))
    assert [item["sent"] for item in run_json("retry", "readings-7")[1]["files"]] == [True, False]


def test_what_nobody_knows_is_an_error(run_json: RunJson) -> None:
    code, document = run_json("retry", "nobody.csv")
    assert code == 1
    assert "nobody.csv" in document["error"]


def test_a_loaded_file_is_loaded_again_only_on_demand(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    stack.ledger.add(file(status=FileStatus.LOADED, rows=RowCounts(read=3, loaded=3)))
    code, document = run_json("reload", "a.csv")
    assert code == 1
    assert "--force" in document["error"]
    assert "its 3 rows in the table are replaced" in run_text("reload", "a.csv", "--dry-run")[1]
    assert run_json("reload", "a.csv", "--force")[1]["sent"] == 1
    assert stack.ledger.files.get(file().file_id).reload


def test_a_dataset_or_a_period_of_it(stack: FakeStack, run_json: RunJson) -> None:
    for day, (name, status) in enumerate([("a", "loaded"), ("b", "failed"), ("c", "loaded"), ("d", "duplicate")], 1):
        at = f"2026-01-0{day}T00:00:00.000000Z"
        stack.ledger.add(file(name, status=FileStatus(status), arrived_at=at, rows=RowCounts(3, 3), reason="x"))
    assert keys(run_json("reload", "readings", "--dry-run")[1]) == ["readings/a", "readings/c"]
    assert keys(run_json("reload", "readings", "--since", "2026-01-02", "--dry-run")[1]) == ["readings/c"]
    assert keys(run_json("retry", "readings", "--since", "2026-01-01", "--dry-run")[1]) == ["readings/b"]
    code, document = run_json("reload", "readings/a", "--since", "2026-01-01", "--force")
    assert (code, document["error"]) == (1, "--since is for a dataset, and readings/a is not one of readings")


def keys(document: Any) -> list[str]:
    return [item["key"] for item in document["files"]]


def test_too_many_files_at_once_are_refused(
    stack: FakeStack, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace_cli.commands.repair._requeued.MOST_FILES", 1)
    stack.ledger.add(*(file(name, status=FileStatus.LOADED) for name in "ab"))
    code, document = run_json("reload", "readings", "--force")
    assert code == 1
    assert "more than 1 files of readings would be sent again: give a later --since" in document["error"]


def test_files_that_cannot_be_sent_again_fail_the_command(
    stack: FakeStack, run_json: RunJson, run_text: RunText
) -> None:
    stack.ledger.add(file("a.csv", status=FileStatus.FAILED, reason="x"), file("b.csv", status=FileStatus.LOADED))
    assert run_json("reload", "a.csv", "--force")[0] == 1
    ids = tuple(record.file_id for record in stack.ledger.records.files.values())
    stack.ledger.add_batch(BatchRecord("readings-7", "readings", LIVE, 7, BatchStatus.FAILED, ids, "t"))
    code, text = run_text("retry", "readings-7")
    assert (code, "1 file sent again. 1 not: see above." in text) == (0, True)
    assert run_text("retry", "readings")[0] == 0, "nothing has failed there"


def test_of_a_key_the_version_with_rows_is_loaded_again_though_a_later_one_failed(
    stack: FakeStack, run_json: RunJson
) -> None:
    loaded = file("a.csv", status=FileStatus.LOADED, rows=RowCounts(3, 3), sequencer="01")
    later = file("a.csv", file_id="f" * 24, version="v2", sequencer="02", status=FileStatus.FAILED, reason="x")
    stack.ledger.add(loaded, later)
    (sent,) = run_json("reload", "a.csv", "--force")[1]["files"]
    assert (sent["file_id"], sent["sent"]) == (loaded.file_id, True)


def two_versions(first: FileStatus, later: FileStatus) -> tuple[FileRecord, FileRecord]:
    return file("a.csv", status=first, reason="x", sequencer="01"), file(
        "a.csv", file_id="f" * 24, version="v2", sequencer="02", status=later, reason="x"
    )


@pytest.mark.parametrize("decision", ["release", "reject"])
def test_a_file_id_that_is_held_no_longer_means_no_other_version(
    stack: FakeStack, run_json: RunJson, decision: str
) -> None:
    first, later = two_versions(FileStatus.LOADED, FileStatus.HELD)
    later = replace(later, batch="readings-7")
    stack.ledger.add(first, later)
    ids = (later.file_id,)
    stack.ledger.add_batch(BatchRecord("readings-7", "readings", LIVE, 7, BatchStatus.LOADED, ids, "t"))
    code, document = run_json(decision, first.file_id, "--reason", "x")
    assert code == 1, document
    assert stack.ledger.files.get(later.file_id) == later
    assert run_json(decision, "a.csv", "--reason", "x")[0] == 0, "the key means the version that is held"


def test_a_file_id_without_rows_means_no_other_version(stack: FakeStack, run_json: RunJson) -> None:
    first, later = two_versions(FileStatus.FAILED, FileStatus.LOADED)
    stack.ledger.add(first, later)
    code, document = run_json("reload", first.file_id, "--force")
    assert (code, [item["file_id"] for item in document["files"]]) == (1, [first.file_id])
    assert not stack.ledger.files.get(later.file_id).reload


@pytest.mark.parametrize("command", [("retry",), ("reload", "--force"), ("release",), ("reject", "--reason", "x")])
def test_an_id_that_nobody_knows_is_an_error(run_json: RunJson, command: tuple[str, ...]) -> None:
    code, document = run_json(command[0], "0" * 24, *command[1:])
    assert (code, document["error"]) == (1, f"the ledger knows no file {'0' * 24}")
