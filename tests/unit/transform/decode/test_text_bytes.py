"""Text as it is read piece by piece: what ends it, whatever the pieces."""

from __future__ import annotations

import bz2
import gzip
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.transform import FileRejected
from headrace.transform.decode.encoding import TextBytes
from headrace.transform.rebuild import frame_of, rows_good_now
from tests.unit.transform.kit import BLOCK, contract, integer, read, text

SPEC = contract(text("id"), integer("n"), encoding="auto")


def without_end_mark(data: bytes) -> bytes:
    """The text as DOS means it: a 0x1A that is its last byte, or alone on its last line, is not of it."""
    for ending in (b"\x1a\r\n", b"\x1a\n", b"\x1a\r", b"\x1a"):
        before = data.removesuffix(ending)
        if before != data and (ending == b"\x1a" or not before or before[-1:] in b"\r\n"):
            return before
    return data


@given(st.lists(st.sampled_from(["\x1a", "\r", "\n", "a", "ü"]), max_size=12), st.integers(1, 4))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_the_end_mark_of_dos_is_the_end_whatever_the_pieces(encoding: str, characters: list[str], size: int) -> None:
    whole = "".join(characters)
    stream = io.BytesIO(whole.encode(encoding))
    made = TextBytes(lambda _: stream.read(size), encoding)
    pieces = list(iter(lambda: made.read(size), b""))
    assert b"".join(pieces) == without_end_mark(whole.encode())


def test_a_mark_that_more_follows_is_text() -> None:
    found = read(SPEC, b"id,n\na\x1a,1\n\x1a\nb\x1a,2\x1a\n")
    assert found.values("id") == ["a\x1a"]
    assert [row.raw for row in found.bad] == [b"\x1a", b"b\x1a,2\x1a"]


def test_the_question_for_the_encoding_is_asked_where_none_is_named() -> None:
    data = b"id,n\nJ\xfcrgen,1\n"
    asked = read(SPEC, data).bad[0].errors[0].reason
    assert asked == "byte 0xfc at place 2 of the value is not UTF-8: is the file windows-1252? (`encoding`)"
    named = replace(SPEC, format=replace(SPEC.format, encoding="utf-8"))
    assert read(named, data).bad[0].errors[0].reason == "byte 0xfc at place 2 of the value is not UTF-8"


def test_a_header_in_brackets_is_no_json() -> None:
    with pytest.raises(FileRejected, match=r"^the first line is not the header"):
        read(SPEC, b"[when],[where]\na,1\n")


def test_the_word_of_a_tar_archive_may_stand_in_a_text() -> None:
    assert read(SPEC, b"id,n\n" + b"a,1\n" * 63 + b"ustar,1\n").report.rows_good == 64


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (b"id,n\na,1\n", {}),
        (b" \n\nid,n\r\na,1\n", {}),
        (b"Report\n\nid,n\na,1\n", {"skip_lines": 2}),
        (b"Report\na,1\n", {"skip_lines": 1, "header": False}),
        (b"# by hand\nid,n\na,1\n", {"comment": "#"}),
    ],
)
def test_bad_rows_are_read_again_under_the_header_of_their_file(data: bytes, options: dict[str, object]) -> None:
    spec = contract(text("id"), integer("n"), **options)
    frame = frame_of(spec, io.BytesIO(data))
    assert rows_good_now(spec, frame, [b"b,2", b"c,x", b"d\x1a,4"], "parcels/a.csv") == [0, 2]


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("cp932", "東京①"), ("shift_jis", "東京"), ("euc_jp", "東京"), ("euc_kr", "서울"), ("gb18030", "北京€😀"),
        ("gbk", "北京"), ("big5", "臺北"), ("koi8-r", "Москва"), ("koi8-u", "Київ"), ("cp437", "Zürich"),
        ("cp850", "Zürich"), ("cp852", "Łódź"), ("cp866", "Москва"), ("mac-roman", "Zürich"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("block_bytes", [7, BLOCK])
def test_texts_of_other_countries_are_read_and_bad_rows_keep_their_bytes(
    encoding: str, word: str, block_bytes: int
) -> None:
    spec = contract(text("place", 64), integer("n"), encoding=encoding)
    bad = f"{word},x".encode(encoding)
    data = f"place,n\n{word},1\n".encode(encoding) + bad + f"\nx{word},2\n".encode(encoding)
    got = read(spec, data, block_bytes)
    assert got.values("place", "n") == [(word, 1), (f"x{word}", 2)]
    assert [row.raw for row in got.bad] == [bad]


def test_a_byte_that_the_encoding_does_not_have_costs_its_own_row() -> None:
    spec = contract(text("place", 64), integer("n"), encoding="cp932")
    data = b"place,n\n\x81\x20,1\n" + "東京,2\n".encode("cp932")
    got = read(spec, data)
    assert got.values("place") == ["東京"]
    assert [row.raw for row in got.bad] == [b"\x81\x20,1"]


@pytest.mark.parametrize("again", [gzip.compress(b"n\n1\n"), bz2.compress(b"n\n1\n")], ids=["gzip", "bzip2"])
def test_a_file_that_is_compressed_twice_is_called_so(again: bytes) -> None:
    with pytest.raises(FileRejected, match="compressed again"):
        read(contract(integer("n")), gzip.compress(again))
