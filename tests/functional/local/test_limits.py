"""Sizes, numbers and times that AWS refuses, on the real laptop."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from headrace_local import laptop as laptops

from .conftest import Account

if TYPE_CHECKING:
    from pathlib import Path

KIB, MIB = 1024, 1024 * 1024
ANSWERS = "def handler(event, context):\n    return 'x' * event['size']\n"
LASTS = "import time\ndef handler(event, context):\n    time.sleep(event['seconds'])\n    return 1\n"
LAMBDA_TASK = "arn:aws:states:::lambda:invoke"
CAUGHT = {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "End": True}
END = {"Type": "Pass", "Output": "caught", "End": True}
TWICE = "{% $states.input & $states.input %}"


def code_of(call: Any, **arguments: Any) -> str:
    """The error code of a call that is refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


def answering(account: Account, name: str, size: int, **fields: Any) -> dict[str, Any]:
    """A task whose function answers with so many bytes."""
    if name not in {each["FunctionName"] for each in account.client("lambda").list_functions()["Functions"]}:
        account.function(name, ANSWERS)
    return {
        "Type": "Task",
        "Resource": LAMBDA_TASK,
        "Arguments": {"FunctionName": name, "Payload": {"size": size}},
    } | fields


@pytest.fixture(scope="module")
def invoker(account: Account) -> str:
    return account.role("limits-invoker", "lambda:InvokeFunction")


class TestBetweenStates:
    """256 KiB, as https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html says."""

    def run(self, account: Account, name: str, role: str, **states: Any) -> dict[str, Any]:
        return account.ended(account.start(account.machine(name, states, role=role)))

    def test_a_result_of_almost_256_kib_passes(self, account: Account, invoker: str) -> None:
        do = answering(account, "fits", 262_000, Output="fits", **CAUGHT)
        assert self.run(account, "fits", invoker, Do=do, Caught=END)["output"] == '"fits"'

    def test_a_larger_one_fails_the_execution_and_no_catch_of_all_sees_it(self, account: Account, invoker: str) -> None:
        do = answering(account, "fits", 262_200, Output="fits", **CAUGHT)
        ended = self.run(account, "too-large", invoker, Do=do, Caught=END)
        assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")

    def test_who_names_the_error_catches_it(self, account: Account, invoker: str) -> None:
        named = [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "Caught"}]
        do = answering(account, "fits", 262_200, Catch=named, End=True)
        assert self.run(account, "caught-by-name", invoker, Do=do, Caught=END)["output"] == '"caught"'

    def test_an_output_that_an_expression_makes(self, account: Account) -> None:
        machine = account.machine("output", {"Do": {"Type": "Pass", "Output": TWICE, "End": True}})
        assert account.ended(account.start(machine, "x" * 131_000))["status"] == "SUCCEEDED"
        ended = account.ended(account.start(machine, "x" * 131_100))
        assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")

    def test_the_items_of_a_map_together(self, account: Account, invoker: str) -> None:
        item = {"StartAt": "One", "States": {"One": answering(account, "fits", 90_000, End=True)}}
        do = {"Type": "Map", "Items": [1, 2, 3], "ItemProcessor": item, **CAUGHT}
        ended = self.run(account, "items", invoker, Do=do, Caught=END)
        assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")

    def test_the_variables_of_a_state(self, account: Account, invoker: str) -> None:
        double = {"a": "{% $states.result.Payload %}", "b": "{% $states.result.Payload %}"}
        do = answering(account, "fits", 140_000, Assign=double, Output="small", End=True)
        ended = self.run(account, "variables", invoker, Do=do)
        assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")

    def test_letters_count_by_their_bytes(self, account: Account) -> None:
        machine = account.machine("bytes", {"Do": {"Type": "Pass", "End": True}})
        assert account.ended(account.start(machine, "é" * 130_000))["status"] == "SUCCEEDED"
        start = account.unchecked("stepfunctions").start_execution
        too_long = json.dumps("é" * 132_000, ensure_ascii=False)
        assert code_of(start, stateMachineArn=machine, input=too_long) == "ValidationException"


