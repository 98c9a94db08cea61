"""Lines that are no rows: footers, trailers that count, units below the header, several marks of comments."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.contract import FileFormat
from headrace.transform import FileRejected, Limits
from headrace.transform.decode.footer import Footer, recounted
from headrace.transform.rebuild import frame_of, rows_good_now
from tests.unit.transform.kit import contract, integer, read, text

FEED = contract(
    text("k"),
    integer("n"),
    delimiter="|",
    header=False,
    skip_lines=1,
    footer_lines=1,
    trailer=r"^STOP FEED [0-9]{8} ([0-9]+)$",
)


@pytest.mark.parametrize("block", [5, 40, 4 << 20])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("after", [b"", b"END", b"END2"])
def test_the_last_lines_are_no_rows(block: int, end: bytes, after: bytes) -> None:
    spec = contract(text("a"), integer("n"), footer_lines=2)
    lines = [b"a,n", *[f"x{n},{n}".encode() for n in range(50)], b"Total,1225", b"", b'"Sheet 1', after and end]
    got = read(spec, end.join(lines), block)
    assert got.values("n") == list(range(50))


@given(
    st.binary(max_size=60).map(lambda raw: bytes(b"ab\n\r "[byte % 5] for byte in raw)),
    st.integers(1, 3),
    st.integers(1, 9),
)
def test_what_is_held_back_is_the_end_whatever_the_pieces(data: bytes, lines: int, size: int) -> None:
    footer = Footer(io.BytesIO(data).read, FileFormat(footer_lines=lines), Limits())
    before = b""
    while piece := footer.read(size):
        before += piece
    assert before + footer.text == data
    filled = [line for line in data.replace(b"\r", b"\n").split(b"\n") if line.strip(b" ")]
    held = [line for line in footer.text.replace(b"\r", b"\n").split(b"\n") if line.strip(b" ")]
    assert held == filled[-lines:]


def test_a_trailer_must_count_the_rows_bad_ones_too() -> None:
    got = read(FEED, b"START FEED\nq|1\nr|x\nSTOP FEED 20240101 0000002\n")
    assert (got.values("k"), got.errors()) == (["q"], [(2, "n", "logicalType")])
    for data, reason in (
        (b"START FEED\nq|1\nSTOP FEED 20240101 0000002\n", "its trailer counts 2 rows, 1 were read"),
        (b"START FEED\nq|1\nr|2\n", "none of its last lines counts its rows"),
    ):
        with pytest.raises(FileRejected, match=reason):
            read(FEED, data)


def test_a_file_of_which_all_lines_are_the_footer_is_called_so() -> None:
    with pytest.raises(FileRejected, match="but for its last lines, up to 1, which footerLines says are no rows"):
        read(contract(text("k"), footer_lines=1), b"k\n")


def test_a_trailer_without_its_number_counts_nothing() -> None:
    spec = contract(text("k"), integer("n"), footer_lines=1, trailer="^END( [0-9]+)?$")
    assert read(spec, b"k,n\na,1\nEND 1\n").values("n") == [1]
    with pytest.raises(FileRejected, match="none of its last lines counts"):
        read(spec, b"k,n\na,1\nEND\n")
    assert recounted(b"END\n", 7, spec.format) == b"END\n"


def test_a_trailer_may_count_more_lines_than_rows_and_group_its_digits() -> None:
    spec = contract(text("k"), integer("n"), footer_lines=2, trailer='^"?Sum of lines: ([0-9,]+)"?,*$', trailer_also=2)
    rows = b"".join(b"a,%d\n" % n for n in range(1202))
    assert read(spec, b"k,n\n" + rows + b'"Sum of lines: 1,204",\nSheet 1 of 1,\n').report.rows_good == 1202


def test_lines_below_the_header_are_no_rows() -> None:
    got = read(contract(text("at"), integer("flow"), after_header=1), b"at,flow\n,[l/s]\nx,12\n")
    assert (got.values("at", "flow"), got.bad) == ([("x", 12)], [])


@pytest.mark.parametrize("times", [1, 400])
def test_comments_may_begin_with_several_marks(times: int) -> None:
    spec = contract(text("a"), integer("n"), comment="#", comments=("--", "Page "))
    got = read(spec, b"# x\na,n\n" + b"-- y\nb,1\nPage 2\n#,2\n-,3\n" * times)
    assert got.values("a", "n") == [("b", 1), ("-", 3)] * times


@pytest.mark.parametrize("times", [1, 400])
def test_rows_that_end_early_are_filled_where_the_contract_says_so(times: int) -> None:
    data = b"a,n,c\n" + b"x\ny,2\nz,3,w\nq,1,2,3\n" * times
    spec = contract(text("a"), integer("n"), text("c", required=False), fills_short=True)
    got = read(spec, data)
    assert got.values("a", "n", "c") == [("x", None, None), ("y", 2, None), ("z", 3, "w")] * times
    assert {error[2] for error in got.errors()} == {"fieldCount"}
    assert {error[2] for error in read(contract(text("a"), integer("n"), text("c")), data).errors()} == {"fieldCount"}


def test_rows_are_replayed_in_a_file_whose_trailer_counts_them() -> None:
    data = b"START FEED\nq|1\nr|x\ns|2\nSTOP FEED 20240101 0000003\n"
    frame = frame_of(FEED, io.BytesIO(data))
    assert frame.around([b"r|7"]) == b"\nr|7\nSTOP FEED 20240101 1\n"
    assert rows_good_now(FEED, frame, [b"r|7", b"q|x", b"t|8"], "parcels/a") == [0, 2]


def test_rows_are_replayed_below_the_units_of_their_file() -> None:
    spec = contract(text("at"), integer("flow"), after_header=1)
    frame = frame_of(spec, io.BytesIO(b"at,flow\n,[l/s]\nx,y\n"))
    assert frame.around([b"x,1"]) == b"at,flow\n,[l/s]\nx,1\n"
