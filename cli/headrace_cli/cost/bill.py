"""The real bill beside it: what Cost Explorer says of the services that Headrace uses, day by day.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from headrace_cli.output.failures import CommandError
from headrace_cli.stack.target import Target

SERVICES = (
    "Amazon Redshift",
    "AWS Step Functions",
    "AWS Lambda",
    "Amazon DynamoDB",
    "Amazon Simple Storage Service",
    "CloudWatch Events",
    "Amazon Simple Queue Service",
    "Amazon Simple Notification Service",
    "AWS Glue",
    "AmazonCloudWatch",
)
"""As Cost Explorer names them. They are those of the whole account, unless a tag narrows them down."""
MOST_PAGES = 100
LONGEST_DAYS = 365
ON_LAPTOP = "The laptop has no bill."
DENIED = (
    "The bill cannot be read: you need ce:GetCostAndUsage, and Cost Explorer has to be enabled for the account ({})."
)


def bill(target: Target, since: date, until: date, tag: str | None = None) -> dict[str, Any]:
    """`{"from", "to", "tag", "services": {name: USD}, "usd", "why"}` of the days from `since` up to before `until`.

    `why` says why there is no bill. A `tag`, KEY=VALUE, has to be activated for cost allocation. Each page of the
    answer costs 0.01 USD. Raises CommandError for a tag without a value.
    """
    found: dict[str, Any] = {"from": str(since), "to": str(until), "tag": tag, "services": {}, "usd": 0.0, "why": ""}
    if target.endpoint_url:
        return found | {"why": ON_LAPTOP}
    asked = _asked(max(since, until - timedelta(days=LONGEST_DAYS)), max(until, since + timedelta(days=1)), tag)
    try:
        services = _services(target.client("ce"), asked)
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        return found | {"why": DENIED.format(code)}
    return found | {"services": services, "usd": sum(services.values())}


def _asked(since: date, until: date, tag: str | None) -> dict[str, Any]:
    wanted: dict[str, Any] = {"Dimensions": {"Key": "SERVICE", "Values": list(SERVICES)}}
    if tag:
        key, equals, value = tag.partition("=")
        if not (key and equals):
            raise CommandError(f"{tag!r} is no tag: write KEY=VALUE, as it is activated for cost allocation")
        wanted = {"And": [wanted, {"Tags": {"Key": key, "Values": [value]}}]}
    return {
        "TimePeriod": {"Start": str(since), "End": str(until)},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
        "Filter": wanted,
    }


def _services(client: Any, asked: dict[str, Any]) -> dict[str, float]:
    """USD by service, those that cost something."""
    costs, more = Counter[str](), dict[str, str]()
    for _ in range(MOST_PAGES):
        page = client.get_cost_and_usage(**asked, **more)
        for day in page["ResultsByTime"]:
            for group in day["Groups"]:
                costs[group["Keys"][0]] += float(group["Metrics"]["UnblendedCost"]["Amount"])  # type: ignore[assignment]
        if not page.get("NextPageToken"):
            break
        more = {"NextPageToken": page["NextPageToken"]}
    return {name: cost for name, cost in costs.most_common() if cost}