class TestExecutions:
    def test_a_machine_has_its_time(self, account: Account) -> None:
        do = {"Type": "Wait", "Seconds": 20, "Next": "Never"}
        machine = account.machine("late", {"Do": do, "Never": {"Type": "Pass", "End": True}}, TimeoutSeconds=1)
        execution = account.start(machine)
        ended = account.ended(execution)
        assert (ended["status"], ended["error"]) == ("TIMED_OUT", "States.Timeout")
        history = account.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
        assert history[-1]["type"] == "ExecutionTimedOut"

    def test_what_was_stopped_begins_nothing_and_stays_stopped(self, account: Account, invoker: str) -> None:
        account.function("lasts", LASTS)
        one = {
            "Type": "Task",
            "Resource": LAMBDA_TASK,
            "Arguments": {"FunctionName": "lasts", "Payload": {"seconds": 1}},
            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 3}],
            "End": True,
        }
        item = {"StartAt": "One", "States": {"One": one}}
        do = {"Type": "Map", "Items": [1, 2, 3, 4], "MaxConcurrency": 1, "ItemProcessor": item, "End": True}
        execution = account.start(account.machine("stopped", {"Do": do}, role=invoker))
        time.sleep(0.7)
        machines = account.client("stepfunctions")
        machines.stop_execution(executionArn=execution)
        time.sleep(2.5)
        begun = [event["type"] for event in machines.get_execution_history(executionArn=execution)["events"]]
        assert begun.count("TaskSucceeded") <= 1
        assert machines.describe_execution(executionArn=execution)["status"] == "ABORTED"

    def test_its_history_ends_at_25_000_events(self, account: Account) -> None:
        item = {"StartAt": "One", "States": {"One": {"Type": "Pass", "Output": 1, "End": True}}}
        map_of = {"Type": "Map", "Items": "{% [1..n] %}", "MaxConcurrency": 40, "ItemProcessor": item, "Output": 1}
        fits = map_of | {"Items": "{% [1..6000] %}", "End": True}
        too_many = map_of | {"Items": "{% [1..6300] %}", "End": True}
        assert account.ended(account.start(account.machine("history", {"Do": fits})))["status"] == "SUCCEEDED"
        ended = account.ended(account.start(account.machine("long-history", {"Do": too_many})))
        assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
        assert "maximum number of history events (25000)" in ended["cause"]

    def test_the_same_start_of_what_runs_is_the_same_execution(self, account: Account) -> None:
        machine = account.machine("twice", {"Do": {"Type": "Wait", "Seconds": 1, "End": True}})
        first = account.start(machine, {"a": 1}, name="one")
        start = account.unchecked("stepfunctions").start_execution
        assert account.start(machine, {"a": 1}, name="one") == first
        assert code_of(start, stateMachineArn=machine, name="one", input='{"a": 2}') == "ExecutionAlreadyExists"
        account.ended(first)
        assert code_of(start, stateMachineArn=machine, name="one", input='{"a": 1}') == "ExecutionAlreadyExists"

    @pytest.mark.parametrize("name", ["x" * 81, "a b", "a/b", "a:b", "a\x00b", "naïve*"])
    def test_a_name_that_aws_refuses(self, account: Account, name: str) -> None:
        machine = account.machine(f"named-{abs(hash(name))}", {"Do": {"Type": "Pass", "End": True}})
        start = account.unchecked("stepfunctions").start_execution
        assert code_of(start, stateMachineArn=machine, name=name, input="{}") == "InvalidName"

    def test_an_input_that_is_no_json(self, account: Account) -> None:
        machine = account.machine("no-json", {"Do": {"Type": "Pass", "End": True}})
        start = account.unchecked("stepfunctions").start_execution
        assert code_of(start, stateMachineArn=machine, input="{") == "InvalidExecutionInput"

    def test_a_retry_does_not_wait_longer_than_it_may(self, account: Account, invoker: str) -> None:
        account.function("never", "def handler(event, context):\n    raise ValueError('never')\n")
        retry = {"ErrorEquals": ["ValueError"], "IntervalSeconds": 60, "MaxDelaySeconds": 1, "MaxAttempts": 1}
        do = {"Type": "Task", "Resource": LAMBDA_TASK, "Arguments": {"FunctionName": "never", "Payload": {}}}
        begun = time.monotonic()
        ended = account.run("patient", invoker, do | {"Retry": [retry]})
        assert (ended["status"], ended["error"]) == ("FAILED", "ValueError")
        assert time.monotonic() - begun < 30


