"""`headrace doctor` over accounts that lack one thing each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from headrace.errors import TransientError
from headrace_cli.commands.look.doctor import CHECKS, document_of
from headrace_cli.doctor.examination import Examination, parsed
from headrace_cli.doctor.findings import Level, findings_of
from headrace_cli.doctor.warehouse import READS
from headrace_cli.output.failures import CommandError
from headrace_cli.stack.services import TargetServices
from headrace_cli.stack.target import Target

ROOT = Path(__file__).parents[5]
OUTPUTS = {
    "LandingBucket": "landing",
    "LakeBucket": "lake",
    "LedgerTable": "ledger",
    "NotificationTopicArn": "arn:aws:sns:eu-west-1:1:topic",
    "Workgroup": "headrace",
    "Database": "headrace",
    "WarehouseSecretArn": "arn:secret",
    "ReaderSecretArn": "arn:reader",
}
SLACK, PAGERDUTY, WAREHOUSE = "headrace/slack-webhook", "headrace/pagerduty-routing-key", "arn:warehouse"
SECRETS: dict[str, str | None] = {
    SLACK: "https://hooks.slack.com/services/T/B/X",
    PAGERDUTY: "a" * 32,
    WAREHOUSE: json.dumps({"username": "loader", "password": "x"}),
}
CLOSED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)  # fmt: skip


def refused(code: str, operation: str = "Operation", message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class Pages:
    """A paginator of one page, with what `search` would find in it."""

    def __init__(self, page: dict[str, Any]) -> None:
        self._page = page

    def paginate(self, **_: Any) -> Pages:
        return self

    def __iter__(self) -> Any:
        return iter([self._page])

    def search(self, path: str) -> list[Any]:
        """As `namespaces[].namespaceName`, or `Subscriptions[]`."""
        members, _, name = path.partition("[]")
        return [item[name.lstrip(".")] if name else item for item in self._page.get(members, [])]


@dataclass
class Account:
    """An account in which all is well. A test spoils one thing; `refuses` names operations that are not allowed."""

    region: str = "eu-west-1"
    skew: timedelta = timedelta()
    concurrency: int = 1000
    dpus: float = 1000.0
    vpcs: int = 1
    zones: int = 3
    stack: dict[str, Any] | None = None
    log_groups: list[str] = field(default_factory=list)
    buses: list[str] = field(default_factory=list)
    workgroups: list[str] = field(default_factory=list)
    workgroup_status: str = "AVAILABLE"
    cluster_status: str = "Available"
    default_role: str = "arn:aws:iam::1:role/copy"
    attached: list[str] = field(default_factory=lambda: ["arn:aws:iam::1:role/copy"])
    secrets: dict[str, str | bytes | None] = field(default_factory=dict)
    versioning: str = "Enabled"
    notifications: dict[str, Any] = field(default_factory=lambda: {"EventBridgeConfiguration": {}})
    public: dict[str, bool] = field(default_factory=lambda: dict(CLOSED))
    key: str = ""
    ringing: list[str] = field(default_factory=list)
    subscriptions: list[str] = field(default_factory=lambda: ["arn:aws:sns:eu-west-1:1:topic:1"])
    function_state: str = "Active"
    isolation: str = "Snapshot Isolation"
    superuser: bool | None = False
    rights: bool = True
    reader: tuple[bool, bool] = (True, False)
    lacks: str = ""
    trust: str = "redshift.amazonaws.com"
    decision: str = "allowed"
    refuses: set[str] = field(default_factory=set)

    def __call__(self, service: str) -> Any:
        return SimpleNamespace(
            meta=SimpleNamespace(region_name=self.region),
            get_paginator=lambda name: Pages(self._listed(name)),
            **{name: self._allowed(name, call) for name, call in self._calls(service).items()},
        )

    def _allowed(self, name: str, call: Any) -> Any:
        def made(**arguments: Any) -> Any:
            if name in self.refuses:
                raise refused("AccessDenied", name)
            return call(**arguments)

        return made

    def _calls(self, service: str) -> dict[str, Any]:
        calls: dict[str, dict[str, Any]] = {
            "sts": {"get_caller_identity": self._identity},
            "lambda": {
                "get_account_settings": lambda: {"AccountLimit": {"UnreservedConcurrentExecutions": self.concurrency}},
                "get_function_configuration": lambda **_: {"State": self.function_state},
            },
            "service-quotas": {
                "get_service_quota": lambda **asked: {"Quota": {"Value": {"L-08F3B322": self.dpus}[asked["QuotaCode"]]}}
            },
            "ec2": {
                "describe_vpcs": lambda **_: {"Vpcs": [{"VpcId": "vpc"}] * self.vpcs},
                "describe_subnets": lambda **_: {
                    "Subnets": [{"AvailabilityZone": f"eu-west-1{number}"} for number in range(self.zones)]
                },
            },
            "cloudformation": {"describe_stacks": self._stack},
            "logs": {
                "describe_log_groups": lambda **_: {"logGroups": [{"logGroupName": name} for name in self.log_groups]}
            },
            "events": {"describe_event_bus": self._bus},
            "secretsmanager": {"get_secret_value": self._secret},
            "s3": {
                "get_bucket_versioning": lambda **_: {"Status": self.versioning},
                "get_bucket_notification_configuration": lambda **_: self.notifications,
                "get_public_access_block": lambda **_: {"PublicAccessBlockConfiguration": self.public},
                "get_bucket_encryption": lambda **_: {"ServerSideEncryptionConfiguration": {"Rules": [self._rule()]}},
            },
            "redshift-serverless": {
                "get_workgroup": lambda **_: {
                    "workgroup": {"status": self.workgroup_status, "baseCapacity": 8, "namespaceName": "headrace"}
                },
                "get_namespace": lambda **_: {
                    "namespace": {
                        "defaultIamRoleArn": self.default_role,
                        "iamRoles": [f"IamRole(applyStatus=in-sync, iamRoleArn={role})" for role in self.attached],
                    }
                },
            },
            "redshift": {
                "describe_clusters": lambda **_: {
                    "Clusters": [
                        {
                            "ClusterStatus": self.cluster_status.lower(),
                            "ClusterAvailabilityStatus": self.cluster_status,
                            "DefaultIamRoleArn": self.default_role,
                            "IamRoles": [{"IamRoleArn": role, "ApplyStatus": "in-sync"} for role in self.attached],
                        }
                    ]
                }
            },
            "iam": {
                "get_role": self._role,
                "simulate_principal_policy": lambda **_: {"EvaluationResults": [{"EvalDecision": self.decision}]},
            },
        }
        return calls.get(service, {})

    def _listed(self, name: str) -> dict[str, Any]:
        listed: dict[str, dict[str, Any]] = {
            "list_namespaces": {"namespaces": [{"namespaceName": name} for name in self.workgroups]},
            "list_workgroups": {"workgroups": []},
            "list_stack_resources": {
                "StackResourceSummaries": [{"ResourceType": "AWS::Lambda::Function", "PhysicalResourceId": "starter"}]
            },
            "describe_alarms": {"MetricAlarms": [{"AlarmName": name, "StateValue": "ALARM"} for name in self.ringing]},
            "list_subscriptions_by_topic": {
                "Subscriptions": [{"SubscriptionArn": arn, "Endpoint": "you@example.com"} for arn in self.subscriptions]
            },
        }
        return listed[name]

    def _identity(self) -> dict[str, Any]:
        date = format_datetime(datetime.now(UTC) + self.skew, usegmt=True)
        arn = "arn:aws:sts::123456789012:assumed-role/admin"
        return {"Account": "123456789012", "Arn": arn, "ResponseMetadata": {"HTTPHeaders": {"date": date}}}

    def _stack(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        if self.stack is None:
            raise refused("ValidationError", "DescribeStacks", f"Stack with id {StackName} does not exist")
        outputs = [{"OutputKey": name, "OutputValue": value} for name, value in OUTPUTS.items() if name != self.lacks]
        return {"Stacks": [{"Outputs": outputs, **self.stack}]}

    def _bus(self, Name: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        if Name not in self.buses:
            raise refused("ResourceNotFoundException", "DescribeEventBus")
        return {"Name": Name}

    def _secret(self, SecretId: str) -> dict[str, str | bytes]:  # noqa: N803 - boto3's name
        found = (SECRETS | self.secrets).get(SecretId)
        if found is None:
            raise refused("ResourceNotFoundException", "GetSecretValue")
        if found == DELETED:
            raise refused("InvalidRequestException", "GetSecretValue", "it was marked for deletion.")
        return {"SecretBinary": found} if isinstance(found, bytes) else {"SecretString": found}

    def _role(self, RoleName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        if not self.trust:
            raise refused("NoSuchEntity", "GetRole", f"{RoleName} not found")
        return {"Role": {"AssumeRolePolicyDocument": {"Service": self.trust}}}

    def _rule(self) -> dict[str, Any]:
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.key} if self.key else {"SSEAlgorithm": "AES256"}
        return {"ApplyServerSideEncryptionByDefault": default}

    def query(self, sql: str) -> list[list[Any]]:
        """The warehouse."""
        if "isolation_level" in sql:
            return [[self.isolation]]
        if sql == READS:
            return [["headrace_reader", *self.reader]]
        if "privilege" in sql:
            return [[self.rights]]
        if "pg_user" in sql:
            return [] if self.superuser is None else [[self.superuser]]
        return [["loader"]]

    def examined(self, *parameters: str, wake: bool = True) -> dict[str, Any]:
        """What the doctor says of this account."""
        target = Target(self)
        target.services = cast("TargetServices", SimpleNamespace(warehouse=self, reading=self))
        target.contracts = {}
        examination = Examination(target, ROOT, parsed(parameters), wake)
        return document_of(
            [
                {
                    "area": check.area,
                    "check": check.name,
                    "level": found.level,
                    "text": found.text,
                    "remedy": found.remedy,
                }
                for check in CHECKS
                for found in findings_of(check, examination)
            ]
        )


DEPLOYED = {"StackStatus": "UPDATE_COMPLETE", "Parameters": []}
DELETED = "deleted"
OWN = ("WorkgroupMaxCapacity=32",)
CLUSTER = ("CreateWarehouse=false", "ClusterIdentifier=ours", "ExistingWarehouseSecretArn=arn:warehouse")
CLUSTER_USER = ("CreateWarehouse=false", "ClusterIdentifier=ours", "DbUser=loader")
EXISTING = ("CreateWarehouse=false", "Workgroup=headrace", "ExistingWarehouseSecretArn=arn:warehouse")


def at(level: Level, document: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in document["findings"] if item["level"] == level]


@pytest.mark.parametrize("parameters", [OWN, EXISTING, CLUSTER_USER], ids=["own", "existing", "user of a cluster"])
@pytest.mark.parametrize("stack", [None, DEPLOYED], ids=["before", "after"])
def test_a_good_account_has_no_fault(stack: dict[str, Any] | None, parameters: tuple[str, ...]) -> None:
    document = Account(stack=stack).examined(*parameters)
    assert at(Level.FAULT, document) + at(Level.WARNING, document) == []
    assert len(at(Level.OK, document)) > 8
    areas = {item["area"] for item in document["findings"]}
    assert areas == {"account", "stack", "build", "secrets"} | (
        {"warehouse"} if stack or parameters != OWN else set()
    ) | ({"storage"} if stack else set())  # fmt: skip


SPOILT: list[tuple[str, dict[str, Any], tuple[str, ...], str, str]] = [
    ("a clock that AWS refuses", {"skew": timedelta(minutes=6)}, OWN, " s off: AWS refuses", "set the clock"),
    ("a new account", {"concurrency": 10}, OWN, "only 10 functions", "L-B99A9384"),
    (
        "a job that never begins",
        {"dpus": 100.0},
        (*OWN, "GlueWorkerType=G.8X", "GlueWorkers=20"),
        "a run of the Glue job needs 160 DPUs",
        "L-08F3B322 --desired-value 480",
    ),
    ("no default VPC", {"vpcs": 0}, OWN, "no default VPC", "create-default-vpc"),
    ("two zones", {"zones": 2}, OWN, "2 availability zones", "create-default-subnet"),
    ("a region without 4 RPU", {"region": "eu-central-1"}, OWN, "eu-central-1", "WorkgroupBaseCapacity=8"),
    ("a failed first try", {"stack": {"StackStatus": "ROLLBACK_COMPLETE"}}, OWN, "ROLLBACK_COMPLETE", "sam delete"),
    (
        "a stuck update",
        {"stack": {"StackStatus": "UPDATE_ROLLBACK_FAILED"}},
        OWN,
        "FAILED",
        "--resources-to-skip WarehouseTables",
    ),
    ("a log group", {"log_groups": ["/aws/lambda/headrace"]}, OWN, "exists already", "delete-log-group"),
    ("a bus", {"buses": ["headrace"]}, OWN, "event bus headrace exists", "--stack-name"),
    ("a namespace", {"workgroups": ["headrace"]}, OWN, "namespace headrace exists", "Workgroup="),
    ("a name that is no workgroup's", {}, ("Workgroup=MyStack",), "MyStack cannot be a workgroup's name", "Workgroup="),
    ("no Slack secret", {"secrets": {SLACK: None}}, OWN, "slack-webhook", "create-secret"),
    (
        "a webhook with a line end",
        {"secrets": {SLACK: "https://hooks.slack.com/services/X\nY"}},
        OWN,
        "no blank, quote or line end",
        "put-secret-value",
    ),
    (
        "a routing key that is none",
        {"secrets": {PAGERDUTY: "key"}},
        OWN,
        "should be a routing key",
        "put-secret-value",
    ),
    ("a binary webhook", {"secrets": {SLACK: b"\xff"}}, OWN, "is binary", "put-secret-value"),
    ("a webhook that is being deleted", {"secrets": {SLACK: DELETED}}, OWN, "marked for deletion", "restore-secret"),
    ("a user that is not there", {"stack": DEPLOYED, "superuser": None}, EXISTING, "has no user", "CREATE USER"),
    ("no copy role", {"trust": ""}, (*EXISTING, "CopyRole=arn:aws:iam::1:role/copy"), "no role", "aws iam create-role"),
    ("no secret for a warehouse", {}, ("CreateWarehouse=false", "Workgroup=x"), "needs the secret", "Existing"),
    (
        "a warehouse's secret that is no JSON",
        {"secrets": {WAREHOUSE: "x"}},
        EXISTING,
        "not JSON",
        "username",
    ),
    ("a workgroup that changes", {"workgroup_status": "MODIFYING"}, EXISTING, "MODIFYING", "wait"),
    ("a cluster that is paused", {"cluster_status": "Paused"}, CLUSTER, "the cluster ours is paused", "resume-cluster"),
    ("a cluster without a default role", {"default_role": ""}, CLUSTER, "no default role", "modify-cluster-iam-roles"),
    ("no default role", {"default_role": ""}, EXISTING, "no default role", "update-namespace"),
    ("no versions", {"stack": DEPLOYED, "versioning": "Suspended"}, OWN, "is not versioned", "put-bucket-versioning"),
    ("no events", {"stack": DEPLOYED, "notifications": {}}, OWN, "no events", "put-bucket-notification"),
    ("an open bucket", {"stack": DEPLOYED, "public": {}}, OWN, "does not block public", "put-public-access-block"),
    ("a customer's key", {"stack": DEPLOYED, "key": "arn:kms"}, OWN, "not allowed to use", "KmsKeyArn=arn:kms"),
    ("no subscription", {"stack": DEPLOYED, "subscriptions": []}, OWN, "nothing is subscribed", "deploy again"),
    ("a broken function", {"stack": DEPLOYED, "function_state": "Failed"}, OWN, "is Failed", "deploy again"),
    ("SERIALIZABLE", {"stack": DEPLOYED, "isolation": "Serializable"}, EXISTING, "SERIALIZABLE", "ALTER DATABASE"),
    ("a reader shut out", {"stack": DEPLOYED, "reader": (False, False)}, OWN, "may not read", "deploy again"),
    ("no rights", {"stack": DEPLOYED, "rights": False}, EXISTING, "may not make", "GRANT"),
    (
        "a role that trusts nobody",
        {"trust": "ec2.amazonaws.com"},
        (*EXISTING, "CopyRole=arn:aws:iam::1:role/copy"),
        "does not trust Redshift",
        "aws iam update-assume-role-policy --role-name copy",
    ),
    (
        "a role that the namespace does not have",
        {"attached": ["arn:aws:iam::1:role/other"]},
        (*EXISTING, "CopyRole=arn:aws:iam::1:role/copy"),
        "does not have the role arn:aws:iam::1:role/copy attached",
        "--iam-roles arn:aws:iam::1:role/other arn:aws:iam::1:role/copy",
    ),
    (
        "a role that the cluster does not have",
        {"attached": []},
        (*CLUSTER, "CopyRole=arn:aws:iam::1:role/copy"),
        "attached: no COPY can use it",
        "modify-cluster-iam-roles --cluster-identifier ours --add-iam-roles arn:aws:iam::1:role/copy",
    ),
    (
        "a role that may not read",
        {"stack": DEPLOYED, "decision": "implicitDeny"},
        (*EXISTING, "CopyRole=arn:aws:iam::1:role/copy"),
        "may not s3:GetObject",
        '"Resource": "arn:aws:s3:::lake/*"',
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spoilt", "parameters", "text", "remedy"), [pytest.param(*rest, id=name) for name, *rest in SPOILT]
)
def test_a_fault_is_found_and_says_what_to_type(
    spoilt: dict[str, Any], parameters: tuple[str, ...], text: str, remedy: str
) -> None:
    faults = at(Level.FAULT, Account(**spoilt).examined(*parameters))
    assert any(text in item["text"] and remedy in item["remedy"] for item in faults), faults


WARNED: list[tuple[str, dict[str, Any], tuple[str, ...], str, str]] = [
    ("a bill without a bound", {}, (), "without a limit", "WorkgroupMaxCapacity="),
    ("few functions", {"concurrency": 40}, OWN, "only 40 functions", "TransformConcurrency=3"),
    ("runs that wait", {"dpus": 10.0}, OWN, "3 runs of the Glue job need 12 DPUs", "GlueConcurrency=2"),
    ("an update under way", {"stack": {"StackStatus": "UPDATE_IN_PROGRESS"}}, OWN, "IN_PROGRESS", "wait"),
    ("nobody is called", {}, (*OWN, "PagerDutySecret="), "PagerDuty receives nothing", "routing key"),
    ("an alarm", {"stack": DEPLOYED, "ringing": ["headrace-x"]}, OWN, "headrace-x is on", "operations.md"),
    ("a mail unread", {"stack": DEPLOYED, "subscriptions": ["PendingConfirmation"]}, OWN, "not confirmed", "mail"),
    ("a superuser", {"stack": DEPLOYED, "superuser": True}, EXISTING, "superuser", "another user"),
    ("no reader", {"stack": DEPLOYED, "lacks": "ReaderSecretArn"}, OWN, "as the owner", "ExistingReaderSecretArn=ARN"),
    ("a reader who writes", {"stack": DEPLOYED, "reader": (True, True)}, OWN, "may change tables", "REVOKE"),
    ("a slow clock", {"skew": timedelta(seconds=-90)}, OWN, " s off; AWS refuses", "set the clock"),
]


@pytest.mark.parametrize(
    ("spoilt", "parameters", "text", "remedy"), [pytest.param(*rest, id=name) for name, *rest in WARNED]
)
def test_what_will_trouble_people_later_is_a_warning(
    spoilt: dict[str, Any], parameters: tuple[str, ...], text: str, remedy: str
) -> None:
    document = Account(**spoilt).examined(*parameters)
    assert at(Level.FAULT, document) == []
    assert any(text in item["text"] and remedy in item["remedy"] for item in at(Level.WARNING, document))


def test_without_a_job_no_workers_are_compared() -> None:
    document = Account(dpus=1.0).examined(*OWN, "CreateGlue=false")
    assert "Glue workers" not in [item["check"] for item in document["findings"]]


def test_what_one_may_not_look_at_is_said_and_the_rest_goes_on() -> None:
    document = Account(refuses={"get_account_settings", "describe_vpcs"}).examined(*OWN)
    assert document["faults"] == 0
    assert [item["check"] for item in at(Level.UNKNOWN, document) if "denied" in item["text"]] == [
        "Lambda concurrency",
        "network",
    ]


def test_one_list_that_may_not_be_seen_hides_no_other() -> None:
    account = Account(refuses={"describe_event_bus"}, log_groups=["/aws/lambda/headrace"], workgroups=["headrace"])
    found = account.examined(*OWN)
    assert [item["check"] for item in at(Level.FAULT, found)] == ["log groups", "warehouse's name"]


def test_the_warehouse_sleeps_on_when_asked_to_let_it() -> None:
    account = Account(stack=DEPLOYED)
    account.query = lambda sql: pytest.fail("it was asked")  # type: ignore[method-assign]  # a fake
    assert account.examined(*OWN, wake=False)["faults"] == 0


def test_a_warehouse_that_does_not_answer_is_a_fault() -> None:
    account = Account(stack=DEPLOYED)

    def unanswered(sql: str) -> list[list[Any]]:
        raise TransientError("the workgroup is not there")

    account.query = unanswered  # type: ignore[method-assign]  # a fake
    assert any("not there" in item["text"] for item in at(Level.FAULT, account.examined(*OWN)))


def test_a_parameter_that_the_template_does_not_have_is_refused() -> None:
    with pytest.raises(CommandError, match="no parameter Capacity"):
        Examination(Target(Account()), ROOT, {"Capacity": "8"}).refuse_wrong_parameters()
    with pytest.raises(CommandError, match="write Name=value"):
        parsed(["WorkgroupBaseCapacity"])


@pytest.mark.parametrize(
    ("parameter", "says"),
    [
        ("TransformConcurrency=many", "it is a number"),
        ("WorkgroupBaseCapacity=5", "it is one of 4, 8, 16"),
        ("WorkgroupMaxCapacity=-1", "it is from 0 to 5632"),
        ("Database=Other", "it has the form"),
        ("CreateWarehouse=no", "it is one of true, false"),
        ("Runtime=python3.11", "it is one of python3.12"),
    ],
)
def test_a_value_that_cloudformation_would_refuse_is_refused(parameter: str, says: str) -> None:
    name, _, value = parameter.partition("=")
    with pytest.raises(CommandError, match=f"the parameter {name} cannot be '{value}': {says}"):
        Examination(Target(Account()), ROOT, parsed([parameter])).refuse_wrong_parameters()
    Examination(Target(Account()), ROOT, parsed(OWN)).refuse_wrong_parameters()


def test_no_secret_is_ever_shown() -> None:
    account = Account(stack=DEPLOYED)
    said = json.dumps([account.examined(*OWN), account.examined(*EXISTING)])
    assert not any(text in said for text in ("https://hooks", "a" * 32, '"password"'))
