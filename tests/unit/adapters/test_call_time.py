"""A service that hangs makes a call fail, never the function: an error says what happened, a killed one nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import botocore.endpoint
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.session import Session

from headrace.adapters import aws
from headrace.errors import TransientError
from tests.support.template import TEMPLATE

RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
DEFAULT = TEMPLATE["Globals"]["Function"]["Timeout"]
CLIENTS = {"states": "stepfunctions"}
SERVICES = {"s3", "dynamodb", "sqs", "sns", "states", "secretsmanager", "redshift-data", "glue"}
CALLS = {
    "s3": lambda client: client.list_objects_v2(Bucket="lake"),
    "dynamodb": lambda client: client.get_item(TableName="t", Key={"pk": {"S": "a"}}),
    "sqs": lambda client: client.send_message(QueueUrl="https://sqs.us-east-1.amazonaws.com/1/q", MessageBody="m"),
    "sns": lambda client: client.publish(TopicArn="arn:aws:sns:us-east-1:123456789012:t", Message="m"),
    "stepfunctions": lambda client: client.describe_execution(executionArn="arn:aws:states:us-east-1:1:execution:a:b"),
    "secretsmanager": lambda client: client.get_secret_value(SecretId="s"),
    "redshift-data": lambda client: client.describe_statement(Id="a1b2c3d4-e5f6-a7b8-c9d0-e1f2a3b4c5d6"),
    "glue": lambda client: client.get_job(JobName="j"),
}


def functions() -> list[tuple[str, int, str]]:
    """Each function with its time-out, and each service that its policies, or those of its layers, let it call."""
    found = []
    for name, resource in RESOURCES.items():
        if resource["Type"] == "AWS::Serverless::Function":
            given = resource["Properties"]
            actions = set(re.findall(r"'([a-z0-9-]+):[A-Z*]", str(given.get("Policies", []))))
            seconds = given.get("Timeout", DEFAULT)
            found += [(name, seconds, CLIENTS.get(service, service)) for service in sorted(actions & SERVICES)]
    return found


class Time:
    """Time that passes only when something waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(scope="module")
def session() -> Session:
    session = Session()
    session.set_credentials("testing", "testing")
    session.set_config_variable("region", "us-east-1")
    return session


@pytest.fixture
def passing(session: Session, monkeypatch: pytest.MonkeyPatch) -> Time:
    passing = Time()
    monkeypatch.setattr(aws, "_session", lambda: session)
    monkeypatch.setattr(aws, "time", passing)
    monkeypatch.setattr(botocore.endpoint.time, "sleep", passing.sleep)
    return passing


def hanging(service: str, passing: Time) -> Any:
    """A client whose requests are never answered."""
    client = aws.client(service)

    def hang(**_: Any) -> None:
        passing.now += client.meta.config.connect_timeout + client.meta.config.read_timeout
        raise ReadTimeoutError(endpoint_url="https://hangs")

    client.meta.events.register_last("before-send", hang)
    return client


def test_every_function_and_service_is_looked_at() -> None:
    found = functions()
    assert {name for name, _, _ in found} >= {"StarterFunction", "HandOverFunction", "SweeperFunction", "SlackFunction"}
    assert {service for _, _, service in found} == set(CALLS)


@pytest.mark.parametrize(("name", "seconds", "service"), functions())
def test_a_service_that_hangs_leaves_each_function_time_to_say_so(
    name: str, seconds: int, service: str, passing: Time
) -> None:
    reserved = aws.reserved(aws.calls_of(service))
    assert reserved <= aws.MOST_RESERVED * seconds, "else a call would not end before the function"
    client = hanging(service, passing)
    for busy in (0, seconds * 0.3, seconds * 0.6, seconds * 0.9, seconds - 0.1):
        began = passing.now
        with aws.ending_in(seconds):
            passing.now += busy
            with pytest.raises((TransientError, ReadTimeoutError)) as raised:
                CALLS[service](client)
        assert aws.is_transient(raised.value) or isinstance(raised.value, TransientError)
        assert passing.now - began < seconds, f"{name} would have been killed"


def test_calls_that_are_slow_one_after_the_other_end_in_time_too(passing: Time) -> None:
    client = aws.client("dynamodb")
    calls = 0

    def slow(**_: Any) -> None:
        nonlocal calls
        calls += 1
        passing.now += 5.9
        raise ReadTimeoutError(endpoint_url="https://hangs")

    client.meta.events.register_last("before-send", slow)
    began = passing.now
    with aws.ending_in(120):
        while True:
            try:
                CALLS["dynamodb"](client)
            except ReadTimeoutError:
                continue
            except TransientError:
                break
    assert calls > 5
    assert passing.now - began < 120


def test_a_call_that_is_refused_for_good_is_no_outage_near_the_end(passing: Time) -> None:
    """A condition that fails decides what is done: it must not look like an error that passes."""
    client = aws.client("dynamodb")

    def refuse(request: Any, **_: Any) -> Any:
        body = b'{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"}'
        return answer(400, body)

    client.meta.events.register_last("before-send", refuse)
    with aws.ending_in(20):
        passing.now += 10
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            CALLS["dynamodb"](client)


def test_a_throttled_call_is_not_waited_for_beyond_the_end(passing: Time) -> None:
    client = aws.client("dynamodb")
    body = b'{"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "slow down"}'
    client.meta.events.register_last("before-send", lambda **_: answer(400, body))
    began = passing.now
    with aws.ending_in(20):
        passing.now += 8
        with pytest.raises(ClientError, match="Throttling") as raised:
            CALLS["dynamodb"](client)
    assert aws.is_transient(raised.value)
    assert passing.now - began < 20


def test_outside_of_an_invocation_nothing_ends(passing: Time) -> None:
    client = hanging("dynamodb", passing)
    with aws.ending_in(5):
        pass
    passing.now += 10_000
    with pytest.raises(ReadTimeoutError):
        CALLS["dynamodb"](client)


def answer(status: int, body: bytes) -> Any:
    class Raw:
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield body

    return AWSResponse("https://x", status, {"content-type": "application/x-amz-json-1.0"}, Raw())
