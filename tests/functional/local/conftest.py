"""A laptop for the tests of this folder, and small things to put on it."""

from __future__ import annotations

import io
import json
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from headrace_local import laptop as laptops

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace_local.state import LaptopState

RUNTIME = "python3.11"


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopState]:
    home = tmp_path_factory.mktemp("laptop") / "home"
    yield laptops.up(home)
    laptops.down(home)


@dataclass
class Account:
    """The laptop's account: makes roles, functions and state machines for a test."""

    laptop: LaptopState

    def client(self, service: str) -> Any:
        return boto3.client(service, **self.laptop.client_arguments())

    def unchecked(self, service: str) -> Any:
        """A client that sends what the service has to refuse, and does not send it again."""
        config = Config(parameter_validation=False, retries={"max_attempts": 1})
        return boto3.client(service, **self.laptop.client_arguments(), config=config)

    def role(self, name: str, *allowed: str) -> str:
        iam = self.client("iam")
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Statement": []}')["Role"]["Arn"]
        statement = {"Effect": "Allow", "Action": list(allowed) or "none:None", "Resource": "*"}
        iam.put_role_policy(
            RoleName=name,
            PolicyName="allowed",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
        return arn

    def layer(self, name: str, files: dict[str, str]) -> str:
        published = self.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": archive(files)})
        return str(published["LayerVersionArn"])

    def function(self, name: str, source: str, *, layers: tuple[str, ...] = (), allowed: tuple[str, ...] = ()) -> str:
        arn: str = self.client("lambda").create_function(
            FunctionName=name,
            Runtime=RUNTIME,
            Role=self.role(f"{name}-role", *allowed),
            Handler="app.handler",
            Code={"ZipFile": archive({"app.py": source})},
            Layers=list(layers),
            Environment={"Variables": {"COLOUR": "blue"}},
            Timeout=10,
        )["FunctionArn"]
        return arn

    def invoke(self, function: str, event: Any = None) -> Any:
        """The function's result, or its error document."""
        return json.loads(
            self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))["Payload"].read()
        )

    def run(self, name: str, role: str, task: dict[str, Any], *, caught: str = "") -> dict[str, Any]:
        """The description of an ended execution of a machine with this one task; an error `caught` ends it well."""
        catch = {"Catch": [{"ErrorEquals": [caught], "Next": "Caught"}]} if caught else {}
        states = {"Do": task | {"End": True} | catch, "Caught": {"Type": "Pass", "End": True}}
        return self.ended(self.start(self.machine(name, states, role=role)))

    def machine(self, name: str, states: dict[str, Any], *, role: str = "", **fields: Any) -> str:
        """The ARN of a state machine with these states, which begins with `Do`."""
        definition = {"QueryLanguage": "JSONata", "StartAt": "Do", "States": states} | fields
        made = self.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=role or self.role(f"{name}-role")
        )
        return str(made["stateMachineArn"])

    def start(self, machine: str, given: Any = None, **named: str) -> str:
        """The ARN of a new execution."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps({} if given is None else given, ensure_ascii=False), **named
        )
        return str(started["executionArn"])

    def queue(self, name: str, *, sources: tuple[str, ...] = ("events.amazonaws.com",)) -> tuple[str, str]:
        """Address and ARN of a queue that takes messages from these services."""
        sqs = self.client("sqs")
        url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        if sources:
            allow = {"Effect": "Allow", "Principal": {"Service": list(sources)}, "Action": "sqs:SendMessage"}
            policy = {"Version": "2012-10-17", "Statement": [allow | {"Resource": arn}]}
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        return url, arn

    def message(self, url: str, seconds: int = 15) -> dict[str, Any] | None:
        """The next message of a queue with its attributes, None when none comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            asked = {"QueueUrl": url, "WaitTimeSeconds": 1, "MessageAttributeNames": ["All"]}
            if found := self.client("sqs").receive_message(**asked).get("Messages"):
                return dict(found[0])
        return None

    def ended(self, execution: str) -> dict[str, Any]:
        """The description of an execution, when it has ended."""
        machines = self.client("stepfunctions")
        while (found := machines.describe_execution(executionArn=execution))["status"] == "RUNNING":
            time.sleep(0.05)
        return dict(found)


@pytest.fixture(scope="session")
def account(laptop: LaptopState) -> Account:
    return Account(laptop)


def archive(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(name, text)
    return packed.getvalue()
