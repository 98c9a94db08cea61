"""Faults on demand: a call that a function or the workflow makes fails, before or after its effect, or ends its caller.

The laptop takes them at `/_headrace/faults`: POST a list of faults, GET how often each struck, DELETE them all. A
person's own calls are never touched: only those that are signed by a role of the stack. Faults of the service
`redshift` are the embedded Redshift's own: `operation` is its kind, `path` a part of the statements, or the operation,
that it strikes. `{"catalogue": NAME}` raises an error of the catalogue where it arises; other fields go before its own.
"""
# ruff: noqa: SLF001 - the emulator has no way to end a function's process but its private one

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id

from headrace_local.access import Caller
from headrace_local.aws.glue_runs import kill_runs
from headrace_local.known_faults import known_fault, status_of
from headrace_local.redshift import DataApiError
from headrace_local.redshift.errors import SqlError
from headrace_local.request_counts import RequestCounts
from headrace_local.web.gateway import body_of, once, reply, send_back

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace_local.redshift.faults import Faults as WarehouseFaults
    from headrace_local.warehouse import DataApi
    from headrace_local.web.gateway import Application, Receive, Scope, Send

PAGE = "/_headrace/faults"
SLACK = "/_headrace/slack"
WAREHOUSE = "redshift"
REFUSED = "refused-"
ASKED_FOR = "a fault was asked for"
MOST_NAMES = 1000
ROLES = "assumed-role/"
WORKFLOW = "workflow"
TASK_ERRORS = {
    "lambda": ("Lambda.ServiceException", "Lambda.TooManyRequestsException"),
    "sns": ("SNS.InternalErrorException", "SNS.ThrottledException"),
    "events": ("EventBridge.InternalException", "EventBridge.InternalException"),
    "glue": ("Glue.InternalServiceException", "Glue.ConcurrentRunsExceededException"),
}
"""What Step Functions calls a failed and a throttled call of these services."""
DELAY_SECONDS, HANG_SECONDS, HOLD_SECONDS = 3, 60, 120
BLOAT_BYTES = 256 * 1024
DELAYS = {"delay": DELAY_SECONDS, "hang": HANG_SECONDS}
S3_REFUSES = "S3ServiceException:Please reduce your request rate.,Status 503,Error SlowDown,Rid X,ExtRid Y,CanRetry 1"
JOB_ROLE = "TransformJobRole"
"""In the ARN of a caller that is a run of the Glue job."""
LOGICAL_NAME = re.compile(r"[A-Za-z]+Function")


@dataclass(slots=True)
class Fault:
    """From its `call`-th matching call on, `times` calls of an operation go wrong.

    `caller` is a part of the caller's ARN, `path` a part of an S3 key, `about` a part of what is asked for: of the key,
    of a request's or task's document, of a statement's name. `when` is before or after the call's effect.
    `what`: `error` (a 5xx), `throttle`, `kill` (the caller's process), `restart` (all functions' processes), `stop`
    (all running executions), `delay` (the call takes some seconds and succeeds), `hang` (it takes a minute), `drop`
    (the connection breaks off), or `refuse` (a load that the warehouse accepts and then fails with `text`). An error
    that has a `code` is answered with it and `text`, as the service does. A task of the workflow has the caller
    `workflow`, and the operation of its resource: `lambda` `invoke`, `sns` `publish`, `events` `putEvents`; its `path`
    is the function. Any other invocation of a function is `lambda` `run`. EventBridge's delivery to a target is
    `eventbridge` `deliver`: the caller is the rule's ARN, the path the target's. A task may also be held (`hold`): it
    begins when the faults are taken back, or after two minutes; or answer more than Step Functions takes (`bloat`).

    Without an `operation` it strikes every one of the service, and with `s3` the embedded Redshift's own reads as well,
    whose caller is `warehouse`.
    """

    service: str
    operation: str
    caller: str = ""
    path: str = ""
    about: str = ""
    call: int = 1
    times: int = 1
    when: str = "before"
    what: str = "error"
    code: str = ""
    text: str = ""
    seen: int = 0
    struck: int = 0

    def meets(self, call: Call) -> bool:
        """Whether a call is the one; counts it if it is of the right kind."""
        if self.service != call.service or self.operation not in {"", call.operation}:
            return False
        if self.caller not in call.caller or self.path not in call.path or self.about not in call.about:
            return False
        self.seen += 1
        strikes = self.call <= self.seen < self.call + self.times
        self.struck += strikes
        return strikes


@dataclass(frozen=True, slots=True)
class Call:
    """One call of AWS: `service` as it is signed for, S3's operations by their HTTP method."""

    service: str
    operation: str
    caller: str
    path: str = ""
    about: str = ""


