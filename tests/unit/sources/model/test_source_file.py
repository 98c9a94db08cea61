"""What a poll does with each file of a listing, beside what is known of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.source import After, Checksum, Complete, Protocol
from headrace.sources.model.remote_file import RemoteFile
from headrace.sources.model.source_file import (
    LONGEST_ABSENCE,
    LONGEST_RETRY,
    MOST_ATTEMPTS,
    OPEN,
    RENEWED_AFTER,
    Plan,
    SourceFile,
    SourceStatus,
    after_leaving,
    after_problem,
    forgotten_at,
    plan,
    wanted,
    was_held,
)
from tests.support.memory_server import MONDAY
from tests.support.sources import source

NOW = MONDAY + timedelta(days=1)
KNOWN = SourceFile("carrier", "readings", "/a.csv", 5, MONDAY, 1, MONDAY, listed_at=MONDAY)
TAKEN = replace(KNOWN, status=SourceStatus.TAKEN, key="k", sha256="s", md5="m", taken_at=MONDAY)
HELD = replace(KNOWN, status=SourceStatus.HELD, attempts=3, reason="wrong", retry_at=NOW)


def file(path: str = "/a.csv", size: int | None = 5, modified: datetime | None = MONDAY) -> RemoteFile:
    return RemoteFile(path, path, size, modified)


def planned(
    *files: RemoteFile, known: Iterable[SourceFile] = (), at: datetime = NOW, whole: bool = True, hashes: bool = False,
    **changes: Any,
) -> Plan:  # fmt: skip
    """A source that takes what is there at once, unless `changes` say otherwise."""
    given: dict[str, Any] = {"complete": Complete.RENAME}
    made = source(Protocol.FTP, 21, **given | changes)
    return plan(made, files, {record.path: record for record in known}, at, hashes=hashes, whole=whole)


def ready(made: Plan) -> list[str]:
    return [candidate.file.path for candidate in made.ready]


# -- new files -----------------------------------------------------------------------------------------------------


def test_of_an_empty_folder_there_is_nothing_to_do() -> None:
    assert planned() == Plan()
    assert (Plan().listed, Plan().waiting, Plan().ready_in) == (0, 0, None)


def test_a_new_file_is_written_down_and_taken() -> None:
    made = planned(file())
    assert ready(made) == ["/a.csv"]
    assert made.changed == [replace(KNOWN, since=NOW, listed_at=NOW)]
    assert made.ready[0].record == made.changed[0]


@pytest.mark.parametrize(
    ("name", "is_wanted"),
    [
        ("a.csv", True), ("a.txt", False), ("a.csv.done", False), ("a.csv.md5", False), ("a.csv.sha256", False),
        ("a.csv.part", False), ("a.csv.tmp", False), (".a.csv", False),
    ],
)  # fmt: skip
def test_a_name_that_only_speaks_of_another_file_is_not_wanted(name: str, is_wanted: bool) -> None:
    assert wanted(source(Protocol.FTP, 21), name) is is_wanted
    everything = source(Protocol.FTP, 21, location="/*")
    assert wanted(everything, name) is (is_wanted or name == "a.txt")
    assert bool(planned(file(f"/{name}")).changed) is is_wanted


IGNORED_NAMES = {
    "_SUCCESS": "/_*", "a.csv.crc": "/*.crc", "a_$folder$": "/*_$folder$", "a.temp": "/*.temp", "~$a.csv": "/~$*",
    ".in.a.csv": "/.*.csv",
}  # fmt: skip


@pytest.mark.parametrize(("name", "asked"), IGNORED_NAMES.items())
def test_what_the_dataset_ignores_is_not_fetched_unless_the_location_asks_for_it(name: str, asked: str) -> None:
    everything = source(Protocol.FTP, 21, location="/*")
    assert not wanted(everything, name)
    assert not planned(file(f"/{name}"), location="/*").changed
    assert wanted(replace(everything, location=asked), name)
    hidden = name.startswith((".", "~$"))
    assert wanted(replace(everything, ignore=()), name) is not hidden


def test_the_oldest_comes_first_and_what_was_begun_before_comes_last() -> None:
    """A file that no poll can end must not keep the others waiting."""
    files = [
        file("/c.csv", modified=MONDAY), file("/b.csv", modified=MONDAY), file("/a.csv", modified=NOW),
        file("/d.csv", modified=None), file("/begun.csv", modified=MONDAY - timedelta(days=9)),
    ]  # fmt: skip
    begun = replace(KNOWN, path="/begun.csv", modified=MONDAY - timedelta(days=9), upload="u", staged="s")
    assert ready(planned(*files, known=[begun])) == ["/d.csv", "/b.csv", "/c.csv", "/a.csv", "/begun.csv"]


# -- whole or not --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "left"), [(0, 30.0), (10, 20.0), (30, 0.0), (31, 0.0)])
def test_a_file_is_stable_when_it_has_looked_the_same_for_so_long(seconds: int, left: float) -> None:
    still = replace(KNOWN, since=NOW - timedelta(seconds=seconds))
    made = planned(file(), known=[still], complete=Complete.STABLE, stable_seconds=30)
    assert (ready(made), made.waiting, made.ready_in) == (
        ([], 1, left) if left else (["/a.csv"], 0, None)
    )  # fmt: skip


@given(st.lists(st.integers(0, 60), min_size=1, max_size=5))
def test_the_next_look_is_worth_it_when_the_first_file_is_whole(ages: list[int]) -> None:
    known = [replace(KNOWN, path=f"/{n}.csv", since=NOW - timedelta(seconds=age)) for n, age in enumerate(ages)]
    made = planned(*(file(record.path) for record in known), known=known, complete=Complete.STABLE, stable_seconds=30)
    waits = [30 - age for age in ages if age < 30]
    assert (len(made.ready), made.waiting) == (len(ages) - len(waits), len(waits))
    assert made.ready_in == (min(waits) if waits else None)


@pytest.mark.parametrize(
    ("beside", "is_ready"),
    [
        (["/in/a.csv.done"], True), (["/in/a.done"], True), ([], False), (["/a.csv.done"], False),
        (["/in/b.csv.done"], False), (["/in/.done"], False),
    ],
)  # fmt: skip
def test_a_marker_beside_it_says_that_a_file_is_whole(beside: list[str], is_ready: bool) -> None:
    made = planned(
        file("/in/a.csv"), *map(file, beside), location="/in/*.csv", complete=Complete.MARKER, stable_seconds=600
    )
    assert (ready(made), made.waiting, made.ready_in) == ((["/in/a.csv"], 0, None) if is_ready else ([], 1, None))


def test_a_name_without_an_ending_has_its_marker_behind_it() -> None:
    made = planned(file("/readings"), file("/readings.done"), location="/*", complete=Complete.MARKER)
    assert ready(made) == ["/readings"]


@pytest.mark.parametrize(
    ("checksum", "beside", "hashes", "is_ready"),
    [
        (Checksum.REQUIRED, [], False, False), (Checksum.REQUIRED, [], True, True),
        (Checksum.REQUIRED, ["/a.csv.md5"], False, True), (Checksum.AUTO, [], False, True),
        (Checksum.IGNORE, [], False, True),
    ],
)  # fmt: skip
def test_a_required_checksum_is_waited_for_unless_the_server_computes_it(
    checksum: Checksum, beside: list[str], hashes: bool, is_ready: bool
) -> None:
    made = planned(file(), *map(file, beside), checksum=checksum, hashes=hashes)
    assert (bool(made.ready), made.waiting, made.ready_in) == (is_ready, int(not is_ready), None)


@pytest.mark.parametrize(
    ("checksum", "beside", "partner"),
    [
        (Checksum.AUTO, ["/a.csv.md5"], "/a.csv.md5"),
        (Checksum.AUTO, ["/a.csv.md5", "/a.csv.sha256"], "/a.csv.sha256"),
        (Checksum.IGNORE, ["/a.csv.md5"], None),
        (Checksum.AUTO, ["/b.csv.md5"], None),
    ],
)
def test_the_stronger_of_two_checksums_counts(checksum: Checksum, beside: list[str], partner: str | None) -> None:
    (candidate,) = planned(file(), *map(file, beside), checksum=checksum).ready
    assert (candidate.partner and candidate.partner.path) == partner
    assert candidate.record.partner == (f"5 {MONDAY}" if partner else None)


# -- files that are known ------------------------------------------------------------------------------------------


def test_a_taken_file_that_looks_as_it_did_is_left_alone() -> None:
    assert planned(file(), known=[TAKEN]) == Plan()


@pytest.mark.parametrize("changed", [file(size=6), file(modified=NOW)])
@pytest.mark.parametrize("known", [TAKEN, HELD, KNOWN, replace(TAKEN, status=SourceStatus.GONE)])
def test_a_file_that_looks_different_is_new_and_keeps_what_landed_last(known: SourceFile, changed: RemoteFile) -> None:
    (record,) = planned(changed, known=[known]).changed
    assert record == SourceFile(
        "carrier", "readings", "/a.csv", changed.size, changed.modified, 1, NOW, key=known.key, sha256=known.sha256,
        listed_at=NOW,
    )  # fmt: skip


def test_a_file_that_comes_back_is_new_even_if_it_looks_as_it_did() -> None:
    (record,) = planned(file(), known=[replace(TAKEN, status=SourceStatus.GONE)]).changed
    assert (record.status, record.since, record.taken_at, record.key) == (SourceStatus.SEEN, NOW, None, "k")


@pytest.mark.parametrize(
    ("retry_at", "due"), [(NOW, True), (NOW + timedelta(seconds=1), False), (None, False)]
)  # fmt: skip
def test_a_held_file_is_tried_again_at_its_time(retry_at: datetime | None, due: bool) -> None:
    made = planned(file(), known=[replace(HELD, retry_at=retry_at)])
    assert ready(made) == (["/a.csv"] if due else [])
    assert made.changed == ([replace(HELD, status=SourceStatus.SEEN, retry_at=None)] if due else [])


@pytest.mark.parametrize(
    ("known", "again"),
    [
        (TAKEN, {"status": SourceStatus.SEEN}),
        (HELD, {"status": SourceStatus.SEEN, "attempts": 0, "reason": None, "retry_at": None}),
        (replace(KNOWN, attempts=2, reason="wrong"), {}),
    ],
)
def test_a_checksum_that_comes_or_changes_is_a_reason_to_look_again(known: SourceFile, again: dict[str, Any]) -> None:
    for before in (None, "4 yesterday"):
        made = planned(file(), file("/a.csv.md5"), known=[replace(known, partner=before)])
        assert made.changed == [replace(known, partner=f"5 {MONDAY}", **again)]
        assert ready(made) == ["/a.csv"]


def test_a_checksum_that_goes_is_none_unless_the_file_waited_for_it() -> None:
    """Many producers tidy up behind them."""
    assert planned(file(), known=[replace(TAKEN, partner="5 then")]) == Plan()
    (record,) = planned(file(), known=[replace(HELD, partner="5 then")]).changed
    assert (record.status, record.partner) == (SourceStatus.SEEN, None)


@pytest.mark.parametrize(
    ("after", "settled", "left"),
    [(After.LEAVE, False, 0), (After.MOVE, False, 1), (After.DELETE, False, 1), (After.DELETE, True, 0)],
)
def test_a_taken_file_is_settled_where_the_contract_wants_that(after: After, settled: bool, left: int) -> None:
    made = planned(file(), known=[replace(TAKEN, settled=settled)], after=after, move_to="/taken")
    assert (len(made.unsettled), ready(made), made.changed) == (left, [], [])


@pytest.mark.parametrize(("days", "renewed"), [(9.9, False), (10, True)])
def test_that_a_file_is_listed_is_noted_every_ten_days(days: float, renewed: bool) -> None:
    at = MONDAY + timedelta(days=days)
    assert planned(file(), known=[TAKEN], at=at).changed == ([replace(TAKEN, listed_at=at)] if renewed else [])


# -- files that are gone -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", list(SourceStatus))
@pytest.mark.parametrize("whole", [True, False])
def test_what_was_still_to_come_and_is_listed_no_more_is_gone(status: SourceStatus, whole: bool) -> None:
    record = replace(HELD, status=status, upload="u", staged="s")
    made = planned(known=[record], whole=whole)
    is_gone = status in OPEN and whole
    assert made.gone == ([record] if is_gone else [])
    assert made.changed == ([after_leaving(record)] if is_gone else [])


def test_a_file_of_another_location_is_not_gone_from_this_one() -> None:
    assert planned(known=[replace(KNOWN, path="/in/a.csv")]).gone == []
    assert planned(file(), known=[KNOWN]).gone == []


def test_what_is_gone_leaves_nothing_behind() -> None:
    left = after_leaving(replace(HELD, upload="u", staged="s", key="k"))
    assert left == replace(KNOWN, status=SourceStatus.GONE, key="k")


def test_a_file_that_cannot_be_judged_is_odd_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    looks_like = SourceFile.looks_like

    def odd(record: SourceFile, other: RemoteFile) -> bool:
        if other.path == "/a.csv":
            raise OverflowError("no such time")
        return looks_like(record, other)

    monkeypatch.setattr(SourceFile, "looks_like", odd)
    made = planned(file(), file("/b.csv"), known=[KNOWN, replace(KNOWN, path="/b.csv")])
    assert (ready(made), made.odd) == (["/b.csv"], [("/a.csv", "it could not be judged: OverflowError: no such time")])


# -- problems and the end of a record ------------------------------------------------------------------------------


@pytest.mark.parametrize("attempts", range(1, 12))
def test_a_file_that_stays_wrong_is_tried_after_an_hour_then_ever_later_but_daily(attempts: int) -> None:
    after = after_problem(replace(KNOWN, attempts=attempts - 1, upload="u", staged="s"), "locked", NOW, proven=False)
    hours = min(24, 2 ** (attempts - 3))
    held = attempts >= MOST_ATTEMPTS
    assert after == replace(
        KNOWN, attempts=attempts, reason="locked", status=SourceStatus.HELD if held else SourceStatus.SEEN,
        retry_at=NOW + timedelta(hours=hours) if held else None,
    )  # fmt: skip
    assert was_held(after) is held


def test_a_file_that_was_proven_wrong_waits_for_other_bytes() -> None:
    after = after_problem(replace(KNOWN, attempts=2), "another checksum", NOW, proven=True)
    assert (after.status, after.retry_at) == (SourceStatus.HELD, None)
    assert after_problem(replace(KNOWN, attempts=1000), "x", NOW, proven=False).retry_at == NOW + LONGEST_RETRY


def test_a_reason_has_a_length() -> None:
    assert len(str(after_problem(KNOWN, "x" * 9000, NOW, proven=False).reason).encode()) == 2000


@pytest.mark.parametrize(("keep_days", "days"), [(400, 400), (1, 100), (100, 100), (101, 101), (0, None)])
def test_a_record_outlives_the_longest_absence_of_its_server(keep_days: int, days: int | None) -> None:
    assert forgotten_at(TAKEN, keep_days) == (None if days is None else MONDAY + timedelta(days=days))
    unlisted = replace(TAKEN, listed_at=None, since=NOW)
    assert forgotten_at(unlisted, keep_days) == (None if days is None else NOW + timedelta(days=days))
    assert days is None or timedelta(days=days) >= RENEWED_AFTER + LONGEST_ABSENCE
    for status in OPEN:
        assert forgotten_at(replace(TAKEN, status=status), keep_days) is None
