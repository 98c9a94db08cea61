"""Mistakes in a contract: each is told with its line and what to write instead, and none hides another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headrace.domain.lake_folders import LAKE_FOLDERS
from headrace_compiler import ContractErrors, compile_contract, compile_folder
from tests.support.template import TEMPLATE

USECASES = Path(__file__).parents[3] / "layers/headrace/headrace"

PARCELS = (Path(__file__).parent / "parcels.odcs.yaml").read_text()
HERE = "<-"
"""Marks, in a mistake, the line that the error must name."""

SECOND_KEY = "required: true\n        primaryKey: true\n        primaryKeyPosition: 1"
ADDS = "property: onNewVersion\n        value: add"
RULE = "property: onNewVersion\n        value: add\n    quality:\n      - type: sql\n        name: r\n        query: "
VIEWS = "property: onNewVersion\n        value: add\n      - property: materializedViews\n        value:\n          "
STATISTIC = "property: onNewVersion\n        value: add\n    quality:\n      "
SENT = "        logicalTypeOptions:\n          format: dd/MM/yyyy "
CUT_KEY = f"timestamp\n        required: true\n        primaryKey: true\n{SENT}HH:mm:ss.SSSSSSS"
HOLD = """- type: custom
        engine: headrace
        implementation: rowCount
        customProperties:
          - {property: onBreach, value: hold}"""
FROM = "logicalType: boolean\n        customProperties:\n          - property: valueFrom\n            value: "
NULLS = 'property: nullTokens\n        value: ["", "NULL"]'
MARKER = "property: marker\n        value: _OK"
REMOVES = "property: onDelete\n        value: removeRows"
LOADS = "property: onCopy\n        value: load"
HISTORY = "property: history\n        value: scd2"
SNAPSHOT = "property: snapshot\n        value: table"
QUALITY = "logicalType: string\n        quality:\n          "
DUE = "  - property: timeOfAvailability\n    value: "
EXPECTED = f'{DUE}"06:00"\n    customProperties:\n      - {{property: '

MISTAKES: list[tuple[str, str, str]] = [
    # the document
    ("kind: DataContract", "kind: Contract <-", "kind must be DataContract"),
    ("apiVersion: v3.2.0", "apiVersion: v2.0.0 <-", "apiVersion must be one of"),
    ("version: 2.1.0", "version: 2.1 <-", "version must be text: write it in quotes"),
    ("name: parcels\nversion", "name: Parcels <-\nversion", "lower case"),
    ("support:", "suport: <-", "no key 'suport' here: did you mean 'support'?"),
    ("    format: csv", "    fromat: csv <-\n    format: csv", "did you mean 'format'?"),
    ("required: true", "requierd: true <-", "did you mean 'required'?"),
    ("required: true", "required: sometimes <-", "required must be true or false"),
    ("required: true", 'required: "yes" <-', "required must be true or false, without quotes"),
    ("version: 2.1.0", "version: 2.1.0\nversion: 2.2.0 <-", "written twice"),
    ("kind: DataContract", "kind: DataContract: x <-", "not YAML"),
    ("          - value: S", "          - S <-", "written as '- value: …'"),
    # servers
    ("type: s3", "type: gcs <-", "servers of type 'gcs' are not supported"),
    ("s3://{landing}/in/parcels/", "s3://my-bucket/parcels/ <-", "s3://{landing}/name/"),
    ("s3://{landing}/in/parcels/", "s3://{landing}/in/*.csv <-", "without * in it"),
    ("format: csv", "format: avro <-", "format 'avro' is not supported"),
    ("encoding: windows-1252", "encoding: klingon <-", "encoding 'klingon' is not supported"),
    ('delimiter: ";"', 'delimiter: "x" <-', "cannot separate values"),
    ('delimiter: ";"', 'delimiter: "" <-', "delimiter is empty"),
    ("schema: logistics", "schema: etl <-", "Headrace's own"),
    ("schema: logistics", "schema: pg_temp <-", "Redshift's own"),
    ("value: \"'\"", 'value: "ab" <-', "quote must be one mark"),
    ("property: quote", "property: quotes <-", "did you mean 'quote'?"),
    ('value: ["", "NULL"]', 'value: ["", "a;b"] <-', "cannot occur in a file of this format"),
    ('property: nullTokens\n        value: ["", "NULL"]', 'property: files\n        value: ["a/*.csv"] <-', "of names"),
    ('property: nullTokens\n        value: ["", "NULL"]', 'property: ignore\n        value: [""] <-', "of names"),
    ('value: ["", "NULL"]', "value: NULL <-", "must be a list of texts"),
    (NULLS, "property: marker\n        value: a/_SUCCESS <-", "write one such as _SUCCESS or *.done"),
    (NULLS, 'property: marker\n        value: "*" <-', "is no pattern of names"),
    (NULLS, 'property: marker\n        value: "{name}" <-', "such as {name}.done"),
    (NULLS, 'property: marker\n        value: "{file}.done" <-', "{name}.done for a marker beside each file"),
    (NULLS, f'{MARKER}\n      - property: manifest\n        value: "*.list" <-', "leave out one of the two"),
    (NULLS, 'property: manifest\n        value: "{name}.list" <-', "write one such as *.manifest"),
    (NULLS, f'{MARKER} <-\n      - property: files\n        value: ["_OK"]', "is a pattern of files too"),
    (NULLS, "property: patienceMinutes\n        value: 5 <-", "no effect without marker or manifest"),
    (NULLS, f"{MARKER}\n      - property: patienceMinutes\n        value: 50000 <-", "must be 1 to 43,200"),
    # the table
    ("physicalName: parcel\n", "physicalName: order <-\n", "reserved word"),
    ("Key\n        value: parcel_id", "Key\n        value: parcel <-", "did you"),
    ("value: [sent_at, parcel_id]", "value: [sent_at, details] <-", "SUPER, which Redshift cannot compare"),
    ("orderingColumns\n        value: [sent_at]", "orderingColumns\n        value: [weight] <-", "must be required"),
    ("value: add", "value: append <-", "onNewVersion must be replace or add"),
    (ADDS, f"{ADDS}\n      - property: engine\n        value: glu <-", "engine must be auto, lambda or glue: did"),
    (ADDS, "property: badRowLimit\n        value: few <-", "a share such as 5%"),
    (ADDS, f"{REMOVES.replace('removeRows', 'remove')} <-", "keepRows or removeRows: did you mean 'removeRows'"),
    (ADDS, f"{REMOVES} <-", "onDelete: it needs onCopy: load. a copy that is skipped would lose its rows"),
    (ADDS, f"{REMOVES} <-\n      - {ADDS}\n      - {LOADS}", "onDelete: it does not go with onNewVersion: add"),
    (ADDS, f"{REMOVES} <-\n      - {SNAPSHOT}", "onDelete: it does not go with snapshot: a snapshot goes when"),
    (ADDS, f"{REMOVES.replace('Delete', 'Expiration')} <-", "onExpiration: it needs onCopy: load"),
    (ADDS, "property: history\n        value: scd <-", "history must be scd2: did you mean 'scd2'"),
    (ADDS, f"{HISTORY} <-\n      - {SNAPSHOT}", "history: it does not go with snapshot: a snapshot has no row"),
    (ADDS, f"{HISTORY} <-\n      - property: truncateOperations\n        value: [t]", "does not go with truncateOp"),
    (ADDS, f"{HISTORY} <-\n      - {VIEWS}- {{name: parcel_history, query: SELECT 1}}", "the name of a view of the"),
    (ADDS, "property: snapshot\n        value: tables <-", "snapshot must be table or partition"),
    (ADDS, "property: snapshot\n        value: partition <-", "in/parcels/dt={dt}/"),
    (ADDS, f"{ADDS} <-\n      - property: snapshot\n        value: table", "onNewVersion does not go with snapshot"),
    (ADDS, "property: snapshot\n        value: table\n      - property: onCopy\n        value: skip <-", "does not go"),
    (ADDS, f"{SNAPSHOT}\n      - property: operationColumn\n        value: size <-", "has rows, and no changes"),
    (ADDS, f"{STATISTIC}- {{type: custom, engine: headrace, implementation: snapshotShare}} <-", "must be one of"),
    (ADDS, "property: unknownColumns\n        value: kept <-", "mean 'keep'?"),
    ("value: zstd", "value: gzip <-", "not an encoding of Redshift"),
    ("property: onNewVersion", "property: source <-", "belongs to a property"),
    ("        value: add", "        value: add\n    quality: \n      - metric: rowCount <-", "needs bounds"),
    ("        value: add", "        value: add\n    quality: \n      - metric: age <-", "quality of the table is"),
    (ADDS, f"{STATISTIC}- {{type: custom, engine: headrace, implementation: rowcount}} <-", "did you mean 'rowCount'?"),
    (ADDS, f"{STATISTIC}- {{type: custom, engine: headrace, implementation: mean}} <-", "write it at a property"),
    (ADDS, f"{STATISTIC}- {{type: custom, engine: soda, implementation: x}} <-", "quality of the table is"),
    (ADDS, f"{STATISTIC}- {{metric: rowCount, mustBe: 0, severity: warning}} <-", "write the customProperty onBreach"),
    (ADDS, f"{STATISTIC}- {{metric: rowCount, mustNotBe: 0}} <-", "between which bounds"),
    (ADDS, f"{STATISTIC}- {{metric: rowCount, mustBe: 1, arguments: {{a: 1}}}} <-", "takes no arguments"),
    (ADDS, f"{STATISTIC}- {{metric: duplicateValues, mustBe: 0}} <-", "about the primary key"),
    (ADDS, f"{STATISTIC}- {{metric: rowCount, mustBe: 0, unit: percent}} <-", "is in rows"),
    (ADDS, STATISTIC + HOLD.replace("hold", "stop <-"), "onBreach must be warn or hold"),
    (ADDS, STATISTIC + HOLD.replace("onBreach, value: hold", "showValues, value: true <-"), "showValues goes with cat"),
    (ADDS, STATISTIC + HOLD.replace("onBreach, value: hold", 'showValues, value: "yes" <-'), "must be true or false"),
    (ADDS, STATISTIC + HOLD.replace("onBreach", "showValue <-"), "did you mean 'showValues'?"),
    (ADDS, f"{VIEWS}- {{name: v}} <-", "needs its name and its query"),
    (ADDS, f"{VIEWS}- {{name: v, query: SELECT 1, sort: [a]}} <-", "did you mean 'sortKey'?"),
    (ADDS, f"{VIEWS}- {{name: v, query: DELETE FROM t}} <-", "must be one SELECT"),
    (ADDS, f"{VIEWS}- {{name: V, query: SELECT 1}} <-", "view name"),
    (ADDS, f"{VIEWS}- {{name: v, query: SELECT 1}}\n          - {{name: v, query: SELECT 2}} <-", "there twice"),
    (ADDS, f"{VIEWS}- {{name: v, query: SELECT a FROM t, distributionKey: a) x (}} <-", "'a) x (' is not"),
    (ADDS, f"{VIEWS}- {{name: v, query: SELECT a FROM t, sortKey: [b]}} <-", "columns that its query names: 'b'"),
    (ADDS, f"{VIEWS}- {{name: parcel, query: SELECT 1}} <-", "the name of its table, logistics.parcel"),
    (ADDS, f"{ADDS}\n      - property: paddedKeys\n        value: sam <-", "did you mean 'same'?"),
    (f"timestamp\n        required: true\n{SENT}HH:mm", f"{CUT_KEY} <-", "the key 'sent_at' would be cut"),
    (ADDS, f"{ADDS}\n      - property: whileHeld\n        value: waits <-", "did you mean 'wait'?"),
    ("support:", "  - name: second <-\n    properties: []\nsupport:", "one table"),
    # columns
    ("physicalName: parcel_id", "physicalName: user <-", "reserved word"),
    ("name: ParcelId\n        physicalName: parcel_id", "name: ParcelId <-", "write physicalName: parcel_id"),
    ("name: depot", "name: _depot <-", "lower case letters"),
    ("name: depot", "name: xmin <-", "hidden column of every table"),
    ("name: depot", "name: _file_id <-", "lower case letters"),
    ("name: depot", f"name: {'d' * 128} <-", "longer than 127"),
    ("name: weight", "name: depot <-", "the column 'depot' is there twice"),
    ("logicalType: boolean", "logicalType: bool <-", "did you mean 'boolean'?"),
    ("logicalType: boolean", "logicalType: vector <-", "logicalType 'vector' is not supported"),
    ("physicalType: SMALLINT", "physicalType: VARCHAR(5) <-", "disagree"),
    ("physicalType: SMALLINT", "physicalType: INTEGR <-", "did you mean 'integer'?"),
    ("physicalType: VARCHAR(20)", "physicalType: VARCHAR <-", "needs one length"),
    ("physicalType: VARCHAR(20)", "physicalType: VARCHAR(70000) <-", "1 to 65535"),
    ("physicalType: VARCHAR(20)", "physicalType: CHAR(20) <-", "write VARCHAR(n)"),
    ("physicalType: DECIMAL(8,3)", "physicalType: DECIMAL <-", "needs precision and scale"),
    ("physicalType: DECIMAL(8,3)", "physicalType: DECIMAL(39,3) <-", "1 to 38"),
    ("logicalType: boolean", "physicalType: TIMESTAMPTZ <-", "converted to UTC"),
    ("minimum: 1\n", "format: i64\n", "format i64 means BIGINT, which is not SMALLINT"),
    ("value: AZ64", "value: AZ65 <-", "not an encoding of Redshift"),
    ("logicalType: boolean", "logicalType: boolean\n        unique: true <-", "only by the merge on the primary key"),
    ("logicalType: boolean", "logicalType: boolean\n        partitioned: true <-", "in/parcels/fragile={fragile}/"),
    ("logicalType: boolean", "logicalType: boolean\n        partitionKeyPosition: 1 <-", "has no effect without"),
    ("logicalType: boolean", f"{FROM}name <-", "valueFrom must be fileName or key"),
    ("source\n            value: JSON details", "valueFrom\n            value: key", "there is no JSON"),
    ("{landing}/in/parcels/", "{landing}/in/parcels/{day}/", "{day} is the field of no property"),
    ("{landing}/in/parcels/", "{landing}/in/parcels/{fragil}/", "did you mean 'fragile'?"),
    ("{landing}/in/parcels/", "{landing}/in/p{fragile}{depot}/ <-", "put a text between them"),
    ("{landing}/in/parcels/", "{landing}/in/{depot}-{depot}/ <-", "has a field twice"),
    ("{landing}/in/parcels/", "{landing}/p{depot}/ <-", "a folder that is the dataset's alone"),
    ("{landing}/in/parcels/", "{landing}/in/depot={}/ <-", "write a field as {name}"),
    ("{landing}/in/parcels/", "{landing}/in/depot={depot/ <-", "s3://{landing}/name/"),
    (NULLS, 'property: files\n        value: ["{depot}*.csv"] <-', "put a text between them"),
    (NULLS, 'property: files\n        value: ["{depot}-?.csv"] <-', "only * is understood"),
    (NULLS, 'property: files\n        value: ["{depot.csv"] <-', "write a field as {name}"),
    ("logicalType: object", "logicalType: object\n        properties: [{name: a}] <-", "not checked yet"),
    # keys
    (SECOND_KEY, SECOND_KEY.replace("required: true\n        ", "").replace("\n", " <-\n"), "must be required"),
    ("primaryKeyPosition: 1", "primaryKeyPosition: 3", "primaryKeyPosition: 1, 2"),
    ("logicalType: boolean", "logicalType: boolean\n        primaryKeyPosition: 3 <-", "has no effect"),
    # rules
    ("^P[0-9]+$", "^P(?=[0-9]) <-", "look-around"),
    ("pattern: ^P[0-9]+$", "pattern: '^P[0-9' <-", "not a regular expression that RE2 accepts"),
    ("pattern: ^P[0-9]+$", "pattern: P[0-9]+ <-", "write ^…$"),
    ("pattern: ^P[0-9]+$", "pattern: '^P\\$' <-", "write ^…$"),
    ("minLength: 2\n", "minLength: 21 <-\n", "more than maxLength"),
    ("maxLength: 20", "maxLength: 30 <-", "holds 20 bytes"),
    ("minLength: 2\n", "minLength: two <-\n", "whole number of characters"),
    ("minLength: 2\n", "minimum: 2 <-\n", "the option 'minimum' is not supported here"),
    ("minLength: 2\n", "format: email <-\n", "format 'email' is not checked"),
    ("minimum: 1\n", "minimum: 100 <-\n", "no value is at least 100 and at most 99"),
    ("minimum: 1\n", "minimum: 1.5 <-\n", "'1.5' is not an integer"),
    ("minimum: 1\n", "minimum: 40000 <-\n", "does not fit SMALLINT"),
    ("minimum: 1\n", "multipleOf: 2 <-\n", "'multipleOf' is not supported"),
    ("minimum: 2020-01-01T00:00:00", "minimum: 2020-01-01 <-", "not a timestamp"),
    ("format: dd/MM/yyyy HH:mm", "format: dd/MM/yy HH:mm <-", "twoDigitYears"),
    ("          format: dd/MM/yyyy HH:mm", "          defaultTimezone: Europe/Berlim <-", "is not known"),
    ("maxLength: 2\n", "maxLength: 1\n", "breaks the property's own maxLength"),
    ("- value: S", "- value: no <-", "write it in quotes"),
    ("- value: XL", "- value: S <-", "written twice"),
    ("logicalType: boolean", f"{QUALITY}- type: sql <-\n            query: x", "beside properties"),
    ("property: quote\n        value: \"'\"", "property: escape\n        value: ab <-", "escape must be one mark"),
    (
        "format: dd/MM/yyyy HH:mm",
        "format: [dd/MM/yyyy, yyyy-MM-dd] <-",
        "format must be text, such as yyyy-MM-dd; several go into the property's customProperty `formats`",
    ),
    ("format: dd/MM/yyyy HH:mm", "format: 5 <-", "format must be text, such as yyyy-MM-dd"),
    (
        "property: quote\n        value: \"'\"",
        "property: escapes\n        value: sequence <-",
        "escapes must be one of character, sequences, marks, beside an escape: did you mean 'sequences'?",
    ),
    ("source\n            value: JSON details", "start\n            value: 3", "apply only to files of format fixed"),
    (ADDS, RULE + "ended >= sent_at", "no column 'ended'"),
    (ADDS, RULE + "sent_at > 5", "types do not fit"),
    (ADDS, RULE + "weight + 1", "must be true or false"),
    (ADDS, RULE + "weight > ", "not expected there"),
    (ADDS, RULE + "weight > 1; drop table x", "cannot be read"),
    (ADDS, RULE + "sqrt(weight) > 1", "no function 'sqrt'"),
    (ADDS, RULE + "weight > 1\n        mustBe: 0", "goes with mustBe: 0"),
    (ADDS, RULE.replace("name: r", "dimension: accuracy") + "weight > 1", "needs a name"),

    ("logicalType: boolean", f"{QUALITY}- {{metric: rowCount, mustBe: 5}} <-", "is about the table"),
    ("logicalType: boolean", f"{QUALITY}- {{metric: missingValues, mustBe: 0}} <-", "'missingValues'"),
    ("logicalType: boolean", f"{QUALITY}- {{metric: nullValues, mustBeLessThan: 5}} <-", "write unit: percent"),
    ("logicalType: boolean", f"{QUALITY}- {{type: custom, engine: headrace, implementation: mean}} <-", "of a string"),
    # promises
    ("property: latency", "property: latencie <-", "did you mean 'latency'?"),
    ("value: 10\n    unit: min", "value: 10 <-\n    unit: fortnight", "unit of s, min, h or d"),
    # expected files
    ("unit: min", f"unit: min\n{DUE}6 <-", "a time in quotes"),
    ("unit: min", f'unit: min\n{DUE}"25:00" <-', "a time in quotes"),
    ("unit: min", f'unit: min\n{DUE}"06:00"\n    id: a b <-', "an id has letters"),
    ("unit: min", f"unit: min\n{EXPECTED}files, value: 0}} <-", 'files is a number (3), a range ("2-4")'),
    ("unit: min", f"unit: min\n{EXPECTED}files, value: 4-2}} <-", "files is a number"),
    ("unit: min", f"unit: min\n{EXPECTED}weekdays, value: [mo, xyz]}} <-", "weekdays are some of mon"),
    ("unit: min", f"unit: min\n{EXPECTED}weekdays, value: []}} <-", "weekdays are some of mon"),
    ("unit: min", f"unit: min\n{EXPECTED}holidays, value: [CH]}} <-", "'CH' is no holiday"),
    ("unit: min", f"unit: min\n{EXPECTED}timezone, value: Zurich}} <-", "no time zone 'Zurich'"),
    ("unit: min", f"unit: min\n{EXPECTED}monthDays, value: [1]}} <-", "a frequency of 1 m"),
    ("unit: min", f"unit: min\n{EXPECTED}pattern, value: a/b}} <-", "one of names"),
    ("unit: min", f"unit: min\n{EXPECTED}file, value: 3}} <-", "did you mean 'files'?"),
    ("unit: min", f'unit: min\n  - {{property: frequency, value: 5, unit: h}} <-\n{DUE}"00:10"', "every 1, 2, 3, 4"),
    ("unit: min", f'unit: min\n  - {{property: frequency, value: 1, unit: w}} <-\n{DUE}"06:00"', "a unit of h, d or m"),
    ("unit: min", f'unit: min\n  - {{property: frequency, value: 2, unit: h}}\n{DUE}"06:00" <-', "below 02:00"),
]  # fmt: skip


def errors_of(tmp_path: Path, text: str) -> ContractErrors:
    path = tmp_path / "parcels.odcs.yaml"
    path.write_text(text)
    with pytest.raises(ContractErrors) as caught:
        compile_contract(path)
    return caught.value


@pytest.mark.parametrize(("old", "new", "says"), MISTAKES)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in PARCELS
    marked = PARCELS.replace(old, new, 1)
    found = errors_of(tmp_path, marked.replace(" <-", ""))
    matching = [error for error in found.errors if says in error.reason]
    assert matching, str(found)
    lines = [number for number, line in enumerate(marked.splitlines(), start=1) if HERE in line]
    if lines:
        assert matching[0].line == lines[0], str(found)


def test_an_error_reads_as_file_line_and_reason(tmp_path: Path) -> None:
    found = errors_of(tmp_path, PARCELS.replace("kind: DataContract", "kind: Contract"))
    assert str(found) == f"{tmp_path}/parcels.odcs.yaml:2: kind must be DataContract"


def test_a_date_that_is_none_is_named_with_its_line(tmp_path: Path) -> None:
    (found,) = errors_of(tmp_path, PARCELS.replace("kind: DataContract", "kind: 2020-13-45")).errors
    assert (found.line, "'2020-13-45' cannot be read" in found.reason) == (2, True)


def test_an_alias_of_what_holds_it_is_refused(tmp_path: Path) -> None:
    (found,) = errors_of(tmp_path, PARCELS.replace("kind: DataContract", "kind: &a [*a]")).errors
    assert (found.line, "an alias is inside" in found.reason) == (2, True)


BOMB = "x: &a0 [1]\n" + "".join(f"x{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 11))
MERGES = "x: &a0 {k: 1}\n" + "".join(f"x{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 11))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "with its aliases written out"),
        (MERGES, "with its aliases written out"),
        (f"kind: {'[' * 5000}", "is nested deeper than 100 levels"),
        (f"kind: {'[' * 200}{']' * 200}", "is nested deeper than 100 levels"),
        ("kind: " + "x" * (5 << 20), "larger than 4 MiB"),
    ],
    ids=["aliases", "merges", "brackets", "levels", "bytes"],
)
@pytest.mark.timeout(200)
def test_a_document_that_explodes_is_refused_at_once(tmp_path: Path, text: str, said: str) -> None:
    (found,) = errors_of(tmp_path, text).errors
    assert said in found.reason


@pytest.mark.parametrize("name", LAKE_FOLDERS)
def test_no_dataset_is_named_like_a_folder_of_the_lake(tmp_path: Path, name: str) -> None:
    found = errors_of(tmp_path, PARCELS.replace("name: parcels", f"name: {name}", 1))
    assert f"the dataset name {name!r} is reserved, the lake's folder of that name holds" in str(found)


def test_folders_of_the_lake_that_the_template_rules_are_reserved() -> None:
    ruled = set(re.findall(r"LakeBucket\.Arn\}/([a-z]+)/", str(TEMPLATE)))
    lifecycle = TEMPLATE["Resources"]["LakeBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    ruled |= {rule["Prefix"].partition("/")[0] for rule in lifecycle if rule.get("Prefix")}
    assert ruled
    assert ruled <= set(LAKE_FOLDERS)


def test_folders_of_the_lake_that_the_code_writes_are_reserved() -> None:
    folders = {found for path in USECASES.rglob("*.py") for found in re.findall(r'f"([a-z]+)/\{', path.read_text())}
    assert folders <= set(LAKE_FOLDERS)


def test_a_column_with_a_mistake_is_not_said_to_be_missing(tmp_path: Path) -> None:
    (found,) = errors_of(tmp_path, PARCELS.replace("VARCHAR(20)", "VARCHR(20)")).errors
    assert "VARCHR" in found.reason


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = PARCELS.replace("SMALLINT", "SMALL").replace("value: add", "value: append").replace("unit: min", "unit: x")
    assert len(errors_of(tmp_path, text).errors) == 3


@pytest.mark.parametrize("missing", ["servers", "schema", "name", "version", "id"])
def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    lines = PARCELS.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{missing}:"))
    end = next(n for n, line in enumerate([*lines[start + 1 :], "x"], start + 1) if not line.startswith(" "))
    found = errors_of(tmp_path, "\n".join(lines[:start] + lines[end:]))
    assert f"'{missing}' is missing" in str(found)


@pytest.mark.parametrize("text", ["", "- a list", "just text", "a: b\n\tc: d", "a: &x [*y]"])
def test_what_is_no_contract_at_all(tmp_path: Path, text: str) -> None:
    assert errors_of(tmp_path, text).errors[0].line >= 1


def write(folder: Path, name: str, **changes: str) -> None:
    text = PARCELS
    for old, new in changes.items():
        text = text.replace(old, new)
    (folder / f"{name}.odcs.yaml").write_text(text)


def test_a_folder_gives_its_contracts_by_name(tmp_path: Path) -> None:
    write(tmp_path, "b", parcels="letters", parcel="letter")
    write(tmp_path, "a")
    assert [contract.dataset for contract in compile_folder(tmp_path)] == ["letters", "parcels"]


def test_two_contracts_must_not_be_in_each_others_way(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b")
    with pytest.raises(ContractErrors) as caught:
        compile_folder(tmp_path)
    reasons = str(caught.value)
    assert "a.odcs.yaml has the name 'parcels' already" in reasons
    assert "overlap" in reasons
    assert "loads into the table logistics.parcel already" in reasons


def test_two_datasets_must_not_have_one_table_in_glues_catalogue(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b", parcel="letter", letters="parcels_files")
    reason = r"a\.odcs\.yaml has a table parcels_files in Glue's catalogue already"
    with pytest.raises(ContractErrors, match=reason):
        compile_folder(tmp_path)


def test_a_view_must_not_have_the_name_of_anothers_table(tmp_path: Path) -> None:
    write(tmp_path, "a")
    view = f"{VIEWS}- {{name: parcel, query: SELECT 1}}"
    (tmp_path / "b.odcs.yaml").write_text(
        PARCELS.replace("parcels", "letters")
        .replace("physicalName: parcel\n", "physicalName: letter\n")
        .replace(ADDS, view)
    )
    with pytest.raises(ContractErrors, match=r"has a table or a view logistics\.parcel already"):
        compile_folder(tmp_path)


def test_one_prefix_must_not_hold_another(tmp_path: Path) -> None:
    write(tmp_path, "a")
    other = PARCELS.replace("in/parcels/", "in/").replace("name: parcels", "name: other")
    (tmp_path / "b.odcs.yaml").write_text(other.replace("physicalName: parcel\n", "physicalName: other\n"))
    with pytest.raises(ContractErrors, match="overlap"):
        compile_folder(tmp_path)


def test_errors_of_several_files_are_told_together(tmp_path: Path) -> None:
    write(tmp_path, "a", SMALLINT="SMALL")
    write(tmp_path, "b", windows="windoze")
    with pytest.raises(ContractErrors) as caught:
        compile_folder(tmp_path)
    assert [error.path.name for error in caught.value.errors] == ["a.odcs.yaml", "b.odcs.yaml"]
