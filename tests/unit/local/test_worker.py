"""The process a function runs in, spoken to as the emulator does."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from headrace_local.aws import worker
from headrace_local.aws.worker import FAILURE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Process:
    """A worker and the two ends of its protocol."""

    def __init__(self, folder: Path, source: str, environment: dict[str, str]) -> None:
        self.code = folder / "code"
        self.code.mkdir()
        (self.code / "app.py").write_text(source)
        self._process = subprocess.Popen(
            [sys.executable, worker.__file__],
            env={"AWS_REGION": "us-east-1", "_LAMBDA_TIMEOUT": "10", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def init(self) -> Any:
        function = {"function_name": "f", "memory": 256, "arn": "arn:f", "env": {"COLOUR": "blue"}}
        return self._ask({"code_dir": str(self.code), "module": "app", "handler": "handler", **function})

    def invoke(self, event: Any = None, **call: Any) -> Any:
        return self._ask({"event": event, "ctx": {"request_id": "r-1", **call}})["result"]

    def close(self) -> str:
        """Close stdin, as the emulator does when it ends; returns the log."""
        return self._process.communicate(timeout=10)[1]

    def _ask(self, document: dict[str, Any]) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    processes: list[Process] = []

    def start(source: str, **environment: str) -> Process:
        processes.append(Process(tmp_path, source, environment))
        processes[-1].init()
        return processes[-1]

    yield start
    for process in processes:
        process.close()


def test_a_result_comes_back(start: Any) -> None:
    assert start("def handler(event, context): return event + 1").invoke(1) == 2


def test_what_a_function_prints_is_its_log_and_not_its_answer(start: Any) -> None:
    process = start(
        "import os\ndef handler(event, context):\n    print('{}')\n    os.write(1, b'from C')\n    return 'ok'"
    )

    assert process.invoke() == "ok"
    assert "from C" in process.close()


def test_the_context_has_what_aws_gives(start: Any) -> None:
    source = (
        "def handler(event, context):\n"
        "    assert 0 < context.get_remaining_time_in_millis() <= 10_000\n"
        "    return [context.function_name, context.memory_limit_in_mb, context.aws_request_id,\n"
        "            context.invoked_function_arn, context.log_group_name, context.function_version,\n"
        "            context.tenant_id]\n"
    )

    told = start(source).invoke(invoked_function_arn="arn:f:live")

    assert told == ["f", "256", "r-1", "arn:f:live", "/aws/lambda/f", "$LATEST", None]


def test_only_what_aws_would_give_is_in_the_environment(start: Any) -> None:
    process = start("import os\ndef handler(event, context): return dict(os.environ)", GATEWAY_PORT="1", AUTH="true")

    environment = process.invoke(trace_id="Root=1")

    assert environment["COLOUR"] == "blue"
    assert environment["AWS_REGION"] == "us-east-1"
    assert environment["_X_AMZN_TRACE_ID"] == "Root=1"
    assert environment["_HANDLER"] == "app.handler"
    assert not environment.keys() & {"GATEWAY_PORT", "AUTH"}
    assert "_X_AMZN_TRACE_ID" not in process.invoke()


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("import nowhere", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nowhere'"),
        ("def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app': "),
        ("def other(): pass", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("raise ValueError('no table name')", "ValueError", "no table name"),
        ("def handler(event, context): return {1, 2}", "Runtime.MarshalError", "Unable to marshal response: "),
        ("def handler(event, context): return event['key']", "TypeError", "'NoneType' object is not subscriptable"),
    ],
)
def test_a_failure_has_the_name_and_the_words_of_aws(start: Any, source: str, kind: str, message: str) -> None:
    process = start(source)

    failure = process.invoke()[FAILURE]

    assert failure["errorType"] == kind
    assert failure["errorMessage"].startswith(message)
    assert f"[ERROR] {kind}: " in process.close()


def test_the_stack_trace_begins_in_the_function(start: Any) -> None:
    failure = start("def handler(event, context):\n    1 / 0\n").invoke()[FAILURE]

    assert len(failure["stackTrace"]) == 1
    assert "1 / 0" in failure["stackTrace"][0]


def test_a_function_that_could_not_be_loaded_is_tried_again(start: Any, tmp_path: Path) -> None:
    process = start(f"open({str(tmp_path / 'ready')!r})\ndef handler(event, context): return 'ok'")
    assert process.invoke()[FAILURE]["errorType"] == "FileNotFoundError"

    (tmp_path / "ready").touch()

    assert process.invoke() == "ok"


def test_layers_come_after_the_function_and_may_be_elsewhere(start: Any, tmp_path: Path) -> None:
    elsewhere, pointing = tmp_path / "elsewhere", tmp_path / "pointing"
    (elsewhere / "python").mkdir(parents=True)
    (elsewhere / "python" / "shared.py").write_text("NAME = 'layer'")
    (elsewhere / "python" / "app.py").write_text("raise AssertionError('the function comes first')")
    pointing.mkdir()
    (pointing / worker.LAYER_POINTER).write_text(str(elsewhere))

    process = start("import shared\ndef handler(event, context): return shared.NAME", _LAMBDA_LAYERS_DIRS=str(pointing))

    assert process.invoke() == "layer"
