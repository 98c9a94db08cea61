"""The points where the emulator is changed to behave as AWS does. `apply` is called once, before it serves.

ministack has no way to plug anything in, so private names are touched: its version is pinned, each patch first asserts
that what it replaces is still there, and `tests/functional/local/test_patches.py` shows what each is for.

- function workers: our own worker process (`worker.py`) in a bare interpreter, so that the error's name reaches the
  caller, an exception leaves the worker warm, and a requirement missing from the layers shows;
- layers: unpacked once, not again for each worker;
- Step Functions: tasks need the rights of the state machine's role;
- SQS: a batch of messages needs the right to the single action, there is none to the batch;
- IAM: a wildcard stands for line ends too;
- event source mappings: a concurrency that comes from a parameter, as text, is the number that it says;
- S3 events of a versioned bucket name the version of the object;
- the versions of objects are kept on disk, not in memory;
- a range of an object's version is that range, and is all that is read of it;
- Glue's job runs are a real Spark: `glue_runs`;
- Athena runs queries over Glue's tables, and makes views: `athena_queries`;
- limits, retries and alarms that AWS has and the emulator has not have modules of their own: `workflow_limits`,
  `payload_limits`, `delivery` and `alarms`; metrics come out of log lines: `embedded_metrics`;
- the events of Redshift statements come from `aws.redshift-data`, a source that PutEvents refuses.
"""
# ruff: noqa: SLF001 - touching private names is what this module is for

from __future__ import annotations

import contextvars
import functools
import inspect
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id, get_region, set_request_account_id
from ministack.services import eventbridge, lambda_svc, s3, stepfunctions

from headrace_local.access import Caller, enforce
from headrace_local.aws import (
    alarms,
    athena_queries,
    delivery,
    embedded_metrics,
    glue_runs,
    payload_limits,
    worker,
    workflow_limits,
)
from headrace_local.aws.function_secrets import give_functions_secrets_of_their_own
from headrace_local.aws.patching import require
from headrace_local.aws.task_rights import rights_of_task
from headrace_local.faults import TaskFaultError
from headrace_local.redshift import DataApiError, StatementEvent
from headrace_local.redshift.api.events import DETAIL_TYPE, SOURCE

if TYPE_CHECKING:
    from headrace_local.aws.glue_runs import Runs
    from headrace_local.aws.layer_store import LayerStore
    from headrace_local.faults import Faults
    from headrace_local.state import Keys

ENDED_PROCESS = ("Worker process died", "Worker process exited immediately", "Broken pipe")

_spawning: contextvars.ContextVar[bool] = contextvars.ContextVar("spawning", default=False)
_asked_range: contextvars.ContextVar[str] = contextvars.ContextVar("asked_range", default="")
_object_version: contextvars.ContextVar[str | None] = contextvars.ContextVar("object_version", default=None)
_state_machine_role: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("state_machine_role")


def apply(interpreter: Path, layers: LayerStore, faults: Faults, keys: Keys, runs: Runs) -> None:
    """Change the emulator in this process. `interpreter` is the Python that functions run in."""
    give_functions_secrets_of_their_own(keys)
    run_functions_in(interpreter)
    report_function_errors(faults)
    unpack_layers_once(layers)
    run_tasks_as_the_state_machine(faults)
    name_versions_in_events()
    keep_versions_on_disk()
    read_ranges_of_versions()
    ask_batches_for_the_single_right()
    read_numbers_of_event_sources()
    match_line_ends_in_policies()
    require("allow_aws_source" in inspect.signature(eventbridge._put_events).parameters, "events of aws.* are refused")
    workflow_limits.apply()
    payload_limits.apply()
    delivery.apply(faults)
    alarms.apply()
    embedded_metrics.apply()
    glue_runs.apply(runs, faults)
    athena_queries.apply()


def run_functions_in(interpreter: Path) -> None:
    """Python functions run `worker.py` in `interpreter`, not ministack's script in the daemon's own environment."""
    script = Path(worker.__file__).read_text("utf-8")
    theirs = lambda_runtime._PYTHON_WORKER_SCRIPT
    for word in ('init["code_dir"]', '"status": "ready"', '_ms_msg["event"]', "_LAMBDA_LAYERS_DIRS"):
        require(word in theirs, f"its worker script no longer has {word}")
    original = lambda_runtime._detect_runtime_binary
    require(list(inspect.signature(original).parameters) == ["runtime"], "_detect_runtime_binary takes other arguments")

    def detect(runtime: str) -> tuple[str, str]:
        return (str(interpreter), script) if runtime.startswith("python") else original(runtime)

    lambda_runtime._detect_runtime_binary = detect


