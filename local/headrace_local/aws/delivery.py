"""How events reach their targets: retries, dead-letter queues, rights. The emulator tries once and logs what it drops.

- A function that is invoked asynchronously, by EventBridge, SNS or a person, is tried twice more when it fails; while
  it is throttled it waits, up to the event's age. Then the event goes to its dead-letter queue or destination:
  https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
- EventBridge tries a target again, by its RetryPolicy (185 times in 24 hours without one); a target that is gone or
  refuses is not tried again. Then the event goes to the target's DeadLetterConfig, with attributes that say why:
  https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html
- A queue takes events only from rules that its policy names; the role of a schedule needs the right to what it does.

AWS waits minutes between two tries; the laptop waits seconds.
"""
# ruff: noqa: SLF001 - touching private names is what this module is for

from __future__ import annotations

import contextvars
import inspect
import json
import random
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ministack.core.arn import parse_arn
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, lambda_svc, sns, sqs, stepfunctions
from ministack.services.cloudformation import provisioners

from headrace_local.access import Caller, enforce
from headrace_local.aws.patching import require
from headrace_local.faults import Call
from headrace_local.redshift import DataApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace_local.faults import Faults

ATTEMPTS, OLDEST_SECONDS = 185, 86_400
FUNCTION_RETRIES, OLDEST_INVOCATION_SECONDS = 2, 21_600
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
EVENTS = "events.amazonaws.com"
POLLER = "lambda.amazonaws.com"
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
RIGHTS = {
    "lambda": "lambda:InvokeFunction",
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "states": "states:StartExecution",
}
_chance = random.SystemRandom()


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one target of a rule or a schedule."""

    target: dict[str, Any]
    event: dict[str, Any]
    owner: dict[str, Any]

    @property
    def owner_arn(self) -> str:
        """The ARN of the rule or the schedule."""
        return str(self.owner.get("Arn", ""))

    @property
    def is_scheduled(self) -> bool:
        """Whether it is EventBridge Scheduler's, which acts as a role."""
        return ":scheduler:" in self.owner_arn


@dataclass(frozen=True)
class Failure:
    """Why a target did not take an event; `passes` if it may take it later."""

    code: str
    message: str
    passes: bool = False


_delivery: contextvars.ContextVar[Delivery | None] = contextvars.ContextVar("delivery", default=None)


def apply(faults: Faults) -> None:
    """Change EventBridge, SNS and Lambda in this process.

    A fault `eventbridge` `deliver` makes a delivery fail; one of `sqs` `ReceiveMessage` Lambda's own polls of a queue.
    """
    take_functions_as_stacks_say()
    invoke_functions_asynchronously()
    deliver_with_retries(faults)
    poll_queues(faults)


def take_functions_as_stacks_say() -> None:
    """A stack's function has the dead-letter queue and the concurrency that its template says; both got lost."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    require({"create", "update"} <= handlers.keys(), "CloudFormation makes functions in another way")
    require("DeadLetterConfig" not in inspect.getsource(handlers["create"]), "it takes DeadLetterConfig itself")

    def taking(make: Callable[..., Any], place: int) -> Callable[..., Any]:
        def make_whole(*arguments: Any, **named: Any) -> Any:
            made = make(*arguments, **named)
            properties, function = arguments[place], lambda_svc._functions[made[0]]
            function["config"]["DeadLetterConfig"] = properties.get("DeadLetterConfig") or {}
            reserved = properties.get("ReservedConcurrentExecutions")
            function["concurrency"] = None if reserved is None else int(reserved)
            return made

        return make_whole

    handlers["create"] = taking(handlers["create"], 1)
    handlers["update"] = taking(handlers["update"], 2)


def invoke_functions_asynchronously() -> None:
    """Whoever invokes a function and does not wait gets Lambda's retries."""
    original = lambda_svc.invoke_async_with_retry
    require(list(inspect.signature(original).parameters) == ["func", "event"], "invoke_async_with_retry has changed")
    require("_lambda_svc._execute_function_with_config_scope(" in inspect.getsource(sns._deliver_to_lambda), "sns")
    require(list(inspect.signature(eventbridge._dispatch_to_lambda).parameters) == ["arn", "payload"], "to Lambda")

    def invoke(func: dict[str, Any], event: Any) -> None:
        in_background(try_function, func, event)

    def to_lambda(arn: str, payload: str) -> None:
        function, config, _ = lambda_svc._get_func_record_for_ref(arn)
        invoke(lambda_svc._execution_record_for_config(function, config), json.loads(payload))

    lambda_svc.invoke_async_with_retry = invoke
    eventbridge._dispatch_to_lambda = to_lambda
    sns._lambda_svc = AsynchronousLambda()


