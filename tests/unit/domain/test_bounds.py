"""Whatever is put into it, a record, a line of a story, a notice and a function's answer stay below the limits."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from headrace.adapters.channels.pagerduty import event_of
from headrace.adapters.channels.slack_text import LONGEST_TEXT, slack_message
from headrace.adapters.ledger.items import batch_item, file_item, marker
from headrace.adapters.ledger.storms import _counted_pk, _key, counting
from headrace.adapters.table import Table
from headrace.domain import bounds
from headrace.domain.ingest.arrival import Cause
from headrace.domain.ingest.lane import LIMITS, MOST_HELD, LaneState
from headrace.domain.ingest.ledger import BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.outcome import FileResult, Verdict, WarehouseRows, settle
from headrace.domain.ingest.replay import MOST_REPLAYS
from headrace.domain.ingest.storm import Counted, group_of
from headrace.domain.notice import LONGEST_KEY, Incident, Notice, arrival_notice, batch_notice, group_notice
from headrace.sources.adapters.ledger import DynamoSourceLedger
from headrace.sources.model.remote_file import SECOND
from headrace.sources.model.server_state import MOST_INCIDENTS, ServerState
from headrace.sources.model.source_file import SourceFile, SourceStatus
from tests.support.fakes import contract, file

ITEM, TRANSACTION, STATE, SNS = 400 << 10, 4 << 20, 256 << 10, 256_000
HUGE = "\u0001ö\U0001f600" * 30_000
GIVEN = {"bucket": 63, "key": 1024, "version": 1024, "etag": 100, "sequencer": 40, "arrived_at": 30, "updated_at": 30}
GIVEN |= {"seen_at": 30, "file_id": 24, "duplicate_of": 24, "sha256": 64 + 1 + 41, "dataset": 128, "lane": 8}
GIVEN |= dict.fromkeys(("batch", "merge", "suspects", "released", "execution", "started_at", "ended_at"), 160)
GIVEN |= dict.fromkeys(("failing_since", "apart_since", "failed_at"), 30) | {"group": 24}
"""How long S3, hashes and our own names make these. Every other text of a record is as long as anybody likes."""


def size(value: Any) -> int:
    """An item's size by https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html."""
    if isinstance(value, dict):
        return 3 + sum(1 + len(name.encode()) + size(item) for name, item in value.items())
    if isinstance(value, list | tuple | set):
        return 3 + sum(1 + size(item) for item in value)
    return len(value.encode()) if isinstance(value, str) else 21


def huge_value(depth: int = 2) -> Any:
    return {f"{HUGE}{number}": huge_value(depth - 1) if depth else HUGE for number in range(2)} | {"l": [HUGE] * 9}


def worst(record: type[Any], **given: Any) -> Any:
    """A record whose every text is as long as it can be."""
    names = [field.name for field in fields(record) if "str" in str(field.type) and field.name not in given]
    return record(**{name: "x" * GIVEN[name] if name in GIVEN else HUGE for name in names if name != "status"} | given)


def worst_file(**given: Any) -> FileRecord:
    replays = tuple("f" * 41 for _ in range(MOST_REPLAYS))
    fixed = {"size": 2**63, "status": FileStatus.LOADED, "detected": huge_value(), "rows": RowCounts(*[2**62] * 6)}
    record: FileRecord = worst(FileRecord, **fixed | {"replays": replays, "deliveries": 2**62} | given)
    return record


def test_the_item_of_a_file_is_small_whatever_was_found_in_it_and_fifty_fit_into_a_transaction() -> None:
    item = file_item(worst_file())
    TypeSerializer().serialize(item)
    assert size(item) < ITEM / 4
    assert 50 * (size(item) + size(marker(worst_file()))) < TRANSACTION


def test_the_item_of_a_batch_is_small() -> None:
    ids = tuple("f" * 24 for _ in range(max(limit.files for limit in LIMITS.values())))
    fixed = {"status": BatchStatus.FAILED, "rows": RowCounts(), "corrected": "f" * 24}
    batch = worst(BatchRecord, batch="b" * 160, generation=2**62, file_ids=ids, **fixed)
    assert size(batch_item(batch)) < ITEM / 4


def test_the_item_of_a_server_is_small_whatever_it_says_and_names() -> None:
    """Five folders with names of 100 kB that answer CWD with 550 made the state larger than an item may be."""
    wrote: list[dict[str, Any]] = []
    client = SimpleNamespace(update_item=lambda **call: wrote.append(call), put_item=lambda **call: wrote.append(call))
    client.exceptions = SimpleNamespace(ConditionalCheckFailedException=KeyError)
    ledger = DynamoSourceLedger(client, "ledger")
    now = datetime(2026, 1, 31, tzinfo=UTC)
    incidents = {"\U0001f600" * (LONGEST_KEY - 3) + f"{number:03}": now for number in range(MOST_INCIDENTS)}
    closed = {f"{number}{HUGE}": HUGE for number in range(5000)}
    ledger.save_state(ServerState("s" * 40, reason=HUGE, incidents=incidents, closed_folders=closed))
    ledger.save(SourceFile("s", "d", "/" + "x" * 1000, 1, now, SECOND, now, SourceStatus.HELD, reason=HUGE), 1)
    state, record = wrote
    assert len(json.dumps(state["ExpressionAttributeValues"], ensure_ascii=False).encode()) < ITEM
    assert len(json.dumps(record["Item"], ensure_ascii=False).encode()) < 10_000


