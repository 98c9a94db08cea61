"""One request: which files are written, what is recorded of them, and what becomes of those that cannot be."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.domain.contract import Kind
from headrace.domain.export import Export, ExportColumn
from headrace.errors import TerminalError, TransientError
from headrace.exports.model.run import (
    MOST_PUT_OFF,
    PUT_OFF_SECONDS,
    RUNNER_TRIES,
    CategoryState,
    Request,
    Run,
    RunStatus,
    Tally,
    UnloadStatus,
)
from headrace.exports.model.sql import ACCOUNT_LABEL
from headrace.exports.steps.runner import answer
from tests.support.export_fakes import MemoryExportServices, declared

DATE = "2026-01-31"
RUN = Run("notes", DATE, 1, RunStatus.RUNNING, "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z")
ROWS = [("a", "one"), ("b", "two"), ("a", "three")]


class World:
    """A run whose category `c` is unloaded: the rows of some accounts, in one Parquet file or in several."""

    def __init__(self, *files: list[tuple[str, str]], export: Export | None = None, **columns: list[Any]) -> None:
        self.services = MemoryExportServices({}, export_=export or declared())
        self.services.exports.open_run(RUN, None)
        self.services.exports.change_category(RUN, CategoryState("c", UnloadStatus.UNLOADED, folder="f/"))
        self.keys: list[str] = []
        self.told: dict[str, Exception] = {}
        for number, rows in enumerate(files):
            file, key = io.BytesIO(), f"f/_part=0/{number}.parquet"
            accounts, notes = [account for account, _ in rows], [note for _, note in rows]
            pq.write_table(pa.table({ACCOUNT_LABEL: accounts, "note": notes, "other": notes, **columns}), file)
            self.services.lake.objects[key] = file.getvalue()
            self.keys.append(key)

    def request(self, *accounts: str, **changes: Any) -> Request:
        return replace(Request("notes", DATE, "c", 0, accounts, tuple(self.keys), folder="f/"), **changes)

    def answer(self, request: Request, delivery: int = 1) -> None:
        answer(request, delivery, self.services, self.told.__setitem__)

    @property
    def files(self) -> dict[str, bytes]:
        return {key.rpartition("/")[2]: body for key, body in self.services.bucket.objects.items()}

    @property
    def tally(self) -> Tally:
        return self.services.exports.tallies("notes", DATE).get("c", Tally())

    @property
    def asked_again(self) -> list[Request]:
        return [Request.from_json(json.loads(text)) for text, _ in self.services.requests.waiting]

    def breaks(self, monkeypatch: pytest.MonkeyPatch, account: str, error: Exception) -> None:
        """The file of an account cannot be written."""
        put = self.services.bucket.put

        def broken(key: str, body: bytes, sha256: bytes) -> None:
            if key.endswith(f"/{account}.csv"):
                raise error
            put(key, body, sha256)

        monkeypatch.setattr(self.services.bucket, "put", broken)


def test_each_account_has_its_rows_out_of_all_files_of_its_part() -> None:
    world = World(ROWS, [("b", "four"), ("a", "five")])
    world.answer(world.request("a", "b"))
    assert world.files == {"a.csv": b"note\r\none\r\nthree\r\nfive\r\n", "b.csv": b"note\r\ntwo\r\nfour\r\n"}
    files = {file.account: file for _, file in world.services.exports.files("notes", DATE)}
    assert {name: (file.key, file.rows, file.bytes) for name, file in files.items()} == {
        "a": (f"notes/{DATE}/c/a.csv", 3, 24), "b": (f"notes/{DATE}/c/b.csv", 2, 17),
    }  # fmt: skip
    assert files["a"].sha256 == hashlib.sha256(world.files["a.csv"]).hexdigest()
    assert (world.told, world.asked_again) == ({}, [])


def test_rows_of_accounts_that_nobody_asked_for_are_in_no_file() -> None:
    world = World(ROWS)
    world.answer(world.request("b"))
    assert list(world.files) == ["b.csv"]
    world.answer(world.request("a", alone=True))
    assert world.files["a.csv"] == b"note\r\none\r\nthree\r\n"


def test_rows_come_in_the_order_of_columns_that_need_not_be_exported() -> None:
    world = World(ROWS, export=declared(order_by=("rank",)), rank=["2", "1", "1"])
    world.answer(world.request("a"))
    assert world.files["a.csv"] == b"note\r\nthree\r\none\r\n"
    both = World(ROWS, export=declared(order_by=("note",)))
    both.answer(both.request("a"))
    assert both.files["a.csv"] == b"note\r\none\r\nthree\r\n"


@pytest.mark.parametrize("files", [[ROWS], []])
def test_an_account_without_rows_has_a_file_with_a_header_or_none(files: list[Any]) -> None:
    world = World(*files)
    world.answer(world.request("nobody"))
    assert world.files == {"nobody.csv": b"note\r\n"}
    lean = World(*files, export=declared(write_empty=False))
    lean.answer(lean.request("nobody", "a") if files else lean.request("nobody"))
    assert "nobody.csv" not in lean.files
    (file,) = [file for _, file in lean.services.exports.files("notes", DATE) if file.account == "nobody"]
    assert file.to_list() == ["nobody", "", 0, 0, ""]


def test_the_time_that_a_runner_took_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 12.3456])
    monkeypatch.setattr("headrace.exports.steps.runner.time.monotonic", lambda: next(clock))
    world = World(ROWS)
    world.answer(world.request("a"))
    assert world.tally.seconds == 2.346


# -- twice ---------------------------------------------------------------------------------------------------------


def test_what_was_answered_is_not_done_again() -> None:
    world = World(ROWS)
    world.answer(world.request("a"))
    world.answer(world.request("a"))
    world.answer(world.request("a", "b"))
    assert {key.rpartition("/")[2]: times for key, times in world.services.bucket.written.items()} == {
        "a.csv": 1, "b.csv": 1,
    }  # fmt: skip
    assert (world.tally.done, world.tally.rows) == (2, 3)


def test_nothing_is_done_for_an_unload_that_is_no_longer_the_categorys() -> None:
    world = World(ROWS)
    world.answer(world.request("a", folder="earlier/"))
    assert (world.files, world.tally.answers) == ({}, 0)


# -- trouble of one account ----------------------------------------------------------------------------------------


def test_an_account_that_fails_beside_others_is_asked_for_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(ROWS)
    error = ValueError("odd")
    world.breaks(monkeypatch, "a", error)
    world.answer(world.request("a", "b"))
    assert list(world.files) == ["b.csv"]
    assert (world.tally.done, world.tally.failed, world.told) == (1, 0, {"a": error})
    assert world.asked_again == [world.request("a", alone=True)]
    assert world.services.requests.delays == [0]


@pytest.mark.parametrize("delivery", range(1, RUNNER_TRIES + 2))
def test_alone_it_is_brought_again_until_its_last_delivery(delivery: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(ROWS)
    world.breaks(monkeypatch, "a", ValueError("odd"))
    with pytest.raises(ValueError, match="odd"):
        world.answer(world.request("a", alone=True), delivery)
    last = delivery >= RUNNER_TRIES
    assert world.tally.failures == ({"a": "ValueError: odd"} if last else {})
    assert (world.asked_again, world.told) == ([], {})


def test_what_no_try_changes_has_failed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(ROWS)
    world.breaks(monkeypatch, "a", TerminalError("x" * 9000))
    world.answer(world.request("a", alone=True))
    assert world.tally.failures["a"].startswith("TerminalError: xxx")
    assert len(world.tally.failures["a"].encode()) <= 2000


def test_rows_that_cannot_be_read_fail_the_message_of_many_and_the_account_that_is_alone() -> None:
    world = World(ROWS)
    world.services.lake.objects.clear()
    with pytest.raises(KeyError):
        world.answer(world.request("a", "b"))
    assert world.tally.answers == 0
    with pytest.raises(KeyError):
        world.answer(world.request("a", alone=True), RUNNER_TRIES)
    assert list(world.tally.failures) == ["a"]


# -- a service that is out of order --------------------------------------------------------------------------------


@pytest.mark.parametrize("accounts", [("a",), ("a", "b")])
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("where", ["reading", "writing"])
def test_while_a_service_is_out_of_order_requests_are_put_off_and_no_delivery_counts(
    accounts: tuple[str, ...], alone: bool, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(ROWS)
    error = TransientError("slow down")
    if where == "writing":
        world.breaks(monkeypatch, "a", error)
    else:
        monkeypatch.setattr(world.services.lake, "read", _raising(error))
    request = world.request(*accounts[: 1 if alone else 2], alone=alone, put_off=3)
    world.answer(request, delivery=RUNNER_TRIES)
    assert world.asked_again == [replace(request, put_off=4)]
    assert world.services.requests.delays == [PUT_OFF_SECONDS]
    assert (world.tally.answers, world.told) == (0, {})


def _raising(error: Exception) -> Any:
    def raises(*_: object) -> Iterator[None]:
        raise error

    return raises


@pytest.mark.parametrize(("put_off", "again"), [(MOST_PUT_OFF - 1, True), (MOST_PUT_OFF, False)])
def test_it_is_put_off_for_hours_and_not_for_ever(put_off: int, again: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(ROWS)
    world.breaks(monkeypatch, "a", TransientError("slow down"))
    request = world.request("a", alone=True, put_off=put_off)
    if again:
        world.answer(request, RUNNER_TRIES)
        assert world.asked_again == [replace(request, put_off=MOST_PUT_OFF)]
    else:
        with pytest.raises(TransientError):
            world.answer(request, RUNNER_TRIES)
        assert world.tally.failures == {"a": "TransientError: slow down"}


def test_columns_are_read_once_each_and_no_others() -> None:
    export = declared(columns=(ExportColumn("note", "Text", Kind.STRING),), order_by=("note", "note"))
    world = World(ROWS, export=export)
    world.answer(world.request("b"))
    assert world.files == {"b.csv": b"Text\r\ntwo\r\n"}