@dataclass(slots=True)
class Faults:
    """The faults that wait, and the means to carry them out. `stop` ends all running executions.

    What passes here and not through the port is counted here, in `counts`.
    """

    stop: Callable[[], None]
    warehouse: WarehouseFaults
    listed: list[Fault] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    counts: RequestCounts = field(default_factory=RequestCounts)

    def meeting(self, call: Call) -> Fault | None:
        """The fault that strikes a call, if one does."""
        with self.lock:
            return next((fault for fault in self.listed if fault.meets(call)), None)

    def ask(self, faults: list[Fault]) -> None:
        """Let these strike instead of those that were asked for before. Raises ValueError for an unknown kind."""
        self.forget()
        for fault in faults:
            if fault.service == WAREHOUSE:
                self.warehouse.add(fault.operation, where=fault.path, times=fault.times, text=fault.text)
        self.listed = [fault for fault in faults if fault.service != WAREHOUSE]

    def forget(self) -> None:
        """None strikes any more."""
        self.listed = []
        self.warehouse.clear()

    def carry_out(self, fault: Fault, caller: str) -> None:
        """What a fault does beside failing the call."""
        if fault.what == "kill" and JOB_ROLE in caller:
            kill_runs()
        elif fault.what == "kill":
            kill_functions(caller)
        if fault.what == "restart":
            kill_functions()
        if fault.what == "stop":
            self.stop()

    def around_task(self, resource: str, arguments: Any, invoke: Callable[[], Any]) -> Any:
        """What a task of the workflow answers. Raises TaskFaultError when a fault strikes it."""
        service, _, operation = resource.partition("states:::")[2].partition(":")
        function = str(arguments.get("FunctionName", "")) if isinstance(arguments, dict) else ""
        call = Call(service, operation, WORKFLOW, function, json.dumps(arguments, default=str))
        self.counts.note(service, operation, function.rpartition(":")[2] or WORKFLOW)
        fault = self.meeting(call) if service in TASK_ERRORS else None
        if fault is None:
            return invoke()
        if fault.what == "hold":
            self._hold(fault)
            return invoke()
        if fault.what == "bloat":
            return {**invoke(), "bloat": "x" * BLOAT_BYTES}
        if fault.when == "after":
            invoke()
        self.carry_out(fault, WORKFLOW)
        raise TaskFaultError(fault.code or TASK_ERRORS[service][fault.what == "throttle"], fault.text or ASKED_FOR)

    def around_run(self, function: str, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What an invocation answers that is not the workflow's own, which is struck as its task."""
        self.counts.note("lambda", "run", function)
        begun = time.monotonic()
        if self.meeting(Call("lambda", "run", "", function)) is None:
            result = run()
            self.counts.note("lambda", "seconds", function, time.monotonic() - begun)
            return result
        return {"error": True, "body": {"errorType": "ServiceException", "errorMessage": "a fault was asked for"}}

    def strike_read(self, **request: Any) -> None:
        """Raise SqlError when the warehouse's own call of S3 is to fail."""
        self.counts.note("s3", str(getattr(request.get("model"), "name", "GET")), "warehouse")
        if self.meeting(Call("s3", "", "warehouse")):
            raise SqlError(S3_REFUSES)

    def _hold(self, fault: Fault) -> None:
        until = time.monotonic() + HOLD_SECONDS
        while fault in self.listed and time.monotonic() < until:
            time.sleep(0.1)


class TaskFaultError(Exception):
    """A task failed on request. Its arguments are error and cause in Step Functions."""


def kill_functions(caller: str = "") -> None:
    """SIGKILL to the processes of the function that a role belongs to; without one, to those of all functions."""
    with lambda_runtime._lock:
        workers = [worker for value in lambda_runtime._workers.values() for worker in _listed(value)]
    for worker in workers:
        function = LOGICAL_NAME.search(worker.func_name)
        mine = not caller or (function and function[0] in caller)
        if mine and worker._proc:
            worker._proc.kill()


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple | set) else [value]


class FaultyDataApi:
    """The embedded Redshift with faults in its calls."""

    def __init__(self, data_api: DataApi, faults: Faults) -> None:
        self._data_api = data_api
        self._faults = faults
        self._names: dict[str, str] = {}

    def call(self, operation: str, request: dict[str, Any], *, principal: str) -> dict[str, Any]:
        """Answer one operation, or fail it. Raises DataApiError."""
        if request.get("Id", "").startswith(REFUSED):
            return {"Id": request["Id"], "Status": "FAILED", "Error": self._faults.refused[request["Id"]]}
        name = str(request.get("StatementName") or self._names.get(request.get("Id", ""), ""))
        call = Call("redshift-data", operation, principal, about=name)
        fault = self._faults.meeting(call) if ROLES in principal else None
        if fault is None:
            answer = self._data_api.call(operation, request, principal=principal)
            self._remember(answer, request)
            return answer
        if fault.what == "refuse":
            statement = f"{REFUSED}{len(self._faults.refused)}"
            self._faults.refused[statement] = fault.text
            return {"Id": statement}
        if fault.when == "after":
            self._data_api.call(operation, request, principal=principal)
        self._faults.carry_out(fault, principal)
        code = "ThrottlingException" if fault.what == "throttle" else "InternalServerException"
        raise DataApiError(fault.code or code, fault.text or ASKED_FOR)

    def _remember(self, answer: dict[str, Any], request: dict[str, Any]) -> None:
        """A look at a statement says its id only; the names of the newest are kept."""
        if "StatementName" in request:
            self._names[answer["Id"]] = request["StatementName"]
        while len(self._names) > MOST_NAMES:
            del self._names[next(iter(self._names))]


