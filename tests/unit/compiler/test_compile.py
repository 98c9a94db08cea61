"""What each part of an ODCS contract becomes. `parcels.odcs.yaml` beside this file is the contract that is read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from headrace.domain.contract import Column, Contract, FileFormat, Kind
from headrace_compiler import ContractErrors, compile_contract, to_json
from headrace_compiler.sql.load import table_sql

HERE = Path(__file__).parent
PARCELS = HERE / "parcels.odcs.yaml"


@pytest.fixture(scope="module")
def parcels() -> Contract:
    return compile_contract(PARCELS)


def variant(tmp_path: Path, old: str, new: str) -> Contract:
    text = PARCELS.read_text()
    assert old in text
    path = tmp_path / "parcels.odcs.yaml"
    path.write_text(text.replace(old, new, 1))
    return compile_contract(path)


def column(contract: Contract, name: str) -> Column:
    return next(column for column in contract.columns if column.name == name)


def test_the_dataset(parcels: Contract) -> None:
    assert (parcels.dataset, parcels.version, parcels.description) == ("parcels", "2.1.0", "Every parcel, once a day.")
    assert parcels.digest == hashlib.sha256(PARCELS.read_bytes()).hexdigest()


def test_where_files_land_and_how_they_are_written(parcels: Contract) -> None:
    assert parcels.prefix == "in/parcels/"
    assert parcels.format == FileFormat(
        kind="csv", delimiter=";", quote="'", encoding="cp1252", compression="auto", null_tokens=("", "NULL")
    )


def test_where_rows_go(parcels: Contract) -> None:
    assert parcels.target == "logistics.parcel"
    assert parcels.extra == {"database": "shop"}
    assert parcels.primary_key == ("depot", "parcel_id")
    assert (parcels.dist_key, parcels.sort_key) == ("parcel_id", ("sent_at", "parcel_id"))
    assert parcels.ordering == ("sent_at",)
    assert not parcels.replace_versions


def test_names_of_the_file_and_of_the_warehouse(parcels: Contract) -> None:
    assert [(c.source, c.name) for c in parcels.named_columns if c.source != c.name] == [
        ("ParcelId", "parcel_id"),
        ("JSON details", "details"),
    ]


def test_types(parcels: Contract) -> None:
    assert [(c.kind, c.redshift_type) for c in parcels.named_columns] == [
        (Kind.STRING, "VARCHAR(20)"),
        (Kind.INTEGER, "SMALLINT"),
        (Kind.TIMESTAMP, "TIMESTAMP"),
        (Kind.DECIMAL, "DECIMAL(8,3)"),
        (Kind.STRING, "VARCHAR(8)"),
        (Kind.BOOLEAN, "BOOLEAN"),
        (Kind.SUPER, "SUPER"),
    ]
    assert column(parcels, "depot").bits == 16
    assert (column(parcels, "weight").precision, column(parcels, "weight").scale) == (8, 3)
    assert column(parcels, "size").max_bytes == 8


def test_rules(parcels: Contract) -> None:
    parcel_id, depot, sent_at, weight, size, *_ = parcels.named_columns
    assert (parcel_id.pattern, parcel_id.min_length, parcel_id.max_length) == ("^P[0-9]+$", 2, 20)
    assert (depot.minimum, depot.maximum, depot.required) == ("1", "99", True)
    assert (sent_at.formats, sent_at.minimum) == (("dd/MM/yyyy HH:mm",), "2020-01-01T00:00:00")
    assert (weight.exclusive_minimum, weight.exclusive_maximum) == ("0", "1000.5")
    assert size.enum == ("S", "XL")


def test_encodings(parcels: Contract) -> None:
    assert column(parcels, "sent_at").encode == "AZ64"
    assert {c.encode for c in parcels.columns if c.name != "sent_at"} == {"ZSTD"}


def test_promises(parcels: Contract) -> None:
    assert (parcels.freshness_seconds, parcels.wait_seconds) == (600, 480)
    assert parcels.channel == "#parcels"


@pytest.mark.parametrize(
    ("promise", "freshness", "wait"),
    [
        ("value: 90\n    unit: s", 90, 46),
        ("value: 1\n    unit: h", 3600, 900),
        ("value: 0.5\n    unit: hours", 1800, 900),
        ("value: 2\n    unit: d", 172_800, 900),
    ],
)
def test_the_wait_follows_from_the_promise(tmp_path: Path, promise: str, freshness: int, wait: int) -> None:
    contract = variant(tmp_path, "value: 10\n    unit: min", promise)
    assert (contract.freshness_seconds, contract.wait_seconds) == (freshness, wait)


def test_without_a_promise_nothing_is_waited_for(tmp_path: Path) -> None:
    contract = variant(tmp_path, PARCELS.read_text().partition("slaProperties")[2], ": []\n")
    assert (contract.freshness_seconds, contract.wait_seconds) == (None, 0)


def test_group_wait_overrides_the_promise(tmp_path: Path) -> None:
    contract = variant(tmp_path, "property: encode\n        value: zstd", "property: groupWait\n        value: 7")
    assert contract.wait_seconds == 7


@pytest.mark.parametrize(
    ("logical", "kind", "redshift_type"),
    [
        ("logicalType: boolean", Kind.BOOLEAN, "BOOLEAN"),
        ("logicalType: date", Kind.DATE, "DATE"),
        ("logicalType: integer", Kind.INTEGER, "BIGINT"),
        ("logicalType: integer\n        logicalTypeOptions: { format: i32 }", Kind.INTEGER, "INTEGER"),
        ("logicalType: number", Kind.FLOAT, "DOUBLE PRECISION"),
        ("logicalType: number\n        logicalTypeOptions: { format: f32 }", Kind.FLOAT, "REAL"),
        ("logicalType: string", Kind.STRING, "VARCHAR(256)"),
        ("logicalType: array", Kind.SUPER, "SUPER"),
        ("physicalType: character varying( 12 )", Kind.STRING, "VARCHAR(12)"),
        ("physicalType: varchar(max)", Kind.STRING, "VARCHAR(65535)"),
        ("physicalType: numeric(38, 10)", Kind.DECIMAL, "DECIMAL(38,10)"),
        ("physicalType: INT8", Kind.INTEGER, "BIGINT"),
        ("physicalType: timestamp without time zone", Kind.TIMESTAMP, "TIMESTAMP"),
        ("physicalType: float4", Kind.FLOAT, "REAL"),
    ],
)
def test_every_way_to_write_a_type(tmp_path: Path, logical: str, kind: Kind, redshift_type: str) -> None:
    fragile = column(variant(tmp_path, "logicalType: boolean", logical), "fragile")
    assert (fragile.kind, fragile.redshift_type) == (kind, redshift_type)


@pytest.mark.parametrize(
    ("check", "rules"),
    [
        ("metric: nullValues\n            mustBe: 0", {"required": True}),
        (
            "metric: invalidValues\n            mustBe: 0\n            arguments: { validValues: [A, B] }",
            {"enum": ("A", "B")},
        ),
        (
            "metric: invalidValues\n            mustBe: 0\n            arguments: { pattern: ^a.*$ }",
            {"pattern": "^a.*$"},
        ),
        ("type: text\n            description: looks nice", {"required": False}),
    ],
)
def test_quality_about_single_values_becomes_rules(tmp_path: Path, check: str, rules: dict[str, object]) -> None:
    written = f"logicalType: string\n        quality:\n          - {check}"
    fragile = column(variant(tmp_path, "logicalType: boolean", written), "fragile")
    assert {name: getattr(fragile, name) for name in rules} == rules


@pytest.mark.parametrize(
    ("old", "new", "file_format"),
    [
        ('delimiter: ";"', "delimiter: tab", {"delimiter": "\t"}),
        ('value: "\'"', 'value: ""', {"quote": ""}),
        ("encoding: windows-1252", "encoding: ISO-8859-15", {"encoding": "iso8859-15"}),
        ('property: quote\n        value: "\'"', "property: header\n        value: false", {"header": False}),
        ('property: quote\n        value: "\'"', "property: compression\n        value: zip", {"compression": "zip"}),
    ],
)
def test_formats(tmp_path: Path, old: str, new: str, file_format: dict[str, object]) -> None:
    found = variant(tmp_path, old, new).format
    assert {name: getattr(found, name) for name in file_format} == file_format


def test_json_lines_have_no_null_tokens_of_their_own(tmp_path: Path) -> None:
    text = PARCELS.read_text()
    options = text[text.index('    delimiter: ";"') : text.index("  - server: warehouse")]
    contract = variant(tmp_path, "format: csv\n" + options, "format: json\n")
    assert (contract.format.kind, contract.format.null_tokens, contract.format.encoding) == ("json", (), "auto")


def test_other_vendors_properties_are_left_alone(tmp_path: Path) -> None:
    new = "- property: onNewVersion\n        vendor: soda\n        value: whatever"
    assert variant(tmp_path, "- property: onNewVersion\n        value: add", new).replace_versions


def test_travels_as_json(parcels: Contract) -> None:
    (value,) = json.loads(to_json([parcels]))
    assert Contract.from_json(value) == parcels


@pytest.mark.parametrize(
    ("written", "fields"),
    [
        ("badRowLimit\n        value: 0", {"max_bad_rows": 0}),
        ("badRowLimit\n        value: 5%", {"max_bad_share": 0.05}),
        ("badRowLimit\n        value: 5%", {"max_shrink": 0.2}),
        ("shrinkLimit\n        value: 5%", {"max_shrink": 0.05}),
        ("shrinkLimit\n        value: 100%", {"max_shrink": None}),
        ("unknownColumns\n        value: refuse", {"refuse_unknown": True}),
    ],
)
def test_what_a_file_may_bring(tmp_path: Path, written: str, fields: dict[str, object]) -> None:
    contract = variant(tmp_path, "onNewVersion\n        value: add", written)
    assert {name: getattr(contract, name) for name in fields} == fields


def test_a_limit_of_what_is_replaced_is_refused_where_nothing_is(tmp_path: Path) -> None:
    written = "onNewVersion\n        value: add\n      - property: shrinkLimit\n        value: 5%"
    with pytest.raises(ContractErrors, match="shrinkLimit has no effect with onNewVersion: add"):
        variant(tmp_path, "onNewVersion\n        value: add", written)


@pytest.mark.parametrize(("choice", "unpadded"), [("refuse", ["parcel_id"]), ("same", [])])
def test_text_keys_end_in_no_blank(tmp_path: Path, parcels: Contract, choice: str, unpadded: list[str]) -> None:
    assert [column.name for column in parcels.columns if column.unpadded] == ["parcel_id"]
    contract = variant(tmp_path, "onNewVersion\n        value: add", f"paddedKeys\n        value: {choice}")
    assert [column.name for column in contract.columns if column.unpadded] == unpadded


@pytest.mark.parametrize(("choice", "kept"), [("keep", True), ("ignore", False), ("refuse", False)])
def test_the_column_for_unknown_fields(tmp_path: Path, choice: str, kept: bool) -> None:
    contract = variant(tmp_path, "onNewVersion\n        value: add", f"unknownColumns\n        value: {choice}")
    assert (contract.columns[-1].name == "_unknown") is kept
    assert ("_unknown SUPER" in table_sql(contract)) is kept


def test_limits_of_a_file(tmp_path: Path) -> None:
    found = variant(
        tmp_path, 'property: quote\n        value: "\'"', "property: maxLineBytes\n        value: 1000"
    ).format
    assert (found.max_line_bytes, found.max_decompressed_bytes) == (1000, 20 << 30)


FIXED = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:test:lines
name: lines
version: 1.0.0
servers:
  - server: landing
    type: s3
    location: s3://{landing}/lines/
    format: fixed
    customProperties: [{property: skipLines, value: 1}, {property: comment, value: "*"}]
  - {server: warehouse, type: redshift, database: dev, schema: public}
schema:
  - name: lines
    properties:
      - name: id
        logicalType: string
        customProperties: [{property: start, value: 1}, {property: width, value: 4}]
      - name: note
        logicalType: string
        customProperties: [{property: start, value: 5}, {property: width, value: 6}]
"""


