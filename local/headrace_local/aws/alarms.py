"""CloudWatch's metrics of queues, functions, state machines and rules, and alarms that look at them.

The emulator counts nothing of queues and state machines, looks at an alarm only when a metric is put by hand, and takes
the metrics of all queues for those of any. Here an alarm looks at its own dimensions, every two seconds, over its
periods, and treats missing data as it says:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""
# ruff: noqa: SLF001 - touching private names is what this module is for

from __future__ import annotations

import inspect
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from ministack.services import cloudwatch, eventbridge, lambda_svc, sqs, stepfunctions

from headrace_local.aws.patching import require

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK_SECONDS = 2.0
KEPT_SECONDS = 2 * 3600
BREACHES = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
ENDS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}
_logger = logging.getLogger(__name__)


def apply() -> None:
    """Change CloudWatch, Lambda and Step Functions in this process, and begin to look."""
    require(list(inspect.signature(cloudwatch._evaluate_alarm).parameters) == ["alarm"], "_evaluate_alarm has changed")
    cloudwatch._evaluate_alarm = evaluate
    count_invocations()
    count_executions()
    count_events()
    threading.Thread(target=watch, daemon=True, name="alarms").start()


def count_invocations() -> None:
    """Each invocation is counted once, whoever makes it, and its error with it."""
    dispatch = lambda_svc._execute_function_dispatch
    wanted = ["func", "config", "event", "request_id", "started"]
    require(list(inspect.signature(dispatch).parameters) == wanted, "_execute_function_dispatch has changed")
    require("error" in inspect.signature(lambda_svc._emit_lambda_metrics).parameters, "_emit_lambda_metrics")

    def dispatch_and_count(func: Any, config: dict[str, Any], *rest: Any) -> dict[str, Any]:
        result: dict[str, Any] = dispatch(func, config, *rest)
        function = {"FunctionName": config.get("FunctionName", "")}
        record("AWS/Lambda", "Invocations", 1, function)
        record("AWS/Lambda", "Errors", int(bool(result.get("error"))), function)
        return result

    def count_throttle(function_name: str, **given: Any) -> None:
        record("AWS/Lambda", "Throttles", int(given["throttle"]), {"FunctionName": function_name})

    lambda_svc._execute_function_dispatch = dispatch_and_count
    lambda_svc._emit_lambda_metrics = count_throttle


def count_executions() -> None:
    """Each end of an execution is counted."""
    emit = stepfunctions._emit_execution_status_event
    require(list(inspect.signature(emit).parameters) == ["execution"], "_emit_execution_status_event has changed")

    def emit_and_count(execution: dict[str, Any]) -> None:
        if metric := ENDS.get(execution["status"]):
            record("AWS/States", metric, 1, {"StateMachineArn": execution["stateMachineArn"]})
        emit(execution)

    stepfunctions._emit_execution_status_event = emit_and_count


def count_events() -> None:
    """Each event that a rule of the default bus hands to a target is counted.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    """
    invoke = eventbridge._invoke_target
    require(list(inspect.signature(invoke).parameters) == ["target", "event", "rule", "view"], "_invoke_target")

    def invoke_and_count(target: Any, event: Any, rule: dict[str, Any], view: Any = None) -> None:
        if rule.get("EventBusName", "default") == "default":
            record("AWS/Events", "Invocations", 1, {"RuleName": rule["Name"]})
        invoke(target, event, rule, view)

    eventbridge._invoke_target = invoke_and_count


def watch() -> None:
    """Measure the queues and look at the alarms, for as long as the laptop runs."""
    while True:
        time.sleep(LOOK_SECONDS)
        try:
            measure_queues()
            forget_what_is_old()
            cloudwatch._evaluate_all_alarms()
        except Exception:
            _logger.exception("alarms")


def measure_queues() -> None:
    """How many messages of each queue wait, and since when, and how many are being worked on."""
    now = time.time()
    for queue in sqs._queues.values():
        name = {"QueueName": queue["attributes"]["QueueArn"].rpartition(":")[2]}
        messages = list(queue["messages"])
        visible = sum(message["visible_at"] <= now for message in messages)
        record("AWS/SQS", "ApproximateNumberOfMessagesVisible", visible, name)
        record("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", len(messages) - visible, name)
        age = now - min((message["sent_at"] for message in messages), default=now)
        record("AWS/SQS", "ApproximateAgeOfOldestMessage", age, name)


def forget_what_is_old() -> None:
    """Keep of each metric what the longest alarm may look at."""
    oldest = time.time() - KEPT_SECONDS
    for points in cloudwatch._metrics.values():
        old = next((number for number, point in enumerate(points) if point["Timestamp"] >= oldest), len(points))
        del points[:old]


def record(namespace: str, metric: str, value: float, dimensions: dict[str, str]) -> None:
    """One value of a metric, now."""
    cloudwatch.record_metric(namespace, metric, value, "Count", dimensions)


def evaluate(alarm: dict[str, Any]) -> None:
    """Bring an alarm into the state that its periods say, and tell whom it tells when that is another."""
    before, state = alarm["StateValue"], state_of(alarm)
    if not alarm.get("MetricName") or state == before:
        return
    reason = f"Threshold Crossed: {alarm.get('ComparisonOperator')} {alarm.get('Threshold')} is {state}"
    alarm.update({"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(time.time())})
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def state_of(alarm: dict[str, Any]) -> str:
    """The state of an alarm by what its periods hold."""
    values = list(values_of(alarm))
    breaches = BREACHES.get(str(alarm.get("ComparisonOperator")))
    if breaches is None:
        return str(alarm["StateValue"])
    missing = alarm.get("TreatMissingData") or "missing"
    if all(value is None for value in values) and missing in {"missing", "ignore"}:
        return "INSUFFICIENT_DATA" if missing == "missing" else str(alarm["StateValue"])
    threshold = float(alarm.get("Threshold") or 0)
    bad = sum(missing == "breaching" if value is None else breaches(value, threshold) for value in values)
    return "ALARM" if bad >= int(alarm.get("DatapointsToAlarm") or len(values)) else "OK"


def values_of(alarm: dict[str, Any]) -> Iterator[float | None]:
    """The alarm's statistic in each of its periods, the last one first; None where nothing was counted."""
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
    points = list(cloudwatch._metrics.get((alarm.get("Namespace"), alarm.get("MetricName"), dimensions)) or ())
    now, period = time.time(), float(alarm.get("Period") or 60)
    name = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    for number in range(int(alarm.get("EvaluationPeriods") or 1)):
        end = now - number * period
        inside = [point for point in points if end - period < point["Timestamp"] <= end]
        yield cloudwatch._stat_value(cloudwatch._calc_stats(inside), name, inside) if inside else None
