"""The laptop counts what roles of a stack ask of AWS, in the units that AWS bills, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import boto3
import pytest

if TYPE_CHECKING:
    from headrace_local.state import LaptopState

    from .conftest import Account

KILOBYTE = "x" * 1024


@pytest.fixture
def counted(laptop: LaptopState) -> Iterator[LaptopState]:
    page(laptop, "POST")
    yield laptop
    page(laptop, "DELETE")


@pytest.fixture(scope="module")
def as_role(account: Account) -> boto3.Session:
    """The session of a role, as a function has it."""
    arn = account.role("counted-role", "dynamodb:*", "s3:*")
    trusted = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    account.client("iam").update_assume_role_policy(RoleName="counted-role", PolicyDocument=trust)
    keys = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="one")["Credentials"]
    return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


@pytest.fixture
def table(account: Account) -> Iterator[str]:
    client = account.client("dynamodb")
    keys = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "of", "at")]
    index = {
        "IndexName": "by_of",
        "KeySchema": [{"AttributeName": "of", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    client.create_table(
        TableName="counted",
        AttributeDefinitions=keys,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[index],
        BillingMode="PAY_PER_REQUEST",
    )
    yield "counted"
    client.delete_table(TableName="counted")


def page(laptop: LaptopState, method: str) -> dict[tuple[str, str], float]:
    """The counts of the one role that calls, by service and what was asked."""
    data = b"{}" if method == "POST" else None
    with urlopen(Request(laptop.page("requests"), data=data, method=method)) as answer:
        requests = json.load(answer)["requests"]
    return {(item["service"], item["what"]): item["number"] for item in requests if item["caller"] == "counted-role"}


def test_units_are_those_of_items_indexes_transactions_and_refused_writes(
    counted: LaptopState, as_role: boto3.Session, table: str
) -> None:
    client = as_role.client("dynamodb", endpoint_url=counted.endpoint_url, region_name=counted.region)

    def item(name: str, **more: str) -> dict[str, Any]:
        return {"pk": {"S": name}} | {key: {"S": value} for key, value in more.items()}

    client.put_item(TableName=table, Item=item("a"))  # 1
    client.put_item(TableName=table, Item=item("b", text=KILOBYTE))  # 2: more than a kilobyte
    client.put_item(TableName=table, Item=item("c", of="x", at="1"))  # 2: the index too
    puts = [{"Put": {"TableName": table, "Item": item(name)}} for name in ("d", "e")]
    client.transact_write_items(TransactItems=puts)  # 4: each twice over
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        client.put_item(TableName=table, Item=item("a"), ConditionExpression="attribute_not_exists(pk)")  # 1
    client.get_item(TableName=table, Key=item("a"), ConsistentRead=True)  # 1
    client.get_item(TableName=table, Key=item("a"))  # a half
    counts = page(counted, "GET")
    assert counts["dynamodb", "write units"] == 10
    assert counts["dynamodb", "read units"] == 1.5
    assert (counts["dynamodb", "PutItem"], counts["dynamodb", "TransactWriteItems"]) == (4, 1)


def test_s3_is_counted_by_method_and_a_listing_as_one(
    counted: LaptopState, account: Account, as_role: boto3.Session
) -> None:
    account.client("s3").create_bucket(Bucket="counted")  # a person's: not counted
    client = as_role.client("s3", endpoint_url=counted.endpoint_url, region_name=counted.region)
    client.put_object(Bucket="counted", Key="a", Body=b"1")
    client.get_object(Bucket="counted", Key="a")
    client.list_objects_v2(Bucket="counted", Prefix="a")
    counts = page(counted, "GET")
    assert {what: number for (service, what), number in counts.items() if service == "s3"} == {
        "PUT": 1,
        "GET": 1,
        "LIST": 1,
    }


def test_nothing_is_counted_before_it_is_asked_for(laptop: LaptopState, as_role: boto3.Session) -> None:
    page(laptop, "POST")
    page(laptop, "DELETE")
    as_role.client("s3", endpoint_url=laptop.endpoint_url, region_name=laptop.region).list_buckets()
    assert page(laptop, "GET") == {}
