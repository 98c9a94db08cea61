"""Every call that the adapters make of AWS, against the models that AWS publishes of its services.

The values of requests are checked as tests send them (`tests/conftest.py`), and the requests that state machines make
in `test_two_interpreters.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reference.models import operation, problems, service

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "headrace" / "headrace"
HELPERS = {"upload_file", "upload_fileobj", "download_fileobj", "copy", "get_paginator"}
"""Methods of a client that are no operation: they are made of several."""
MADE_ELSEWHERE = {"Table": "dynamodb", "IntakeQueues": "sqs"}
"""By the ledger, and by the command line."""
PAGES = re.compile(r"get_paginator\('(\w+)'\)\.paginate")


def services_of_adapters() -> dict[str, str]:
    """Which service each adapter's client is of, as bootstrap makes them: `{"DynamoLedger": "dynamodb", …}`."""
    found = dict(MADE_ELSEWHERE)
    for call in (call for module in (LAYER / "bootstrap").glob("*.py") for call in calls(module)):
        for argument in call.args:
            if isinstance(argument, ast.Call) and ast.unparse(argument.func) == "aws.client":
                assert isinstance(argument.args[0], ast.Constant)
                found[ast.unparse(call.func)] = str(argument.args[0].value)
    return found


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))


def client_calls() -> Iterator[Any]:
    """Each `self._client.operation(…)` of an adapter or of what it inherits from, with its service."""
    classes = [
        (path, node)
        for path in sorted(LAYER.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    services = services_of_adapters()
    for _, node in classes:
        if node.name in services:
            services |= {ast.unparse(base): services[node.name] for base in node.bases}
    for path, adapter in classes:
        if adapter.name in services:
            for call in ast.walk(adapter):
                if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("self._client."):
                    method = PAGES.sub(r"\1", ast.unparse(call.func).removeprefix("self._client."))
                    if method.isidentifier() and method not in HELPERS:
                        name = f"{adapter.name}.{method} of {path.stem}:{call.lineno}"
                        yield pytest.param(services[adapter.name], method, call, id=name)


CALLS = list(client_calls())


def test_the_calls_are_found() -> None:
    assert len(CALLS) > 40
    assert {call.values[0] for call in CALLS} >= {"dynamodb", "s3", "sqs", "sns", "stepfunctions", "redshift-data"}


@pytest.mark.parametrize(("name", "method", "call"), CALLS)
def test_a_call_from_python_names_what_the_service_knows(name: str, method: str, call: ast.Call) -> None:
    shape = operation(name, method).input_shape
    assert shape
    given = {keyword.arg for keyword in call.keywords if keyword.arg} - {"PaginationConfig"}
    assert given <= set(shape.members)
    if all(keyword.arg for keyword in call.keywords):
        assert given >= set(shape.required_members)
    literals: dict[str, Any] = {
        str(keyword.arg): keyword.value.value
        for keyword in call.keywords
        if keyword.arg and isinstance(keyword.value, ast.Constant)
    }
    wrong = [problem for problem in problems(operation(name, method), literals) if "Missing required" not in problem]
    assert not wrong


# -- the instrument itself ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "action", "request_", "word"),
    [
        ("dynamodb", "PutItem", {"TableName": "t"}, "Missing required"),
        ("dynamodb", "PutItem", {"TableName": "t", "Item": {}, "Itm": {}}, "Unknown parameter"),
        ("dynamodb", "PutItem", {"TableName": "t", "Item": {}, "ReturnValues": "EVERYTHING"}, "none of"),
        ("stepfunctions", "StartExecution", {"stateMachineArn": "a", "name": "x" * 81}, "at most 80"),
        ("redshift-data", "BatchExecuteStatement", {"Sqls": ["SELECT 1"] * 41}, "at most 40"),
        ("redshift-data", "DescribeStatement", {"Id": "not a uuid"}, "form"),
    ],
)
def test_what_a_service_would_refuse_is_found(name: str, action: str, request_: dict[str, Any], word: str) -> None:
    assert any(word in problem for problem in problems(operation(name, action), request_))


def test_models_are_those_of_the_layer() -> None:
    """The functions call AWS with the botocore that the layer installs."""
    locked = (ROOT / "layers" / "headrace" / "requirements.txt").read_text("utf-8")
    import botocore

    assert f"botocore=={botocore.__version__}" in locked
    assert service("redshift-data").api_version
