"""What nobody should send ends with a status, a reason in words and a message; neighbours are unharmed."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from tests.e2e.conftest import Laptop

GOOD = b"meter,read_at,value\nbi1,2026-01-01T00:00:00Z,1\n"


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", data)
    return buffer.getvalue()


BAD = {
    "nowhere/x.csv": (GOOD, "unroutable", "no contract has a prefix"),
    "readings/folder/": (b"", "unroutable", "folder marker"),
    "readings/empty.csv": (b"", "failed", "empty"),
    "readings/header.csv": (b"a,b,c\n1,2,3\n", "failed", "meter"),
    "readings/picture.csv": (bytes(range(256)) * 64, "failed", ""),
    "readings/truncated.csv.gz": (gzip.compress(GOOD * 500)[:-12], "failed", ""),
    "readings/broken.zip": (zipped(GOOD * 500)[:-30], "failed", ""),
}


@pytest.fixture(scope="module")
def settled(laptop: Laptop) -> Laptop:
    for key, (data, _, _) in BAD.items():
        laptop.put(key, data)
    laptop.put("readings/neighbour.csv", GOOD)
    laptop.settle()
    return laptop


@pytest.mark.parametrize("key", BAD)
def test_it_ends_with_a_reason_that_people_are_told(settled: Laptop, key: str) -> None:
    _, status, reason = BAD[key]
    trace = settled.trace(key)
    assert trace["status"] == status
    assert len(trace["reason"]) > 10
    assert reason in trace["reason"]
    assert trace["rows"]["loaded"] == 0
    assert [message for message in settled.messages() if key in message]


def test_the_neighbour_is_loaded(settled: Laptop) -> None:
    assert settled.trace("readings/neighbour.csv")["rows"]["loaded"] == 1


def test_nothing_is_tried_for_ever(settled: Laptop) -> None:
    queues = settled.client("sqs")
    for name in ("IntakeQueueUrl", "IntakeDeadLetterQueueUrl"):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = queues.get_queue_attributes(QueueUrl=settled.output(name), AttributeNames=names)["Attributes"]
        assert set(counts.values()) == {"0"}
