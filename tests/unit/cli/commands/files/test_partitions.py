"""Commands on local files whose columns come from their folders and names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from headrace.domain.files.key_values import FOLDERS
from headrace_cli.contract_tests.cases import cases
from headrace_compiler import compile_contract
from tests.support.fakes import contract
from tests.unit.cli.commands.files.test_check import CONTRACT
from tests.unit.cli.commands.files.test_drop import landed
from tests.unit.cli.conftest import RunJson
from tests.unit.cli.stack import FakeStack

DAYS = CONTRACT.replace("{landing}/meters/", "{landing}/meters/dt={dt}/") + (
    "      - {name: dt, logicalType: date, required: true, partitioned: true}\n"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "headrace.toml").touch()
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "meters.odcs.yaml").write_text(DAYS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sample(folder: Path, day: str, text: str = "meter,value\nm1,1\n") -> Path:
    path = folder / f"dt={day}" / "a.csv"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_check_reads_the_files_own_folders_or_a_key(project: Path, run_json: RunJson) -> None:
    there = sample(project, "2026-03-01")
    (project / "b.csv").write_text("meter,value\nm1,1\n")
    assert run_json("check", str(there), "--dataset", "meters")[1]["rows_good"] == 1
    code, document = run_json("check", "b.csv", "--dataset", "meters")
    assert (code, document["reason"]) == (
        1,
        "its key is not as the contract's location says: 'b.csv' is not in meters/dt={dt}/",
    )
    key = "meters/dt=2026-03-01/b.csv"
    assert run_json("check", "b.csv", "--dataset", "meters", "--key", key)[1]["rows_good"] == 1


def test_contract_tests_may_be_in_folders(project: Path, run_json: RunJson) -> None:
    folder = project / "contracts" / "tests" / "meters"
    sample(folder, "2026-03-01")
    sample(folder, "2026-03-32")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x").touch()
    assert [case.file.parent.name for case in cases(project)] == ["dt=2026-03-01", "dt=2026-03-32"]
    code, document = run_json("test", "--write")
    assert (code, document["failed"]) == (0, 0)
    expected = (folder / "dt=2026-03-32" / "a.csv.expected.yaml").read_text()
    assert "its key breaks the contract, dt: ''2026-03-32'' is not a date" in expected
    assert run_json("test")[1]["failed"] == 0


def test_drop_keeps_the_folders(stack: FakeStack, run_json: RunJson, tmp_path: Path) -> None:
    columns = (*contract().columns, replace(contract().columns[0], name="dt", source="dt", origin=FOLDERS))
    stack.deploy(contract(columns=columns, folder_templates=("dt={dt}",)))
    there = sample(tmp_path, "2026-03-01")
    run_json("drop", "readings", str(there))
    assert list(landed(stack)) == ["readings/dt=2026-03-01/a.csv"]
    (tmp_path / "b.csv").write_text("x")
    code, document = run_json("drop", "readings", str(tmp_path / "b.csv"))
    assert code == 1
    assert "is not in a folder dt={dt}/" in document["error"]
    assert run_json("drop", "readings", str(tmp_path / "b.csv"), "--key", "dt=2026-03-02/b.csv")[0] == 0


def test_new_drafts_columns_from_the_samples_folders(project: Path, run_json: RunJson) -> None:
    samples = [sample(project / "x", day) for day in ("2026-03-01", "2026-03-02")]
    code, document = run_json("new", "days", *map(str, samples))
    assert code == 0
    made = compile_contract(Path(document["contract"]))
    assert made.folder_templates == ("dt={dt}",)
    (day,) = made.key_columns
    assert (day.name, day.kind, day.required) == ("dt", "date", True)
    assert [checked["rows_good"] for checked in document["samples"]] == [1, 1]


def test_new_takes_no_folder_that_not_all_samples_have(project: Path, run_json: RunJson) -> None:
    samples = [sample(project / "x", "2026-03-01"), project / "y.csv"]
    samples[1].write_text("meter,value\nm2,2\n")
    _, document = run_json("new", "days", *map(str, samples))
    assert compile_contract(Path(document["contract"])).key_columns == ()


def test_new_marks_a_column_that_is_in_rows_and_folders(project: Path, run_json: RunJson) -> None:
    there = sample(project / "x", "2026-03-01", "dt,value\n2026-03-01,1\n2026-03-01,2\n")
    _, document = run_json("new", "days", str(there))
    made = compile_contract(Path(document["contract"]))
    assert [column.name for column in made.key_columns] == ["dt"]
    assert [column.name for column in made.named_columns] == ["dt", "value"]
