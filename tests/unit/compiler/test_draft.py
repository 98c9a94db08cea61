"""Whatever a sample is, it is refused with a reason, or its contract compiles and its rows are good by it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.transform import FileRejected
from headrace.usecases.check import check_file
from headrace_compiler import compile_contract
from headrace_compiler.draft.contract import draft

HOPELESS = {"row: fieldCount", "row: quoting", "row: json", "row: empty", "row: header"}
NAMES = ["id", "name", "when", "", "2022", "A B", "select", "x.y", "größe"]
VALUES = [
    "1",
    "007",
    "2022",
    "1.5",
    "1,5",
    "2024-01-01",
    "31/12/2024",
    "",
    "NA",
    "\\N",
    "true",
    "x y",
    "-",
    "é",
    "\x03",
]
MARKS = ["'", "#", "{", "[", "\x1a", "sep=", "a: b", "\u2028"]


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    width = draw(st.integers(1, 4))
    delimiter, newline = draw(st.sampled_from([",", ";", "\t"])), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    column = st.sampled_from([*VALUES, *MARKS])
    kinds = draw(st.lists(st.lists(column, min_size=1, max_size=3), min_size=width, max_size=width))
    row = st.tuples(*map(st.sampled_from, kinds))
    header = draw(st.lists(st.sampled_from(NAMES), min_size=width, max_size=width))
    lines = [delimiter.join(values) for values in (header, *draw(st.lists(row, max_size=6)))]
    return newline.join(lines).encode(draw(st.sampled_from(["utf-8", "utf-16"])))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables())
def test_a_sample_keeps_its_contract(tmp_path: Path, data: bytes) -> None:
    sample, path = tmp_path / "sample", tmp_path / "things.odcs.yaml"
    sample.write_bytes(data)
    try:
        path.write_text(draft("things", [sample]))
    except FileRejected:
        return
    assert set(check_file(compile_contract(path), sample).broken) <= HOPELESS
