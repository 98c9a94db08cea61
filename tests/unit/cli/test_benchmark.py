"""The benchmark's own arithmetic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import laptop as benchmark
from headrace_cli.output.console import show

RESULT: dict[str, Any] = {
    "at": "2026-01-02T00:00:00+00:00",
    "commit": "abc1234",
    "dataset": "readings",
    "files": 100,
    "rows_per_file": 10_000,
    "seconds": 12.0,
    "files_per_minute": 500.0,
    "rows_per_second": 90_000,
    "latency_seconds": {"p50": 1.0, "p95": 2.0, "max": 3.0},
    "processes": {"function Transform": {"processes": 2, "cpu_seconds": 4.0, "peak_mb": 100.0}},
}


@pytest.fixture(autouse=True)
def _results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "RESULTS", tmp_path)


@pytest.mark.parametrize(("percent", "expected"), [(50, 2.0), (95, 4.0), (100, 4.0), (1, 1.0)])
def test_percentile_is_a_value_that_was_measured(percent: float, expected: float) -> None:
    assert benchmark.percentile([1.0, 2.0, 3.0, 4.0], percent) == expected


@pytest.mark.parametrize(
    ("function", "name"),
    [("headrace-TransformFunction-FAE6FEA488F90", "Transform"), ("my-stack-RecordBatchFunction-02F25A", "RecordBatch")],
)
def test_functions_are_named_without_stack_and_suffix(function: str, name: str) -> None:
    match = benchmark.FUNCTION.fullmatch(function)
    assert match is not None
    assert match[1] == name


def test_a_result_of_another_size_has_a_name_of_its_own() -> None:
    assert benchmark.store(RESULT).name == "2026-01-02-abc1234.json"
    assert benchmark.store(RESULT | {"files": 10}).name == "2026-01-02-abc1234-10x10000.json"


def test_only_a_result_of_the_same_size_is_compared_with() -> None:
    benchmark.store(RESULT)
    benchmark.store(RESULT | {"at": "2026-01-03T00:00:00+00:00"})
    benchmark.store(RESULT | {"at": "2026-01-04T00:00:00+00:00", "files": 10})
    found = benchmark.newest_result(RESULT)
    assert found is not None
    assert found["at"] == "2026-01-03T00:00:00+00:00"
    assert benchmark.newest_result(RESULT | {"dataset": "other"}) is None


def test_the_table_shows_the_change(capsys: pytest.CaptureFixture[str]) -> None:
    show(benchmark.as_table(RESULT, json.loads(json.dumps(RESULT)) | {"files_per_minute": 400.0}))
    assert "+25 %" in capsys.readouterr().out


def test_a_generator_that_makes_another_number_of_files_cannot_be_sized() -> None:
    def one_file(folder: Path, *, files: int = 1, rows: int = 1) -> list[Path]:
        return [folder / "only"]

    def sized(folder: Path, *, files: int = 1, rows: int = 1) -> list[Path]:
        return [folder / str(number) for number in range(files)]

    assert not benchmark.can_be_sized(one_file)
    assert not benchmark.can_be_sized(lambda folder: [folder])
    assert benchmark.can_be_sized(sized)
