"""The secrets: there, and of the form that the functions read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial

from botocore.exceptions import ClientError

from headrace.adapters.channels import CHANNELS
from headrace.adapters.channels.channel import Channel
from headrace.domain.contract import Contract
from headrace.errors import TerminalError
from headrace_cli.doctor.examination import Examination
from headrace_cli.doctor.findings import Check, Finding, UnusableError, fault, ok, warning

CREATE = "aws secretsmanager create-secret --name {name} --secret-string {form}"
PUT = "aws secretsmanager put-secret-value --secret-id {name} --secret-string {form}"


RESTORE = "aws secretsmanager restore-secret --secret-id {name}"


def channel(called: Channel, examination: Examination) -> Iterator[Finding]:
    """Where notifications go."""
    name = examination.parameters[called.parameter]
    if not name and called.extra:
        return
    if not name:
        remedy = f"to change that, name a secret that holds {called.holds}"
        yield warning(f"{called.parameter} is empty: {called.title} receives nothing", remedy)
        return
    text = _secret(examination, name)
    if text is None:
        optional = f", or deploy with {called.parameter}='\"\"'" if called.optional else ""
        remedy = CREATE.format(name=name, form=called.form) + optional
        yield fault(f"the secret {name} does not exist: {called.title} can receive nothing", remedy)
        return
    try:
        called.read(text, f"the secret {name}")
    except TerminalError as error:
        yield fault(str(error), PUT.format(name=name, form=called.form))
        return
    if not text.startswith(called.begins) and not examination.on_laptop:
        reason = f"the secret {name} does not begin with {called.begins}"
        yield warning(reason, PUT.format(name=name, form=called.form))
    else:
        yield ok(f"the secret {name} holds {called.holds}")


def warehouse(examination: Examination) -> Iterator[Finding]:
    """Who loads; the stack's own warehouse makes the secret itself."""
    arn = examination.parameters["ExistingWarehouseSecretArn"]
    if examination.makes_warehouse:
        return
    if user := examination.parameters["DbUser"]:
        yield ok(f"the user {user} of the cluster logs in with temporary credentials")
        return
    if not arn:
        remedy = "deploy with ExistingWarehouseSecretArn=ARN, a secret with username and password"
        yield fault("CreateWarehouse=false needs the secret of a database user (or DbUser, for a cluster)", remedy)
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
    """The secret's text, None without one. It is never printed. Raises UnusableError for one that cannot be read."""
    try:
        answer = examination.client("secretsmanager").get_secret_value(SecretId=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        if "deletion" in str(error):
            raise UnusableError(f"the secret {name} is marked for deletion", RESTORE.format(name=name)) from None
        raise
    if "SecretString" not in answer:
        raise UnusableError(f"the secret {name} is binary", PUT.format(name=name, form="TEXT"))
    return str(answer["SecretString"])


CHECKS = (
    *(Check("secrets", called.title, partial(channel, called)) for called in CHANNELS.values() if called.parameter),
    Check("secrets", "warehouse", warehouse),
    Check("secrets", "servers", servers, deployed=True),
)
