"""A deployed stack in memory: the clients that the commands use, each as much of it as they ask for."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from botocore.exceptions import ClientError

from headrace.adapters.ledger import DynamoLedger
from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import BatchRecord, Event, FileRecord
from headrace.sources.adapters.ledger import DynamoSourceLedger
from headrace.sources.adapters.poll_queue import PollOrders
from headrace_cli.stack.landing import file_id_of
from headrace_cli.stack.services import TargetServices
from headrace_cli.stack.target import CONTRACTS_KEY, Target
from tests.support.fakes import MemoryServices, contract
from tests.support.ledger_fakes import MemoryEvents, MemoryFiles, MemoryLedger, Records
from tests.support.sources import MemorySourceLedger

NOW = datetime.now(UTC)
OUTPUTS = {
    "ExportTimeZone": "UTC",
    "LandingBucket": "landing",
    "LakeBucket": "lake",
    "LedgerTable": "ledger",
    "IntakeQueueUrl": "http://queue",
    "IngestStateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:headrace-ingest",
    "Database": "dev",
    "Workgroup": "headrace",
    "WarehouseSecretArn": "arn:secret",
}


def refused(operation: str, code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class Pages:
    """A paginator with one page."""

    def __init__(self, page: Any) -> None:
        self._page = page

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        yield self._page(**arguments)


@dataclass
class StoredObject:
    bucket: str
    key: str
    version: str
    data: bytes
    at: datetime


class MemoryS3:
    """Object versions, oldest first."""

    def __init__(self) -> None:
        self.stored: list[StoredObject] = []

    def put_object(self, *, Bucket: str, Key: str, Body: Any) -> dict[str, str]:  # noqa: N803
        data = Body if isinstance(Body, bytes) else Body.read()
        version = f"v{len(self.stored) + 1}"
        self.stored.append(
            StoredObject(Bucket, Key, version, data, datetime.now(UTC) + timedelta(seconds=len(self.stored)))
        )
        return {"VersionId": version}

    def get_object(self, *, Bucket: str, Key: str, VersionId: str = "") -> dict[str, Any]:  # noqa: N803
        every = [item for item in self.stored if (item.bucket, item.key) == (Bucket, Key)]
        found = [item for item in every if VersionId in {"", item.version}]
        if not found:
            raise refused("GetObject", "NoSuchKey")
        return {"Body": io.BytesIO(found[-1].data)}

    def get_paginator(self, operation: str) -> Pages:
        return Pages(self._versions if operation == "list_object_versions" else self._objects)

    def _versions(self, *, Bucket: str, Prefix: str) -> dict[str, Any]:  # noqa: N803
        fitting = [o for o in self.stored if o.bucket == Bucket and o.key.startswith(Prefix)]
        newest = {o.key: o.version for o in fitting}
        return {
            "Versions": [
                {
                    "Key": o.key,
                    "VersionId": o.version,
                    "Size": len(o.data),
                    "LastModified": o.at,
                    "ETag": '"e"',
                    "IsLatest": newest[o.key] == o.version,
                }
                for o in fitting
            ]
        }

    def _objects(self, *, Bucket: str, Prefix: str) -> dict[str, Any]:  # noqa: N803
        return {"Contents": self._versions(Bucket=Bucket, Prefix=Prefix)["Versions"]}


class MemoryStacks:
    """CloudFormation with one stack."""

    def __init__(self, outputs: dict[str, str]) -> None:
        self.outputs = outputs
        self.asked = 0
        self.created: datetime | None = None

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        self.asked += 1
        if StackName != "headrace":
            raise refused("DescribeStacks", "ValidationError", f"Stack with id {StackName} does not exist")
        outputs = [{"OutputKey": name, "OutputValue": value} for name, value in self.outputs.items()]
        created = {"CreationTime": self.created} if self.created else {}
        stack = {"StackName": StackName, "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}
        return {"Stacks": [stack | created]}


class MemoryBills:
    """Cost Explorer: pages of groups, or a refusal."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.pages: list[dict[str, str]] = [{}]
        self.refuses = False

    def get_cost_and_usage(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if self.refuses:
            raise refused("GetCostAndUsage", "AccessDeniedException")
        number = int(asked.get("NextPageToken", "0"))
        groups = [
            {"Keys": [name], "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}}
            for name, amount in self.pages[number].items()
        ]
        more = {"NextPageToken": str(number + 1)} if number + 1 < len(self.pages) else {}
        return {"ResultsByTime": [{"Groups": groups}], **more}


class MemoryIdentity:
    """STS: one caller, and how often it was asked for; or a refusal."""

    def __init__(self) -> None:
        self.arn = "arn:aws:sts::000000000000:assumed-role/operators/ada"
        self.asked = 0
        self.refuses = False

    def get_caller_identity(self) -> dict[str, str]:
        self.asked += 1
        if self.refuses:
            raise refused("GetCallerIdentity", "ExpiredToken")
        return {"Arn": self.arn}


class MemoryQueue:
    """The intake queue: how many messages are in it at each look; the last number stays."""

    def __init__(self) -> None:
        self.messages = [0]

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803
        now = self.messages.pop(0) if len(self.messages) > 1 else self.messages[0]
        return {"Attributes": dict.fromkeys(AttributeNames, "0") | {AttributeNames[0]: str(now)}}


class MemoryMachines:
    """Step Functions: running executions, and the history of any."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.history: dict[str, list[dict[str, Any]]] = {}

    def list_executions(self, *, stateMachineArn: str, statusFilter: str) -> dict[str, Any]:  # noqa: N803
        return {"executions": [{"name": name} for name in self.running]}

    def get_paginator(self, operation: str) -> Pages:
        return Pages(self._history)

    def _history(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        if executionArn not in self.history:
            raise refused("GetExecutionHistory", "ExecutionDoesNotExist")
        return {"events": self.history[executionArn]}


class MemoryDataApi:
    """The Data API: a result, in pages of records, or an error, for every statement."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.columns: list[str] = []
        self.pages: list[list[list[dict[str, Any]]]] = [[]]
        self.error: str | None = None
        self.states = ["SUBMITTED", "FINISHED"]
        self.sends_header = False
        self.cancelled = threading.Event()

    def execute_statement(self, **arguments: Any) -> dict[str, str]:
        self.asked.append(arguments)
        return {"Id": "s1"}

    def cancel_statement(self, *, Id: str) -> dict[str, bool]:  # noqa: N803
        self.cancelled.set()
        return {"Status": True}

    def describe_statement(self, *, Id: str) -> dict[str, Any]:  # noqa: N803
        if self.error:
            return {"Status": "FAILED", "Error": self.error, "CreatedAt": NOW}
        status = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        rows = sum(map(len, self.pages))
        return {
            "Status": status,
            "HasResultSet": bool(self.columns),
            "ResultRows": rows if self.columns else -1,
            "Duration": 1_500_000_000,
            "CreatedAt": NOW,
        }

    def get_statement_result(self, *, Id: str, NextToken: str = "0") -> dict[str, Any]:  # noqa: N803
        number = int(NextToken)
        more = {"NextToken": str(number + 1)} if number + 1 < len(self.pages) else {}
        columns = [{"name": name} for name in self.columns]
        return {"ColumnMetadata": columns, "Records": self.pages[number]} | more

    def get_statement_result_v2(self, *, Id: str, NextToken: str = "0") -> dict[str, Any]:  # noqa: N803
        page = self.get_statement_result(Id=Id, NextToken=NextToken)
        text = io.StringIO(newline="")
        if self.sends_header and NextToken == "0":
            csv.writer(text).writerow(self.columns)
        for record in page["Records"]:
            csv.writer(text).writerow(["" if "isNull" in field else next(iter(field.values())) for field in record])
        return page | {"Records": [{"CSVRecords": text.getvalue()}]}


class ReadableFiles(MemoryFiles):
    """Files, with the error of the real ones."""

    def get(self, file_id: str) -> FileRecord:
        if file_id not in self.records.files:
            raise KeyError(f"the ledger does not know FILE#{file_id}")
        return super().get(file_id)

    def get_all(self, file_ids: Iterable[str]) -> list[FileRecord]:
        return [self.get(file_id) for file_id in file_ids]


class ReadableEvents(MemoryEvents):
    """Events with what only the commands read."""

    def __init__(self, records: Records) -> None:
        super().__init__(records)
        self.stories: dict[str, list[Event]] = {}

    def of_file(self, file_id: str) -> list[Event]:
        return self.stories.get(file_id, [])

    def of_batch(self, batch: str) -> list[Event]:
        return self.stories.get(batch, [])


class ReadableLedger(MemoryLedger):
    """The ledger with what only the commands read. Stories are given by the test."""

    def __init__(self) -> None:
        super().__init__(files=ReadableFiles)
        self.events = readable = ReadableEvents(self.records)
        self.stories = readable.stories

    def add(self, *files: FileRecord) -> None:
        for file in files:
            self.given(file)

    def add_batch(self, batch: BatchRecord) -> None:
        self.records.batches[batch.batch] = batch


@dataclass
class FakeStack:
    """One stack with its services; `target` is what the commands get."""

    s3: MemoryS3 = field(default_factory=MemoryS3)
    cloudformation: MemoryStacks = field(default_factory=lambda: MemoryStacks(dict(OUTPUTS)))
    sqs: MemoryQueue = field(default_factory=MemoryQueue)
    stepfunctions: MemoryMachines = field(default_factory=MemoryMachines)
    data: MemoryDataApi = field(default_factory=MemoryDataApi)
    sts: MemoryIdentity = field(default_factory=MemoryIdentity)
    ce: MemoryBills = field(default_factory=MemoryBills)
    ledger: ReadableLedger = field(default_factory=ReadableLedger)
    source_ledger: MemorySourceLedger = field(default_factory=MemorySourceLedger)
    polls: list[str] = field(default_factory=list)
    services: MemoryServices = field(init=False)

    def __post_init__(self) -> None:
        self.services = MemoryServices(ledger=self.ledger)

    @property
    def target(self) -> Target:
        clients: dict[str, Any] = {
            "s3": self.s3,
            "cloudformation": self.cloudformation,
            "sqs": self.sqs,
            "stepfunctions": self.stepfunctions,
            "redshift-data": self.data,
            "sts": self.sts,
            "ce": self.ce,
        }
        target = Target(clients.__getitem__)
        target.ledger = cast("DynamoLedger", self.ledger)
        target.services = cast("TargetServices", self.services)
        target.source_ledger = cast("DynamoSourceLedger", self.source_ledger)
        target.poll_orders = cast("PollOrders", self)
        return target

    def send(self, server: str) -> None:
        """The queue of polls."""
        self.polls.append(server)

    def deploy(self, *contracts: Contract) -> None:
        """Put the contracts where a deployment puts them."""
        listed = json.dumps([item.to_json() for item in contracts or (contract(),)])
        self.s3.put_object(Bucket="lake", Key=CONTRACTS_KEY, Body=listed.encode())

    def land(self, key: str, data: bytes = b"x") -> str:
        """An object in the landing bucket. Returns its file id."""
        version = self.s3.put_object(Bucket="landing", Key=key, Body=data)["VersionId"]
        return file_id_of("landing", key, version)
