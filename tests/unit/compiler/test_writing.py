"""How a contract says that values are written in another than the usual way, and what it cannot say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.domain.contract import Column, Contract, FileFormat
from headrace.domain.writing import USUAL, Writing
from headrace.transform.rules.values import bound_values
from headrace.transform.values.values import Broken, text_reader
from headrace_compiler import ContractErrors, compile_contract
from tests.unit.transform.kit import moment, read

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
    "object": "SUPER",
}


def compiled(
    tmp_path: Path, logical: str, *said: tuple[str, object], kind: object = "csv", **options: object
) -> Contract:
    """A contract whose column v has these customProperties and logicalTypeOptions."""
    text = HEAD.format(format=kind, type=logical, physical=PHYSICAL[logical])
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


def test_how_values_are_written(tmp_path: Path) -> None:
    said = [
        ("nullTokens", ["", "NULL"]),
        ("trim", True),
        ("default", "n/a"),
        ("tooLong", "cut"),
        ("badBytes", "replace"),
    ]
    written = column_of(compiled(tmp_path, "string", *said)).writing
    assert written == Writing(nulls=("", "NULL"), trim=True, default="n/a", cut=True, replaces=True)
    assert column_of(compiled(tmp_path, "string", ("tooLong", "refuse"), ("badBytes", "refuse"))).writing == USUAL
    words = compiled(tmp_path, "boolean", ("trueValues", ["J"]), ("falseValues", ["N"]))
    assert column_of(words).writing == Writing(true=("J",), false=("N",))
    spec = compiled(tmp_path, "number", ("default", 1.50), ("nullTokens", []))
    assert column_of(spec).writing == Writing(default="1.5", nulls=())
    assert Contract.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_a_server_says_it_of_all_columns_and_a_property_otherwise(tmp_path: Path) -> None:
    server = "customProperties: [{property: trim, value: true}, {property: decimalMark, value: ','}]"
    text = HEAD.format(format=f"csv, {server}", type="number", physical="DECIMAL(12,2)")
    path = tmp_path / "readings.odcs.yaml"
    path.write_text(
        text
        + "        customProperties: [{property: decimalMark, value: '.'}]\n      - {name: w, logicalType: number}\n"
    )
    k, v, w, _ = compile_contract(path).columns
    assert (k.writing, v.writing, w.writing) == (
        Writing(trim=True), Writing(trim=True), Writing(trim=True, decimal_mark=","),
    )  # fmt: skip


def test_european_integers_can_be_said(tmp_path: Path) -> None:
    column = column_of(compiled(tmp_path, "integer", ("groupingMark", ".")))
    assert text_reader(column)("-1.234.567") == -1234567
    marks = "csv, customProperties: [{property: decimalMark, value: ','}, {property: groupingMark, value: '.'}]"
    of_file = column_of(compiled(tmp_path, "integer", kind=marks))
    assert of_file.writing == column.writing
    with pytest.raises(Broken, match="not an integer"):
        text_reader(of_file)("1.234,5")


def test_bounds_and_defaults_are_times_of_the_columns_zone(tmp_path: Path) -> None:
    said = {"minimum": "2024-07-01T00:00:00", "maximum": "2024-07-02T00:00:00Z", "defaultTimezone": "Europe/Berlin"}
    spec = compiled(tmp_path, "timestamp", ("default", "2024-07-01T12:00:00"), **said)
    assert bound_values(column_of(spec)) == {"minimum": moment(2024, 6, 30, 22), "maximum": moment(2024, 7, 2)}
    rows = b"a,2024-07-01T00:00:00\nb,2024-06-30T23:59:59\nc,\nd,2024-07-02T02:00:00\ne,2024-07-02T02:00:01\n"
    got = read(spec, b"k,v\n" + rows * 300)
    assert got.values("v") == [moment(2024, 6, 30, 22), moment(2024, 7, 1, 10), moment(2024, 7, 2)] * 300


@pytest.mark.parametrize(
    ("server", "says"),
    [
        ("{property: quotedNulls, value: false}, {property: trim, value: true}", "do not go together"),
        ("{property: trailer, value: '^END ([0-9]+)$'}", "beside footerLines"),
        ("{property: trailer, value: '^END$'}, {property: footerLines, value: 1}", "with one group"),
        ("{property: trailer, value: '^(END$'}, {property: footerLines, value: 1}", "with one group"),
        ("{property: trailerCountsAlso, value: 2}", "belongs to a trailer"),
        ("{property: footerLines, value: 1000}", "footerLines must be up to 100"),
        ("{property: footerLines, value: 1.5}", "footerLines must be a whole number"),
        ("{property: maxLineBytes, value: .inf}", "maxLineBytes must be a whole number"),
        ("{property: patienceMinutes, value: .nan}", "patienceMinutes must be a number"),
        ("{property: skipAfterHeader, value: 1}, {property: header, value: false}", "without one, skipLines"),
        ("{property: shortRows, value: pad}", "shortRows must be refuse or fill"),
        ("{property: comments, value: ['']}", "comments must be texts"),
        ("{property: rowsAt, value: data}", "have no rowsAt: leave it out"),
        ("{property: excelText, value: true}, {property: quote, value: ''}", "excelText is for files"),
    ],
)
def test_what_a_server_cannot_say(tmp_path: Path, server: str, says: str) -> None:
    text = HEAD.format(format=f"csv, customProperties: [{server}]", type="number", physical="DECIMAL(12,2)")
    path = tmp_path / "readings.odcs.yaml"
    path.write_text(text)
    with pytest.raises(ContractErrors, match=says):
        compile_contract(path)


def test_which_lines_are_no_rows(tmp_path: Path) -> None:
    said = {"comments": ["--", "Page"], "skipAfterHeader": 1, "footerLines": 2, "trailer": "^END ([0-9]+)$",
            "trailerCountsAlso": 2, "shortRows": "fill"}  # fmt: skip
    server = json.dumps([{"property": name, "value": value} for name, value in said.items()])
    path = tmp_path / "readings.odcs.yaml"
    path.write_text(HEAD.format(format=f"csv, customProperties: {server}", type="number", physical="REAL"))
    spec = compile_contract(path)
    assert spec.format == FileFormat(
        encoding="auto", comments=("--", "Page"), after_header=1, footer_lines=2, trailer="^END ([0-9]+)$",
        trailer_also=2, fills_short=True,
    )  # fmt: skip
    assert Contract.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_where_the_rows_of_json_are(tmp_path: Path) -> None:
    path = tmp_path / "readings.odcs.yaml"

    def made(server: str) -> FileFormat:
        path.write_text(HEAD.format(format=f"json, customProperties: [{server}]", type="number", physical="REAL"))
        return compile_contract(path).format

    usual = FileFormat(kind="json", header=False, encoding="auto", null_tokens=())
    assert made("{property: objects, value: concatenated}") == replace(usual, concatenated=True)
    assert made("{property: objects, value: lines}") == usual
    said = "{property: rowsAt, value: data.items}, {property: nanIsNull, value: true}"
    assert made(said) == replace(usual, rows_at="data.items", nan_is_null=True)
    for server, says in (
        ("{property: objects, value: array}", "objects must be lines or concatenated"),
        ("{property: rowsAt, value: data..items}", "rowsAt must be the keys"),
        ("{property: rowsAt, value: data}, {property: objects, value: concatenated}", "without objects"),
    ):
        with pytest.raises(ContractErrors, match=says):
            made(server)
    assert column_of(compiled(tmp_path, "integer", ("jsonTypes", "loose"), kind="json")).writing == Writing(loose=True)


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
        ("timestamp", [], {"defaultTimezone": "Europe"}, "is not known"),
        ("timestamp", [], {"defaultTimezone": "Europe/Berlin", "minimum": "2024-03-31T02:30:00"}, "no such time"),
        ("date", [], {"defaultTimezone": "Europe/Berlin"}, "a date is the one that is written"),
        ("string", [("default", "much too long")], {}, "the default: it takes 13 bytes"),
        ("number", [("default", "few")], {}, "the default: 'few' is not a decimal number"),
        ("number", [("default", 5)], {"minimum": 7}, "breaks the property's own minimum"),
        ("boolean", [("trueValues", ["J"])], {}, "belong together"),
        ("boolean", [("trueValues", ["J"]), ("falseValues", ["j"])], {}, "cannot be true and false"),
        ("boolean", [("trueValues", ["J"]), ("falseValues", ["N"]), ("nullTokens", ["n"])], {}, "one of the null"),
        ("number", [("impliedDecimals", 1.5)], {}, "impliedDecimals must be a whole number"),
        ("date", [("formats", ["d/M/yy"]), ("twoDigitYears", 1970.5)], {}, "twoDigitYears must be a whole number"),
        ("integer", [("jsonTypes", "loose")], {}, "jsonTypes is for files of JSON"),
        ("integer", [("jsonTypes", "strict")], {}, "jsonTypes is for files of JSON"),
        ("object", [("jsonTypes", "loose")], {}, "jsonTypes is for single values, not for a super"),
        ("number", [("tooLong", "cut")], {}, "tooLong is for texts, not for a decimal"),
        ("string", [("tooLong", "shorten")], {}, "tooLong must be refuse or cut"),
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


@pytest.mark.parametrize("said", ["default, value: x", "tooLong, value: cut", "badBytes, value: replace"])
def test_a_key_is_not_changed(tmp_path: Path, said: str) -> None:
    path = tmp_path / "readings.odcs.yaml"
    key = f"        required: true\n        primaryKey: true\n        customProperties: [{{property: {said}}}]\n"
    path.write_text(HEAD.format(format="csv", type="string", physical="VARCHAR(9)") + key)
    with pytest.raises(ContractErrors, match="would be"):
        compile_contract(path)


def test_a_key_is_not_rounded(tmp_path: Path) -> None:
    text = HEAD.format(format="csv", type="number", physical="DECIMAL(12,2)") + (
        "        required: true\n        primaryKey: true\n"
        "        customProperties: [{property: rounding, value: halfUp}]\n"
    )  # fmt: skip
    path = tmp_path / "readings.odcs.yaml"
    path.write_text(text)
    with pytest.raises(ContractErrors, match="two keys could become one"):
        compile_contract(path)
