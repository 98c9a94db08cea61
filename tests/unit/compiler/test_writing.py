"""How a contract says that values are written in another than the usual way, and what it cannot say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace.domain.contract import Column, Contract
from headrace.domain.writing import USUAL, Writing
from headrace_compiler import ContractErrors, compile_contract

HEAD = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:t:readings
name: readings
version: 1.0.0
servers:
  - {{server: landing, type: s3, location: "s3://{{landing}}/readings/", format: {format}}}
  - {{server: warehouse, type: redshift, database: headrace, schema: public}}
schema:
  - name: readings
    properties:
      - {{name: k, logicalType: string}}
      - name: v
        logicalType: {type}
        physicalType: {physical}
"""
PHYSICAL = {
    "number": "DECIMAL(12,2)",
    "integer": "BIGINT",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "string": "VARCHAR(9)",
    "boolean": "BOOLEAN",
}


def compiled(tmp_path: Path, logical: str, *said: tuple[str, object], **options: object) -> Contract:
    """A contract whose column v has these customProperties and logicalTypeOptions."""
    text = HEAD.format(format="csv", type=logical, physical=PHYSICAL[logical])
    if options:
        text += f"        logicalTypeOptions: {json.dumps(options)}\n"
    if said:
        text += "        customProperties:\n"
        text += "".join(f"          - {{property: {name}, value: {json.dumps(value)}}}\n" for name, value in said)
    path = tmp_path / "readings.odcs.yaml"
    path.write_text(text)
    return compile_contract(path)


def column_of(spec: Contract) -> Column:
    return next(column for column in spec.columns if column.name == "v")


def test_how_numbers_are_written(tmp_path: Path) -> None:
    spec = compiled(
        tmp_path, "number", ("decimalMark", ","), ("groupingMark", "blank"), ("units", ["€", "EUR"]),
        ("percent", "fraction"),
        ("negatives", ["parentheses", "trailing"]), ("exponents", True), ("rounding", "halfEven"),
    )  # fmt: skip
    assert column_of(spec).writing == Writing(
        ",", "blank", ("€", "EUR"), "fraction", ("parentheses", "trailing"), exponents=True, rounding="halfEven"
    )
    assert column_of(compiled(tmp_path, "number", ("impliedDecimals", 2))).writing == Writing(implied_decimals=2)


def test_how_times_are_written(tmp_path: Path) -> None:
    spec = compiled(
        tmp_path, "timestamp", ("formats", ["d-MMM-yy h:mm a", "iso", "epochMilliseconds"]), ("twoDigitYears", 1970),
        ("ambiguousTimes", "later"), ("finerTimes", "round"), ("hour24", True), defaultTimezone="Europe/Berlin",
    )  # fmt: skip
    written = Writing(zone="Europe/Berlin", ambiguous="later", first_year=1970, finer="round", hour24=True)
    assert column_of(spec).writing == written
    assert column_of(spec).formats == ("d-MMM-yy h:mm a", "iso", "epochMilliseconds")


def test_a_contract_travels_as_json_with_only_what_is_unusual(tmp_path: Path) -> None:
    spec = compiled(tmp_path, "number", ("decimalMark", ","), ("units", ["€"]))
    value = json.loads(json.dumps(spec.to_json()))
    assert [column.get("writing") for column in value["columns"]] == [
        None, {"decimal_mark": ",", "units": ["€"]}, None,
    ]  # fmt: skip
    assert Contract.from_json(value) == spec
    assert column_of(compiled(tmp_path, "number")).writing == USUAL


@pytest.mark.parametrize(
    ("logical", "said", "options", "says"),
    [
        ("string", [("decimalMark", ",")], {}, "decimalMark is for numbers that are no integers, not for a string"),
        ("number", [("decimalMark", "5")], {}, "decimalMark must be one mark"),
        ("number", [("groupingMark", "..")], {}, "one mark such as . or ', or blank"),
        ("number", [("groupingMark", ".")], {}, "groupingMark and decimalMark must differ"),
        ("number", [("units", ["k9"])], {}, "without digits"),
        ("number", [("percent", "half")], {}, "percent must be number or fraction"),
        ("integer", [("percent", "fraction")], {}, "an integer has no hundredths"),
        ("number", [("negatives", ["brackets"])], {}, "a list of parentheses, trailing, minusSign"),
        ("number", [("rounding", "up")], {}, "rounding must be zeros, halfUp, halfEven or cut"),
        ("number", [("rounding", "zeros")], {}, "zeros may always be left out"),
        ("number", [("impliedDecimals", 0)], {}, "impliedDecimals must be a number from 1 to 37"),
        ("number", [("impliedDecimals", 2), ("exponents", True)], {}, "without decimalMark and exponents"),
        ("timestamp", [("formats", ["dd/MM/yy HH:mm"])], {}, "a format with yy needs twoDigitYears"),
        ("date", [], {"format": "dd/MM/yy"}, "a format with yy needs twoDigitYears"),
        ("timestamp", [("twoDigitYears", 1970)], {}, "twoDigitYears needs a format with yy"),
        ("timestamp", [("ambiguousTimes", "later")], {}, "ambiguousTimes needs a defaultTimezone"),
        ("timestamp", [], {"defaultTimezone": "Mars/Base"}, "is not known: write a name such as Europe/Berlin"),
        ("timestamp", [], {"defaultTimezone": "../etc"}, "is not known"),
        ("date", [], {"defaultTimezone": "Europe/Berlin"}, "a date is the one that is written"),
        ("timestamp", [("finerTimes", "keep")], {}, "finerTimes must be cut or round"),
        ("date", [("hour24", True)], {}, "hour24 is for timestamps, not for a date"),
        ("timestamp", [], {"format": "dMyyyy HH:mm"}, "where d ends and M begins cannot be seen"),
        ("timestamp", [], {"format": "yyyy-MM-dd hh:mm"}, "needs h and a together"),
        ("timestamp", [], {"format": "yyyy-MM-dd HH hh a"}, "gives a part twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_with_what_to_write(
    tmp_path: Path, logical: str, said: list[tuple[str, object]], options: dict[str, object], says: str
) -> None:
    with pytest.raises(ContractErrors) as caught:
        compiled(tmp_path, logical, *said, **options)
    assert says in str(caught.value)
    assert "readings.odcs.yaml:1" in str(caught.value)


def test_a_key_is_not_rounded(tmp_path: Path) -> None:
    text = HEAD.format(format="csv", type="number", physical="DECIMAL(12,2)") + (
        "        required: true\n        primaryKey: true\n"
        "        customProperties: [{property: rounding, value: halfUp}]\n"
    )  # fmt: skip
    path = tmp_path / "readings.odcs.yaml"
    path.write_text(text)
    with pytest.raises(ContractErrors, match="two keys could become one"):
        compile_contract(path)
