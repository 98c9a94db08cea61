"""Records into fields by RFC 4180, and what breaks it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.transform.delimited.quoted import SplitError, Splitter, Unterminated

COMMA = Splitter(b",", b'"')


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        (b"a,b", [b"a", b"b"]),
        (b"", [b""]),
        (b",", [b"", b""]),
        (b'"a,b",c', [b"a,b", b"c"]),
        (b'"say ""hi""",', [b'say "hi"', b""]),
        (b'""', [b""]),
        (b'"two\nlines",x', [b"two\nlines", b"x"]),
    ],
)
def test_splits(record: bytes, fields: list[bytes]) -> None:
    assert COMMA.split(record) == fields


@pytest.mark.parametrize("record", [b'a"b,c', b'"a"b,c', b'a,"b" ', b"a\rb,c", b'"a",b\rc'])
def test_refuses_what_rfc_4180_does_not_allow(record: bytes) -> None:
    with pytest.raises(SplitError):
        COMMA.split(record)


def test_tells_a_record_that_may_go_on() -> None:
    with pytest.raises(Unterminated):
        COMMA.split(b'a,"b')


def test_delimiters_may_have_several_characters_and_quotes_may_be_off() -> None:
    assert Splitter(b"||", b'"').split(b'a||"b||c"||d|e') == [b"a", b"b||c", b"d|e"]
    assert Splitter(b"\t", b"").split(b'"a\tb"') == [b'"a', b'b"']


def test_finds_where_a_record_over_several_lines_ends() -> None:
    data = b'1,"a\nb",2\r\n3,x\n'
    assert COMMA.record_end(data, 0, len(data), b"\n") == data.index(b"\r\n")


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0")), min_size=2, max_size=6))
def test_reads_what_python_writes(fields: list[str]) -> None:
    written = io.StringIO()
    csv.writer(written).writerow(fields)
    assert COMMA.split(written.getvalue().removesuffix("\r\n").encode()) == [field.encode() for field in fields]
