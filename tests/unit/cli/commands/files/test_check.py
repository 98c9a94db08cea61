"""`headrace check`: no AWS, no laptop, only a contract and a file."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from headrace_cli.commands.files.check import collect, render
from headrace_cli.output.console import stdout
from tests.support.fakes import contract
from tests.unit.cli.conftest import RunJson, RunText

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:test:meters
name: meters
version: 1.0.0
status: active
servers:
  - {server: landing, type: s3, location: "s3://{landing}/meters/", format: csv, delimiter: ","}
  - {server: warehouse, type: redshift, database: dev, schema: public}
schema:
  - name: meters
    physicalType: table
    properties:
      - {name: meter, logicalType: string, physicalType: VARCHAR(16), required: true, primaryKey: true}
      - {name: value, logicalType: integer, physicalType: BIGINT, logicalTypeOptions: {minimum: 0}}
"""


@pytest.fixture
def meters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one contract, and a file for it."""
    (tmp_path / "template.yaml").touch()
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "meters.odcs.yaml").write_text(CONTRACT)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.csv"
    path.write_text("meter,value\nm1,1\nm2,-2\n,3\n")
    return path


def test_by_dataset(meters: Path, run_json: RunJson) -> None:
    code, document = run_json("check", str(meters), "--dataset", "meters")
    assert code == 0
    assert (document["rows_read"], document["rows_good"], document["rows_bad"]) == (3, 1, 2)
    assert (document["parquet"], document["quarantine"], document["reason"]) == (None, None, None)
    assert [(row["row_number"], row["column"], row["rule"]) for row in document["first_bad"]] == [
        (2, "value", "minimum"),
        (3, "meter", "required"),
    ]


def test_by_contract_with_the_rows_written(meters: Path, run_json: RunJson, tmp_path: Path) -> None:
    chosen = tmp_path / "contracts" / "meters.odcs.yaml"
    _, document = run_json("check", str(meters), "--contract", str(chosen), "--out", str(tmp_path / "out"))
    assert pq.read_table(document["parquet"]).num_rows == 1
    assert pq.read_table(document["quarantine"]).num_rows == 2


def test_a_file_that_is_rejected_as_a_whole(meters: Path, run_json: RunJson) -> None:
    meters.write_text("what,is,this\n1,2,3\n")
    code, document = run_json("check", str(meters), "--dataset", "meters")
    assert code == 1
    assert document["rows_read"] == 0
    assert document["reason"]


def test_an_unknown_dataset_lists_the_known(meters: Path, run_json: RunJson) -> None:
    code, document = run_json("check", str(meters), "--dataset", "nothing")
    assert code == 1
    assert document["error"].endswith("is for nothing; there are: meters")


def test_a_contract_with_a_mistake_is_told_with_its_line(meters: Path, run_json: RunJson, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.odcs.yaml"
    wrong.write_text(CONTRACT.replace("logicalType: integer", "logicalType: intejer"))
    code, document = run_json("check", str(meters), "--contract", str(wrong))
    assert code == 1
    assert document["error"].startswith(f"{wrong}:15: ")


@pytest.mark.parametrize("options", [[], ["--dataset", "meters", "--contract", "a.csv"]])
def test_either_dataset_or_contract(meters: Path, run_json: RunJson, options: list[str]) -> None:
    code, document = run_json("check", str(meters), *options)
    assert code == 2
    assert "either --dataset NAME or --contract PATH" in document["error"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("meter,read_at,value\nm1,2026-01-01T00:00:00Z,1\n", "Good: its one row would be loaded."),
        (
            "meter,read_at,value\nm1,never,1\n",
            "Rejected as a whole: held back: 1 of 1 rows are bad, without a good row",
        ),
        ("meter,read_at,value\n", "Good, but it has no rows."),
        ("meter,read_at,value\n" + "m1,2026-01-01T00:00:00Z,1\n" * 2, "Good: all 2 rows would be loaded."),
        (
            '{"meter": "m1"}\n',
            "Rejected as a whole: the file begins like JSON, the contract says csv: the header cannot",
        ),
        ("", "Rejected as a whole: "),
    ],
)
def test_the_verdict_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    stdout().print(render(collect(contract(), path, None)))
    assert capsys.readouterr().out.startswith(said)


@pytest.mark.parametrize(
    ("row", "reason", "carets"),
    [
        ("m1,2026-01-01T00:00:00Z,-5", "minimum", "                        ^^"),
        ("m1,never,1", "logicalType", "   ^^^^^"),
        ("m1,2026-01-01T00:00:00Z", "fieldCount", "                       ^"),
        ('m"1,2026-01-01T00:00:00Z,1', "quoting", " ^"),
        ("x,x,1", "logicalType", None),
        (",2026-01-01T00:00:00Z,1", "required", None),
    ],
)
def test_carets_stand_under_the_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: str, reason: str, carets: str | None
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"meter,read_at,value\n{row}\n")
    stdout().print(render(collect(contract(), path, None)))
    shown = capsys.readouterr().out.splitlines()
    assert any(reason in line for line in shown)
    place = shown.index(f"  │ {row}")
    assert (shown[place + 1].rstrip() == f"  │ {carets}") if carets else "^" not in shown[place + 1]


def test_tells_what_was_detected_how_long_it_took_and_drift(
    meters: Path, run_json: RunJson, capsys: pytest.CaptureFixture[str]
) -> None:
    meters.write_text("meter,value,colour\nm1,1,red\n")
    _, document = run_json("check", str(meters), "--dataset", "meters")
    assert document["detected"]["drift"]["columns"] == [{"name": "colour", "type": "VARCHAR(16)"}]
    assert document["bytes"] == 28
    assert document["seconds"] > 0
    stdout().print(render(document))
    shown = capsys.readouterr().out
    assert "28 B read in" in shown
    assert "encoding UTF-8" in shown
    assert "- name: colour" in shown


def test_a_folder_that_cannot_be_written_is_told_in_few_words(meters: Path, run_json: RunJson, tmp_path: Path) -> None:
    (tmp_path / "out" / "a.parquet").mkdir(parents=True)
    code, document = run_json("check", str(meters), "--dataset", "meters", "--out", "out")
    assert (code, document["error"]) == (1, "out/a.parquet: Is a directory")


def test_the_version_is_told(run_text: RunText) -> None:
    assert run_text("--version") == (0, f"headrace {version('headrace')}\n")
