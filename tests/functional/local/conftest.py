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
        machines = self.client("stepfunctions")
        catch = {"Catch": [{"ErrorEquals": [caught], "Next": "Caught"}]} if caught else {}
        states = {"Do": task | {"End": True} | catch, "Caught": {"Type": "Pass", "End": True}}
        definition = {"QueryLanguage": "JSONata", "StartAt": "Do", "States": states}
        machine = machines.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
        execution = machines.start_execution(stateMachineArn=machine["stateMachineArn"], input="{}")["executionArn"]
        while (ended := machines.describe_execution(executionArn=execution))["status"] == "RUNNING":
            time.sleep(0.05)
        return dict(ended)


@pytest.fixture(scope="session")
def account(laptop: LaptopState) -> Account:
    return Account(laptop)


def archive(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(name, text)
    return packed.getvalue()
