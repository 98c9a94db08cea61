"""Contracts whose columns come from the key: templates in location and files, the name, the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.domain.contract import Contract, FileFormat
from headrace.domain.files.key_values import FOLDERS, KEY, NAME
from headrace_compiler import ContractErrors, compile_contract

TEXT = """
apiVersion: v3.2.0
kind: DataContract
id: urn:example:readings
name: readings
version: 1.0.0
servers:
  - server: landing
    type: s3
    location: s3://{landing}/readings/dt={dt}/{Region}/
    format: FORMAT
    customProperties:
      - property: files
        value: ["{meter}_*.csv", "{meter}.csv", "*.txt"]
  - {server: warehouse, type: redshift}
schema:
  - name: readings
    properties:
      - {name: dt, logicalType: date, required: true, partitioned: true, partitionKeyPosition: 1}
      - {name: value, logicalType: integerPLACE}
      - {name: Region, physicalName: region, logicalType: string, partitioned: true, partitionKeyPosition: 2}
      - {name: meter, logicalType: string}
      - {name: file_name, logicalType: string, customProperties: [{property: valueFrom, value: fileName}]}
      - {name: object_key, logicalType: string, customProperties: [{property: valueFrom, value: key}]}
"""


def compiled(tmp_path: Path, text: str) -> Contract:
    path = tmp_path / "readings.odcs.yaml"
    path.write_text(text.replace("FORMAT", "csv").replace("PLACE", ""))
    return compile_contract(path)


def test_each_column_knows_where_its_value_stands(tmp_path: Path) -> None:
    made = compiled(tmp_path, TEXT)
    assert made.prefix == "readings/"
    assert made.folder_templates == ("dt={dt}", "{Region}")
    assert made.name_templates == ("{meter}_*.csv", "{meter}.csv")
    assert made.files == ("*_*.csv", "*.csv", "*.txt")
    origins = {column.name: column.origin for column in made.named_columns}
    assert origins == {
        "dt": FOLDERS, "value": "", "region": FOLDERS, "meter": FOLDERS, "file_name": NAME, "object_key": KEY
    }  # fmt: skip
    assert [column.name for column in made.row_columns] == ["value"]
    assert Contract.from_json(made.to_json()) == made


SNAPSHOT = "readings\n    customProperties: [{property: snapshot, value: partition}]\n    properties:"
AS_KEY = "required: true, primaryKey: true, primaryKeyPosition"


@pytest.mark.parametrize(("missing", "named"), [({"dt"}, "'dt'"), ({"region"}, "'region'"), (set(), None)])
def test_the_key_of_a_snapshot_of_a_partition_says_in_which_one_a_row_is(
    tmp_path: Path, missing: set[str], named: str | None
) -> None:
    text = TEXT.replace("readings\n    properties:", SNAPSHOT)
    parts = {"meter": "meter, logicalType: string", "dt": "dt, logicalType: date, required: true"}
    parts |= {"region": "region, logicalType: string"}
    for number, name in enumerate((name for name in parts if name not in missing), start=1):
        text = text.replace(f"{parts[name]}", f"{parts[name].removesuffix(', required: true')}, {AS_KEY}: {number}")
    if named is None:
        assert set(compiled(tmp_path, text).primary_key) == set(parts)
        return
    with pytest.raises(ContractErrors, match=f"snapshot: partition needs {named} in the primaryKey, which says"):
        compiled(tmp_path, text)


def test_columns_of_the_key_have_no_place_in_a_line(tmp_path: Path) -> None:
    place = ", customProperties: [{property: start, value: 1}, {property: width, value: 4}]"
    path = tmp_path / "readings.odcs.yaml"
    path.write_text(TEXT.replace("FORMAT", "fixed").replace("PLACE", place))
    assert compile_contract(path).format == FileFormat(kind="fixed", delimiter=",", header=False, encoding="auto")
    path.write_text(
        TEXT.replace("FORMAT", "fixed").replace("PLACE", place).replace("valueFrom, value: key}", "start, value: 9}")
    )
    with pytest.raises(ContractErrors, match="needs the customProperties start"):
        compile_contract(path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("partitionKeyPosition: 1", "partitionKeyPosition: 2", "'dt' is field 1 of the location"),
        ("{Region}/", "{Region}/{meter}/", "the field {meter} is in location and files twice"),
        ("- {name: value, logicalType: integerPLACE}", "", "the rows of the files have none"),
        ("name: file_name", "name: x, physicalName: file_name, transformLogic: x", "belongs to loadMode: staged"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ContractErrors) as refused:
        compiled(tmp_path, TEXT.replace(old, new))
    assert says in str(refused.value)


def test_fetched_files_have_folders_of_their_own(tmp_path: Path) -> None:
    secret = "customProperties: [{property: secret, value: s}]"
    source = f"  - {{server: sensors, type: sftp, location: 'sftp://h/x/*.csv', {secret}}}\n"
    warehouse = "  - {server: warehouse"
    with pytest.raises(ContractErrors, match="their folders cannot be columns"):
        compiled(tmp_path, TEXT.replace(warehouse, source + warehouse))