def report_function_errors(faults: Faults) -> None:
    """The name of the exception's class is the error's type; a process that ended is `Runtime.ExitError`, or
    `Runtime.OutOfMemory`. An invocation may fail on request.
    """
    original = lambda_svc._execute_function_warm
    parameters = list(inspect.signature(original).parameters)
    require(parameters == ["func", "event", "request_id"], "_execute_function_warm takes other arguments")

    def execute(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        name = str((func.get("config") or func)["FunctionName"])
        result = with_error_name(faults.around_run(name, lambda: original(func, event, request_id)), request_id)
        return payload_limits.with_limited_answer(result)

    lambda_svc._execute_function_warm = execute


def with_error_name(result: dict[str, Any], request_id: str) -> dict[str, Any]:
    """The invocation's result, where it failed in the shape AWS gives it."""
    body = result.get("body")
    if isinstance(body, dict) and worker.FAILURE in body:
        return {**result, "body": body[worker.FAILURE], "error": True}
    if result.get("error") and str(body["errorMessage"]).startswith(worker.OUT_OF_MEMORY):  # type: ignore[index]
        message = f"RequestId: {request_id} Error: {worker.OUT_OF_MEMORY}"
        return {**result, "body": {"errorMessage": message, "errorType": "Runtime.OutOfMemory"}}
    if result.get("error") and str(body["errorMessage"]).startswith(ENDED_PROCESS):  # type: ignore[index]
        message = f"RequestId: {request_id} Error: Runtime exited without providing a reason"
        return {**result, "body": {"errorMessage": message, "errorType": "Runtime.ExitError"}}
    return result


def unpack_layers_once(layers: LayerStore) -> None:
    """A worker that starts gets a pointer to a layer's files; the emulator would unpack them again for each."""
    resolve, spawn = lambda_svc._resolve_layer_zip, lambda_runtime.Worker._spawn
    source = inspect.getsource(spawn)
    require("_resolve_layer_zip(layer_ref)" in source, "workers no longer get layers from _resolve_layer_zip")

    def resolve_layer(attachment: Any) -> bytes | None:
        archive: bytes | None = resolve(attachment)
        # Others ask for the archive too, to know its size.
        return layers.pointer_archive(archive) if archive and _spawning.get() else archive

    def spawn_worker(self: lambda_runtime.Worker) -> None:
        token = _spawning.set(True)
        try:
            spawn(self)
        finally:
            _spawning.reset(token)

    lambda_svc._resolve_layer_zip = resolve_layer
    lambda_runtime.Worker._spawn = spawn_worker


def run_tasks_as_the_state_machine(faults: Faults) -> None:
    """A task needs the rights of the state machine's role, and may fail on request."""
    run, invoke = stepfunctions._run_execution, stepfunctions._invoke_resource
    require(list(inspect.signature(run).parameters) == ["exec_arn"], "_run_execution takes other arguments")
    parameters = list(inspect.signature(invoke).parameters)
    require(parameters == ["resource", "input_data"], "_invoke_resource takes other arguments")

    def run_with_role(exec_arn: str) -> None:
        execution = stepfunctions._executions.get(exec_arn) or {}
        machine = stepfunctions._state_machines.get(execution.get("stateMachineArn")) or {}
        _state_machine_role.set((machine.get("roleArn", ""), execution.get("name", "")))
        run(exec_arn)

    def invoke_with_role(resource: str, input_data: Any) -> Any:
        caller = Caller.of_role(*_state_machine_role.get(), stepfunctions.get_region())
        check_rights(caller, resource, input_data)
        try:
            return faults.around_task(resource, input_data, lambda: invoke(resource, input_data))
        except TaskFaultError as error:
            raise stepfunctions._ExecutionError(*error.args) from error

    stepfunctions._run_execution = run_with_role
    stepfunctions._invoke_resource = invoke_with_role


def check_rights(caller: Caller, resource: str, arguments: Any) -> None:
    """Fail the task when the state machine's role may not do what it asks for."""
    for action, target in rights_of_task(resource, arguments, caller.region, stepfunctions.get_account_id()):
        try:
            enforce(caller, action, target)
        except DataApiError as error:
            raise stepfunctions._ExecutionError("States.Permissions", error.message) from error


def name_versions_in_events() -> None:
    """S3's events on EventBridge carry `version-id`, as they do for versioned buckets on AWS."""
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event
    require("version_id" in inspect.signature(fire).parameters, "_fire_s3_event does not receive the version")
    require(next(iter(inspect.signature(dispatch).parameters)) == "event", "_dispatch_event takes other arguments")

    def fire_event(*args: Any, version_id: str | None = None, **kwargs: Any) -> None:
        token = _object_version.set(version_id)
        try:
            fire(*args, version_id=version_id, **kwargs)
        finally:
            _object_version.reset(token)

    def dispatch_event(event: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        version = _object_version.get()
        if version and event["Source"] == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *args, **kwargs)

    s3._fire_s3_event = fire_event
    eventbridge._dispatch_event = dispatch_event


def keep_versions_on_disk() -> None:
    """The index of an object's versions does not hold their bytes in memory: those are read from `S3_DATA_DIR`."""
    original = s3._version_entry_from_record
    require(s3.S3_PERSIST, "objects are not kept on disk")
    require(list(inspect.signature(original).parameters) == ["obj", "version_id", "data"], "_version_entry_from_record")
    require(callable(s3._version_body), "_version_body reads a version's bytes")

    def entry(obj: dict[str, Any], version_id: str, data: bytes) -> dict[str, Any]:
        found: dict[str, Any] = original(obj, version_id, data if version_id == "null" else None)
        return found

    s3._version_entry_from_record = entry


def read_ranges_of_versions() -> None:
    """GetObject with a version and a range gives that range, and does not read the rest; without, it ignores ranges."""
    get, body = s3._get_object, s3._version_body
    parameters = ["bucket_name", "key", "headers", "query_params"]
    require(list(inspect.signature(get).parameters) == parameters, "_get_object takes other arguments")
    require(list(inspect.signature(body).parameters) == ["bucket", "bucket_name", "key", "v"], "_version_body")
    require(list(inspect.signature(s3._parse_range).parameters) == ["range_header", "total"], "_parse_range")

    def get_object(bucket_name: str, key: str, headers: dict[str, Any], query_params: Any = None) -> Any:
        asked = headers.get("range", "") if "versionId" in (query_params or {}) else ""
        token = _asked_range.set(asked)
        try:
            status, given, data = get(
                bucket_name, key, {**headers, "x-amz-checksum-mode": ""} if asked else headers, query_params
            )
        finally:
            _asked_range.reset(token)
        if not asked or status != 200:
            return status, given, data
        size = int(given["Content-Length"])
        found = s3._parse_range(asked, size)
        if found is None:
            given = {"Content-Type": "application/xml", "Content-Range": f"bytes */{size}"}
            return 416, given, s3._xml_body(s3._range_error_xml(bucket_name, key))
        start, end = found
        given |= {"Content-Length": str(end - start + 1), "Content-Range": f"bytes {start}-{end}/{size}"}
        return 206, given, data

    def version_body(bucket: Any, bucket_name: str, key: str, version: dict[str, Any]) -> bytes | None:
        asked = _asked_range.get()
        if not asked:
            return body(bucket, bucket_name, key, version)  # type: ignore[no-any-return]
        path = s3._version_disk_path(bucket_name, key, version["version_id"])
        if path and Path(path).exists():
            with Path(path).open("rb") as stream:
                return part_of(stream, Path(path).stat().st_size, asked)
        whole = body(bucket, bucket_name, key, version)
        return None if whole is None else part_of(io.BytesIO(whole), len(whole), asked)

    s3._get_object, s3._version_body = get_object, version_body


def part_of(stream: BinaryIO, size: int, asked: str) -> bytes:
    """What a Range header asks for."""
    start, end = s3._parse_range(asked, size) or (0, -1)
    stream.seek(start)
    return stream.read(end - start + 1)


def ask_batches_for_the_single_right() -> None:
    """`sqs:SendMessageBatch` and its like are no actions of IAM: `sqs:SendMessage` allows both."""
    original = iam_actions.extract_iam_action
    require(next(iter(inspect.signature(original).parameters)) == "service", "extract_iam_action takes other arguments")

    def extract(service: str, *args: Any, **kwargs: Any) -> str | None:
        action: str | None = original(service, *args, **kwargs)
        return action.removesuffix("Batch") if action and service == "sqs" else action

    iam_actions.extract_iam_action = extract


def match_line_ends_in_policies() -> None:
    """A wildcard of a policy stands for line ends too; a key of S3 may have some."""
    original = iam_evaluator._fnmatch_compile
    require(list(inspect.signature(original).parameters) == ["pattern", "ignore_case"], "_fnmatch_compile has changed")

    @functools.cache
    def compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
        found: re.Pattern[str] = original(pattern, ignore_case)
        return re.compile(found.pattern, found.flags | re.DOTALL)

    iam_evaluator._fnmatch_compile = compiled


def read_numbers_of_event_sources() -> None:
    """CloudFormation makes a number of a parameter's text where one is wanted; the emulator passes the text."""
    original = lambda_svc._sqs_esm_concurrency
    require(next(iter(inspect.signature(original).parameters)) == "esm", "_sqs_esm_concurrency takes other arguments")

    def concurrency(esm: dict[str, Any], *args: Any) -> int:
        scaling = esm.get("ScalingConfig") or {}
        if "MaximumConcurrency" in scaling:
            scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        limit: int = original(esm, *args)
        return limit

    lambda_svc._sqs_esm_concurrency = concurrency


def put_statement_event(event: StatementEvent) -> None:
    """Put the event of a Redshift statement onto the default bus of its principal's account."""
    contextvars.copy_context().run(_put_statement_event, event)


def _put_statement_event(event: StatementEvent) -> None:
    if event.principal.startswith("arn:"):
        set_request_account_id(event.principal.split(":")[4])
    entry = {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "Detail": json.dumps(event.detail),
        "Resources": [_warehouse_arn(event)],
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def _warehouse_arn(event: StatementEvent) -> str:
    where = f"{get_region()}:{get_account_id()}"
    if event.workgroup:
        return f"arn:aws:redshift-serverless:{where}:workgroup/{event.workgroup}"
    return f"arn:aws:redshift:{where}:cluster:{event.cluster}"