def test_fixed_width(tmp_path: Path) -> None:
    path = tmp_path / "lines.odcs.yaml"
    path.write_text(FIXED)
    contract = compile_contract(path)
    assert (contract.format.kind, contract.format.header, contract.format.skip_lines) == ("fixed", False, 1)
    assert [(c.start, c.width) for c in contract.named_columns] == [(1, 4), (5, 6)]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("value: 5}", "value: 4}", "the places of 'note' and 'id' overlap"),
        ("{property: start, value: 1}, ", "", "needs the customProperties start"),
        ("format: fixed", "format: fixed\n    delimiter: ;", "files of format fixed have no delimiter"),
        ("format: fixed", "format: xml", "files of format xml need the customProperty rowElement"),
        ("format: fixed", "format: parquet\n    encoding: utf-8", "files of format parquet have no encoding"),
    ],
)
def test_fixed_width_needs_places(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "lines.odcs.yaml"
    path.write_text(FIXED.replace(old, new, 1))
    with pytest.raises(ContractErrors, match=says):
        compile_contract(path)


ENCODE = "          - property: encode\n            value: AZ64\n"


def test_a_time_may_have_several_formats(tmp_path: Path) -> None:
    several = "          - property: formats\n            value: [yyyyMMddHHmm, dd.MM.yyyy HH:mm]\n"
    spec = variant(tmp_path, ENCODE, f"{ENCODE}{several}")
    assert column(spec, "sent_at").formats == ("dd/MM/yyyy HH:mm", "yyyyMMddHHmm", "dd.MM.yyyy HH:mm")


@pytest.mark.parametrize("source", ["items[0].sku", "$.customer.id"])
def test_a_path_of_jsonpath_is_refused_with_what_to_write(source: str, tmp_path: Path) -> None:
    with pytest.raises(ContractErrors, match="write its keys with dots"):
        variant(tmp_path, ENCODE, f"{ENCODE}          - {{property: source, value: '{source}'}}\n")


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ("logicalTypeOptions: {minimum: 0}", "is computed by the merge"),
        ("required: true", "is computed by the merge"),
    ],
)
def test_rules_on_what_a_merge_computes_are_refused(properties: str, says: str, tmp_path: Path) -> None:
    computed = f"- {{name: gross, logicalType: number, transformLogic: weight * 2, {properties}}}"
    with pytest.raises(ContractErrors, match=says):
        compile_staged(tmp_path, computed)


