"""S3's trouble while a landed object is read: none of it is the file's fault."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError, FlexibleChecksumError
from botocore.response import StreamingBody

from headrace.adapters.lake import LakeError, S3Lake
from headrace.errors import ObjectGoneError, TransientError


class OneObject:
    """An S3 client with one object, or one answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def get_object(self, **_: Any) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"Body": self._answer}


class Damaged:
    def read(self, _: int) -> bytes:
        raise FlexibleChecksumError(error_msg="Expected checksum x did not match calculated checksum y")


def read(answer: Any) -> bytes:
    return S3Lake(OneObject(answer), "lake").open("landing", "a.csv", "v1").read()


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "GetObject")


@pytest.mark.parametrize("body", [StreamingBody(io.BytesIO(b"cut"), 10), Damaged()])
def test_bytes_that_were_lost_or_damaged_on_their_way_are_read_again(body: Any) -> None:
    with pytest.raises(TransientError, match=r"reading 'a\.csv'"):
        read(body)


@pytest.mark.parametrize(
    ("code", "error"),
    [("NoSuchVersion", ObjectGoneError), ("SlowDown", TransientError), ("AccessDenied", LakeError)],
)
def test_refusals_are_told_apart(code: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(refused(code))


def test_what_comes_whole_is_read() -> None:
    assert read(StreamingBody(io.BytesIO(b"whole"), 5)) == b"whole"


class Ranges:
    """An S3 of one object, which may ignore what is asked for."""

    def __init__(self, data: bytes, *, heeds: bool = True) -> None:
        self._data = data
        self._heeds = heeds
        self.asked: list[str] = []

    def get_object(self, *, Range: str, **_: str) -> dict[str, Any]:  # noqa: N803 - S3's name
        self.asked.append(Range)
        if not self._heeds:
            return {"Body": io.BytesIO(self._data)}
        first, last = map(int, Range.removeprefix("bytes=").split("-"))
        piece = self._data[first : last + 1]
        given = f"bytes {first}-{first + len(piece) - 1}/{len(self._data)}"
        return {"Body": io.BytesIO(piece), "ContentRange": given}


def test_an_object_is_read_from_within_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.adapters.lake.PIECE_BYTES", 4)
    client = Ranges(b"0123456789")
    with S3Lake(client, "lake").open_at("landing", "k", "v", 3) as stream:
        assert stream.read() == b"3456789"
    assert client.asked == ["bytes=3-6", "bytes=7-10"]


def test_bytes_that_were_not_asked_for_are_refused() -> None:
    stream = S3Lake(Ranges(b"0123", heeds=False), "lake").open_at("landing", "k", "v", 2)
    with pytest.raises(LakeError, match="bytes from 2 on were asked for, what came is all"):
        stream.read()
