"""The same state machine under two interpreters of the Amazon States Language, with the services played by a script.

`run_emulated` is the laptop's (ministack, with jsonata-python); `run_moto` is moto's, which is LocalStack's, with
JSONata's reference implementation. Neither waits: what a machine does must not depend on how long it sleeps.
"""

from __future__ import annotations

import functools
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ministack.services import stepfunctions
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.string import string_expression
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval import variable_store
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import (
    AWSExecutionDetails,
    EvaluationDetails,
    ExecutionDetails,
    StateMachineDetails,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError
from moto.stepfunctions.parser.asl.jsonata import jsonata
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from tests.reference.node import JsonataError, Reference

STATEMACHINES = Path(__file__).parents[2] / "statemachine"
logging.getLogger("moto").setLevel(logging.CRITICAL)  # it logs each failure of a task with all it knows
STARTED_AT = "2026-01-31T05:00:00Z"
ARN = "arn:aws:states:us-east-1:000000000000:execution:machine:orders-7"
VALUES = {
    "Partition": "aws",
    "LongestWait": "900",
    "TransformConcurrency": "1",
    "Workgroup": "headrace",
    "WarehouseSecret": "arn:aws:secretsmanager:us-east-1:000000000000:secret:headrace",
    "NotificationTopic": "arn:aws:sns:us-east-1:000000000000:headrace",
}
"""Substitutions that must be of a form; one transform at a time keeps the order of calls the same everywhere."""


class TaskError(Exception):
    """What a service answers instead of a result: an error by the name that Step Functions gives it."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


Services = Callable[[str, str, dict[str, Any]], Any]
"""Answers a task, given its state, its resource and its arguments. May raise TaskError."""


@dataclass
class Run:
    """What an execution did: the states it entered, what it asked services for, the expressions, and how it ended."""

    states: list[str] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    expressions: list[tuple[str, dict[str, Any], Any]] = field(default_factory=list)
    status: str = ""
    output: Any = None
    error: str | None = None
    cause: str | None = None

    @property
    def ending(self) -> tuple[str, Any, str | None, str | None]:
        """How it ended; an execution that failed has no output."""
        return self.status, self.output, self.error, self.cause


def definition(title: str) -> str:
    """The text of `statemachine/<title>.asl.json`, each placeholder replaced by its own name, or a value."""
    text = (STATEMACHINES / f"{title}.asl.json").read_text("utf-8")
    return re.sub(r"\$\{(\w+)\}", lambda name: VALUES.get(name[1], name[1]), text)


# -- the laptop's interpreter ---------------------------------------------------------------------------------------


def run_emulated(text: str, given: dict[str, Any], services: Services) -> Run:
    """Run the machine under ministack's interpreter."""
    run = Run()
    at: dict[str, str] = {}
    execute, evaluate = stepfunctions._execute_task, stepfunctions._evaluate_jsonata

    def execute_task(state: dict[str, Any], value: Any, execution: Any, context: dict[str, Any]) -> Any:
        at["state"] = context["State"]["Name"]
        return execute(state, value, execution, context)

    def invoke(resource: str, arguments: dict[str, Any]) -> Any:
        run.calls.append((at["state"], arguments))
        try:
            return services(at["state"], resource, arguments)
        except TaskError as error:
            raise stepfunctions._ExecutionError(error.error, error.cause) from error

    def evaluated(expression: str, value: Any, *rest: Any, **named: Any) -> Any:
        bindings = _bindings(value, *rest, **named)
        try:
            found = evaluate(expression, value, *rest, **named)
        except stepfunctions._ExecutionError:
            run.expressions.append((expression.strip(), bindings, JsonataError))
            raise
        run.expressions.append((expression.strip(), bindings, found))
        return found

    machine = {"definition": text, "name": "machine", "roleArn": "role"}
    execution: dict[str, Any] = {
        "stateMachineArn": "machine",
        "name": "orders-7",
        "startDate": STARTED_AT,
        "input": json.dumps(given),
        "status": "RUNNING",
        "events": [],
    }
    with (
        patch.object(stepfunctions, "_executions", {ARN: execution}),
        patch.object(stepfunctions, "_state_machines", {"machine": machine}),
        patch.object(stepfunctions, "_execute_task", execute_task),
        patch.object(stepfunctions, "_evaluate_jsonata", evaluated),
        patch.object(stepfunctions, "_invoke_resource", invoke),
        patch.object(
            stepfunctions, "_invoke_resource_with_timeout", lambda resource, value, _: invoke(resource, value)
        ),
        patch.object(stepfunctions, "_emit_execution_status_event", lambda _: None),
        patch.object(stepfunctions, "_sfn_jsonata_random", lambda _=None: 0.5),
        patch.object(stepfunctions, "_scaled_sleep", lambda _: None),
        patch.object(stepfunctions.time, "sleep", lambda _: None),
    ):
        stepfunctions._run_execution(ARN)
    run.states = [
        event["stateEnteredEventDetails"]["name"]
        for event in execution["events"]
        if "stateEnteredEventDetails" in event
    ]
    run.status = str(execution["status"])
    if run.status == "SUCCEEDED":
        run.output = json.loads(str(execution["output"]))
    else:
        run.error, run.cause = str(execution["error"]), str(execution["cause"])
    return run


def _bindings(
    value: Any, ctx: dict[str, Any] | None = None, result: Any = None, error_output: Any = None
) -> dict[str, Any]:
    """What an expression may name. Made text and back, since the interpreter goes on to change what it gave."""
    context = dict(ctx or {})
    variables = context.pop("variables", {})
    states = {"input": value, "result": result, "errorOutput": error_output, "context": context}
    bindings: dict[str, Any] = json.loads(json.dumps({**variables, "states": states}))
    return bindings


# -- moto's -----------------------------------------------------------------------------------------------------------


def run_moto(text: str, given: dict[str, Any], services: Services, reference: Reference) -> Run:
    """Run the machine under moto's interpreter, its expressions under the reference implementation.

    moto leaves out a cause that is empty: it is given as the empty text that it was.
    """
    run = Run()

    def eval_task(self: StateTaskService, env: Environment) -> None:
        self.resource.eval(env=env)
        env.stack.pop()
        arguments = self._eval_parameters(env=env)
        state = env.next_state_name or ""
        run.calls.append((state, arguments))
        try:
            env.stack.append(services(state, self.resource.resource_arn, arguments))
        except TaskError as error:
            raise FailureEventException(_task_failed(env, error)) from error

    details = EvaluationDetails(
        AWSExecutionDetails("000000000000", "us-east-1", "role"),
        ExecutionDetails(ARN, "orders-7", "role", given, STARTED_AT),
        StateMachineDetails("machine", "machine", "STANDARD", text),
    )
    worker = ExecutionWorker(details, _Ended(), None, {})
    worker._get_evaluation_entrypoint = lambda: _program(text)
    lock = threading.Lock()

    def evaluate(expression: str) -> Any:
        with lock:
            try:
                return reference.evaluate(expression, {})
            except JsonataError as error:
                raise jsonata.JSONataException("UNKNOWN", str(error)) from error

    with _without_waiting(), patch.object(jsonata, "_eval_jsonata", evaluate), _correct_strings():  # noqa: SIM117
        with patch.object(StateTaskService, "_eval_execution", eval_task):
            worker._execution_logic()
    env = worker.env
    assert env
    run.states = [
        event["stateEnteredEventDetails"]["name"]
        for event in env.event_manager.get_event_history()
        if "stateEnteredEventDetails" in event
    ]
    ended = env.program_state()
    if isinstance(ended, ProgramEnded):
        run.status, run.output = "SUCCEEDED", env.states.get_input()
    else:
        assert isinstance(ended, ProgramError), ended
        assert ended.error
        run.status, run.error, run.cause = "FAILED", ended.error.get("error"), ended.error.get("cause") or ""
    return run


@functools.cache
def _program(text: str) -> Any:
    return AmazonStateLanguageParser.parse(text)[0]


class _Ended:
    """Where moto's worker says that it has ended."""

    def terminated(self) -> None:
        """Nobody listens: the worker runs in the caller's thread."""


def _task_failed(env: Environment, error: TaskError) -> FailureEvent:
    details = {"taskFailedEventDetails": {"error": error.error, "cause": error.cause}}
    return FailureEvent(env, CustomErrorName(error.error), "TaskFailed", EventDetails(**details))


@contextmanager
def _without_waiting() -> Iterator[None]:
    with (
        patch.object(retrier_decl.time, "sleep", lambda _: None),
        patch.object(WaitFunction, "_wait_interval", lambda *_, **__: None),
    ):
        yield


@contextmanager
def _correct_strings() -> Iterator[None]:
    """Moto writes a variable's text between quotes as it is, so that a quote inside of it breaks the expression."""

    def declare(bindings: dict[str, Any]) -> str:
        return "".join(f"{name}:={json.dumps(value)};" for name, value in bindings.items())

    with (
        patch.object(jsonata, "encode_jsonata_variable_declarations", declare),
        patch.object(variable_store, "encode_jsonata_variable_declarations", declare),
        patch.object(string_expression, "eval_jsonata_expression", lambda text: jsonata._eval_jsonata(text)),  # noqa: PLW0108
    ):
        yield
