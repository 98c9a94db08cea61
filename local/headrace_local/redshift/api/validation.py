"""Checks a request against the Data API's own description of itself, the service model that botocore carries."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ServiceModel, Shape, StructureShape

from headrace_local.redshift.errors import validation_error

MAX_STATEMENT_BYTES = 100_000
"""AWS says 100 KB, and not which: the smaller. Nor does it say whether a batch may have more than one statement may."""
TOO_LARGE = "Cannot process query string larger than 100kB"
_PLACEHOLDER = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|::|:([0-9A-Za-z_]+)",
    re.DOTALL,
)
_PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "list": list,
    "structure": dict,
}


@cache
def service_model() -> ServiceModel:
    """Botocore's model of the Redshift Data API."""
    return botocore.session.get_session().get_service_model("redshift-data")


def check_request(operation: str, request: dict[str, Any]) -> None:
    """DataApiError unless `request` has the shape of the operation's input."""
    if operation not in service_model().operation_names:
        raise validation_error(f"Unknown operation: {operation}")
    shape = service_model().operation_model(operation).input_shape
    if shape is not None:
        _check(shape, request, "")


def _check(shape: Shape, value: Any, path: str) -> None:
    expected = _PYTHON_TYPES.get(shape.type_name)
    wrong_kind = expected is not None and not isinstance(value, expected)
    if wrong_kind or (isinstance(value, bool) and shape.type_name != "boolean"):
        raise validation_error(f"{path or 'The request'} must be of type {shape.type_name}")
    if isinstance(shape, StructureShape):
        _check_structure(shape, value, path)
    elif shape.type_name == "list":
        _check_limits(shape, len(value), path, "length")
        for index, member in enumerate(value):
            _check(shape.member, member, f"{path}[{index}]")
    elif shape.type_name == "string":
        _check_string(shape, value, path)
    else:
        _check_limits(shape, value, path, "value")


def _check_structure(shape: StructureShape, value: dict[str, Any], path: str) -> None:
    prefix = f"{path}." if path else ""
    for name in shape.required_members:
        if name not in value:
            raise validation_error(f"Missing required parameter: {prefix}{name}")
    for name, member in value.items():
        if name not in shape.members:
            raise validation_error(f"Unknown parameter: {prefix}{name}")
        _check(shape.members[name], member, prefix + name)


def _check_string(shape: Shape, value: str, path: str) -> None:
    _check_limits(shape, len(value), path, "length")
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        raise validation_error(f"{path} does not match the pattern {pattern}")
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        raise validation_error(f"{path} must be one of {', '.join(allowed)}")


def _check_limits(shape: Shape, size: int, path: str, what: str) -> None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        raise validation_error(f"{path} has a {what} of {size}, allowed are {least} to {most}")


def check_sql(sqls: list[str], parameters: list[dict[str, str]], *, limit_batches: bool = True) -> None:
    """DataApiError for texts that are too long, and for parameters that do not go with the placeholders.

    With `limit_batches` the statements of a batch count together.
    """
    for sql in sqls:
        if not sql.strip():
            raise validation_error("The SQL statement is empty")
    sizes = [len(sql.encode()) for sql in sqls]
    if (sum(sizes) if limit_batches else max(sizes)) > MAX_STATEMENT_BYTES:
        raise validation_error(TOO_LARGE)
    names = [parameter["name"] for parameter in parameters]
    if any(not parameter["value"] for parameter in parameters):
        raise validation_error("Parameters[].value must have a length of at least 1")
    if len(names) != len(set(names)):
        raise validation_error("Parameters list contains duplicate parameters")
    used = {found.group(1) for sql in sqls for found in _PLACEHOLDER.finditer(sql) if found.group(1)}
    if unused := set(names) - used:
        raise validation_error(f"Parameters list contains unused parameters. Unused parameters: {sorted(unused)}")
    if missing := used - set(names):
        raise validation_error(f"Cannot find parameter: {min(missing)}")
