"""Requests against AWS's own service models, as botocore ships them: more than botocore itself looks at.

botocore refuses what lacks a required member or has a wrong type; the service refuses also an unknown value of an
enumeration, a text that is too long and one of a wrong form, which an emulator lets pass.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.client import BaseClient
from botocore.exceptions import ParamValidationError
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StringShape, StructureShape
from botocore.validate import ParamValidationDecorator, ParamValidator

BEYOND_THE_PLANE, ASTRAL = r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF"
"""Characters beyond the first 65,536, as Java writes a range of them, and as Python does."""
UNREADABLE = re.compile(r"\\p\{|\\u\{")
"""Patterns in Java's manner that Python does not read."""


@functools.cache
def service(name: str) -> ServiceModel:
    """The model of a service, by boto3's name for it."""
    return botocore.session.get_session().get_service_model(name)


@functools.cache
def operation(name: str, action: str) -> OperationModel:
    """One operation, by its name in the API (`PutItem`), boto3 (`put_item`) or Step Functions (`putItem`)."""
    wanted = action.replace("_", "").lower()
    known = {candidate.lower(): candidate for candidate in service(name).operation_names}
    return service(name).operation_model(known[wanted])


def problems(model: OperationModel, request: dict[str, Any]) -> list[str]:
    """What the service would refuse of a request, a sentence each."""
    if model.input_shape is None:
        return [f"{model.name} takes no arguments"] if request else []
    report = ParamValidator().validate(request, model.input_shape)
    found = [report.generate_report()] if report.has_errors() else []
    return found + [f"{model.name}: {problem}" for problem in _problems(model.input_shape, request, "")]


def task_problems(resource: str, arguments: dict[str, Any]) -> list[str]:
    """What the service would refuse of a task, given its resource (`arn:aws:states:::lambda:invoke`).

    Step Functions makes JSON of what is no text where the service takes bytes, or text.
    """
    *_, name, action = resource.removesuffix(".sync").split(":")
    model = operation(_in_boto3(name), action)
    return problems(model, _as_sent(arguments, model.input_shape))


@functools.cache
def _in_boto3(name: str) -> str:
    """Boto3's name of the service that Step Functions calls `redshiftdata`."""
    known = {found.replace("-", ""): found for found in botocore.session.get_session().get_available_services()}
    return str(known[name])


def _as_sent(value: Any, shape: Shape | None) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {name: _as_sent(part, shape.members.get(name)) for name, part in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_as_sent(part, shape.member) for part in value]
    if shape is not None and shape.type_name == "blob":
        return json.dumps(value).encode()
    return json.dumps(value) if isinstance(shape, StringShape) and not isinstance(value, str) else value


def _problems(shape: Shape, value: Any, where: str) -> Iterator[str]:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name in shape.members.keys() & value.keys():
            yield from _problems(shape.members[name], value[name], f"{where}.{name}")
    elif isinstance(shape, ListShape) and isinstance(value, list | tuple):
        yield from _too_long(shape, value, where)
        for part in value:
            yield from _problems(shape.member, part, f"{where}[]")
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        yield from _too_long(shape, value, where)
        for key, part in value.items():
            yield from _problems(shape.key, key, f"{where} key")
            yield from _problems(shape.value, part, f"{where}.{key}")
    elif isinstance(shape, StringShape) and isinstance(value, str):
        yield from _too_long(shape, value, where)
        yield from _wrong_text(shape, value, where)


def _too_long(shape: Shape, value: Any, where: str) -> Iterator[str]:
    most = shape.metadata.get("max")
    if most is not None and len(value) > most:
        yield f"{where} has {len(value)} of at most {most}"


def _wrong_text(shape: StringShape, value: str, where: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"{where} is {value!r}, which is none of {', '.join(shape.enum)}"
    pattern = shape.metadata.get("pattern", "").replace(BEYOND_THE_PLANE, ASTRAL)
    if pattern and not UNREADABLE.search(pattern) and not re.search(rf"\A(?:{pattern})\Z", value):
        yield f"{where} is {value[:80]!r}, which is not of the form {pattern}"


def check_requests() -> None:
    """From here on every boto3 client of this process refuses what its service would, with all that is wrong.

    One whose `parameter_validation` is off may ask for what the service itself has to refuse.
    """
    original = BaseClient._convert_to_request_dict  # after what boto3 itself makes of the arguments

    def convert(
        self: BaseClient, api_params: dict[str, Any], operation_model: OperationModel, *rest: Any, **more: Any
    ) -> Any:
        found = problems(operation_model, api_params)
        if found and isinstance(self._serializer, ParamValidationDecorator):
            raise ParamValidationError(report="; ".join(found))
        return original(self, api_params, operation_model, *rest, **more)

    BaseClient._convert_to_request_dict = convert