def test_a_rule_between_columns_cannot_see_what_a_merge_computes(tmp_path: Path) -> None:
    rule = "quality: [{type: sql, name: positive, query: gross > 0}]"
    with pytest.raises(ContractErrors, match="sees no value of 'gross'"):
        compile_staged(tmp_path, "- {name: gross, logicalType: number, transformLogic: weight * 2}", rule)


def test_rules_on_a_value_that_the_merge_only_changes_are_kept(tmp_path: Path) -> None:
    spec = compile_staged(tmp_path, "- {name: gross, logicalType: integer, required: true, transformLogic: gross * 2}")
    assert column(spec, "gross").required


def compile_staged(tmp_path: Path, computed: str, table: str = "") -> Contract:
    text = f"""\
apiVersion: v3.1.0
kind: DataContract
id: urn:x
name: scales
version: 1.0.0
status: active
servers:
  - {{server: landing, type: s3, location: "s3://{{landing}}/scales/", format: csv}}
  - {{server: warehouse, type: redshift, database: headrace, schema: public}}
schema:
  - name: scales
    {table or "description: Weights."}
    customProperties: [{{property: loadMode, value: staged}}]
    properties:
      - {{name: scale, logicalType: string, required: true, primaryKey: true}}
      - {{name: weight, logicalType: integer}}
      {computed}
"""
    path = tmp_path / "scales.odcs.yaml"
    path.write_text(text)
    return compile_contract(path)
