"""The JSON schema of contracts, for editors: the standard's own, narrowed to what Headrace understands in addition.

The compiler checks more than a schema can say; what it accepts is valid by this schema, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from headrace_compiler.document import custom
from headrace_compiler.document.shape import API_VERSIONS, ROOT_KEYS

Schema = dict[str, Any]

TEXTS = {"type": "array", "items": {"type": "string"}}
VALUES: dict[str, Schema] = {
    "text": {"type": "string"},
    "a value": {"type": ["string", "number", "boolean"]},
    "true or false": {"type": "boolean"},
    "a number": {"type": "number", "minimum": 0},
    "a whole number": {"type": "integer", "minimum": 0},
    "a list of texts": TEXTS,
    "a list of views": {"type": "array", "items": {"type": "object"}},
    "a number of rows": {"type": ["string", "integer"]},
    "a number of files": {"type": ["string", "integer"]},
    "a list of days": {"type": "array", "items": {"type": ["string", "integer"]}},
    "a map of": {"type": "object"},
    "a share": {"type": "string"},
}
"""By the beginning of what `custom` wants of a value."""


def contract_schema() -> Schema:
    """The schema, as JSON Schema draft 2019-09."""
    schema: Schema = json.loads((files("open_data_contract_standard") / "schema.json").read_text("utf-8"))
    schema["title"] = "A data contract for Headrace"
    schema["required"] = list(ROOT_KEYS)
    schema["properties"]["apiVersion"]["enum"] = list(API_VERSIONS)
    parts = schema["$defs"]
    parts["SchemaObject"]["properties"]["customProperties"] = known_properties(custom.DATASET)
    parts["SchemaBaseProperty"]["properties"]["customProperties"] = known_properties(custom.COLUMN)
    parts["ServiceLevelAgreementProperty"]["properties"]["customProperties"] = known_properties(custom.EXPECTED)
    parts["ServerSource"]["RedshiftServer"][
        "required"
    ] = []  # the stack's database and the schema public are the defaults
    row_rule = {"properties": {"query": {"type": "string"}}, "required": ["query"]}
    parts["DataQualitySql"] = {"anyOf": [row_rule, parts["DataQualitySql"]]}  # a rule of each row compares nothing
    parts["Server"]["allOf"] += [
        _of_server({"const": "s3"}, known_properties(custom.SERVER)),
        _of_server({"not": {"enum": ["s3", "redshift"]}}, known_properties(custom.SOURCE)),
    ]
    return schema


def _of_server(kind: Schema, properties: Schema) -> Schema:
    condition = {"properties": {"type": kind}, "required": ["type"]}
    return {"if": condition, "then": {"properties": {"customProperties": properties}}}


def known_properties(known: Mapping[str, str]) -> Schema:
    """A list of customProperties: ours have a known name and a value of its kind, those of other vendors are free."""
    ours = {"properties": {"vendor": {"const": custom.VENDOR}}}
    names = {"properties": {"property": {"enum": list(known)}}}
    values = [
        {
            "if": {"properties": {"property": {"const": name}}, "required": ["property"]},
            "then": {"properties": {"value": _value(wanted)}},
        }
        for name, wanted in known.items()
    ]
    return {
        "type": "array",
        "items": {"allOf": [{"$ref": "#/$defs/CustomProperty"}, {"if": ours, "then": {"allOf": [names, *values]}}]},
    }


def _value(wanted: str) -> Schema:
    beginning = max((words for words in VALUES if wanted.startswith(words)), key=len)
    return VALUES[beginning]
