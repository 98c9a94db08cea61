"""`headrace doctor` on a laptop: as it is deployed, then spoilt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Laptop

WEBHOOK = "headrace/slack-webhook"


def test_a_laptop_as_it_is_deployed_has_no_fault(laptop: Laptop) -> None:
    document = laptop.headrace("doctor")
    wrong = [item for item in document["findings"] if item["level"] in {"fault", "warning"}]
    assert [item for item in wrong if item["check"] != "alarms"] == []  # what other tests break may have raised one
    assert {item["area"] for item in document["findings"]} == {
        "account", "build", "secrets", "stack", "storage", "warehouse",
    }  # fmt: skip


@pytest.fixture
def spoilt(laptop: Laptop) -> Iterator[Laptop]:
    """The landing bucket sends no events and keeps no new versions; the webhook has a blank in it."""
    s3, secrets, bucket = laptop.client("s3"), laptop.client("secretsmanager"), laptop.output("LandingBucket")
    webhook = secrets.get_secret_value(SecretId=WEBHOOK)["SecretString"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    secrets.put_secret_value(SecretId=WEBHOOK, SecretString=f"{webhook[:-3]} {webhook[-3:]}")
    yield laptop
    events: dict[str, dict[str, str]] = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=events)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    secrets.put_secret_value(SecretId=WEBHOOK, SecretString=webhook)


def test_a_spoilt_laptop_is_found_out(spoilt: Laptop) -> None:
    said = spoilt.run("doctor")
    assert said.returncode == 1
    assert "3 faults" in said.stdout
    for words in ("is not versioned", "sends no events", "no blank, quote or line end", "put-bucket-versioning"):
        assert words in said.stdout