class FaultyGateway:
    """The laptop's port with faults in what passes through it."""

    def __init__(self, gateway: Application, faults: Faults) -> None:
        self._gateway = gateway
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "http" and scope["path"] == PAGE:
            await reply(send, 200, self._page(scope["method"], await body_of(receive)))
            return
        if scope["type"] != "http" or not self._faults.listed:
            await self._gateway(scope, receive, send)
            return
        body = await body_of(receive)
        call = call_of(scope, body)
        fault = self._faults.meeting(call) if call else None
        if fault and fault.what in DELAYS:
            await asyncio.sleep(DELAYS[fault.what])
        if call is None or fault is None or fault.what in DELAYS:
            await self._gateway(scope, once(body), send)
            return
        if fault.when == "after":
            await self._gateway(scope, once(body), nowhere)
        await asyncio.to_thread(self._faults.carry_out, fault, call.caller)
        if fault.what == "drop":
            await break_off(send)
            return
        await send_back(send, *answer_of(fault))

    def _page(self, method: str, body: bytes) -> dict[str, Any]:
        if method == "POST":
            self._faults.ask([fault_of(item) for item in json.loads(body)])
        if method == "DELETE":
            self._faults.forget()
        return {"faults": [asdict(fault) for fault in self._faults.listed], "warehouse": self._faults.warehouse.left()}


def call_of(scope: Scope, body: bytes) -> Call | None:
    """What a request asks for, None for a person's. The Data API has separate faults."""
    if scope["path"] == SLACK:
        return Call("slack", scope["method"], "SlackFunction")
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    caller = caller_of(headers)
    scoped = headers.get("authorization", "").partition("Credential=")[2].split("/")
    if ROLES not in caller or len(scoped) < 4:
        return None
    service, target = scoped[3], headers.get("x-amz-target", "")
    if service == "redshift-data":
        return None
    operation = target.rpartition(".")[2] or parse_qs(body.decode("latin-1")).get("Action", [scope["method"]])[0]
    return Call(service, operation, caller, scope["path"], scope["path"] if service == "s3" else body.decode("latin-1"))


def role_of(headers: Mapping[str, str]) -> str:
    """The role of the stack that signed a request, by its name; empty for a person's."""
    return caller_of(dict(headers)).partition(ROLES)[2].partition("/")[0]


def caller_of(headers: dict[str, str]) -> str:
    """The ARN of whoever signed a request, empty when nobody did."""
    access_key = Caller.of_request(headers).access_key
    account = iam_evaluator.find_iam_access_key_account(access_key) or get_account_id()
    return str(getattr(iam_evaluator.resolve_principal(access_key, account), "arn", "")) if access_key else ""


async def nowhere(_message: dict[str, Any]) -> None:
    """Where an answer goes that is lost."""


async def break_off(send: Send) -> None:
    """Promise more than is sent: the client sees a connection that ends within the answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
    await send({"type": "http.response.body", "body": b"x"})


def fault_of(item: dict[str, Any]) -> Fault:
    """A fault as it is asked for, by its own fields or by the name of a known error. Raises ValueError or TypeError."""
    given = dict(item)
    name = given.pop("catalogue", None)
    return Fault(**(known_fault(name, **given) if name else given))


def answer_of(fault: Fault) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a failure, as the service words it."""
    throttled, as_xml = fault.what == "throttle", fault.service in {"s3", "sns"}
    status = status_of(fault.code) if fault.code else (503 if as_xml else 400) if throttled else 500
    if as_xml:
        usual = ("SlowDown" if fault.service == "s3" else "Throttling") if throttled else "InternalError"
        inner = f"<Error><Code>{fault.code or usual}</Code><Message>{escape(fault.text or ASKED_FOR)}</Message></Error>"
        text = inner if fault.service == "s3" else f"<ErrorResponse>{inner}</ErrorResponse>"
        return status, {"Content-Type": "text/xml"}, text.encode()
    code = fault.code or ("ThrottlingException" if throttled else "InternalServerError")
    document = json.dumps({"__type": code, "message": fault.text or ASKED_FOR}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.0"}
    if fault.service == "sqs":  # which spoke XML once: its clients read the code of that time
        headers["x-amzn-query-error"] = f"{code};{'Sender' if status < 500 else 'Receiver'}"
    return status, headers, document
