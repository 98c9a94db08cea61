"""What a task of a state machine has to be allowed, for the services that the workflow calls directly.

Redshift is not among them: no state machine asks it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Rights = Iterator[tuple[str, str]]


def rights_of_task(resource: str, arguments: dict[str, Any], region: str, account: str) -> list[tuple[str, str]]:
    """The actions that a task needs, each with its resource; none for an integration that is not known here."""
    for integration, needed in INTEGRATIONS.items():
        if resource.startswith(f"arn:aws:states:::{integration}"):
            return list(needed(arguments, f"{region}:{account}"))
    return []


def _invoke(arguments: dict[str, Any], place: str) -> Rights:
    yield "lambda:InvokeFunction", _named(arguments["FunctionName"], f"arn:aws:lambda:{place}:function:")


def _put_events(arguments: dict[str, Any], place: str) -> Rights:
    for entry in arguments["Entries"]:
        yield "events:PutEvents", _named(entry.get("EventBusName", "default"), f"arn:aws:events:{place}:event-bus/")


def _publish(arguments: dict[str, Any], _: str) -> Rights:
    yield "sns:Publish", arguments["TopicArn"]


def _start_job_run(arguments: dict[str, Any], place: str) -> Rights:
    job = _named(arguments["JobName"], f"arn:aws:glue:{place}:job/")
    for action in ("StartJobRun", "GetJobRun", "GetJobRuns", "BatchStopJobRun"):
        yield f"glue:{action}", job


def _named(name: str, prefix: str) -> str:
    return name if name.startswith("arn:") else prefix + name


INTEGRATIONS: dict[str, Callable[[dict[str, Any], str], Rights]] = {
    "lambda:invoke": _invoke,
    "events:putEvents": _put_events,
    "sns:publish": _publish,
    "glue:startJobRun.sync": _start_job_run,
}
