"""`headrace retry` and `headrace reload`."""

from __future__ import annotations

from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileStatus, RowCounts
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