class TestFunctions:
    def test_one_that_takes_more_memory_than_it_has_is_killed(self, account: Account) -> None:
        source = (
            "import time\ndef handler(event, context):\n"
            "    kept = bytearray(event['mb'] * 1024 * 1024)\n    time.sleep(0.3)\n    return len(kept)\n"
        )
        account.function("hungry", source)
        account.client("lambda").update_function_configuration(FunctionName="hungry", MemorySize=256)
        assert account.invoke("hungry", {"mb": 150}) == 150 * MIB
        assert account.invoke("hungry", {"mb": 300})["errorType"] == "Runtime.OutOfMemory"
        assert account.invoke("hungry", {"mb": 1}) == MIB

    def test_an_answer_of_more_than_6_mb_is_an_error(self, account: Account) -> None:
        account.function("answers", ANSWERS)
        assert len(account.invoke("answers", {"size": 6_291_000})) == 6_291_000
        failed = account.invoke("answers", {"size": 6_291_600})
        assert failed["errorType"] == "Function.ResponseSizeTooLarge"

    def test_a_request_of_more_than_6_mb_or_1_mb_is_refused(self, account: Account) -> None:
        account.function("takes", "def handler(event, context):\n    return len(event['a'])\n")
        invoke = account.client("lambda").invoke
        assert account.invoke("takes", {"a": "x" * 6_291_000}) == 6_291_000
        too_large = json.dumps({"a": "x" * 6_291_456}).encode()
        assert code_of(invoke, FunctionName="takes", Payload=too_large) == "RequestTooLargeException"
        fits, too_large = (json.dumps({"a": "x" * size}).encode() for size in (MIB - 10, MIB))
        assert invoke(FunctionName="takes", InvocationType="Event", Payload=fits)["StatusCode"] == 202
        refused = code_of(invoke, FunctionName="takes", InvocationType="Event", Payload=too_large)
        assert refused == "RequestTooLargeException"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Any:
    home: Path = tmp_path_factory.mktemp("small") / "home"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HEADRACE_LAMBDA_CONCURRENCY", "2")
        running = laptops.up(home)
    account = Account(running)
    account.function("lasts", LASTS)
    yield account
    laptops.down(home)


