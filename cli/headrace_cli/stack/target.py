"""What a command works against: one deployed stack, on the laptop or on AWS, reached through botocore."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from headrace.domain.lake_folders import CONTRACTS
from headrace_cli.output.failures import CommandError
from headrace_cli.stack.choice import STACK, Choice
from headrace_cli.stack.home import Laptop, laptop

if TYPE_CHECKING:
    from datetime import datetime

    from botocore.config import Config
    from botocore.session import Session

    from headrace.adapters.ledger import DynamoLedger
    from headrace.domain.contract import Contract
    from headrace.domain.export import Export
    from headrace.exports.adapters.ledger import DynamoExports
    from headrace.sources.adapters.ledger import DynamoSourceLedger
    from headrace.sources.adapters.poll_queue import PollOrders
    from headrace.usecases.ports import IntakeQueues, Landing, UndeliveredNotices
    from headrace_cli.stack.services import TargetServices

CONTRACTS_KEY = f"{CONTRACTS}/contracts.json"
"""In the lake: the contracts the stack was deployed with, as a JSON list."""
EXPORTS_KEY = f"{CONTRACTS}/exports.json"
"""And the exports."""
LOCAL_REGION = "us-east-1"
AWS_CHOSEN = ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION")
"""Variables that select AWS."""
ON_AWS = {"connect_timeout": 5, "read_timeout": 60, "retries": {"mode": "standard", "max_attempts": 4}}
ON_LAPTOP = {"connect_timeout": 2, "read_timeout": 60, "retries": {"mode": "standard", "max_attempts": 2}}
"""A laptop that does not answer is not up: more than one retry would only hide that for a while."""


class Target:
    """A deployed stack. `connect` makes the client of a service; outputs and contracts are read once.

    `token` lets the commands read the laptop's own pages.
    """

    def __init__(
        self,
        connect: Callable[[str], Any],
        stack: str = STACK,
        endpoint_url: str | None = None,
        token: str | None = None,
        session: Session | None = None,
    ) -> None:
        self._connect = connect
        self._session = session
        self._clients: dict[str, Any] = {}
        self.stack = stack
        self.endpoint_url = endpoint_url
        self.caller: str | None = None
        self._token = token

    def client(self, service: str) -> Any:
        """The botocore client of a service, made on first use."""
        if service not in self._clients:
            self._clients[service] = self._connect(service)
        return self._clients[service]

    @cached_property
    def boto3_session(self) -> Any:
        """The same for a library that wants a session of boto3's; `config` is its clients'."""
        import boto3

        return boto3.Session(botocore_session=self._session)

    @property
    def config(self) -> Config:
        """How clients call the stack."""
        from botocore.config import Config

        from headrace_local.clients import direct

        return direct(**ON_LAPTOP) if self.endpoint_url else Config(**ON_AWS)

    def page(self, name: str) -> str:
        """The address of one of the laptop's own pages. Raises CommandError for a stack that is on no known laptop."""
        if not (self.endpoint_url and self._token):
            raise CommandError("this needs the laptop's home: set HEADRACE_HOME to it")
        return f"{self.endpoint_url}/_headrace/{self._token}/{name}"

    def output(self, name: str) -> str:
        """One of the stack's CloudFormation outputs. Raises CommandError when it has none of that name."""
        if name not in self.outputs:
            raise CommandError(f"the stack {self.stack} has no output {name}: deploy it again")
        return self.outputs[name]

    @cached_property
    def outputs(self) -> dict[str, str]:
        """All CloudFormation outputs of the stack. Raises CommandError when there is no such stack."""
        return {item["OutputKey"]: item["OutputValue"] for item in self._described.get("Outputs", [])}

    @property
    def created(self) -> datetime | None:
        """When the stack was created, if CloudFormation says so. Raises CommandError when there is no such stack."""
        at: datetime | None = self._described.get("CreationTime")
        return at

    @cached_property
    def _described(self) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        try:
            answer = self.client("cloudformation").describe_stacks(StackName=self.stack)
        except ClientError as error:
            if "does not exist" in str(error):
                raise CommandError(f"no stack {self.stack} is deployed here: {self._advice}") from error
            raise
        found: dict[str, Any] = answer["Stacks"][0]
        return found

    @property
    def is_deployed(self) -> bool:
        """Whether there is such a stack."""
        try:
            return bool(self.outputs)
        except CommandError:
            return False

    @property
    def _advice(self) -> str:
        return (
            "`headrace deploy` deploys it"
            if self.endpoint_url
            else "name another with --stack or --region, or deploy it"
        )

    @cached_property
    def ledger(self) -> DynamoLedger:
        """The stack's ledger."""
        from headrace.adapters.ledger import DynamoLedger

        keep_days, audit_days = (int(self.outputs.get(name, 0)) for name in ("KeepDays", "AuditDays"))
        return DynamoLedger(self.client("dynamodb"), self.output("LedgerTable"), keep_days, audit_days)

    @cached_property
    def services(self) -> TargetServices:
        """What the use cases need, on this stack."""
        from headrace_cli.stack.services import TargetServices

        return TargetServices(self)

    @cached_property
    def landing(self) -> Landing:
        """The landing bucket, to list and to land objects in."""
        from headrace.adapters.landing import LandingBucket

        return LandingBucket(self.client("s3"), self.output("LandingBucket"))

    @cached_property
    def queues(self) -> IntakeQueues:
        """The intake queue and its dead-letter queue."""
        from headrace.adapters.queues import IntakeQueues

        dead_letters = self.output("IntakeDeadLetterQueueUrl")
        return IntakeQueues(self.client("sqs"), self.output("IntakeQueueUrl"), dead_letters)

    @cached_property
    def undelivered(self) -> UndeliveredNotices:
        """The queue of notices that could not be delivered."""
        from headrace.adapters.queues import UndeliveredNotices

        sqs, sns, functions = (self.client(service) for service in ("sqs", "sns", "lambda"))
        queue, topic = self.output("UndeliveredNoticesQueueUrl"), self.output("NotificationTopicArn")
        return UndeliveredNotices(sqs, sns, functions, queue, topic)

    @cached_property
    def source_ledger(self) -> DynamoSourceLedger:
        """What the stack's ledger knows of servers and their files."""
        from headrace.sources.adapters.ledger import DynamoSourceLedger

        keep_days = int(self.outputs.get("KeepDays", 0))
        return DynamoSourceLedger(self.client("dynamodb"), self.output("LedgerTable"), keep_days)

    @cached_property
    def poll_orders(self) -> PollOrders:
        """The queue of polls to be made."""
        from headrace.sources.adapters.poll_queue import PollOrders

        return PollOrders(self.client("sqs"), self.output("PollQueueUrl"))

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        """The contracts the stack was deployed with, by dataset name, in alphabetical order."""
        from headrace.domain.contract import Contract

        found = [Contract.from_json(item) for item in self._deployed(CONTRACTS_KEY)]
        return {contract.dataset: contract for contract in sorted(found, key=lambda item: item.dataset)}

    def _deployed(self, key: str) -> list[dict[str, Any]]:
        """A list that the deployment has left in the lake. Raises CommandError when there is none."""
        from botocore.exceptions import ClientError

        try:
            answer = self.client("s3").get_object(Bucket=self.output("LakeBucket"), Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                raise CommandError(f"the stack {self.stack} has no contracts yet: deploy it again") from error
            raise
        found: list[dict[str, Any]] = json.loads(answer["Body"].read())
        return found

    @cached_property
    def export_runs(self) -> DynamoExports:
        """The runs of exports."""
        from headrace.exports.adapters.ledger import DynamoExports

        return DynamoExports(self.client("dynamodb"), self.output("LedgerTable"))

    @property
    def exports(self) -> list[Export]:
        """The exports the stack was deployed with. Raises CommandError when there is no such list."""
        from headrace.domain.export import Export

        return [Export.from_json(item) for item in self._deployed(EXPORTS_KEY)]

    def export(self, name: str | None) -> Export:
        """One export, the only one without a name. Raises CommandError, naming the known ones."""
        found = self.exports
        chosen = [export for export in found if name in {None, export.name}]
        if len(chosen) == 1:
            return chosen[0]
        known = ", ".join(export.name for export in found) or "none: declare one in exports/"
        problem = f"no export is called {name} here" if name else "name the export"
        raise CommandError(f"{problem}; deployed: {known}")

    def contract(self, dataset: str) -> Contract:
        """One dataset's contract. Raises CommandError, naming the known ones, for a dataset that is not deployed."""
        if dataset not in self.contracts:
            known = ", ".join(self.contracts) or "none"
            raise CommandError(f"no dataset is called {dataset} here; deployed: {known}")
        return self.contracts[dataset]


def target_for(choice: Choice) -> Target:
    """The chosen stack: a given endpoint or profile, else the laptop that runs here, else AWS if it was named at all.

    When a laptop has stopped, a command must not silently work on an account instead.
    """
    local = laptop()
    if choice.endpoint_url:
        return _local(choice, choice.endpoint_url, local)
    if local and not choice.profile:
        _tell_of_unused_profile(local.endpoint_url)
        region = choice.region or local.region
        return _local(Choice(None, region, None, choice.stack or local.stack), local.endpoint_url, local)
    if not (choice.profile or choice.region or any(os.environ.get(name) for name in AWS_CHOSEN)):
        raise CommandError(
            "no laptop runs here: `headrace up` starts one; for a stack on AWS give --profile or --region"
        )
    return aws_target(choice)


def target_at(home: Path, stack: str = STACK) -> Target:
    """The stack on the laptop of a home. Raises CommandError when no laptop runs there."""
    local = laptop(home)
    if local is None:
        raise CommandError(f"no laptop runs in {home}")
    return _local(Choice(None, local.region, None, stack), local.endpoint_url, local)


def _tell_of_unused_profile(endpoint_url: str) -> None:
    """A user who has exported a profile may believe they are on AWS."""
    if profile := os.environ.get("AWS_PROFILE"):
        meant = f"for AWS, pass `--profile {profile}`"
        typer.echo(f"headrace: using the laptop running here, at {endpoint_url}; {meant}.", err=True)


def target_of(context: typer.Context) -> Target:
    """The target of the running command. Made on first use, so that `--help` and `check` need no AWS."""
    if not isinstance(context.obj, Target):
        context.obj = target_for(context.obj)
    return context.obj


def aws_target(choice: Choice) -> Target:
    """The stack on AWS, whatever laptop runs here. Raises CommandError in a shell that has the laptop's address."""
    from botocore.config import Config

    if "//127.0.0.1:" in os.environ.get("AWS_ENDPOINT_URL", ""):
        raise CommandError("this shell has the laptop's address: `unset AWS_ENDPOINT_URL` to reach AWS")

    # AWS's own command line reads AWS_REGION first; botocore does not read it at all.
    session = _session(choice.profile, choice.region or os.environ.get("AWS_REGION"))
    return Target(partial(session.create_client, config=Config(**ON_AWS)), choice.stack or STACK, session=session)


def _session(profile: str | None, region: str | None) -> Session:
    """Botocore's session: boto3 would make the same clients, and take twice as long to import."""
    from botocore.session import Session

    session = Session(profile=profile)
    if region:
        session.set_config_variable("region", region)
    return session


def _local(choice: Choice, endpoint_url: str, local: Laptop | None) -> Target:
    """A given endpoint, with the keys of the laptop there or, without one, those that botocore finds."""
    from headrace_local.clients import direct, isolated

    known = local if local and local.endpoint_url == endpoint_url else None
    region = choice.region or LOCAL_REGION
    if known and not choice.profile:
        session = isolated(region, known.access_key_id, known.secret_access_key)
    else:
        session = _session(choice.profile, region)
    connect = partial(session.create_client, endpoint_url=endpoint_url, config=direct(**ON_LAPTOP))
    return Target(connect, choice.stack or STACK, endpoint_url, known.token if known else None, session)
