"""What becomes of an event that its target does not take: retries, dead-letter queues, alarms, on the real laptop."""

from __future__ import annotations

import json
import time
import urllib.request
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace_local.state import LaptopState

    from .conftest import Account

FAILS = "def handler(event, context):\n    raise ValueError('never')\n"
# It fails until its folder has two marks.
THIRD_TIME = (
    "import pathlib\ndef handler(event, context):\n"
    "    marks = pathlib.Path({folder!r})\n    marks.mkdir(exist_ok=True)\n"
    "    count = len(list(marks.iterdir()))\n    (marks / str(count)).touch()\n"
    "    if count < 2:\n        raise ValueError('not yet')\n"
)


@pytest.fixture
def faults(laptop: LaptopState) -> Iterator[Any]:
    """Asks for faults, and takes them back in the end."""

    def ask(*wanted: dict[str, Any], method: str = "POST") -> list[dict[str, Any]]:
        request = urllib.request.Request(laptop.page("faults"), json.dumps(wanted).encode(), method=method)
        with urllib.request.urlopen(request) as answer:
            return list(json.load(answer)["faults"])

    yield ask
    ask(method="DELETE")


def route(account: Account, name: str, target: str, **fields: Any) -> str:
    """A rule that sends events of source `name` to a target; returns its ARN."""
    events = account.client("events")
    arn = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "target", "Arn": target} | fields])
    return str(arn)


def send(account: Account, source: str) -> None:
    event = {"Source": source, "DetailType": "Test", "Detail": json.dumps({"number": 17})}
    assert account.client("events").put_events(Entries=[event])["FailedEntryCount"] == 0


class TestTargetsOfRules:
    def test_a_target_that_fails_twice_has_the_event_the_third_time(self, account: Account, faults: Any) -> None:
        (queue, arn), (dead, dead_arn) = account.queue("third-time"), account.queue("third-time-dead")
        rule = route(account, "third-time", arn, DeadLetterConfig={"Arn": dead_arn})
        faults({"service": "eventbridge", "operation": "deliver", "caller": rule, "times": 2})

        send(account, "third-time")

        message = account.message(queue)
        assert message
        assert json.loads(message["Body"])["detail"] == {"number": 17}
        assert faults(method="GET")[0]["struck"] == 2
        assert account.message(dead, 1) is None

    def test_one_that_never_takes_it_is_tried_as_often_as_the_policy_says(self, account: Account, faults: Any) -> None:
        (queue, arn), (dead, dead_arn) = account.queue("never"), account.queue("never-dead")
        policy = {"RetryPolicy": {"MaximumRetryAttempts": 1}, "DeadLetterConfig": {"Arn": dead_arn}}
        rule = route(account, "never", arn, **policy)
        faults({"service": "eventbridge", "operation": "deliver", "caller": rule, "times": 9, "what": "throttle"})

        send(account, "never")

        message = account.message(dead)
        assert message
        assert json.loads(message["Body"])["detail"] == {"number": 17}
        said = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        assert said["ERROR_MESSAGE"]
        assert said == {
            "RULE_ARN": rule,
            "TARGET_ARN": arn,
            "ERROR_CODE": "THROTTLING",
            "ERROR_MESSAGE": said["ERROR_MESSAGE"],
            "RETRY_ATTEMPTS": "1",
            "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        }
        assert faults(method="GET")[0]["struck"] == 2
        assert account.message(queue, 1) is None

    def test_one_that_is_gone_is_not_tried_again(self, account: Account) -> None:
        (queue, arn), (dead, dead_arn) = account.queue("gone"), account.queue("gone-dead")
        route(account, "gone", arn, DeadLetterConfig={"Arn": dead_arn})
        account.client("sqs").delete_queue(QueueUrl=queue)

        send(account, "gone")

        message = account.message(dead, 5)
        assert message
        assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"
        assert message["MessageAttributes"]["RETRY_ATTEMPTS"]["StringValue"] == "0"

    def test_a_queue_takes_events_from_whom_its_policy_names(self, account: Account) -> None:
        (queue, arn), (dead, dead_arn) = account.queue("closed", sources=()), account.queue("closed-dead")
        route(account, "closed", arn, DeadLetterConfig={"Arn": dead_arn})

        send(account, "closed")

        message = account.message(dead, 5)
        assert message
        assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
        assert account.message(queue, 1) is None

    def test_so_does_a_dead_letter_queue(self, account: Account) -> None:
        (queue, arn), (dead, dead_arn) = (
            account.queue("lost"),
            account.queue("lost-dead", sources=("s3.amazonaws.com",)),
        )
        route(account, "lost", arn, DeadLetterConfig={"Arn": dead_arn})
        account.client("sqs").delete_queue(QueueUrl=queue)

        send(account, "lost")

        assert account.message(dead, 2) is None


class TestFunctionsThatNobodyWaitsFor:
    @pytest.fixture
    def dead(self, account: Account, request: pytest.FixtureRequest) -> tuple[str, str]:
        return account.queue(f"dead-{abs(hash(request.node.name))}")

    def failing(self, account: Account, name: str, queue: str, source: str = FAILS) -> str:
        arn = account.function(name, source, allowed=("sqs:SendMessage",))
        account.client("lambda").update_function_configuration(FunctionName=name, DeadLetterConfig={"TargetArn": queue})
        return arn

    def invocations(self, account: Account, name: str) -> int:
        return len(account.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"])

    def test_a_topics_message_is_tried_twice_more_and_kept_and_somebody_is_called(
        self, account: Account, dead: tuple[str, str]
    ) -> None:
        name, (queue, arn) = "notices", dead
        function = self.failing(account, name, arn)
        calls, calls_arn = account.queue("calls", sources=("sns.amazonaws.com",))
        sns = account.client("sns")
        topic, called = (sns.create_topic(Name=each)["TopicArn"] for each in ("notices", "alarms"))
        sns.subscribe(TopicArn=called, Protocol="sqs", Endpoint=calls_arn)
        account.client("cloudwatch").put_metric_alarm(
            AlarmName="undelivered",
            Namespace="AWS/SQS",
            MetricName="ApproximateNumberOfMessagesVisible",
            Dimensions=[{"Name": "QueueName", "Value": queue.rpartition("/")[2]}],
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[called],
        )
        sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)

        sns.publish(TopicArn=topic, Message="something is wrong")

        call = account.message(calls, 60)
        assert call
        assert "undelivered" in call["Body"]
        message = account.message(queue)
        assert message
        assert json.loads(message["Body"])["Records"][0]["Sns"]["Message"] == "something is wrong"
        assert self.invocations(account, name) == 3

    def test_a_rules_event_is_tried_until_the_function_takes_it(
        self, account: Account, dead: tuple[str, str], tmp_path: Any
    ) -> None:
        name, (queue, arn) = "stubborn", dead
        function = self.failing(account, name, arn, THIRD_TIME.format(folder=str(tmp_path / "marks")))
        route(account, "to-a-function", function)

        send(account, "to-a-function")

        end = time.monotonic() + 15
        while self.invocations_or_none(account, name) < 3 and time.monotonic() < end:
            time.sleep(0.1)
        assert self.invocations(account, name) == 3
        assert account.message(queue, 2) is None

    def invocations_or_none(self, account: Account, name: str) -> int:
        groups = account.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
        return self.invocations(account, name) if groups else 0

    def test_a_person_may_want_no_retry(self, account: Account, dead: tuple[str, str]) -> None:
        name, (queue, arn) = "once", dead
        self.failing(account, name, arn)
        client = account.client("lambda")
        client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)

        client.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")

        assert account.message(queue)
        assert self.invocations(account, name) == 1