class TestConcurrency:
    """An account whose functions may run two at a time; new accounts have ten."""

    def occupy(self, account: Account, seconds: float) -> None:
        """Two invocations that take so long, when they have begun."""
        for _ in range(2):
            payload = json.dumps({"seconds": seconds}).encode()
            account.client("lambda").invoke(FunctionName="lasts", InvocationType="Event", Payload=payload)
        time.sleep(0.6)

    def test_who_waits_for_the_function_is_told(self, small: Account) -> None:
        self.occupy(small, 2)
        assert (
            code_of(small.unchecked("lambda").invoke, FunctionName="lasts", Payload=b'{"seconds": 0}')
            == "TooManyRequestsException"
        )
        time.sleep(2)
        assert small.invoke("lasts", {"seconds": 0}) == 1

    def test_a_task_fails_with_a_name_that_a_retry_finds(self, small: Account) -> None:
        role = small.role("busy", "lambda:InvokeFunction")
        self.occupy(small, 2)
        arguments = {"FunctionName": "lasts", "Payload": {"seconds": 0}}
        task = {"Type": "Task", "Resource": LAMBDA_TASK, "Arguments": arguments}
        assert small.run("busy", role, task)["error"] == "Lambda.TooManyRequestsException"
        retry = {"ErrorEquals": ["Lambda.TooManyRequestsException"], "IntervalSeconds": 1, "MaxAttempts": 6}
        assert small.run("patient", role, task | {"Retry": [retry]})["status"] == "SUCCEEDED"

    def test_an_event_waits_and_is_not_lost(self, small: Account) -> None:
        logs = small.client("logs")

        def invocations() -> int:
            return len(logs.describe_log_streams(logGroupName="/aws/lambda/waits")["logStreams"])

        small.function("waits", LASTS)
        small.invoke("waits", {"seconds": 0})
        self.occupy(small, 3)
        small.client("lambda").invoke(FunctionName="waits", InvocationType="Event", Payload=b'{"seconds": 0}')
        time.sleep(1)
        assert invocations() == 1
        end = time.monotonic() + 20
        while invocations() == 1 and time.monotonic() < end:
            time.sleep(0.2)
        assert invocations() == 2

    def test_a_queue_keeps_its_messages(self, small: Account) -> None:
        sqs = small.client("sqs")
        url = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "2"})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        small.function("worker", "def handler(event, context):\n    return 1\n")
        self.occupy(small, 3)
        small.client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName="worker", BatchSize=1)
        sqs.send_message(QueueUrl=url, MessageBody="{}")
        time.sleep(2)
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def waiting() -> int:
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            return sum(int(found[name]) for name in names)

        assert waiting() == 1
        end = time.monotonic() + 20
        while waiting() and time.monotonic() < end:
            time.sleep(0.2)
        assert waiting() == 0


class TestMessages:
    def test_a_queue_takes_1_mib_and_a_batch_1_mib_in_all(self, account: Account) -> None:
        sqs = account.client("sqs")
        url = sqs.create_queue(QueueName="sizes")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="x" * MIB)
        refused = code_of(sqs.send_message, QueueUrl=url, MessageBody="x" * (MIB + 1))
        assert refused in {"InvalidParameterValue", "InvalidParameterValueException"}
        entries = [{"Id": str(number), "MessageBody": "x" * 600_000} for number in range(2)]
        refused = code_of(sqs.send_message_batch, QueueUrl=url, Entries=entries)
        assert refused.endswith("BatchRequestTooLong")

    def test_a_topic_takes_256_kib(self, account: Account) -> None:
        sns = account.client("sns")
        topic = sns.create_topic(Name="sizes")["TopicArn"]
        sns.publish(TopicArn=topic, Message="x" * 256 * KIB)
        assert code_of(sns.publish, TopicArn=topic, Message="x" * (256 * KIB + 1)) == "InvalidParameter"
        assert code_of(sns.publish, TopicArn=topic, Message="é" * 131_073) == "InvalidParameter"

    def test_a_task_of_the_workflow_may_not_even_ask_for_more(self, account: Account) -> None:
        topic = account.client("sns").create_topic(Name="sizes-of-tasks")["TopicArn"]
        role = account.role("publisher", "sns:Publish")
        task = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": True}
        do = task | {"Arguments": {"TopicArn": topic, "Message": TWICE}}
        machine = account.machine("publishes", {"Do": do}, role=role)
        assert account.ended(account.start(machine, "x" * 130_000))["status"] == "SUCCEEDED"
        ended = account.ended(account.start(machine, "x" * 131_100))
        assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")

    def test_a_bus_takes_1_mb_of_entries_and_ten_of_them(self, account: Account) -> None:
        events = account.unchecked("events")

        def entry(size: int) -> dict[str, str]:
            return {"Source": "me", "DetailType": "Size", "Detail": json.dumps({"a": "x" * size})}

        assert events.put_events(Entries=[entry(MIB - 100)])["FailedEntryCount"] == 0
        assert code_of(events.put_events, Entries=[entry(MIB)]) == "ValidationException"
        assert code_of(events.put_events, Entries=[entry(300_000)] * 4) == "ValidationException"
        assert code_of(events.put_events, Entries=[entry(1)] * 11) == "ValidationException"


