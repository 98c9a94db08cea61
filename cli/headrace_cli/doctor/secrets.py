"""The secrets: there, and of the form that the functions read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from botocore.exceptions import ClientError

from headrace.adapters.pagerduty import Routing
from headrace.adapters.secret import address
from headrace.domain.contract import Contract
from headrace.errors import TerminalError
from headrace_cli.doctor.examination import Examination
from headrace_cli.doctor.findings import Check, Finding, fault, ok, warning

CREATE = "aws secretsmanager create-secret --name {name} --secret-string {form}"
PUT = "aws secretsmanager put-secret-value --secret-id {name} --secret-string {form}"
WEBHOOK = "https://hooks.slack.com/services/"


def slack(examination: Examination) -> Iterator[Finding]:
    """Where notices go."""
    name = examination.parameters["SlackWebhookSecret"]
    text = _secret(examination, name)
    form = f"{WEBHOOK}…"
    if text is None:
        yield fault(
            f"the secret {name} does not exist: no notification can be sent", CREATE.format(name=name, form=form)
        )
        return
    try:
        webhook = address(text, f"the secret {name}", "the address of Slack's webhook")
    except TerminalError as error:
        yield fault(str(error), PUT.format(name=name, form=form))
        return
    if not webhook.startswith(WEBHOOK) and not examination.on_laptop:
        yield warning(f"the secret {name} does not hold a Slack webhook URL", PUT.format(name=name, form=form))
    else:
        yield ok(f"the secret {name} holds a webhook")


def pagerduty(examination: Examination) -> Iterator[Finding]:
    """Who is paged."""
    name = examination.parameters["PagerDutySecret"]
    if not name:
        yield warning("PagerDutySecret is empty: nobody is paged", "to be paged, name a secret with a routing key")
        return
    text = _secret(examination, name)
    form = "ROUTING_KEY"
    if text is None:
        remedy = CREATE.format(name=name, form=form) + ", or deploy with PagerDutySecret='\"\"'"
        yield fault(f"the secret {name} does not exist: nobody can be paged", remedy)
        return
    try:
        Routing.from_secret(text, f"the secret {name}")
        yield ok(f"the secret {name} holds a routing key")
    except TerminalError as error:
        yield fault(str(error), PUT.format(name=name, form=form))


def warehouse(examination: Examination) -> Iterator[Finding]:
    """Who loads; the stack's own warehouse makes the secret itself."""
    arn = examination.parameters["ExistingWarehouseSecretArn"]
    if examination.makes_warehouse:
        return
    if not arn:
        remedy = "deploy with ExistingWarehouseSecretArn=ARN, a secret with username and password"
        yield fault("CreateWarehouse=false needs the secret of a database user", remedy)
        return
    text = _secret(examination, arn)
    form = '\'{"username": "…", "password": "…"}\''
    if text is None:
        yield fault(f"the secret {arn} does not exist", CREATE.format(name="NAME", form=form))
    elif _user(text) is None:
        yield fault(f"the secret {arn} is not JSON with username and password", PUT.format(name=arn, form=form))
    else:
        yield ok(f"the warehouse's secret names the user {_user(text)}")


def servers(examination: Examination) -> Iterator[Finding]:
    """Credentials of the servers that deployed contracts fetch from."""
    for name in sorted(_server_secrets(examination.target.contracts.values())):
        text = _secret(examination, name)
        form = '\'{"username": "…", "password": "…"}\''
        if text is None:
            yield fault(f"the secret {name} of a server does not exist", CREATE.format(name=name, form=form))
        else:
            yield ok(f"the server's secret {name} is there")


def _server_secrets(contracts: Iterable[Contract]) -> set[str]:
    return {source.secret for contract in contracts for source in contract.sources if source.secret}


def _user(text: str) -> str | None:
    try:
        value = json.loads(text)
        return str(value["username"]) if value["password"] else None
    except (ValueError, KeyError, TypeError):
        return None


def _secret(examination: Examination, name: str) -> str | None:
    """The secret's text, None without one. It is never printed."""
    try:
        return str(examination.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise


CHECKS = (
    Check("secrets", "Slack", slack),
    Check("secrets", "PagerDuty", pagerduty),
    Check("secrets", "warehouse", warehouse),
    Check("secrets", "servers", servers, deployed=True),
)
