"""A file cut into ranges has the rows, the bad rows and the report of one pass, wherever it is cut."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any, BinaryIO

import pytest

from headrace.domain.contract import Contract, Kind
from headrace.transform import BadRow, FileRejected, Limits
from headrace.transform.split.borders import border
from headrace.transform.split.head import read_head
from headrace.transform.split.range_rows import RangeReport, RangeTransform, report_of
from headrace.transform.split.ranges import settled_ranges, spans_of
from headrace.transform.split.skim import skim
from tests.unit.transform.fuzz import file_of
from tests.unit.transform.kit import Read, column, contract, integer, read, text
from tests.unit.transform.test_fast_path import CASES

CUTS, CUTS_AT_ONCE = int(os.environ.get("HEADRACE_CUTS", "100")), 20
ROW = contract(text("id"), text("note", 40), integer("n"))


class Bytes:
    """A file in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def open(self, start: int = 0) -> BinaryIO:
        return io.BytesIO(self._data[start:])


def cut_read(
    spec: Contract, data: bytes, cuts: Sequence[int], *, plain: bool = False, key: str = "parcels/parcels.csv"
) -> Read:
    """Reads a file as ranges, begun near these places; `plain`, exactly there, which are beginnings of lines."""
    source, limits = Bytes(data), Limits()
    head = read_head(spec, source, limits)
    assert head is not None
    starts = [max(place, head.body) if plain else border(spec, head, source, place, limits) for place in (0, *cuts)]
    ranges = settled_ranges(
        spans_of(starts, source.size), lambda wanted: [skim(spec, head, source, span, limits) for span in wanted]
    )
    assert ranges is not None
    good: list[dict[str, Any]] = []
    bad: list[BadRow] = []
    reports: list[RangeReport] = []
    for part in ranges:
        transform = RangeTransform(
            spec, source, head, part, file_id="f" * 24, batch_id="parcels-7", key=key, limits=limits
        )
        for block in transform:
            good += block.good.to_pylist()
            bad += block.bad
        reports.append(transform.report)
    sha256 = hashlib.sha256(data).hexdigest()
    report = report_of(spec, head, reports, name="parcels.csv", file_id="f" * 24, size=len(data), sha256=sha256)
    return Read(good, bad, report)


def outcome(reads: Callable[[], Read]) -> Read | tuple[str, str]:
    try:
        return reads()
    except FileRejected as rejected:
        return rejected.code, rejected.reason


def line_starts(spec: Contract, data: bytes) -> list[int]:
    """All places after a line end."""
    head = read_head(spec, Bytes(data))
    assert head is not None
    end = head.line_end
    return [place + len(end) for place in range(0, len(data), len(end)) if data.startswith(end, place)]


NASTY = {
    "quotes": (ROW, b'id,note,n\na,"x\ny",1\nb,"",2\n"c","d""e\n""f",3\n"open,4,\nd,"tail\n\n\n",5\n"x"y,6,7\n'),
    "crlf": (ROW, b'id,note,n\r\na,"x\r\ny",1\r\n\r\n\r\nb,"z\r\n\r\n",x\r\n"open,4,\r\nd,,5\r\n\x1a\r\n'),
    "cr": (ROW, b"id,note,n\ra,x,1\r\r\rb,y,2\rc,z\rd,,4"),
    "comments": (
        contract(text("id"), text("note", 40), integer("n"), comment="#", skip_lines=1),
        b'pre\n\n#c\nid,note,n\n#a,b,1\na,"x\n#y",1\n# "\nb,2,2\n"o,\n#z\nc,d,3\n',
    ),
    "escapes": (
        contract(text("id"), text("note", 40), integer("n"), escape="\\"),
        b'id,note,n\na,x\\\ny,1\nb,"\\"\n\\\\",2\n"c\\,d",3,4\nopen\\\n\\N,e,5\n"q\\\n,6\nz,\\\n',
    ),
    "multi-byte": (ROW, 'id,note,n\nä,ö\u2028,1\n\u00e9,"ü\nß",2\n€,\U0001f600,3\n\U0001f600,x\n'.encode()),
    "bytes": (ROW, b'\xef\xbb\xbfid,note,n\n\xff,a,1\nb,\xc3,2\n"\xc3\n",x,3\n\x01,c,4\n'),
    "latin": (
        contract(text("id"), text("note", 40), integer("n"), encoding="windows-1252"),
        'id,note,n\nä,"é\n€",1\n'.encode("cp1252") + b"\x81,x,2\n" + b'"\x8d\n,3\nz,\xe4,4\n',
    ),
    "utf-16": (
        contract(text("id"), text("note", 40), integer("n"), encoding="utf-16"),
        '\ufeffid,note,n\nä,"x\n\u0a0a\u0d0a",1\n\u0a00\u000a"open,2\n€,\U0001f600,3\nx'.encode("utf-16-le"),
    ),
    "utf-16-be": (
        contract(text("id"), text("note", 40), integer("n"), encoding="auto"),
        '\ufeffid,note,n\r\nä,"x\r\n\u0a0a",1\r\n"open,2\r\n\u000a\u0a00b,,3\r\n'.encode("utf-16-be"),
    ),
    "odd utf-16": (contract(text("id"), encoding="utf-16"), "\ufeffid\nab\ncd\n".encode("utf-16-le") + b"x"),
    "fixed": (
        contract(text("id", start=1, width=2), integer("n", start=3, width=3), kind="fixed", header=False),
        "a   1\nbb 22\n\nä   x\nc\nddd 4 5\n\r\n".encode(),
    ),
    "json lines": (
        contract(text("id"), integer("n"), kind="jsonl"),
        b'  {"id": "a", "n": 1}\n\n{"id": "b\\n", "new": 2}\r\n[1]\n{"id": "c", "n": "x", "o": 1}\n\r\n{"id": 1}\n"',
    ),
    "no line": (ROW, b"id,note,n\n"),
    "no newline": (ROW, b'id,note,n\na,"b\nc",1'),
    "only an open quote": (ROW, b'id,note,n\n"a\nb\nc\n\nd,e,1\n'),
    "long delimiter": (
        contract(text("id"), text("note", 40), integer("n"), delimiter="||"),
        b'id||note||n\na||"x||\ny"||1\nb||\x1f||2\n"||"||"\n"||3\nc||d|||4\n',
    ),
    "unknown": (
        contract(text("id"), column("more", Kind.SUPER, unknown=True), kind="jsonl"),
        b'{"id": "a", "x": 1}\n{"id": "b", "y": [2]}\n{"id": "c", "x": "t"}\n{"id": "d"}\n{"id": 5, "z": 1}\n',
    ),
    "objects of ours after others": (
        contract(text("id"), integer("n"), kind="jsonl"),
        b'{"x": 1}\n' * 5 + b'{"id": "a", "n": 1}\n' * 5,
    ),
    "another dataset after empty objects": (
        contract(text("id"), integer("n"), kind="jsonl"),
        b"{}\n" * 5 + b'{"x": "a"}\n' * 5,
    ),
    "unknown fields": (
        contract(text("id"), column("more", Kind.SUPER, unknown=True)),
        b'id,x,y\na,1,\nb,,"2\n3"\n"c,4,5\nd,e\nf,7,8\n',
    ),
}


