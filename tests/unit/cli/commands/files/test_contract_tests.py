"""`headrace test`, `headrace lint` and the pytest plugin: contracts tested like code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace_cli.contract_tests.cases import Outcome, written
from tests.unit.cli.commands.files.test_check import CONTRACT
from tests.unit.cli.conftest import RunJson, RunText

GOOD = "meter,value\nm1,1\nm2,2\n"
MIXED = "meter,value\nm1,1\nm2,-2\n,x\n"
STRANGE = "value,reading\n1,1\n"
EXPECTED = "good: 1\nbad:\n  2: [value minimum]\n  3: [meter required, value logicalType]\n"


@pytest.fixture
def tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project's test files of the dataset `meters`."""
    (tmp_path / "headrace.toml").touch()
    folder = tmp_path / "contracts" / "tests" / "meters"
    folder.mkdir(parents=True)
    (tmp_path / "contracts" / "meters.odcs.yaml").write_text(CONTRACT)
    monkeypatch.chdir(tmp_path)
    return folder


def outcomes(document: Any) -> dict[str, str]:
    return {Path(test["file"]).name: test["outcome"] for test in document["tests"]}


def test_what_becomes_of_each_file_is_written_and_then_holds(tests: Path, run_json: RunJson) -> None:
    (tests / "good.csv").write_text(GOOD)
    (tests / "mixed.csv").write_text(MIXED)
    (tests / "strange.csv").write_text(STRANGE)
    assert set(outcomes(run_json("test", "--write")[1]).values()) == {"written"}
    assert (tests / "good.csv.expected.yaml").read_text() == "good: 2\n"
    assert (tests / "mixed.csv.expected.yaml").read_text() == EXPECTED
    assert "lacks the required column meter" in (tests / "strange.csv.expected.yaml").read_text()
    code, document = run_json("test")
    assert (code, document["failed"], document["untested"]) == (0, 0, [])
    assert outcomes(document) == {"good.csv": "passed", "mixed.csv": "passed", "strange.csv": "passed"}


@pytest.mark.parametrize(
    ("file", "expected", "said"),
    [
        (MIXED, EXPECTED.replace("good: 1", "good: 2"), "1 row good, expected 2"),
        (MIXED, EXPECTED.replace("value minimum", "value maximum"), "row 2: value minimum, expected value maximum"),
        (MIXED, "good: 1\nbad:\n  2: value minimum\n", "row 3: meter required, value logicalType, expected good"),
        (GOOD, "good: 2\nbad:\n  1: [meter required]\n", "row 1: good, expected meter required"),
        (GOOD, "refused: the header", "the file is not refused, expected: the header"),
        (STRANGE, "good: 1\n", "the file is refused: the header lacks the required column meter"),
        (STRANGE, "refused: too many rows\n", "expected: too many rows"),
        (GOOD, "rows: 2\n", "expected.yaml: write good: and bad:, or refused:"),
        (GOOD, "good: many\n", "good: is a number of rows"),
        (GOOD, "good: true\n", "good: is a number of rows"),
        (GOOD, "bad: {1: []}\n", "the rules of a bad row are a list"),
        (GOOD, "refused: ''\n", "refused: is a part of the reason"),
        (GOOD, "good: [\n", "while parsing"),
        (GOOD, "", "write good: and bad:"),
    ],
)
def test_what_is_otherwise_than_expected(tests: Path, run_json: RunJson, file: str, expected: str, said: str) -> None:
    (tests / "a.csv").write_text(file)
    (tests / "a.csv.expected.yaml").write_text(expected)
    code, document = run_json("test")
    assert (code, document["failed"]) == (1, 1)
    assert said in "; ".join(document["tests"][0]["differences"])


def test_a_file_without_an_expectation_has_failed(tests: Path, run_json: RunJson) -> None:
    (tests / "a.csv").write_text(GOOD)
    code, document = run_json("test", "meters")
    assert code == 1
    assert "`headrace test --write`" in document["tests"][0]["differences"][0]


def test_an_expectation_without_its_file_has_failed(tests: Path, run_json: RunJson) -> None:
    (tests / "a.csv.expected.yaml").write_text("good: 1\n")
    code, document = run_json("test")
    assert code == 1
    assert "a.csv" in str(document["tests"][0])


def test_files_of_no_contract_have_failed(tests: Path, run_json: RunJson) -> None:
    (tests / "a.csv").write_text(GOOD)
    tests.rename(tests.with_name("gauges"))
    code, document = run_json("test")
    assert (code, document["untested"]) == (1, ["meters"])
    assert "no contract is for gauges; there are: meters" in document["tests"][0]["differences"]


def test_a_thousand_bad_rows_are_enough(tests: Path, run_json: RunJson) -> None:
    (tests / "a.csv").write_text("meter,value\nm1,1\n" + ",1\n" * 1001)
    code, document = run_json("test", "--write")
    assert code == 1
    assert "1,001 rows are bad, more than 1,000" in document["tests"][0]["differences"][0]


def test_it_reads_as_text(tests: Path, run_text: RunText) -> None:
    assert "There are no test files" in run_text("test")[1]
    (tests / "a.csv").write_text(GOOD)
    (tests / "a.csv.expected.yaml").write_text("good: 3\n")
    code, text = run_text("test")
    assert code == 1
    assert text.splitlines() == [
        "✗ contracts/tests/meters/a.csv",
        "    2 rows good, expected 3",
        "1 test file: 1 failed.",
    ]


@pytest.mark.parametrize("rule", ["value minimum", "a: b", "no", "#x required", "ü required", '"', "[", "1"])
def test_any_columns_name_can_be_written(rule: str) -> None:
    text = written(Outcome(0, {7: (rule, "row json")}))
    assert yaml.safe_load(text) == {"good": 0, "bad": {7: [rule, "row json"]}}


def test_pytest_finds_the_same_tests(tests: Path, tmp_path: Path) -> None:
    (tests / "a.csv").write_text(MIXED)
    (tests / "a.csv.expected.yaml").write_text(EXPECTED)
    (tests / "b.csv").write_text(MIXED)
    (tests / "b.csv.expected.yaml").write_text("good: 3\n")
    (tmp_path / "elsewhere.expected.yaml").write_text("of another tool")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "headrace_cli.pytest_plugin", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "1 failed, 1 passed" in ended.stdout
    assert "row 2: value minimum, expected good" in ended.stdout
    assert "Traceback" not in ended.stdout


def test_lint_names_every_mistake_and_open_decision(tests: Path, run_json: RunJson, run_text: RunText) -> None:
    assert run_json("lint")[0] == 0
    contract = tests.parents[1] / "meters.odcs.yaml"
    contract.write_text(CONTRACT.replace("status: active", "status: active # decide: who owns it?"))
    code, document = run_json("lint")
    assert (code, document["mistakes"]) == (0, [])
    assert document["open"] == [{"file": "contracts/meters.odcs.yaml", "line": 6, "text": "who owns it?"}]
    assert run_json("lint", "--strict")[0] == 1
    contract.write_text(CONTRACT.replace("BIGINT", "BIGINTEGER"))
    code, text = run_text("lint")
    assert code == 1
    assert "contracts/meters.odcs.yaml:15: " in text
    assert "1 contract, 0 exports: 1 mistake, 0 open decisions." in text
