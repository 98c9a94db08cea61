"""The JSON schema for editors: it takes what the compiler takes, and knows Headrace's own properties."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from headrace_compiler.document import custom
from headrace_compiler.document.json_schema import contract_schema

ROOT = Path(__file__).parents[3]
CONTRACTS = sorted(
    [*(ROOT / "contracts").glob("*.odcs.yaml"), *(ROOT / "tests" / "e2e" / "contracts").glob("*.odcs.yaml")]
)
VALIDATOR = jsonschema.Draft201909Validator(contract_schema())


def plain(path: Path) -> Any:
    return json.loads(json.dumps(yaml.safe_load(path.read_text()), default=lambda value: value.isoformat()))


def test_it_is_a_schema() -> None:
    jsonschema.Draft201909Validator.check_schema(contract_schema())


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.name)
def test_contracts_that_compile_are_valid(path: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(plain(path))] == []


@pytest.mark.parametrize("level", [custom.SERVER, custom.SOURCE, custom.DATASET, custom.EXPECTED, custom.COLUMN])
def test_every_kind_of_value_is_known(level: dict[str, str]) -> None:
    from headrace_compiler.document.json_schema import known_properties

    validator = jsonschema.Draft201909Validator(known_properties(level) | {"$defs": contract_schema()["$defs"]})
    for name, wanted in level.items():
        good: object = (
            "x"
            if wanted in {"text", "a value"} or wanted.startswith("a share")
            else 1
            if wanted.startswith(("a number", "a whole number"))
            else wanted == "true or false" or []
        )
        bad: object = {"no": "value"}
        if wanted.startswith("a map"):
            good, bad = bad, ["no map"]
        for value in (good, bad):
            found = [{"property": name, "value": value}]
            assert validator.is_valid(found) == (value is good) == custom.fits(value, wanted), (name, value)
            assert validator.is_valid([found[0] | {"vendor": "other"}])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("onNewVersion", "onNewVersoin"),
        ("primaryKey: true", "primaryKey: maybe"),
        ("kind: DataContract", "kind: Contract"),
    ],
)
def test_mistakes_are_found(old: str, new: str) -> None:
    found = next(path for path in CONTRACTS if old in path.read_text())
    document = yaml.safe_load(found.read_text().replace(old, new))
    assert not VALIDATOR.is_valid(json.loads(json.dumps(document, default=str)))