@pytest.mark.parametrize("kind", NASTY)
def test_a_nasty_file_is_the_same_cut_at_every_byte(kind: str) -> None:
    spec, data = NASTY[kind]
    expected = outcome(lambda: read(spec, data))
    for place in range(len(data) + 1):
        assert outcome(lambda: cut_read(spec, data, [place])) == expected, place  # noqa: B023


@pytest.mark.parametrize("kind", NASTY)
def test_a_nasty_file_is_the_same_cut_at_any_lines(kind: str) -> None:
    spec, data = NASTY[kind]
    random = Random(kind)
    for times in (1, 3):
        longer = data * times
        expected = outcome(lambda: read(spec, longer))  # noqa: B023
        places = line_starts(spec, longer)
        for cuts in (places, *([place] for place in places), *(random.choices([0, *places], k=3) for _ in range(9))):
            assert outcome(lambda: cut_read(spec, longer, cuts, plain=True)) == expected, cuts  # noqa: B023


@pytest.mark.parametrize("case", CASES)
def test_ordinary_files_are_the_same_cut_anywhere(case: Any) -> None:
    spec, cells = case()
    spec = replace(spec, format=replace(spec.format, footer_lines=0))
    random = Random(case.__name__)
    data = file_of(random, spec, cells)
    expected = read(spec, data)
    for _ in range(-(-CUTS // CUTS_AT_ONCE)):
        cuts = [random.randrange(len(data)) for _ in range(CUTS_AT_ONCE)]
        assert cut_read(spec, data, cuts) == expected, cuts


def test_a_file_with_a_footer_is_read_in_one_pass() -> None:
    spec = contract(text("id"), footer_lines=1)
    assert read_head(spec, Bytes(b"id\na\nEND\n"), Limits()) is None


def test_a_file_whose_open_records_are_looked_for_too_long_is_read_in_one_pass() -> None:
    spec = contract(text("id"), escape="\\")
    data, limits = b"id\n" + b"a\\\n" * 3000, Limits(record=500)
    source = Bytes(data)
    head = read_head(spec, source, limits)
    assert head is not None
    for starts in ([3], [3, 4503], range(3, len(data), 900)):
        spans = spans_of(starts, source.size)
        assert settled_ranges(spans, lambda wanted: [skim(spec, head, source, span, limits) for span in wanted]) is None


def test_an_open_record_over_many_ranges_is_one_row() -> None:
    data = b'id,note,n\na,"' + b"x\n" * 15 + b'",1\nb,,2\n'
    assert cut_read(ROW, data, line_starts(ROW, data), plain=True).values("id", "_row_number") == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("rows", [300, 3000])
def test_many_open_quotes_cost_no_other_record_its_line_ends(rows: int) -> None:
    """A look that ended early was taken for one to the end of its reach; soon no record was looked for."""
    data = b"id,note,n\n" + b'"open,x,1\na,"two\nlines",2\n' * rows
    for block_bytes in (200, 1 << 20):
        found = read(ROW, data, block_bytes)
        assert (found.report.rows_good, found.report.rows_bad) == (rows, rows)
