"""What Step Functions refuses and the emulator lets pass. `apply` is called once, before it serves.

- 256 KiB for what goes into a state, into a task and out of either, as `States.DataLimitExceeded`, which `States.ALL`
  does not match: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
- 256 KiB for the variables of an Assign, 10 MiB for all: .../dg/workflow-variables.html
- 25,000 events in the history of an execution, counted as AWS writes them, those inside a Map included:
  .../dg/service-quotas.html
- `TimeoutSeconds` of the state machine; what has ended (timed out, stopped) begins no further state or task
- names of executions; a start with the same name and input while it runs is the same start:
  https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
- `MaxDelaySeconds` and `JitterStrategy` of a Retry
- a task whose function is throttled fails with `Lambda.TooManyRequestsException`
"""
# ruff: noqa: SLF001 - touching private names is what this module is for

from __future__ import annotations

import contextvars
import inspect
import json
import random
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ministack.core.responses import error_response_json, json_response, now_iso
from ministack.services import stepfunctions

from headrace_local.aws.patching import require

if TYPE_CHECKING:
    pass

PAYLOAD = 262_144
"""Bytes of UTF-8."""
VARIABLES = 10 * 1024 * 1024
HISTORY = 25_000
LONGEST_NAME = 80
# Letters that a name must not have, by the API reference.
BAD_NAME = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
WILDCARDS = {"States.ALL", "States.TaskFailed"}
TOO_LARGE, RUNTIME = "States.DataLimitExceeded", "States.Runtime"
STATES = ("_execute_pass", "_execute_task", "_execute_choice", "_execute_wait", "_execute_parallel", "_execute_map")
FANS = {"_execute_parallel", "_execute_map"}
# A task is scheduled, started, and succeeds or fails. A state is entered and exited; one of several branches is started
# and succeeds as well, as each item of a Map does.
TASK_EVENTS, STATE_EVENTS, FAN_EVENTS, ITEM_EVENTS = 3, 2, 2, 2


@dataclass(slots=True)
class Running:
    """An execution under way, and how many events AWS would have written of it."""

    execution: dict[str, Any]
    events: int = 1
    lock: threading.Lock = field(default_factory=threading.Lock)

    def happens(self, events: int) -> None:
        """Count events. Raises the execution's end when it has too many, or when it has ended already."""
        if self.execution["status"] != "RUNNING":
            raise stepfunctions._ExecutionError(RUNTIME, f"The execution is {self.execution['status']}.")
        with self.lock:
            self.events += events
        if self.events >= HISTORY:
            cause = f"The execution reached the maximum number of history events ({HISTORY})."
            raise stepfunctions._ExecutionError(RUNTIME, cause)


_chance = random.SystemRandom()
_running: contextvars.ContextVar[Running | None] = contextvars.ContextVar("running", default=None)


def apply() -> None:
    """Change Step Functions in this process."""
    end_in_time()
    for name in STATES:
        limit_state(name)
    limit_tasks()
    count_items()
    limit_variables()
    limit_starts()
    match_errors_as_aws_does()
    name_throttled_functions()


def size_of(document: Any) -> int:
    """Bytes of a document as Step Functions holds it."""
    return len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def check(document: Any, whose: str) -> None:
    """Fail the execution when a document is larger than one may be."""
    if (size := size_of(document)) > PAYLOAD:
        cause = f"{whose} has a size of {size} bytes, exceeding the maximum number of bytes service limit ({PAYLOAD})."
        raise stepfunctions._ExecutionError(TOO_LARGE, cause)


