"""What holds state (ledger, buckets, queues) survives every update; of a deletion, what the template retains survives.

The resources are the template's own; those that only work are left out.
"""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import WaiterError

from headrace_local.state import LaptopState
from tests.support.template import TEMPLATE

STATEFUL = {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue"}
RESOURCES = {name: body for name, body in TEMPLATE["Resources"].items() if body["Type"] in STATEFUL}
RETAINED = {"LandingBucket", "LakeBucket", "LedgerTable", "ExportBucket"}
LANDED = b"meter,value\n1,2\n"


def document(**changes: dict[str, Any]) -> str:
    resources = json.loads(json.dumps(RESOURCES))
    for name, properties in changes.items():
        resources[name]["Properties"] |= properties
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})


class Stack:
    """The stateful part of the stack, with something in each place."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.s3, self.sqs, self.dynamodb, self.formation = (
            boto3.client(name, **arguments) for name in ("s3", "sqs", "dynamodb", "cloudformation")
        )

    def deploy(self, how: str, body: str) -> None:
        """Create or update it, and wait."""
        getattr(self.formation, f"{how}_stack")(StackName="state", TemplateBody=body)
        self.formation.get_waiter(f"stack_{how}_complete").wait(StackName="state", WaiterConfig={"Delay": 1})
        found = self.formation.describe_stack_resources(StackName="state")["StackResources"]
        self.ids = {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in found}

    def fill(self) -> None:
        """A file in landing, a record of it, a message about it."""
        self.s3.put_object(Bucket=self.ids["LandingBucket"], Key="a.csv", Body=LANDED)
        item = {"pk": {"S": "FILE#a"}, "sk": {"S": "FILE"}, "status": {"S": "loaded"}}
        self.dynamodb.put_item(TableName=self.ids["LedgerTable"], Item=item)
        self.sqs.send_message(QueueUrl=self.ids["IntakeQueue"], MessageBody="event of a.csv")

    @property
    def landed(self) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.ids["LandingBucket"], Key="a.csv")["Body"].read())

    @property
    def recorded(self) -> str:
        key = {"pk": {"S": "FILE#a"}, "sk": {"S": "FILE"}}
        return str(self.dynamodb.get_item(TableName=self.ids["LedgerTable"], Key=key)["Item"]["status"]["S"])

    @property
    def queues(self) -> list[str]:
        return list(self.sqs.list_queues().get("QueueUrls", []))


@pytest.fixture
def stack(laptop: LaptopState) -> Stack:
    return Stack(laptop.client_arguments())


def test_the_template_says_of_every_stateful_resource_what_survives() -> None:
    for name, body in RESOURCES.items():
        assert (body.get("DeletionPolicy") or "").startswith("Retain") == (name in RETAINED), name
        assert body.get("UpdateReplacePolicy") == ("Retain" if name in RETAINED else None), name


def test_no_physical_name_forces_a_replacement() -> None:
    names = {"BucketName", "TableName", "QueueName"}
    assert not [name for name, body in RESOURCES.items() if names & set(body["Properties"])]


def test_an_update_loses_nothing_and_a_deletion_only_what_the_template_lets_go(stack: Stack) -> None:
    stack.deploy("create", document())
    stack.fill()
    before = dict(stack.ids)
    changes: dict[str, dict[str, Any]] = {
        "LandingBucket": {"Tags": [{"Key": "team", "Value": "data"}]},
        "LedgerTable": {"Tags": [{"Key": "team", "Value": "data"}]},
        "IntakeQueue": {"VisibilityTimeout": 150},
    }
    stack.deploy("update", document(**changes))
    assert stack.ids == before
    assert (stack.landed, stack.recorded) == (LANDED, "loaded")
    (message,) = stack.sqs.receive_message(QueueUrl=stack.ids["IntakeQueue"])["Messages"]
    assert message["Body"] == "event of a.csv"
    stack.formation.delete_stack(StackName="state")
    stack.formation.get_waiter("stack_delete_complete").wait(StackName="state", WaiterConfig={"Delay": 1})
    assert (stack.landed, stack.recorded) == (LANDED, "loaded")
    assert not {before["IntakeQueue"], before["IntakeDeadLetterQueue"]} & set(stack.queues)


def test_a_creation_that_fails_leaves_only_the_lake_behind(stack: Stack) -> None:
    def everything() -> set[str]:
        buckets = {bucket["Name"] for bucket in stack.s3.list_buckets()["Buckets"]}
        return buckets | set(stack.dynamodb.list_tables()["TableNames"])

    before = everything()
    template = json.loads(document())
    nobody_signals = {"Handle": {"Ref": "Handle"}, "Timeout": "1"}
    template["Resources"] |= {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "LastOfAll": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "Properties": nobody_signals,
            "DependsOn": sorted(RESOURCES),
        },
    }
    with pytest.raises(WaiterError):
        stack.deploy("create", json.dumps(template))
    (left,) = everything() - before
    assert "lakebucket" in left.lower()
