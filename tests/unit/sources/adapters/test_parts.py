"""Parts of an upload: never more than S3 takes, whatever the size of the file."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.adapters import aws
from headrace.domain.sizes import LARGEST_FILE, PART_BYTES, UNKNOWN_PART_BYTES, part_bytes, too_large
from headrace.sources.adapters.staging import S3Incoming

GIB = 1 << 30
MOST, LEAST, LARGEST = 10_000, 5 << 20, 5 * GIB
"""Of S3: parts, and bytes of each."""


@given(st.integers(0, LARGEST_FILE))
def test_a_file_of_any_size_has_few_enough_parts(size: int) -> None:
    part = part_bytes(size)
    assert LEAST <= part <= LARGEST
    assert -(-size // part) <= MOST - 100


def test_parts_are_small_as_long_as_they_can_be() -> None:
    assert part_bytes(0) == part_bytes(77 * GIB) == PART_BYTES
    assert part_bytes(81 * GIB) == PART_BYTES + (1 << 20)
    assert part_bytes(None) == UNKNOWN_PART_BYTES


def test_more_than_five_tebibytes_are_refused_with_a_sentence() -> None:
    assert too_large(None) == too_large(LARGEST_FILE) == ""
    assert too_large(LARGEST_FILE + 1) == (
        "the server says that it has 5,497,558,138,881 bytes: no file of more than 5 TiB is taken"
    )


class Copies:
    """A client that notes what it is asked to copy."""

    def __init__(self) -> None:
        self.ranges: dict[int, tuple[int, int]] = {}

    def upload_part_copy(self, **asked: Any) -> dict[str, Any]:
        first, last = map(int, asked["CopySourceRange"].removeprefix("bytes=").split("-"))
        self.ranges[asked["PartNumber"]] = (first, last)
        return {"CopyPartResult": {"ETag": f"e{asked['PartNumber']}"}}


@pytest.mark.parametrize("size", [1, 512 << 20, (512 << 20) + 1, 20 * GIB, LARGEST_FILE])
def test_what_was_staged_is_copied_whole_in_pieces_that_answer_in_time(size: int) -> None:
    copies = Copies()
    etags = S3Incoming(copies, "lake", "landing").copied("k", "u", size)
    assert etags == [f"e{number}" for number in range(1, len(etags) + 1)]
    ranges = [copies.ranges[number] for number in range(1, len(etags) + 1)]
    assert [first for first, _ in ranges] == [0, *(last + 1 for _, last in ranges[:-1])]
    assert ranges[-1][1] == size - 1
    assert len(etags) <= MOST - 100
    assert max(last - first + 1 for first, last in ranges) <= max(512 << 20, part_bytes(size))


def headers_of(config: Any, operation: str, **asked: Any) -> dict[str, str]:
    """The headers of the request that boto3 would send."""
    sent: list[dict[str, str]] = []

    def stop(request: Any, **_: Any) -> None:
        sent.append(
            {
                name.lower(): value.decode() if isinstance(value, bytes) else str(value)
                for name, value in request.headers.items()
            }
        )
        raise InterruptedError

    client = boto3.client(
        "s3", config=config, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.meta.events.register("before-send.s3", stop)
    with pytest.raises(InterruptedError):
        getattr(client, operation)(Bucket="lake", Key="k", **asked)
    return sent[0]


def test_a_part_is_sent_with_its_md5_and_without_a_checksum_that_the_upload_does_not_name() -> None:
    """Held against boto3's default, so that this says when there is nothing left to switch off."""
    digest = base64.b64encode(hashlib.md5(b"x", usedforsecurity=False).digest()).decode()
    asked = {"UploadId": "u", "PartNumber": 1, "Body": b"x", "ContentMD5": digest}
    ours = headers_of(aws.FOR_UPLOADS, "upload_part", **asked)
    assert ours["content-md5"] == digest
    assert not [name for name in ours if name.startswith(("x-amz-checksum", "x-amz-sdk-checksum", "x-amz-trailer"))]
    asked.pop("ContentMD5")
    theirs = headers_of(aws.calls_of("s3"), "upload_part", **asked)
    assert [name for name in theirs if name.startswith(("x-amz-checksum", "x-amz-sdk-checksum", "x-amz-trailer"))]
    begun = headers_of(aws.FOR_UPLOADS, "create_multipart_upload")
    assert not [name for name in begun if "checksum" in name]


def test_each_part_and_each_small_file_goes_with_its_md5() -> None:
    sent: list[dict[str, Any]] = []

    class Sending:
        def upload_part(self, **asked: Any) -> dict[str, str]:
            sent.append(asked)
            return {"ETag": "e"}

        def put_object(self, **asked: Any) -> None:
            sent.append(asked)

    one = S3Incoming(Sending(), "lake", "landing")
    one.part("k", "u", 1, bytearray(b"ab"))
    one.put("k", b"ab", {})
    assert [asked["ContentMD5"] for asked in sent] == ["GH70Q2Ei0cwvQNwrkvDroA=="] * 2