def test_a_stacks_function_has_the_queue_and_the_concurrency_that_its_template_says(account: Account) -> None:
    role = account.role("of-a-stack")
    properties = {
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "Role": role,
        "Code": {"ZipFile": FAILS},
        "DeadLetterConfig": {"TargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}},
        "ReservedConcurrentExecutions": 3,
    }
    template = {
        "Resources": {
            "Dead": {"Type": "AWS::SQS::Queue"},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": properties},
        },
        "Outputs": {"Name": {"Value": {"Ref": "Function"}}, "Dead": {"Value": {"Fn::GetAtt": ["Dead", "Arn"]}}},
    }
    cloudformation, functions = account.client("cloudformation"), account.client("lambda")

    def outputs() -> dict[str, str]:
        found = cloudformation.describe_stacks(StackName="functions")["Stacks"][0]["Outputs"]
        return {each["OutputKey"]: each["OutputValue"] for each in found}

    cloudformation.create_stack(StackName="functions", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="functions", WaiterConfig={"Delay": 1})
    made = functions.get_function(FunctionName=outputs()["Name"])
    assert made["Configuration"]["DeadLetterConfig"] == {"TargetArn": outputs()["Dead"]}
    assert made["Concurrency"] == {"ReservedConcurrentExecutions": 3}

    properties["ReservedConcurrentExecutions"] = 4
    cloudformation.update_stack(StackName="functions", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_update_complete").wait(StackName="functions", WaiterConfig={"Delay": 1})
    changed = functions.get_function(FunctionName=outputs()["Name"])
    assert changed["Configuration"]["DeadLetterConfig"] == {"TargetArn": outputs()["Dead"]}
    assert changed["Concurrency"] == {"ReservedConcurrentExecutions": 4}


def test_messages_stay_while_lambda_may_not_receive_them(account: Account, faults: Any) -> None:
    url, arn = account.queue("refused-polls")
    account.function("polled", "def handler(event, context):\n    return 1\n")
    account.client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName="polled", BatchSize=1)
    faults({"catalogue": "sqs-over-limit", "path": "refused-polls", "times": 20})

    account.client("sqs").send_message(QueueUrl=url, MessageBody="{}")

    def waiting() -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    struck, end = 0, time.monotonic() + 60
    while struck < 20 and time.monotonic() < end:
        left, struck = waiting(), faults(method="GET")[0]["struck"]
        assert left == 1 or struck == 20
    while waiting() and time.monotonic() < end:
        time.sleep(0.2)
    assert (struck, waiting()) == (20, 0)


def test_a_schedule_needs_the_right_to_what_it_does(account: Account) -> None:
    allowed = account.role("scheduled", "sqs:SendMessage")
    denied = account.role("not-scheduled", "sqs:ReceiveMessage")
    (queue, arn), (other, other_arn) = (
        account.queue("scheduled", sources=()),
        account.queue("not-scheduled", sources=()),
    )
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    for name, role, target in (("may", allowed, arn), ("may-not", denied, other_arn)):
        account.client("scheduler").create_schedule(
            Name=name,
            ScheduleExpression=f"at({now})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": target, "RoleArn": role, "Input": '{"time": "<aws.scheduler.scheduled-time>"}'},
        )

    message = account.message(queue, 25)
    assert message
    assert datetime.fromisoformat(json.loads(message["Body"])["time"]).tzinfo is UTC
    assert account.message(other, 1) is None
