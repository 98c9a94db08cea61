"""What the resolved template lets whom do: nothing over plain HTTP, nothing for other accounts, no verb without use."""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from headrace.adapters.ledger import DynamoLedger
from headrace.adapters.ledger.items import saving
from headrace.domain.ingest.ledger import FileStatus
from headrace.usecases.ingest.awake import WAREHOUSE
from headrace.usecases.recovery.reconcile import Asked as Night
from headrace.usecases.recovery.reconcile import note_coverage, reconcile
from scripts.resolved_template import ACCOUNT, resolved
from tests.support.fakes import MemoryLanding, MemoryServices, file
from tests.support.metered import TABLE, moto_ledger

KEY = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0000-1111-2222-333344445555"
MADE: dict[str, Any] = resolved()["Resources"]
KEYED: dict[str, Any] = resolved(LandingKmsKeyArn=KEY, LakeKmsKeyArn=KEY)["Resources"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(role: str, resources: dict[str, Any] = MADE) -> list[dict[str, Any]]:
    policies = resources[role]["Properties"].get("Policies", [])
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def verbs(role: str, service: str) -> set[str]:
    allowed = [action for statement in statements(role) for action in as_list(statement["Action"])]
    return {action.partition(":")[2] for action in allowed if action.startswith(f"{service}:")}


def may(role: str, action: str, resource: str) -> bool:
    """Whether the role's statements allow it, wildcards in their resources considered; a Deny wins."""
    effects = {
        statement["Effect"]
        for statement in statements(role)
        if action in as_list(statement["Action"])
        and any(re.fullmatch(re.escape(each).replace(r"\*", ".*"), resource) for each in as_list(statement["Resource"]))
    }
    return effects == {"Allow"}


@pytest.mark.parametrize("bucket", [name for name, each in MADE.items() if each["Type"] == "AWS::S3::Bucket"])
def test_no_bucket_is_spoken_to_without_tls(bucket: str) -> None:
    policy = MADE[f"{bucket}Policy"]["Properties"]
    arn = f"arn:aws:s3:::headrace-{bucket.lower()}"
    assert policy["Bucket"] == f"headrace-{bucket.lower()}"
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [arn, f"{arn}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_every_role_that_reads_a_secret_may_use_the_secrets_key() -> None:
    read = "secretsmanager:GetSecretValue"
    resources: dict[str, Any] = resolved(SecretsKmsKeyArns=KEY)["Resources"]
    readers = {
        name
        for name, each in resources.items()
        if each["Type"] == "AWS::IAM::Role" and any(read in as_list(one["Action"]) for one in statements(name))
    }
    policy = resources["SecretsKeyUse"]["Properties"]
    assert {role.removeprefix("headrace-") for role in policy["Roles"]} == readers
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], as_list(statement["Resource"])) == ("kms:Decrypt", [KEY])
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
    assert "SecretsKeyUse" not in MADE


