"""A file of events with every kind of fault, and the truth about each row: none lost, altered, accepted or unsaid."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.transform.check import Verdict, check
from benchmarks.transform.data import FAULTS, Events
from benchmarks.transform.engines import headrace_csv, headrace_json
from headrace.transform import read_quarantine

BLOCKS = [200, 997, 4096, 65_536, 1 << 20, 8 << 20]


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize("bad_every", [0, 1, 7])
def test_a_csv_file_is_read_exactly(tmp_path: Path, block_bytes: int, bad_every: int) -> None:
    events = Events(1500, seed=3, bad_every=bad_every)
    headrace_csv(events.write_csv(tmp_path / "events.csv"), tmp_path, block_bytes)
    assert check(events, tmp_path) == Verdict()


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_a_file_of_json_lines_is_read_exactly(tmp_path: Path, block_bytes: int) -> None:
    events = Events(1500, seed=4, bad_every=7)
    headrace_json(events.write_json_lines(tmp_path / "events.jsonl"), tmp_path, block_bytes)
    assert check(events, tmp_path, kind="jsonl") == Verdict()


def test_every_fault_is_told_by_its_rule(tmp_path: Path) -> None:
    events = Events(10 * len(FAULTS), bad_every=10)
    headrace_csv(events.write_csv(tmp_path / "events.csv"), tmp_path)
    told = {row.row_number: row.errors[0][:2] for row in read_quarantine(tmp_path / "bad.parquet")}
    assert told == {number: events.fault(number)[:2] for number, _, _ in events.bad_lines()}
    assert len(told) == len(FAULTS) >= 14


def test_the_check_sees_what_is_wrong(tmp_path: Path) -> None:
    written, asked = Events(300, bad_every=10), Events(300, bad_every=20, seed=2)
    headrace_csv(written.write_csv(tmp_path / "events.csv"), tmp_path)
    verdict = check(asked, tmp_path)
    assert verdict.good_lost
    assert verdict.good_altered
    assert verdict.bad_misnumbered
    assert not verdict.exact