class AsynchronousLambda:
    """Lambda as SNS sees it: it hands an event over and does not wait for the function."""

    def __getattr__(self, name: str) -> Any:
        """What else SNS asks of the emulator's Lambda."""
        return getattr(lambda_svc, name)

    def _execute_function_with_config_scope(self, func: dict[str, Any], event: Any) -> None:
        lambda_svc.invoke_async_with_retry(func, event)


def try_function(func: dict[str, Any], event: Any) -> None:
    """Invoke a function until it succeeds, has failed too often, or the event is too old."""
    config = func.get("config") or func
    asked = func.get("event_invoke_config") or (func.get("event_invoke_configs") or {}).get("$LATEST") or {}
    most = asked.get("MaximumRetryAttempts")
    retries = FUNCTION_RETRIES if most is None else int(most)
    end = time.monotonic() + int(asked.get("MaximumEventAgeInSeconds") or OLDEST_INVOCATION_SECONDS)
    failed, tried = 0, 0
    while (result := lambda_svc._execute_function_with_config_scope(func, event)).get("error"):
        failed += not result.get("throttle")
        wait = wait_before(tried := tried + 1)
        if failed > retries or time.monotonic() + wait > end:
            give_up_function(asked, config, event, result)
            return
        time.sleep(wait)


def give_up_function(asked: dict[str, Any], config: dict[str, Any], event: Any, result: dict[str, Any]) -> None:
    """Keep the event where the function says that it goes in the end: a destination, or a queue for dead letters."""
    destination = ((asked.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    if destination:
        lambda_svc._route_async_failure(destination, config.get("FunctionName", ""), event, result)
    queue = (config.get("DeadLetterConfig") or {}).get("TargetArn", "")
    role = Caller.of_role(config.get("Role", ""), config.get("FunctionName", ""), get_region())
    if sqs._queue_by_arn(queue) is not None and not lacks_right(role, "sqs", queue):
        body = result.get("body")
        reason = str(body.get("errorMessage") or body.get("message")) if isinstance(body, dict) else str(body)
        send(
            queue, json.dumps(event), {"ErrorCode": "429" if result.get("throttle") else "200", "ErrorMessage": reason}
        )


def deliver_with_retries(faults: Faults) -> None:
    """A target that does not take an event is tried again, or the event goes to the target's dead-letter queue."""
    invoke_target = eventbridge._invoke_target
    wanted = ["target", "event", "rule", "view"]
    require(list(inspect.signature(invoke_target).parameters) == wanted, "_invoke_target takes other arguments")

    def invoke(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        if ":scheduler:" in str(rule.get("Arn", "")):
            target = _at_its_time(target, event)
        token = _delivery.set(Delivery(target, event, rule))
        try:
            invoke_target(target, event, rule, view)
        finally:
            _delivery.reset(token)

    eventbridge._invoke_target = invoke
    for name in ("_dispatch_to_lambda", "_dispatch_to_sqs", "_dispatch_to_sns", "_dispatch_to_stepfunctions"):
        require(f"{name}(" in inspect.getsource(invoke_target), f"_invoke_target does not call {name}")
        setattr(eventbridge, name, retried(getattr(eventbridge, name), faults))


def poll_queues(faults: Faults) -> None:
    """Lambda polls a function's queues itself: while SQS refuses that, their messages stay, and it polls again."""
    receive = sqs._receive_messages_for_esm
    require(list(inspect.signature(receive).parameters) == ["queue_url", "max_number"], "_receive_messages_for_esm")
    require("_sqs._receive_messages_for_esm(" in inspect.getsource(lambda_svc._poll_sqs), "Lambda polls otherwise")

    def poll(queue_url: str, max_number: int) -> list[dict[str, Any]]:
        refused = faults.meeting(Call("sqs", "ReceiveMessage", POLLER, queue_url))
        return [] if refused else receive(queue_url, max_number)

    sqs._receive_messages_for_esm = poll


def _at_its_time(target: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """The target of a schedule with the time in its input, which the emulator leaves out.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    at = datetime.fromtimestamp(event["Time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return target | {"Input": target.get("Input", "").replace(SCHEDULED_TIME, at)}


def retried(dispatch: Callable[..., None], faults: Faults) -> Callable[..., None]:
    """A way to a target, with retries: the first try at once, the others in the background."""

    def deliver(address: Any, payload: str, *rest: Any) -> None:
        delivery = _delivery.get()
        if delivery is None:
            dispatch(address, payload, *rest)
            return

        def attempt() -> Failure | None:
            failure = obstacle(delivery, str(address), payload, faults)
            if failure is None:
                dispatch(address, payload, *rest)
            return failure

        if failure := attempt():
            in_background(go_on, delivery, attempt, failure)

    return deliver


def obstacle(delivery: Delivery, address: str, payload: str, faults: Faults) -> Failure | None:
    """What keeps a target from taking an event now."""
    if fault := faults.meeting(Call("eventbridge", "deliver", delivery.owner_arn, address)):
        return Failure(
            "THROTTLING" if fault.what == "throttle" else "INTERNAL_ERROR", "a fault was asked for", passes=True
        )
    service = parse_arn(address).service
    if not exists(service, address):
        return Failure("NO_RESOURCE", f"{address} does not exist.")
    if denied := refused(delivery, service, address):
        return Failure("NO_PERMISSIONS", denied)
    if service == "sqs" and len(payload.encode()) > int(sqs._queue_by_arn(address)["attributes"]["MaximumMessageSize"]):
        return Failure("INVALID_PARAMETER", "The message is longer than the queue takes.")
    return None


def exists(service: str, address: str) -> bool:
    """Whether there is such a target."""
    if service == "lambda":
        return bool(lambda_svc._get_func_record_for_ref(address)[0])
    if service == "sqs":
        return sqs._queue_by_arn(address) is not None
    if service == "sns":
        return sns._topic_by_arn_any_scope(address) is not None
    return stepfunctions._resolve_state_machine_arn(address) is not None


def refused(delivery: Delivery, service: str, address: str) -> str:
    """Why a target does not take events of this rule or schedule, empty if it does."""
    if delivery.is_scheduled or service == "states":
        role = Caller.of_role(delivery.target.get("RoleArn", ":" * 5), "events", get_region())
        return lacks_right(role, service, address)
    if service == "sqs" and not sqs.queue_policy_allows(address, EVENTS, delivery.owner_arn, get_account_id()):
        return f"The policy of {address} does not let {EVENTS} send for {delivery.owner_arn}."
    return ""


def lacks_right(role: Caller, service: str, address: str) -> str:
    """Why a role may not do what a delivery to this address is, empty if it may."""
    try:
        enforce(role, RIGHTS[service], address)
    except DataApiError as error:
        return error.message
    return ""


def go_on(delivery: Delivery, attempt: Callable[[], Failure | None], failure: Failure) -> None:
    """Try until the target takes the event, or the policy or the error says that this is the end."""
    policy = delivery.target.get("RetryPolicy") or {}
    most = int(policy.get("MaximumRetryAttempts", ATTEMPTS))
    end = time.monotonic() + int(policy.get("MaximumEventAgeInSeconds", OLDEST_SECONDS))
    retries = 0
    while failure.passes and retries < most:
        wait = wait_before(retries + 1)
        if time.monotonic() + wait > end:
            break
        time.sleep(wait)
        retries += 1
        again = attempt()
        if again is None:
            return
        failure = again
    condition = "MaximumRetryAttempts" if retries >= most else "MaximumEventAgeInSeconds"
    keep(delivery, failure, retries, condition if failure.passes else "")


def keep(delivery: Delivery, failure: Failure, retries: int, condition: str) -> None:
    """Put the event into the target's dead-letter queue; without one it is dropped."""
    queue = (delivery.target.get("DeadLetterConfig") or {}).get("Arn", "")
    if not queue or sqs._queue_by_arn(queue) is None or refused(delivery, "sqs", queue):
        return
    attributes = {
        "RULE_ARN": delivery.owner_arn,
        "TARGET_ARN": delivery.target["Arn"],
        "ERROR_CODE": failure.code,
        "ERROR_MESSAGE": failure.message,
        "RETRY_ATTEMPTS": str(retries),
        "EXHAUSTED_RETRY_CONDITION": condition,
    }
    send(queue, json.dumps(eventbridge._pattern_event_view(delivery.event).event_with_detail()), attributes)


def send(queue: str, body: str, attributes: dict[str, str]) -> None:
    """Put a message with these attributes, those that are empty left out, into a queue."""
    url = sqs._queue_url(parse_arn(queue).resource)
    given = {name: {"DataType": "String", "StringValue": value[:1024]} for name, value in attributes.items() if value}
    sqs._act_send_message({"QueueUrl": url, "MessageBody": body, "MessageAttributes": given}, url)


def wait_before(retry: int) -> float:
    """Seconds before a retry, the first of which is 1: growing, jittered, bounded."""
    longest = min(FIRST_WAIT * 2**retry, LONGEST_WAIT)
    return float(_chance.uniform(longest / 2, longest))


def in_background(work: Callable[..., None], *arguments: Any) -> None:
    """Do something in a separate thread that sees the same account and region."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work, *arguments), daemon=True).start()
