"""`headrace doctor` on a laptop: as it is deployed, then spoilt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Laptop

WEBHOOK = "headrace/slack-webhook"


FOREIGN_KEY = "arn:aws:kms:us-east-1:000000000000:key/0a1b2c3d"


def encrypt(s3: Any, bucket: str, default: dict[str, str]) -> None:
    rules = [{"ApplyServerSideEncryptionByDefault": default}]
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})


def test_a_laptop_as_it_is_deployed_has_no_fault(laptop: Laptop) -> None:
    document = laptop.headrace("doctor")
    wrong = [item for item in document["findings"] if item["level"] in {"fault", "warning"}]
    assert [item for item in wrong if item["check"] != "alarms"] == []  # what other tests break may have raised one
    assert {item["area"] for item in document["findings"]} == {
        "account", "build", "secrets", "stack", "storage", "warehouse",
    }  # fmt: skip


@pytest.fixture
def spoilt(laptop: Laptop) -> Iterator[Laptop]:
    """Landing sends no events, keeps no new versions and is open, the lake has a foreign key, the webhook is binary."""
    s3, secrets, bucket = laptop.client("s3"), laptop.client("secretsmanager"), laptop.output("LandingBucket")
    webhook = secrets.get_secret_value(SecretId=WEBHOOK)["SecretString"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    secrets.put_secret_value(SecretId=WEBHOOK, SecretBinary=b"\xff\x00")
    lake, closed = laptop.output("LakeBucket"), s3.get_public_access_block(Bucket=bucket)
    s3.delete_public_access_block(Bucket=bucket)
    encrypt(s3, lake, {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": FOREIGN_KEY})
    yield laptop
    encrypt(s3, lake, {"SSEAlgorithm": "AES256"})
    block = closed["PublicAccessBlockConfiguration"]
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    events: dict[str, dict[str, str]] = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=events)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    secrets.put_secret_value(SecretId=WEBHOOK, SecretString=webhook)


def test_a_spoilt_laptop_is_found_out(spoilt: Laptop) -> None:
    said = spoilt.run("doctor")
    assert said.returncode == 1
    assert "5 faults" in said.stdout
    for words in (
        "is not versioned", "put-bucket-versioning", "sends no events", "put-bucket-notification-configuration",
        "is binary", "put-secret-value", "does not block public access", "put-public-access-block",
        f"encrypts with the key {FOREIGN_KEY}", f"LakeKmsKeyArn={FOREIGN_KEY}",
    ):  # fmt: skip
        assert words in " ".join(said.stdout.split()), words


def test_a_copy_role_that_is_missing_or_may_nothing_is_found_out(laptop: Laptop) -> None:
    iam, account = laptop.client("iam"), laptop.client("sts").get_caller_identity()["Account"]
    arn = f"arn:aws:iam::{account}:role/copies-nothing"
    missing = laptop.run("doctor", "-p", f"CopyRole={arn}")
    iam.create_role(RoleName="copies-nothing", AssumeRolePolicyDocument=json.dumps({"Statement": []}))
    useless = laptop.run("doctor", "-p", f"CopyRole={arn}")
    assert (missing.returncode, useless.returncode) == (1, 1)
    assert "aws iam create-role" in missing.stdout
    for words in ("does not trust Redshift", "aws iam update-assume-role-policy", "may not s3:GetObject"):
        assert words in useless.stdout


def test_a_value_that_the_template_does_not_take_is_refused_in_one_sentence(laptop: Laptop) -> None:
    said = laptop.run("doctor", "-p", "TransformConcurrency=many")
    assert (said.returncode, "it is a number" in said.stderr, "fault in Headrace" in said.stderr) == (1, True, False)