def end_in_time() -> None:
    """`TimeoutSeconds` of a machine ends its execution as TIMED_OUT; one that has ended cannot fail as well."""
    run, fail = stepfunctions._run_execution, stepfunctions._fail_execution
    require(list(inspect.signature(run).parameters) == ["exec_arn"], "_run_execution takes other arguments")
    require(list(inspect.signature(fail).parameters) == ["execution", "error", "cause"], "_fail_execution")

    def run_in_time(exec_arn: str) -> None:
        execution = stepfunctions._executions.get(exec_arn)
        if execution is None:
            return
        _running.set(Running(execution))
        machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) or {}
        timer = timer_of(execution, json.loads(machine.get("definition") or "{}").get("TimeoutSeconds"))
        try:
            run(exec_arn)
        finally:
            timer.cancel()

    def fail_once(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    stepfunctions._run_execution = run_in_time
    stepfunctions._fail_execution = fail_once


def timer_of(execution: dict[str, Any], seconds: float | None) -> threading.Timer:
    """The clock that ends an execution; it does not run where there is no limit."""
    context = contextvars.copy_context()
    timer = threading.Timer(seconds or 0, context.run, (time_out, execution))
    timer.daemon = True
    if seconds:
        timer.start()
    return timer


def time_out(execution: dict[str, Any]) -> None:
    """End an execution that has run for too long."""
    if execution["status"] != "RUNNING":
        return
    execution.update({"status": "TIMED_OUT", "error": "States.Timeout", "stopDate": now_iso()})
    stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    stepfunctions._emit_execution_status_event(execution)


def limit_state(name: str) -> None:
    """What goes into states of a type, and what comes out, has its size; entering and leaving are two events."""
    original = getattr(stepfunctions, name)
    require(list(inspect.signature(original).parameters)[:2] == ["state_def", "raw_input"], f"{name} has changed")

    def execute(state_def: dict[str, Any], raw_input: Any, *rest: Any) -> tuple[Any, str | None]:
        running = _running.get()
        if running is None:  # TestState
            return original(state_def, raw_input, *rest)  # type: ignore[no-any-return]
        running.happens(STATE_EVENTS + (FAN_EVENTS if name in FANS else 0))
        check(raw_input, "The state's input")
        output, following = original(state_def, raw_input, *rest)
        check(output, "The state's output")
        return output, following

    setattr(stepfunctions, name, execute)


def limit_tasks() -> None:
    """What a task is given and what it answers has its size."""
    invoke = stepfunctions._invoke_resource
    require(list(inspect.signature(invoke).parameters) == ["resource", "input_data"], "_invoke_resource has changed")

    def invoke_within_limits(resource: str, input_data: Any) -> Any:
        if running := _running.get():
            running.happens(TASK_EVENTS)
        check(input_data, "The task's input")
        result = invoke(resource, input_data)
        check(result, "The task's result")
        return result

    stepfunctions._invoke_resource = invoke_within_limits


def count_items() -> None:
    """An item of a Map, or a branch, has two separate events."""
    run = stepfunctions._run_sub_machine
    require("execution" in inspect.signature(run).parameters, "_run_sub_machine takes other arguments")

    def run_item(*arguments: Any) -> Any:
        if running := _running.get():
            running.happens(ITEM_EVENTS)
        return run(*arguments)

    stepfunctions._run_sub_machine = run_item


def limit_variables() -> None:
    """Variables have their size, those of one Assign and all together."""
    assign = stepfunctions._apply_state_assign
    require(next(iter(inspect.signature(assign).parameters)) == "state_def", "_apply_state_assign has changed")

    def assign_within_limits(state_def: dict[str, Any], raw_input: Any, ctx: Any, *rest: Any, **named: Any) -> None:
        assign(state_def, raw_input, ctx, *rest, **named)
        variables = (ctx or {}).get("variables") or {}
        names = state_def.get("Assign")
        if isinstance(names, dict) and names:
            check({name: variables.get(name) for name in names}, "What the state assigns")
            if size_of(variables) > VARIABLES:
                raise stepfunctions._ExecutionError(TOO_LARGE, f"The variables have more than {VARIABLES} bytes.")

    stepfunctions._apply_state_assign = assign_within_limits


def limit_starts() -> None:
    """A start is refused for its name or its input; the same start of what runs is answered as the first was."""
    start = stepfunctions._start_execution
    require(list(inspect.signature(start).parameters) == ["data"], "_start_execution takes other arguments")

    def start_execution(data: dict[str, Any]) -> Any:
        refusal = refused_start(str(data.get("name") or "unnamed"), data.get("input", "{}"))
        if refusal:
            return error_response_json(*refusal, 400)
        return the_same(data) or start(data)

    stepfunctions._start_execution = start_execution


def refused_start(name: str, given: str) -> tuple[str, str] | None:
    """Code and message for a start that AWS refuses."""
    if not 0 < len(name) <= LONGEST_NAME or BAD_NAME.search(name):
        return "InvalidName", f"Invalid Name: '{name}'"
    if len(given.encode("utf-8", "surrogatepass")) > PAYLOAD:
        limit = f"Member must have length less than or equal to {PAYLOAD}"
        return (
            "ValidationException",
            f"1 validation error detected: Value at 'input' failed to satisfy constraint: {limit}",
        )
    try:
        json.loads(given)
    except ValueError as error:
        return "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'"
    return None


def the_same(data: dict[str, Any]) -> Any:
    """The first answer to a start with this name and input, if that execution runs."""
    machine = stepfunctions._resolve_state_machine_arn(str(data.get("stateMachineArn", "")).partition("#")[0])
    arn = f"{str(machine).replace(':stateMachine:', ':execution:')}:{data.get('name')}"
    running = stepfunctions._executions.get(arn)
    if not running or running["status"] != "RUNNING" or running["input"] != data.get("input", "{}"):
        return None
    return json_response({"executionArn": arn, "startDate": running["startDate"]})


def match_errors_as_aws_does() -> None:
    """Wildcards do not match what ends an execution for good, and a Retry waits as it says."""
    matches, find = stepfunctions._error_matches, stepfunctions._find_matching_retrier
    require(list(inspect.signature(matches).parameters) == ["error_equals", "error"], "_error_matches has changed")
    require(list(inspect.signature(find).parameters) == ["retriers", "error", "retry_counts"], "retriers are found so")

    def error_matches(error_equals: list[str], error: str) -> bool:
        if error == RUNTIME:
            return False
        named = [name for name in error_equals if name not in WILDCARDS] if error == TOO_LARGE else error_equals
        return bool(matches(named, error))

    def find_retrier(retriers: list[dict[str, Any]], error: str, counts: dict[int, int]) -> tuple[Any, int]:
        retrier, index = find(retriers, error, counts)
        return (
            retrier and {**retrier, "IntervalSeconds": wait_of(retrier, counts.get(index, 0)), "BackoffRate": 1},
            index,
        )

    stepfunctions._error_matches = error_matches
    stepfunctions._find_matching_retrier = find_retrier


def wait_of(retrier: dict[str, Any], retries: int) -> float:
    """Seconds until the next retry."""
    wait = float(retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** retries)
    wait = min(wait, retrier.get("MaxDelaySeconds", wait))
    return _chance.uniform(0, wait) if retrier.get("JitterStrategy") == "FULL" else wait


def name_throttled_functions() -> None:
    """Lambda's refusal for want of concurrency has the name that a Retry looks for."""
    call = stepfunctions._call_lambda
    require(list(inspect.signature(call).parameters) == ["func_ref", "event"], "_call_lambda takes other arguments")

    def call_lambda(func_ref: str, event: Any) -> Any:
        try:
            return call(func_ref, event)
        except stepfunctions._ExecutionError as error:
            if error.error == "Lambda.Unknown" and "TooManyRequestsException" in error.cause:
                raise stepfunctions._ExecutionError("Lambda.TooManyRequestsException", error.cause) from error
            raise

    stepfunctions._call_lambda = call_lambda