@pytest.fixture(scope="module")
def table(account: Account) -> Any:
    dynamodb = account.unchecked("dynamodb")
    keys = {"pk": "HASH", "sk": "RANGE"}
    dynamodb.create_table(
        TableName="limits",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    return dynamodb


class TestTables:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

    @staticmethod
    def item(pk: str = "a", sk: str = "b", size: int = 1) -> dict[str, Any]:
        return {"pk": {"S": pk}, "sk": {"S": sk}, "v": {"S": "x" * size}}

    def test_an_item_of_400_kb(self, table: Any) -> None:
        table.put_item(TableName="limits", Item=self.item(size=409_500))
        assert code_of(table.put_item, TableName="limits", Item=self.item(size=409_600)) == "ValidationException"
        grow = {"UpdateExpression": "SET w = :w", "ExpressionAttributeValues": {":w": {"S": "x" * 409_600}}}
        key = {"pk": {"S": "u"}, "sk": {"S": "u"}}
        assert code_of(table.update_item, TableName="limits", Key=key, **grow) == "ValidationException"

    def test_keys(self, table: Any) -> None:
        table.put_item(TableName="limits", Item=self.item(pk="p" * 2048, sk="s" * 1024))
        for long in (self.item(pk="p" * 2049), self.item(sk="s" * 1025), self.item(sk="é" * 513), self.item(sk="")):
            assert code_of(table.put_item, TableName="limits", Item=long) == "ValidationException"

    def test_a_transaction_of_100_items_and_4_mb(self, table: Any) -> None:
        def puts(number: int, size: int = 1) -> list[dict[str, Any]]:
            made = [self.item(sk=f"t{n}", size=size) for n in range(number)]
            return [{"Put": {"TableName": "limits", "Item": item}} for item in made]

        table.transact_write_items(TransactItems=puts(100))
        assert code_of(table.transact_write_items, TransactItems=puts(101)) == "ValidationException"
        assert code_of(table.transact_write_items, TransactItems=puts(11, 390_000)) == "ValidationException"
        twice = [*puts(1), *puts(1)]
        assert code_of(table.transact_write_items, TransactItems=twice) == "ValidationException"

    def test_a_batch_of_25_writes_and_100_reads(self, table: Any) -> None:
        writes = [{"PutRequest": {"Item": self.item(sk=f"w{n}")}} for n in range(26)]
        assert code_of(table.batch_write_item, RequestItems={"limits": writes}) == "ValidationException"
        keys = [{"pk": {"S": "a"}, "sk": {"S": f"r{n}"}} for n in range(101)]
        assert code_of(table.batch_get_item, RequestItems={"limits": {"Keys": keys}}) == "ValidationException"

    def test_a_page_of_a_query_is_1_mb(self, table: Any) -> None:
        for number in range(4):
            table.put_item(TableName="limits", Item=self.item(pk="page", sk=str(number), size=390_000))
        asked = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "page"}}}
        page = table.query(TableName="limits", **asked)
        assert page["Count"] < 4
        assert "LastEvaluatedKey" in page


def test_an_objects_key_has_1024_bytes(account: Account) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="long-keys")
    s3.put_object(Bucket="long-keys", Key="k" * 1024, Body=b"")
    assert code_of(s3.put_object, Bucket="long-keys", Key="k" * 1025, Body=b"") == "KeyTooLongError"
    assert code_of(s3.put_object, Bucket="long-keys", Key="é" * 513, Body=b"") == "KeyTooLongError"
