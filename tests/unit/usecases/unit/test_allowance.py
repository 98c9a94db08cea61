"""A file that takes too much is rejected with a sentence, and no other file for it."""

from __future__ import annotations

import errno
import json
import re
from itertools import chain, repeat
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.domain.ingest.ledger import LIVE
from headrace.domain.ingest.outcome import FileResult
from headrace.errors import CrowdedUnitError, TransientError
from headrace.transform import FileRejected
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_failure import record_failure
from headrace.usecases.ingest.results import unit_results
from headrace.usecases.unit import allowance
from headrace.usecases.unit.allowance import Allowance
from headrace.usecases.unit.parts import FileRows
from headrace.usecases.unit.transform import transform_unit
from tests.support.fakes import MemoryServices, contract, contracts_of
from tests.unit.stories.test_batch import GOOD, ONE_BAD, land


def test_what_a_file_may_compute_grows_with_its_size() -> None:
    times = iter([0.0, 241.0, 0.0, 241.0, 490.0])
    allowance = Allowance(computed=lambda: next(times))
    with pytest.raises(FileRejected, match=r"more computing than 240 s, the limit for a file of 3,140 bytes"):
        allowance.of_file(3140)()
    check = allowance.of_file(1 << 30)
    check()
    check()


@pytest.mark.parametrize(
    ("had", "computed", "error", "says"),
    [
        (900, 800, FileRejected, "more computing than the 850 s that the function has"),
        (900, 200, TransientError, "time was over after 200 s of computing"),
        (150, 90, TransientError, "time was over after 90 s of computing"),
    ],
)
def test_when_time_is_over_the_file_is_rejected_that_took_it(
    had: float, computed: float, error: type[Exception], says: str
) -> None:
    left, times = iter([900.0, had, 50.0]), iter([0.0, computed])
    check = Allowance(lambda: next(left), computed=lambda: next(times)).of_file(1 << 40)
    with pytest.raises(error, match=says):
        check()


def test_a_file_that_takes_nearly_all_memory_is_rejected_with_a_sentence() -> None:
    check = Allowance(memory=1000 << 20, resident=lambda: 851 << 20).of_file(5)
    with pytest.raises(FileRejected, match=r"more memory than the function has \(1,000 MB\)"):
        check()
    Allowance(memory=1000 << 20, resident=lambda: 849 << 20).of_file(5)()
    Allowance(memory=1000, resident=lambda: 850).of_file(5)()


def test_what_was_computed_before_a_file_is_not_held_against_it() -> None:
    times = iter([1000.0, 1240.0, 1240.1])
    check = Allowance(computed=lambda: next(times)).of_file(0)
    check()
    with pytest.raises(FileRejected, match="more computing than 240 s"):
        check()


def test_the_memory_of_a_process_is_what_the_system_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The second number of `/proc/self/statm`, in pages; none where there is no such file."""
    statm = tmp_path / "statm"
    monkeypatch.setattr(allowance, "STATM", statm)
    assert allowance.resident() == 0
    statm.write_text("100 25 3 4 5 6 7\n")
    assert allowance.resident() == 25 * 4096


@pytest.mark.parametrize(("memory", "amount"), [(None, "there is"), (1792 << 20, r"the function has \(1,792 MB\)")])
def test_how_much_memory_there_is_is_said_where_it_is_known(memory: int | None, amount: str) -> None:
    assert re.search(f"more memory than {amount}: send it", allowance.too_large(memory))


def unit_of(services: MemoryServices, allowance: Allowance) -> list[FileResult]:
    record_batch("readings", LIVE, 1, "readings-1", services)
    batch = services.ledger.batches.get("readings-1")
    transform_unit(batch, 1, services, allowance)
    return [file for unit in unit_results(services.lake, batch) for file in unit.files]


def test_of_a_file_that_was_too_much_nothing_more_is_tried() -> None:
    services = MemoryServices()
    slow, good = land(services, "a.csv", ONE_BAD), land(services, "b.csv", GOOD)
    sizes = chain(repeat(10, 2), repeat(0))
    first = unit_of(services, Allowance(memory=10, resident=lambda: next(sizes)))
    assert [file.verdict for file in first] == ["failed", "good"]
    assert "more memory than the function has" in str(first[0].reason)
    del services.lake.landed[slow.bucket, slow.key, slow.version]
    again = unit_of(services, Allowance())
    assert (again[0].file_id, again[0].reason) == (slow.file_id, first[0].reason)
    assert again[1].file_id == good.file_id
    services.contracts = contracts_of(contract(digest="1" * 64))
    services.lake.land(slow, ONE_BAD)
    assert unit_of(services, Allowance())[0].verdict == "good"


@pytest.mark.parametrize(("passed", "computed", "error"), [
    (540, 270, FileRejected), (539, 500, TransientError), (600, 299, TransientError), (600, 300, FileRejected),
])  # fmt: skip
def test_a_file_is_to_blame_from_just_so_much_on(passed: float, computed: float, error: type[Exception]) -> None:
    """It had 60 % of the function's time, and computed in half of it."""
    left, times = iter([900.0, 59.0 + passed, 59.0]), iter([0.0, computed])
    check = Allowance(lambda: next(left), computed=lambda: next(times)).of_file(1 << 40)
    with pytest.raises(error):
        check()


