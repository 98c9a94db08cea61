"""The buckets, the keys that they are encrypted with, and who is notified of alarms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from headrace_cli.doctor.examination import Examination
from headrace_cli.doctor.findings import Check, Finding, fault, ok, warning
from headrace_cli.output.formatting import count

PUBLIC_ACCESS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def landing(examination: Examination) -> Iterator[Finding]:
    """Each version of a key is a file, and each is an event: the pipeline rests on both."""
    bucket = examination.target.output("LandingBucket")
    s3 = examination.client("s3")
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        remedy = f"aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"
        yield fault(f"{bucket} is not versioned: a file replaced before it is read is lost", remedy)
    else:
        yield ok(f"{bucket} is versioned")
    if "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=bucket):
        remedy = "aws s3api put-bucket-notification-configuration --bucket {} --notification-configuration '{}'"
        setting = '{"EventBridgeConfiguration": {}}'
        text = f"{bucket} sends no events to EventBridge: landed files are not loaded"
        yield fault(text, f"{remedy.format(bucket, setting)}, then `headrace backfill`")
    else:
        yield ok(f"{bucket} sends its events to EventBridge")
    yield from _closed(s3, bucket)


def lake(examination: Examination) -> Iterator[Finding]:
    """The lake has rows of everybody's."""
    yield from _closed(examination.client("s3"), examination.target.output("LakeBucket"))


def _closed(s3: Any, bucket: str) -> Iterator[Finding]:
    """CloudFormation changes nothing back that a person changed: the remedy is S3's own command."""
    try:
        found = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        found = {}
    if found and all(found.values()):
        yield ok(f"{bucket} blocks public access")
    else:
        every = ",".join(f"{name}=true" for name in PUBLIC_ACCESS)
        remedy = f"aws s3api put-public-access-block --bucket {bucket} --public-access-block-configuration {every}"
        yield fault(f"{bucket} does not block public access", remedy)


def keys(examination: Examination) -> Iterator[Finding]:
    """Objects under a customer's key can be read only by who may use the key."""
    parameter = examination.parameters.get("LandingKmsKeyArn", "")
    for name in ("LandingBucket", "LakeBucket"):
        bucket = examination.target.output(name)
        rules = examination.client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"][
            "Rules"
        ]
        for rule in rules:
            default = rule["ApplyServerSideEncryptionByDefault"]
            key = default.get("KMSMasterKeyID", "")
            if default["SSEAlgorithm"].startswith("aws:kms") and key not in {"", parameter}:
                text = f"{bucket} encrypts with the key {key}, which the functions are not allowed to use"
                yield fault(text, f"deploy with {name.removesuffix('Bucket')}KmsKeyArn={key}")
            else:
                yield ok(f"{bucket} encrypts with {default['SSEAlgorithm']}")


def alarms(examination: Examination) -> Iterator[Finding]:
    """Alarms that have gone off, and an address that has not confirmed."""
    pages = examination.client("cloudwatch").get_paginator("describe_alarms")
    found = pages.paginate(StateValue="ALARM", AlarmNamePrefix=examination.target.stack).search("MetricAlarms[]")
    ringing = [alarm for alarm in found if alarm and alarm.get("StateValue") == "ALARM"]
    for alarm in ringing:
        yield warning(f"the alarm {alarm['AlarmName']} is on", alarm.get("AlarmDescription", "see docs/operations.md"))
    if not ringing:
        yield ok("no alarm is on")


def subscriptions(examination: Examination) -> Iterator[Finding]:
    """Who is notified at all."""
    topic = examination.target.output("NotificationTopicArn")
    pages = examination.client("sns").get_paginator("list_subscriptions_by_topic")
    found = list(pages.paginate(TopicArn=topic).search("Subscriptions[]"))
    waiting = [item["Endpoint"] for item in found if item["SubscriptionArn"] == "PendingConfirmation"]
    for address in waiting:
        yield warning(f"{address} has not confirmed its subscription: it receives nothing", "open the mail from AWS")
    if not found:
        yield fault("nothing is subscribed to the notification topic", "deploy again")
    elif not waiting:
        yield ok(f"{count(len(found), 'subscription')} to the notification topic")


CHECKS = (
    Check("storage", "landing", landing, deployed=True),
    Check("storage", "lake", lake, deployed=True),
    Check("storage", "keys", keys, deployed=True),
    Check("stack", "alarms", alarms, deployed=True),
    Check("stack", "subscriptions", subscriptions, deployed=True),
)
