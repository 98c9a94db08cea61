"""What each change to the emulator is for: without it, these fail."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from headrace_local.state import LaptopState

    from .conftest import Account

TELLS_ITS_PROCESS = "import os\ndef handler(event, context):\n    return os.getpid()\n"
ALLOWED = (
    "redshift-data:ExecuteStatement",
    "redshift-data:DescribeStatement",
    "redshift-serverless:GetCredentials",
)
STATEMENT: dict[str, Any] = {"Sql": "SELECT 1", "Database": "headrace", "WorkgroupName": "headrace"}
FAILS = """
import os
class ManifestMissingError(Exception): pass
def handler(event, context):
    if event == "raise": raise ManifestMissingError("no manifest")
    if event == "end": os._exit(1)
    if event == "bytes": return b"bytes"
    return os.getpid()
"""


@pytest.fixture(scope="module")
def failing(account: Account) -> str:
    return account.function("failing", FAILS)


class TestErrorsOfFunctions:
    def test_the_class_of_the_exception_is_the_type_of_the_error(self, account: Account, failing: str) -> None:
        error = account.invoke(failing, "raise")

        assert (error["errorType"], error["errorMessage"]) == ("ManifestMissingError", "no manifest")
        assert "raise ManifestMissingError" in "".join(error["stackTrace"])

    def test_step_functions_catches_it_by_that_name(self, account: Account, failing: str) -> None:
        invoke = task("lambda:invoke", {"FunctionName": failing, "Payload": "raise"})

        role = account.role("by-name", "lambda:InvokeFunction")
        ended = account.run("by-name", role, invoke, caught="ManifestMissingError")

        assert ended["status"] == "SUCCEEDED"

    def test_the_process_stays_after_an_exception(self, account: Account, failing: str) -> None:
        before = account.invoke(failing, "")
        account.invoke(failing, "raise")

        assert account.invoke(failing, "") == before

    def test_a_process_that_ends_is_an_error_of_the_runtime(self, account: Account, failing: str) -> None:
        before = account.invoke(failing, "")

        assert account.invoke(failing, "end")["errorType"] == "Runtime.ExitError"
        assert account.invoke(failing, "") != before

    def test_a_killed_process_is_replaced(self, account: Account, failing: str) -> None:
        process = psutil.Process(account.invoke(failing, ""))
        process.kill()
        with suppress(psutil.NoSuchProcess):
            while process.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.01)

        assert isinstance(account.invoke(failing, ""), int)

    def test_a_result_that_is_not_json_is_an_error_of_the_runtime(self, account: Account, failing: str) -> None:
        assert account.invoke(failing, "bytes")["errorType"] == "Runtime.MarshalError"


class TestFunctionsRunAlone:
    def test_a_requirement_missing_from_the_layers_shows(self, account: Account) -> None:
        forgetful = account.function("forgetful", "import boto3\ndef handler(event, context): pass\n")

        error = account.invoke(forgetful)

        assert error["errorType"] == "Runtime.ImportModuleError"
        assert error["errorMessage"] == "Unable to import module 'app': No module named 'boto3'"

    def test_the_environment_is_the_functions_own(self, account: Account) -> None:
        source = "import os\ndef handler(event, context): return dict(os.environ)\n"

        environment = account.invoke(account.function("environment", source))

        assert environment["COLOUR"] == "blue"
        assert environment["AWS_ENDPOINT_URL"] == account.laptop.endpoint_url
        assert environment["AWS_EXECUTION_ENV"].startswith("AWS_Lambda_python3.")
        assert not environment.keys() & {"AUTH", "GATEWAY_PORT", "HOME", "VIRTUAL_ENV", "PYTHONPATH"}

    def test_the_function_comes_before_its_layers_and_they_in_their_order(self, account: Account) -> None:
        first = account.layer("first", {"python/app.py": "", "python/shared.py": "NAME = 'first'"})
        second = account.layer("second", {"python/shared.py": "NAME = 'second'", "python/extra.py": "NAME = 'extra'"})
        source = "import shared, extra\ndef handler(event, context): return [shared.NAME, extra.NAME]\n"

        assert account.invoke(account.function("ordered", source, layers=(first, second))) == ["first", "extra"]


class TestLayers:
    def test_two_functions_share_one_unpacked_layer(self, account: Account) -> None:
        layer = account.layer("shared", {"python/shared.py": "def where(): return __file__"})
        source = "import shared\ndef handler(event, context): return shared.where()\n"

        places = {account.invoke(account.function(f"sharing-{n}", source, layers=(layer,))) for n in (1, 2)}

        assert len(places) == 1

    def test_the_emulator_still_knows_the_size_of_a_layer(self, account: Account) -> None:
        layer = account.layer("sized", {"python/big.py": "#" * 100_000})
        account.function("with-size", TELLS_ITS_PROCESS, layers=(layer,))

        configuration = account.client("lambda").get_function_configuration(FunctionName="with-size")

        assert configuration["Layers"][0]["CodeSize"] > 100_000


class TestTasksNeedTheRightsOfTheStateMachine:
    def test_to_invoke_a_function(self, account: Account, failing: str) -> None:
        invoke = task("lambda:invoke", {"FunctionName": failing, "Payload": ""})

        allowed = account.run("invokes", account.role("invokes", "lambda:InvokeFunction"), invoke)
        denied = account.run("invokes-not", account.role("invokes-not"), invoke)

        assert allowed["status"] == "SUCCEEDED"
        assert denied["error"] == "States.Permissions"
        assert "lambda:InvokeFunction on resource: arn:aws:lambda" in denied["cause"]

    def test_to_publish_to_a_topic(self, account: Account) -> None:
        topic = account.client("sns").create_topic(Name="topic")["TopicArn"]
        publish = task("sns:publish", {"TopicArn": topic, "Message": "loaded"})

        assert account.run("tells", account.role("tells", "sns:Publish"), publish)["status"] == "SUCCEEDED"
        assert account.run("tells-not", account.role("tells-not"), publish)["error"] == "States.Permissions"

    def test_to_put_an_event(self, account: Account) -> None:
        account.client("events").create_event_bus(Name="bus")
        event = {"Source": "test", "DetailType": "Test", "Detail": {"a": 1}, "EventBusName": "bus"}
        put = task("events:putEvents", {"Entries": [event]})

        assert account.run("puts", account.role("puts", "events:PutEvents"), put)["status"] == "SUCCEEDED"
        assert account.run("puts-not", account.role("puts-not"), put)["error"] == "States.Permissions"


class TestObjectEvents:
    def test_an_event_of_a_versioned_bucket_names_the_version(self, account: Account) -> None:
        bucket, rule = "versioned-with-events", "created"
        s3, events = account.client("s3"), account.client("events")
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        queue, arn = account.queue("created")
        events.put_rule(Name=rule, EventPattern=json.dumps({"source": ["aws.s3"]}))
        events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])

        version = s3.put_object(Bucket=bucket, Key="a.csv", Body=b"a")["VersionId"]

        message = account.message(queue)
        assert message
        assert json.loads(message["Body"])["detail"]["object"]["version-id"] == version


class TestStatementEvents:
    def test_a_statement_with_event_puts_its_end_onto_the_default_bus(self, account: Account) -> None:
        events, redshift = account.client("events"), account.client("redshift-data")
        queue, arn = account.queue("ended")
        pattern = {"source": ["aws.redshift-data"], "detail": {"state": ["FINISHED"]}}
        events.put_rule(Name="ended", EventPattern=json.dumps(pattern))
        events.put_targets(Rule="ended", Targets=[{"Id": "queue", "Arn": arn}])

        statement_id = redshift.execute_statement(**STATEMENT, WithEvent=True, StatementName="nightly")["Id"]

        message = account.message(queue)
        assert message
        event = json.loads(message["Body"])
        assert event["detail-type"] == "Redshift Data Statement Status Change"
        assert event["resources"] == [f"arn:aws:redshift-serverless:us-east-1:{event['account']}:workgroup/headrace"]
        assert (event["detail"]["statementId"], event["detail"]["statementName"]) == (statement_id, "nightly")
        assert event["detail"]["rows"] == 1


class TestQueues:
    def test_a_batch_of_messages_needs_the_right_to_send_one(self, account: Account) -> None:
        queue = account.client("sqs").create_queue(QueueName="batches")["QueueUrl"]
        layer = account.layer("boto3-for-batches", {"python/boto.pth": "", "python/paths.py": boto3_path()})
        source = (
            "import paths, boto3\n"
            "def handler(queue, context):\n"
            "    entries = [{'Id': '1', 'MessageBody': 'one'}]\n"
            "    boto3.client('sqs').send_message_batch(QueueUrl=queue, Entries=entries)\n"
            "    return 'sent'\n"
        )
        allowed = account.function("sends", source, layers=(layer,), allowed=("sqs:SendMessage",))
        denied = account.function("reads", source, layers=(layer,), allowed=("sqs:ReceiveMessage",))

        assert account.invoke(allowed, queue) == "sent"
        assert "AccessDenied" in account.invoke(denied, queue)["errorMessage"]


class TestRedshiftFromFunctions:
    def test_a_function_needs_the_right_in_its_role(self, account: Account, laptop: LaptopState) -> None:
        layer = account.layer("boto3", {"python/boto.pth": "", "python/paths.py": boto3_path()})
        source = (
            "import paths, boto3\n"
            "def handler(event, context):\n"
            "    statement = {'Sql': 'SELECT 1', 'Database': 'headrace', 'WorkgroupName': 'headrace'}\n"
            "    return boto3.client('redshift-data').execute_statement(**statement)['Id']\n"
        )
        allowed = account.function("may", source, layers=(layer,), allowed=ALLOWED)
        denied = account.function("may-not", source, layers=(layer,), allowed=("s3:*",))

        assert isinstance(account.invoke(allowed), str)
        assert "AccessDeniedException" in account.invoke(denied)["errorMessage"]

    def test_root_may_everything(self, account: Account) -> None:
        started = account.client("redshift-data").execute_statement(**STATEMENT)

        assert started["Id"]

    def test_an_unknown_access_key_is_nobody(self, account: Account) -> None:
        nobody = account.laptop.client_arguments() | {"aws_access_key_id": "AKIANOBODYNOBODY1234"}

        with pytest.raises(ClientError) as refused:
            boto3.client("redshift-data", **nobody).list_statements()

        assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"


def task(resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Arguments": arguments}


def boto3_path() -> str:
    """A module that makes the tests' own boto3 importable in a function's bare interpreter."""
    return f"import sys\nsys.path.append({str(Path(boto3.__file__).parents[1])!r})\n"


def test_a_policys_wildcard_stands_for_line_ends_too(account: Account) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="odd-keys")
    s3.put_object(Bucket="odd-keys", Key="in/a\nb.csv", Body=b"found")
    layer = account.layer("boto3-for-keys", {"python/boto.pth": "", "python/paths.py": boto3_path()})
    source = (
        "import paths, boto3\n"
        "def handler(key, context):\n"
        "    return boto3.client('s3').get_object(Bucket='odd-keys', Key=key)['Body'].read().decode()\n"
    )
    account.function("reads-odd-keys", source, layers=(layer,))
    role = account.client("iam")
    allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::odd-keys/in/*"}
    role.put_role_policy(
        RoleName="reads-odd-keys-role",
        PolicyName="allowed",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )

    assert account.invoke("reads-odd-keys", "in/a\nb.csv") == "found"


def test_a_range_of_a_version_is_that_range(account: Account) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="ranges-of-versions")
    s3.put_bucket_versioning(Bucket="ranges-of-versions", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="ranges-of-versions", Key="a", Body=b"0123456789")["VersionId"]
    s3.put_object(Bucket="ranges-of-versions", Key="a", Body=b"later")
    place = {"Bucket": "ranges-of-versions", "Key": "a", "VersionId": first}

    answer = s3.get_object(**place, Range="bytes=3-5")
    assert (answer["Body"].read(), answer["ContentRange"], answer["ContentLength"]) == (b"345", "bytes 3-5/10", 3)
    assert s3.get_object(**place, Range="bytes=8-20")["Body"].read() == b"89"
    assert s3.get_object(**place)["Body"].read() == b"0123456789"
    with pytest.raises(ClientError, match="InvalidRange"):
        s3.get_object(**place, Range="bytes=10-")
