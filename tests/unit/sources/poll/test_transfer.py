"""The bytes of a file on their way: in parts, hashed, staged for the next poll, taken up again, and landed whole."""

from __future__ import annotations

import hashlib
import threading
from types import SimpleNamespace

import pytest

from headrace.sources.poll import transfer as module
from headrace.sources.poll.transfer import Transfer
from tests.support.sources import MemoryIncoming

KEY, STAGED = "readings/a.csv", "incoming/carrier/x"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_BYTES", 64)
    monkeypatch.setattr(module, "FIRST_BYTES", 16)
    monkeypatch.setattr(module, "ROOM_BYTES", 5)


class Recorded(MemoryIncoming):
    """Notes what is asked of S3."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.notes: dict[str, str] = {}

    def part(self, staged: str, upload: str, number: int, body: bytes | bytearray) -> str:
        self.calls.append(f"part {number} of {len(body)}")
        return super().part(staged, upload, number, body)

    def put(self, key: str, body: bytes, notes: dict[str, str]) -> None:
        self.notes = notes
        super().put(key, body, notes)

    def abort(self, staged: str, upload: str) -> None:
        self.calls.append(f"abort {upload}")
        super().abort(staged, upload)


def give(transfer: Transfer, body: bytes) -> None:
    left = memoryview(body)
    while left:
        room = transfer.room()
        assert 0 < len(room) <= 5
        room[: len(left)] = left[: len(room)]
        transfer.took(min(len(room), len(left)))
        left = left[len(room) :]


def digests(body: bytes) -> dict[str, str]:
    return {"md5": hashlib.md5(body, usedforsecurity=False).hexdigest(), "sha256": hashlib.sha256(body).hexdigest()}


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 640, 1000])
def test_a_file_of_any_size_lands_as_it_was(size: int) -> None:
    body, incoming, begun = bytes(n * 7 % 251 for n in range(size)), Recorded(), list[str]()
    with Transfer(incoming, STAGED, begun.append) as transfer:
        give(transfer, body)
        assert transfer.offset == size
        assert transfer.digests() == digests(body)
        assert not incoming.landed
        transfer.land(KEY, digests(body))
    assert incoming.landed == {KEY: [body]}
    parts = [f"part {number + 1} of {min(64, size - 64 * number)}" for number in range(-(-size // 64))]
    in_parts = size > 64
    assert sorted(incoming.calls) == (sorted(parts) if in_parts else [])
    assert begun == ([f"{STAGED}-0"] if in_parts else [])
    assert incoming.notes == digests(body)


def test_what_was_staged_is_taken_up_read_once_more_and_copied() -> None:
    body, incoming, begun = bytes(range(200)), Recorded(), list[str]()
    with Transfer(incoming, STAGED, begun.append) as first:
        give(first, body[:150])
    assert sorted(incoming.calls) == ["part 1 of 64", "part 2 of 64"]
    with Transfer(incoming, STAGED, begun.append) as second:
        second.resume(begun[0])
        assert second.offset == 128
        give(second, body[128:])
        assert second.digests() == digests(body)
        second.land(KEY, digests(body))
    assert incoming.landed[KEY] == [body]
    assert incoming.copied_bytes == 128
    assert len(begun) == 2


def test_where_nothing_was_staged_it_begins_at_the_beginning() -> None:
    incoming, begun = Recorded(), list[str]()
    with Transfer(incoming, STAGED, begun.append) as transfer:
        transfer.resume("gone")
        assert (transfer.offset, begun, incoming.copied_bytes) == (0, [], 0)


@pytest.mark.parametrize("size", [10, 200])
def test_begun_once_more_it_forgets_what_came(size: int) -> None:
    body, incoming, begun = bytes(range(size)), Recorded(), list[str]()
    with Transfer(incoming, STAGED, begun.append) as transfer:
        give(transfer, b"x" * size)
        transfer.restart()
        assert transfer.offset == 0
        give(transfer, body)
        assert transfer.digests() == digests(body)
        transfer.land(KEY, digests(body))
    assert incoming.landed[KEY] == [body]
    assert [call for call in incoming.calls if call.startswith("abort")] == [f"abort {each}" for each in begun[:-1]]


def test_given_up_it_leaves_nothing_behind() -> None:
    incoming, begun = Recorded(), list[str]()
    with Transfer(incoming, STAGED, begun.append) as transfer:
        give(transfer, bytes(200))
        transfer.abandon()
    assert (incoming.uploads, incoming.landed) == ({}, {})
    with Transfer(incoming, STAGED, begun.append) as small:
        give(small, bytes(5))
        small.abandon()
    assert incoming.calls.count(f"abort {begun[0]}") == 1
    assert len([call for call in incoming.calls if call.startswith("abort")]) == 1


def test_a_part_that_is_refused_is_noticed_and_the_upload_given_up() -> None:
    class Refusing(Recorded):
        def part(self, staged: str, upload: str, number: int, body: bytes | bytearray) -> str:
            raise ConnectionError("refused")

    for end in (Transfer.digests, Transfer.abandon):
        incoming = Refusing()
        with Transfer(incoming, STAGED, lambda _: None) as transfer:
            give(transfer, bytes(65))
            with pytest.raises(ConnectionError, match="refused"):
                end(transfer)
        assert incoming.calls == ([f"abort {STAGED}-0"] if end is Transfer.abandon else [])


@pytest.mark.parametrize(("memory", "allowed"), [(1 << 20, module.PARTS_IN_MEMORY), (128, 2), (127, 1), (0, 1)])
def test_no_more_parts_are_in_memory_than_are_allowed(
    memory: int, allowed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MEMORY_BYTES", memory)
    most, go = 0, threading.Event()

    class Slow(Recorded):
        def part(self, staged: str, upload: str, number: int, body: bytes | bytearray) -> str:
            go.wait(10)
            return super().part(staged, upload, number, body)

    body = bytes(n % 251 for n in range(64 * 12))
    threading.Timer(0.02, go.set).start()
    incoming = Slow()
    with Transfer(incoming, STAGED, lambda _: None) as transfer:
        for start in range(0, len(body), 64):
            give(transfer, body[start : start + 64])
            most = max(most, len(transfer._busy) + 1)
        assert transfer.digests() == digests(body)
        transfer.land(KEY, digests(body))
    assert incoming.landed[KEY] == [body]
    assert most == allowed


def test_parts_are_hashed_in_their_order_however_long_one_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    second = threading.Event()

    class Slow:
        name = "md5"

        def __init__(self, **_: object) -> None:
            self.seen: list[int] = []

        def update(self, body: bytes | bytearray) -> None:
            if body[0] == 1:
                second.wait(0.05)
            second.set()
            self.seen.append(body[0])

        def hexdigest(self) -> str:
            return str(self.seen)

    monkeypatch.setattr(module, "hashlib", SimpleNamespace(md5=Slow, sha256=hashlib.sha256))
    with Transfer(Recorded(), STAGED, lambda _: None) as transfer:
        give(transfer, b"\1" * 64 + b"\2" * 64 + b"\3")
        assert transfer.digests()["md5"] == "[1, 2, 3]"


def test_its_threads_end_with_it() -> None:
    before = threading.active_count()
    with Transfer(Recorded(), STAGED, lambda _: None) as transfer:
        give(transfer, bytes(300))
        transfer.digests()
        assert threading.active_count() > before
    assert threading.active_count() == before