def test_when_files_took_the_time_together_no_try_is_repeated() -> None:
    """Forty files of ten kilobytes took two hundred seconds each: every try began with the first, for six hours."""
    allowance = Allowance(iter([900.0, 900.0, 300.0, 59.0]).__next__, computed=lambda: 0.0)
    allowance.of_file(9810)
    with pytest.raises(CrowdedUnitError, match="the function's time was over at file 2 of its unit"):
        allowance.of_file(9810)()


def test_files_that_fill_the_disk_together_are_no_trouble_that_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    services = MemoryServices()
    for name in ("a.csv", "b.csv"):
        land(services, name, GOOD)
    rows = iter([None, OSError(errno.ENOSPC, "No space left on device")])

    def add(*_: object) -> None:
        if error := next(rows, None):
            raise error

    monkeypatch.setattr(FileRows, "add", add)
    with pytest.raises(CrowdedUnitError, match="the function's disk was full at file 2 of its unit"):
        unit_of(services, Allowance())


def test_each_file_of_such_a_unit_is_a_unit_alone_the_next_time() -> None:
    services = MemoryServices()
    files = [land(services, f"{number:02}.csv", GOOD) for number in range(40)]
    left = chain([900.0], (900.0 - 200.0 * (number // 2) for number in range(1, 100)))
    with pytest.raises(CrowdedUnitError) as raised:
        unit_of(services, Allowance(left.__next__, computed=lambda: 0.0))
    batch = services.ledger.batches.get("readings-1")
    cause = json.dumps({"errorMessage": str(raised.value), "errorType": "CrowdedUnitError"})
    assert record_failure(batch, "CrowdedUnitError", cause, services, [1]) is False
    hand_over("readings", LIVE, 1, services)
    again = record_batch("readings", LIVE, 2, "readings-2", services)
    assert (again["files"], len(again["units"])) == (len(files), len(files))
    (notice,) = services.topic.notices
    assert "each is tried by a function alone" in str(notice.to_json())


def test_a_minute_before_the_functions_end_a_file_is_read_on() -> None:
    left = iter([900.0, 900.0, 60.0, 59.9])
    check = Allowance(lambda: next(left), computed=lambda: 0.0).of_file(1 << 40)
    check()
    with pytest.raises(TransientError):
        check()


def test_what_is_given_back_when_asked_for_is_not_missing() -> None:
    """Arrow keeps memory that it may need again; a file is not rejected for it."""
    sizes = iter([851, 850, 851, 851])
    check = Allowance(memory=1000, resident=lambda: next(sizes)).of_file(5)
    check()
    with pytest.raises(FileRejected):
        check()


def test_memory_is_given_back_only_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[bool] = []

    class Pool:
        def release_unused(self) -> None:
            given_back.append(True)

    monkeypatch.setattr(pa, "default_memory_pool", Pool)
    sizes = iter([850, 851, 850])
    check = Allowance(memory=1000, resident=lambda: next(sizes)).of_file(5)
    check()
    assert given_back == []
    check()
    assert given_back == [True]