def test_a_lane_that_lists_many_held_batches_waits_for_decisions() -> None:
    held = tuple("h" * 160 for _ in range(MOST_HELD))
    assert size(held) < ITEM / 4
    assert LaneState(1, None, held).blocked(contract(wait_while_held=False))
    assert not LaneState(1, None, held[1:]).blocked(contract(wait_while_held=False))
    assert not LaneState(1, "open", held).blocked(contract())


def test_a_line_of_a_story_is_small() -> None:
    assert size(bounds.within(huge_value(), bounds.MOST_DETAIL)) < ITEM / 4


def worst_notice() -> Notice:
    batch = worst(BatchRecord, batch="b" * 160, generation=1, status=BatchStatus.LOADED, file_ids=(), rows=RowCounts())
    drift = {"columns": [{"name": HUGE, "type": HUGE}] * 50, "yaml": HUGE}
    results = [FileResult("f", Verdict.GOOD, 9, 1, 8, reason=HUGE, detected={"drift": drift}, broken={HUGE: 8})] * 20
    rows = RowCounts(9, 1, 1, 9)
    files = [worst_file(status=status, rows=rows) for status in FileStatus for _ in range(9)]
    return batch_notice(batch, files, results, "#" + "c" * 80, [(file, file) for file in files], files)


def test_a_notice_of_the_worst_batch_fits_every_channel() -> None:
    notice = worst_notice()
    message = json.dumps(notice.to_json())
    assert len(message.encode()) < SNS
    assert len(slack_message(notice)["text"]) <= LONGEST_TEXT
    assert len(json.dumps(event_of(notice, Incident("k", "trigger", "s"), "r")).encode()) < 512_000
    assert Notice.from_json(json.loads(message)) == notice


@pytest.mark.parametrize("sign", ["&", "\u202e", "\U000e0001", "\x00"])
def test_lines_without_end_fit_every_channel(sign: str) -> None:
    notice = Notice("error", sign * 10**6, (sign * 10**6,) * 1000)
    assert len(json.dumps(notice.to_json())) < SNS
    assert len(slack_message(notice)["text"]) <= LONGEST_TEXT
    assert notice.lines[-1].startswith("and ")


def test_the_answer_about_an_outcome_fits_into_a_state() -> None:
    answer = {"outcome": {"batch": "b" * 160, "files": 700, "rows": dict.fromkeys("abcde", 2**62)}}
    answer |= {"notice": worst_notice().to_json()}
    assert len(json.dumps({"answer": answer, "and once more as a variable": answer["notice"]})) < STATE


@pytest.mark.parametrize("key", ["ö" * 511 + "/x", "\U0001f600" * 250 + "/" + "x" * 23, "x" * 1024, "/" * 1024])
def test_a_group_of_refused_objects_is_small_and_its_keys_are_what_dynamodb_takes(key: str) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
    one = worst_file(dataset="", key=key, arrived_at="2026-01-31T07:00:00Z")
    group = group_of(one, Cause.STRAY, "#" + "c" * 80, 1_800_000_000)
    assert len(_key(group)[1].encode()) <= 1024
    assert len(_counted_pk(group).encode()) <= 2048
    assert size(asdict(group)) < 1 << 10
    assert size(counting(Table(None, "t"), group, one)["Put"]["Item"]) < 2 << 10
    for notice in (arrival_notice(one, group), group_notice(group, Counted(100_000, (key,) * 5, more=True))):
        assert len(json.dumps(notice.to_json())) < SNS
        assert len(slack_message(notice)["text"]) <= LONGEST_TEXT


def test_what_is_short_is_left_alone() -> None:
    detected = {"compression": "zip", "members": {"count": 2, "first": ["a", "b"]}, "ok": True, "none": None}
    assert bounds.within(detected, bounds.MOST_DETECTED) == detected
    assert bounds.cut("as it is", 100) == "as it is"
    assert bounds.cut("ä" * 10, 10) == "äää…"
    assert bounds.within(list(range(3000)), 8000)[-1].endswith("more")


def test_what_is_no_unicode_can_be_written() -> None:
    assert bounds.cut("a\ud800b", 100) == "a?b"
    assert bounds.within({"\ud800": "\ud800"}, 100) == {"?": "?"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.integers(200, 2000))
def test_any_value_is_cut_to_its_room(value: Any, most: int) -> None:
    assert size(bounds.within(value, most)) <= most + 200


def test_a_settled_file_keeps_a_short_account_of_what_it_held() -> None:
    result = FileResult("f", Verdict.GOOD, 1, 1, detected={"compression": "gzip"})
    assert file_item(settle(file(), result, WarehouseRows(1, 1)))["detected"] == {"compression": "gzip"}


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_what_is_nested_deeper_than_dynamodb_takes_is_cut_to_a_text(wrap: Any) -> None:
    """32 levels: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
    value: Any = "inmost"
    for _ in range(100):
        value = wrap(value)
    levels, short = 0, bounds.within(value, bounds.MOST_DETAIL)
    while isinstance(short, list | dict):
        levels, short = levels + 1, short[0] if isinstance(short, list) else short["a"]
    assert levels == bounds.DEEPEST
    assert "inmost" in short
