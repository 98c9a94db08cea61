"""A laptop with the smallest stack that the commands can read: buckets, ledger, queue, state machine, no functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from headrace_cli.main import run
from headrace_cli.stack.choice import Choice
from headrace_cli.stack.target import CONTRACTS_KEY, Target, target_for
from headrace_local import laptop as laptops
from headrace_local.state import LaptopState
from tests.support.fakes import contract

KEYS = ("pk", "sk")
STRINGS = [{"AttributeName": name, "AttributeType": "S"} for name in (*KEYS, "dataset_files", "arrived_at")]
TEMPLATE = {
    "Resources": {
        "Landing": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"VersioningConfiguration": {"Status": "Enabled"}},
        },
        "Lake": {"Type": "AWS::S3::Bucket"},
        "Intake": {"Type": "AWS::SQS::Queue"},
        "Ledger": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": STRINGS,
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                "GlobalSecondaryIndexes": [
                    {
                        "IndexName": "by_dataset",
                        "KeySchema": [
                            {"AttributeName": "dataset_files", "KeyType": "HASH"},
                            {"AttributeName": "arrived_at", "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
        },
        "Ingest": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": "headrace-ingest",
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "DefinitionString": json.dumps(
                    {"StartAt": "Do nothing", "States": {"Do nothing": {"Type": "Pass", "End": True}}}
                ),
            },
        },
    },
    "Outputs": {
        "LandingBucket": {"Value": {"Ref": "Landing"}},
        "LakeBucket": {"Value": {"Ref": "Lake"}},
        "IntakeQueueUrl": {"Value": {"Ref": "Intake"}},
        "LedgerTable": {"Value": {"Ref": "Ledger"}},
        "IngestStateMachineArn": {"Value": {"Ref": "Ingest"}},
        "Database": {"Value": "headrace"},
        "Workgroup": {"Value": "headrace"},
        "WarehouseSecretArn": {"Value": laptops.WAREHOUSE_SECRET},
    },
}

RunJson = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopState]:
    """A laptop with the small stack on it, and the contract `readings`."""
    home = tmp_path_factory.mktemp("laptop") / "home"
    state = laptops.up(home)
    environment = pytest.MonkeyPatch()
    environment.setenv("HEADRACE_HOME", str(home))
    try:
        cloudformation = boto3.client("cloudformation", **state.client_arguments())
        cloudformation.create_stack(
            StackName=state.stack, TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"]
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName=state.stack, WaiterConfig={"Delay": 0.2})
        target = target_for(Choice(endpoint_url=state.endpoint_url))
        contracts = json.dumps([contract().to_json()]).encode()
        target.client("s3").put_object(Bucket=target.output("LakeBucket"), Key=CONTRACTS_KEY, Body=contracts)
        yield state
    finally:
        environment.undo()
        laptops.down(home)


@pytest.fixture
def target(laptop: LaptopState) -> Target:
    """The small stack, as the commands see it."""
    return target_for(Choice(endpoint_url=laptop.endpoint_url))


@pytest.fixture
def run_json(laptop: LaptopState, capsys: pytest.CaptureFixture[str]) -> RunJson:
    """Run a command against the laptop with --json: its exit code and its one document."""

    def call(*arguments: str | Path) -> tuple[int, Any]:
        code = run(["--endpoint-url", laptop.endpoint_url, *map(str, arguments), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call