def test_the_topic_is_encrypted_so_that_alarms_and_functions_still_reach_it() -> None:
    assert MADE["NotificationTopic"]["Properties"]["KmsMasterKeyId"] == "headrace-NotificationKey"
    by_name = {each["Sid"]: each for each in MADE["NotificationKey"]["Properties"]["KeyPolicy"]["Statement"]}
    assert by_name["Alarms"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert by_name["Alarms"]["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    callers = by_name["WhoeverMayPublishToTopicsOfThisAccount"]["Condition"]["StringEquals"]
    assert callers == {"kms:CallerAccount": ACCOUNT, "kms:ViaService": "sns.us-east-1.amazonaws.com"}
    for sid in ("Alarms", "WhoeverMayPublishToTopicsOfThisAccount"):
        assert by_name[sid]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]


def test_the_warehouse_reads_what_it_loads_and_nothing_of_the_bad_rows() -> None:
    lake = "arn:aws:s3:::headrace-lakebucket"
    for key in ("orders/batch=orders-1/part-0.parquet", "batches/orders-1/manifest.json", "exports/a/2026-01-31/x"):
        assert may("WarehouseCopyRole", "s3:GetObject", f"{lake}/{key}"), key
    for key in (
        "quarantine/orders/batch=orders-1/part-0.parquet",
        "incoming/x",
        "contracts/contracts.json",
        "replays/x",
    ):
        assert not may("WarehouseCopyRole", "s3:GetObject", f"{lake}/{key}"), key
    assert may("WarehouseCopyRole", "s3:PutObject", f"{lake}/exports/a/b")
    assert not may("WarehouseCopyRole", "s3:PutObject", f"{lake}/orders/batch=orders-1/part-0.parquet")


def test_the_warehouse_takes_its_role_for_the_loader_of_this_account_only() -> None:
    (trust,) = MADE["WarehouseCopyRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    user = f"arn:aws:redshift:us-east-1:{ACCOUNT}:dbuser:"  # AWS's page has either name
    patterns = [f"{user}serverless-{ACCOUNT}-*/headrace", f"{user}headrace/headrace"]
    assert trust["Condition"] == {"StringLike": {"sts:ExternalId": patterns}}


READ = {"GetItem", "BatchGetItem", "Query"}
LEDGER = {
    "StarterFunctionRole": READ | {"PutItem", "UpdateItem"},
    "RecordBatchFunctionRole": READ | {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"},
    "TransformFunctionRole": READ | {"PutItem", "UpdateItem"},
    "TransformJobRole": READ | {"PutItem", "UpdateItem"},
    "PrepareLoadFunctionRole": READ | {"PutItem"},
    "HandOverFunctionRole": READ | {"UpdateItem"},
    "RefreshViewsFunctionRole": {"GetItem", "UpdateItem"},
    "RecoverFunctionRole": READ | {"PutItem", "UpdateItem"},
    "SweeperFunctionRole": READ | {"PutItem", "UpdateItem"},
    "ReconcileFunctionRole": READ | {"PutItem", "UpdateItem"},  # of COVERAGE# items, and of counters
}


@pytest.mark.parametrize("role", LEDGER)
def test_the_ledger_is_changed_by_those_verbs_that_a_function_uses(role: str) -> None:
    assert verbs(role, "dynamodb") == LEDGER[role]


def may_change(role: str, verb: str, pk: str) -> bool:
    """Whether the role may do that to an item of the ledger with this partition key."""
    for statement in statements(role):
        if f"dynamodb:{verb}" in as_list(statement["Action"]):
            conditions = statement.get("Condition", {}).values()
            keys = [key for each in conditions for key in each["dynamodb:LeadingKeys"]]
            if not keys or any(fnmatchcase(pk, key) for key in keys):
                return True
    return False


class Asked:
    """A client of DynamoDB that writes down which verb of IAM each write takes, and for which partition."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.writes: set[tuple[str, str]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, **request: Any) -> Any:
        return self._one("Put", request, self._client.put_item)

    def update_item(self, **request: Any) -> Any:
        return self._one("Update", request, self._client.update_item)

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> Any:  # noqa: N803 - boto3's name
        for kind, request in (next(iter(item.items())) for item in TransactItems):
            self._note(kind, request)
        return self._client.transact_write_items(TransactItems=TransactItems)

    def _one(self, kind: str, request: dict[str, Any], do: Any) -> Any:
        self._note(kind, request)
        return do(**request)

    def _note(self, kind: str, request: dict[str, Any]) -> None:
        verb = {"ConditionCheck": "ConditionCheckItem"}.get(kind, f"{kind}Item")
        self.writes.add((verb, (request.get("Key") or request["Item"])["pk"]["S"]))


def test_the_nightly_comparison_may_write_what_it_writes() -> None:
    """A file of a version that counted nothing: it is counted, its day corrected, and how far the night came noted."""
    services: Any = MemoryServices()
    with moto_ledger() as (_, client):
        asked = Asked(client)
        services.ledger = ledger = DynamoLedger(asked, TABLE)
        ledger.files.record_arrival(file("a", arrived_at="2026-01-01T10:00:00Z"))
        failed = replace(file("a", arrived_at="2026-01-01T10:00:00Z"), status=FileStatus.FAILED)
        ledger.files._table.update(saving(ledger.files._table, failed))
        asked.writes.clear()
        found = reconcile(["readings"], MemoryLanding(), services, Night(since="2026-01-01", nightly=True))
        note_coverage(found, services)
        assert ledger.counters.total("readings").whole
        assert ledger.counters.total("readings").files(FileStatus.FAILED) == 1
    assert ("UpdateItem", "COUNTS") in asked.writes
    assert ("UpdateItem", "COUNTS#readings") in asked.writes
    assert ("PutItem", "COVERAGE#readings") in asked.writes
    refused = {write for write in asked.writes if not may_change("ReconcileFunctionRole", *write)}
    assert not refused
    assert not may_change("ReconcileFunctionRole", "UpdateItem", "FILE#a")
    assert not may_change("ReconcileFunctionRole", "PutItem", "LANE#readings#live")


@pytest.mark.parametrize("role", ["SweeperFunctionRole", "ReconcileFunctionRole", "LakeTablesFunctionRole"])
def test_who_goes_through_the_files_of_a_dataset_may_read_the_index(role: str) -> None:
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/headrace-LedgerTable"
    assert may(role, "dynamodb:Query", f"{table}/index/by_dataset")


def test_the_workflows_transactions_are_run_by_one_function_that_may_do_nothing_else() -> None:
    """The Data API shows a statement only to the role that submitted it, so one role does both."""
    role = "RunStatementsFunctionRole"
    assert verbs(role, "redshift-data") == {"BatchExecuteStatement", "DescribeStatement"}
    assert verbs(role, "secretsmanager") == {"GetSecretValue"}
    assert not {action for service in ("s3", "sns", "states") for action in verbs(role, service)}
    (ledger,) = [each for each in statements(role) if "dynamodb:GetItem" in as_list(each["Action"])]
    assert verbs(role, "dynamodb") == {"GetItem", "UpdateItem"} == {each[9:] for each in ledger["Action"]}
    assert ledger["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [f"PROMISE#{WAREHOUSE}"]}}
    assert verbs("IngestStateMachineRole", "redshift-data") == set()
    assert verbs("IngestStateMachineRole", "secretsmanager") == set()


def test_only_functions_that_take_items_away_may_delete_them() -> None:
    deleting = {
        name
        for name, each in MADE.items()
        if each["Type"] == "AWS::IAM::Role" and "DeleteItem" in verbs(name, "dynamodb")
    }
    assert deleting == {
        "RecordBatchFunctionRole",  # files leave those that wait
        "RecordOutcomeFunctionRole",  # and what is still to be done for a batch, when it is done
        "RecordFailureFunctionRole",
        "ExportAdvanceFunctionRole",  # answers that are counted
    }


@pytest.mark.parametrize(
    "role",
    [
        "TransformFunctionRole",
        "TransformJobRole",
        "PublishJobFunctionRole",
        "PollerFunctionRole",
        "ExportAdvanceFunctionRole",
        "ExportRunnerFunctionRole",
    ],
)
def test_whoever_writes_in_parts_may_clean_up_after_a_failure(role: str) -> None:
    for statement in statements(role):
        where = as_list(statement["Resource"])[0]
        if "s3:PutObject" in statement["Action"] and not re.search(r"/(batches|exports|contracts)/\*$", where):
            assert "s3:AbortMultipartUpload" in statement["Action"], where


def test_the_job_does_what_the_function_does_and_removes_parts() -> None:
    """Its runs end in the middle of a file, the function's limits do not let a file get so far."""
    lake = "arn:aws:s3:::headrace-lakebucket"
    part = f"{lake}/readings/batch=readings-1/part-0001-f-0000.parquet"
    quarantine = f"{lake}/quarantine/readings/batch=readings-1/part-0001-f-0000.parquet"
    for role in ("TransformFunctionRole", "TransformJobRole"):
        for key in (part, quarantine, f"{lake}/batches/readings-1/results/0001.json"):
            assert may(role, "s3:PutObject", key), key
    for key in (part, quarantine):
        assert may("TransformJobRole", "s3:DeleteObject", key)
        assert not may("TransformJobRole", "s3:GetObject", key)
    for kept in ("batches/readings-1/manifest.json", "glue/abc/packages.zip", "replays/x", "contracts/contracts.json"):
        assert not may("TransformJobRole", "s3:DeleteObject", f"{lake}/{kept}"), kept
    assert not may("TransformJobRole", "s3:PutObject", f"{lake}/glue/abc/packages.zip"), "it does not change itself"
    assert verbs("TransformJobRole", "logs") == {"CreateLogStream", "PutLogEvents"}


LAKE = "arn:aws:s3:::headrace-lakebucket"


def test_whoever_reads_the_lake_is_told_of_a_missing_object_as_missing() -> None:
    """Without s3:ListBucket S3 answers 403: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html."""
    reading, listing = set(), set()
    for role, resource in MADE.items():
        for statement in statements(role) if resource["Type"] == "AWS::IAM::Role" else ():
            places, actions = as_list(statement["Resource"]), as_list(statement["Action"])
            reading |= {role} if "s3:GetObject" in actions and str(places[0]).startswith(f"{LAKE}/") else set()
            listing |= {role} if "s3:ListBucket" in actions and LAKE in places else set()
    assert "ExportRunnerFunctionRole" in reading
    assert reading - listing == set()


def test_an_existing_workgroup_is_asked_alone_when_its_id_is_given() -> None:
    workgroup = "0a1b2c3d-0000-1111-2222-333344445555"
    there = resolved(CreateWarehouse="false", ExistingWarehouseSecretArn="arn:secret", ExistingWorkgroupId=workgroup)
    for statement in statements("RecordOutcomeFunctionRole", there["Resources"]):
        if "redshift-data:ExecuteStatement" in statement["Action"]:
            assert statement["Resource"].endswith(f":workgroup/{workgroup}")


@pytest.mark.parametrize("given", ["", "arn:aws:iam::111122223333:policy/boundary"])
def test_every_role_has_the_boundary_that_an_account_requires(given: str) -> None:
    made = resolved(PermissionsBoundary=given, CreateGlue="true")["Resources"]
    roles = {name: role for name, role in made.items() if role["Type"] == "AWS::IAM::Role"}
    assert len(roles) > 20
    assert {role["Properties"].get("PermissionsBoundary", "") for role in roles.values()} == {given}


def test_a_provisioned_cluster_is_asked_alone() -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshiftdataapi.html"""
    there = resolved(CreateWarehouse="false", ExistingWarehouseSecretArn="arn:secret", ClusterIdentifier="ours")
    asked = [
        statement["Resource"]
        for statement in statements("RecordOutcomeFunctionRole", there["Resources"])
        if "redshift-data:ExecuteStatement" in statement["Action"]
    ]
    assert asked
    assert all(resource.startswith("arn:aws:redshift:") and resource.endswith(":cluster:ours") for resource in asked)


def test_a_user_of_a_cluster_logs_in_with_temporary_credentials_and_no_secret() -> None:
    """https://docs.aws.amazon.com/redshift/latest/mgmt/generating-iam-credentials-role-permissions.html"""
    there = resolved(CreateWarehouse="false", ClusterIdentifier="ours", DbUser="loader")
    named = there["Outputs"]
    assert named["DbUser"]["Value"] == "loader"
    assert "WarehouseSecretArn" not in named
    for role in ("RecordOutcomeFunctionRole", "MigrateFunctionRole", "RunStatementsFunctionRole"):
        granted = statements(role, there["Resources"])
        (login,) = [each for each in granted if each["Action"] == "redshift:GetClusterCredentials"]
        assert login["Resource"] == "arn:aws:redshift:us-east-1:123456789012:dbuser:ours/loader"
        assert all(each["Resource"] for each in granted), "IAM refuses an empty resource"


FUNCTIONS = {name for name, each in MADE.items() if each["Type"] == "AWS::Lambda::Function"}


def test_functions_are_in_a_network_if_one_is_given() -> None:
    assert not any("VpcConfig" in MADE[name]["Properties"] for name in FUNCTIONS)
    there = resolved(VpcSubnetIds="subnet-1,subnet-2", VpcSecurityGroupIds="sg-1")["Resources"]
    inside = {"SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"}
    assert all(there[name]["Properties"]["VpcConfig"] == inside for name in FUNCTIONS)


def test_no_functions_code_handles_network_interfaces() -> None:
    """SAM's roles may, for Lambda: https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html."""
    denied = MADE["NoNetworkInterfaces"]["Properties"]
    assert sorted(denied["Roles"]) == sorted(f"headrace-{name}Role" for name in FUNCTIONS)
    (statement,) = denied["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "ec2:*", "*")
    assert statement["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_without_keys_nothing_names_one() -> None:
    assert "LandingKeyUse" not in MADE
    assert "LakeKeyUse" not in MADE
    assert "BucketEncryption" not in MADE["LandingBucket"]["Properties"]


@pytest.mark.parametrize(("bucket", "policy"), [("LandingBucket", "LandingKeyUse"), ("LakeBucket", "LakeKeyUse")])
def test_a_customer_key_is_the_buckets_and_usable_through_s3_by_whoever_reads_or_writes(
    bucket: str, policy: str
) -> None:
    (rule,) = KEYED[bucket]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    (statement,) = KEYED[policy]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == (
        "Allow",
        ["kms:Decrypt", "kms:GenerateDataKey"],
        KEY,
    )
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    place = f"arn:aws:s3:::headrace-{bucket.lower()}/"
    users = {
        f"headrace-{name}"
        for name, each in KEYED.items()
        if each["Type"] == "AWS::IAM::Role"
        and any(str(where).startswith(place) for one in statements(name, KEYED) for where in as_list(one["Resource"]))
    }
    assert set(KEYED[policy]["Properties"]["Roles"]) == users, "everyone who touches its objects, and nobody else"


def test_accesses_are_logged_where_a_bucket_for_it_is_given() -> None:
    logged = resolved(AccessLogBucket="access-logs")["Resources"]
    prefixes = [
        each["Properties"]["LoggingConfiguration"]["LogFilePrefix"]
        for each in logged.values()
        if each["Type"] == "AWS::S3::Bucket"
    ]
    assert prefixes == ["headrace/landing/", "headrace/lake/", "headrace/exports/"]


def test_a_stack_that_is_made_again_has_other_state_machines() -> None:
    for machine in ("IngestStateMachine", "ExportStateMachine"):
        name = MADE[machine]["Properties"]["StateMachineName"]
        assert re.fullmatch(r"headrace-(ingest|export)-[0-9a-f]{8}", name)
        assert len(name) <= 80
        kind = name.split("-")[1].upper()
        arns = {
            each["Properties"]["Environment"]["Variables"].get(
                f"{'INGEST' if kind == 'INGEST' else 'EXPORT'}_STATE_MACHINE"
            )
            for each in MADE.values()
            if each["Type"] == "AWS::Lambda::Function"
        }
        assert arns - {None} == {f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{name}"}
