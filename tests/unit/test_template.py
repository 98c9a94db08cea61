"""The template as text: what must hold on AWS whatever the emulator lets pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.ingest.arrival import HASH_RATE, MAX_FILE_BYTES, MAX_SPARK_BYTES
from headrace.domain.sql_text import ROLE
from scripts.resolved_template import resolved
from tests.support.template import TEMPLATE

ROOT = Path(__file__).parents[2]
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
INGEST: dict[str, Any] = json.loads((ROOT / "statemachine/ingest.asl.json").read_text())
SECRET = {"Fn::If": ["OwnWarehouse", {"Ref": "WarehouseSecret"}, {"Ref": "ExistingWarehouseSecretArn"}]}
LOG_IN = {"Fn::If": ["UsesDbUser", "redshift:GetClusterCredentials", "secretsmanager:GetSecretValue"]}
CLUSTER_USER = "arn:${AWS::Partition}:redshift:${AWS::Region}:${AWS::AccountId}:dbuser:${ClusterIdentifier}/${DbUser}"
EXISTING = {"Fn::If": ["UsesDbUser", {"Fn::Sub": CLUSTER_USER}, {"Ref": "ExistingWarehouseSecretArn"}]}
LOGIN = {"Fn::If": ["OwnWarehouse", {"Ref": "WarehouseSecret"}, EXISTING]}
ADMIN = {
    "Fn::If": ["OwnWarehouse", {"Fn::GetAtt": ["WarehouseNamespace", "Namespace.AdminPasswordSecretArn"]}, EXISTING]
}
READER = {"Fn::If": ["OwnWarehouse", {"Ref": "ReaderSecret"}, {"Ref": "ExistingReaderSecretArn"}]}
READS = {"Fn::If": ["HasReader", READER, EXISTING]}
ASK_WAREHOUSE = {"redshift-data:ExecuteStatement", "redshift-data:BatchExecuteStatement"}


def statements(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """What a function's or a state machine's role is allowed, as the template says it."""
    policies = resource.get("Properties", {}).get("Policies", [])
    return [statement for policy in policies for statement in policy.get("Statement", [])]


@pytest.mark.parametrize("path", ["template.yaml", "statemachine/ingest.asl.json", "statemachine/export.asl.json"])
def test_nothing_names_the_partition_of_the_commercial_regions(path: str) -> None:
    """GovCloud and China have others: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html."""
    text = (ROOT / path).read_text()
    assert "arn:aws:" not in text
    assert "}.amazonaws.com" not in text, "AWS::URLSuffix differs too"


@pytest.mark.parametrize("name", ["GlueFiles", "WarehouseTables"])
def test_what_a_deployment_writes_to_the_lake_waits_for_the_right_to_its_key(name: str) -> None:
    key = RESOURCES[name]["Properties"]["LakeKey"]
    assert key == {"Fn::If": ["HasLakeKey", {"Fn::Sub": "${LakeKeyUse} ${LakeKmsKeyArn}"}, ""]}


def test_earlier_keys_are_for_all_that_read_objects() -> None:
    roles = {use: json.dumps(RESOURCES[use]["Properties"]["Roles"]) for use in ("LakeKeyUse", "EarlierKeyUse")}
    assert roles["EarlierKeyUse"] == roles["LakeKeyUse"]
    assert all(json.dumps(role) in roles["EarlierKeyUse"] for role in RESOURCES["LandingKeyUse"]["Properties"]["Roles"])


def test_every_role_that_the_template_takes_can_go_into_sql() -> None:
    assert TEMPLATE["Parameters"]["CopyRole"]["AllowedPattern"] == ROLE.pattern


def actions(resource: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for statement in statements(resource):
        action = statement["Action"]
        if isinstance(action, dict):
            action = action["Fn::If"][1:]
        found |= {action} if isinstance(action, str) else set(action)
    return found


ASKING = [name for name, resource in RESOURCES.items() if ASK_WAREHOUSE & actions(resource)]


@pytest.mark.parametrize("name", ASKING)
def test_whoever_asks_the_warehouse_is_the_same_user_there(name: str) -> None:
    may = actions(RESOURCES[name])
    assert "secretsmanager:GetSecretValue" in may
    assert not {action for action in may if action.endswith(":GetCredentials")}
    granted = [(each["Action"], each["Resource"]) for each in statements(RESOURCES[name])]
    assert [place for action, place in granted if action == LOG_IN] == [LOGIN]
    others = [place for action, place in granted if action == "secretsmanager:GetSecretValue"]
    assert others == [ADMIN, READS] * (name == "MigrateFunction")


@pytest.mark.parametrize("name", [name for name in ASKING if name.endswith("Function")])
def test_whoever_asks_the_warehouse_is_told_its_user(name: str) -> None:
    assert RESOURCES[name]["Properties"]["Environment"]["Variables"]["WAREHOUSE_SECRET"] == SECRET


def test_the_function_that_loads_is_among_them() -> None:
    assert "RunStatementsFunction" in ASKING


def test_the_workflow_itself_asks_the_warehouse_nothing() -> None:
    """Redshift's answer may quote a row, and Step Functions keeps each answer in the execution's history."""
    asked = [state for state in INGEST["States"].values() if "redshift" in state.get("Resource", "")]
    assert asked == []
    granted = str(statements(RESOURCES["IngestStateMachine"]))
    assert "redshift-data" not in granted
    assert "secretsmanager" not in granted


def test_a_warehouse_of_ones_own_needs_the_secret_of_its_user() -> None:
    rule = TEMPLATE["Rules"]["OneDatabaseUser"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "CreateWarehouse"}, "false"]}
    (assertion,) = rule["Assertions"]
    given = [{"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]} for name in ("ExistingWarehouseSecretArn", "DbUser")]
    assert assertion["Assert"] == {"Fn::Or": given}


def test_an_execution_outlasts_the_longest_wait_a_run_and_two_statements() -> None:
    looks, seconds_between = 720, 30
    longest = TEMPLATE["Parameters"]["LongestWait"]
    assert longest["Default"] == longest["MaxValue"] == 86400, "cut nothing: a merge may be promised once a day"
    for choice in ("Has the measurement ended?", "Has the load ended?"):
        last = INGEST["States"][choice]["Choices"][-1]
        assert last == {"Condition": f"{{% $polls > {looks} %}}", "Next": "Give up looking"}
    spark = spark_state()
    starts = spark["Retry"][0]
    refused = starts["MaxAttempts"] * starts["MaxDelaySeconds"]
    run = refused + spark["TimeoutSeconds"]
    assert INGEST["TimeoutSeconds"] > longest["MaxValue"] + run + 2 * looks * seconds_between


def spark_state() -> dict[str, Any]:
    states: dict[str, Any] = INGEST["States"]["Transform each unit"]["ItemProcessor"]["States"]
    found: dict[str, Any] = states["Transform the unit in Spark"]
    return found


def test_runs_beyond_the_jobs_concurrency_are_queued_and_a_refused_start_is_tried_for_hours() -> None:
    job = RESOURCES["TransformJob"]["Properties"]
    assert job["JobRunQueuingEnabled"] is True
    assert job["MaxRetries"] == 0, "Glue queues no runs of a job with retries"
    refused = spark_state()["Retry"][0]
    delays = [
        min(refused["MaxDelaySeconds"], refused["IntervalSeconds"] * refused["BackoffRate"] ** number)
        for number in range(refused["MaxAttempts"])
    ]
    assert refused["JitterStrategy"] == "FULL"
    assert sum(delays) / 2 > 3 * 3600, "a delay is drawn between nothing and all of it"


def test_what_a_failed_first_deployment_made_does_not_hinder_the_second() -> None:
    kept = {name: each["DeletionPolicy"] for name, each in RESOURCES.items() if "DeletionPolicy" in each}
    assert kept == {
        "LandingBucket": "RetainExceptOnCreate",
        "LakeBucket": "Retain",  # it has something in it by then, and CloudFormation deletes no bucket that has
        "LedgerTable": "RetainExceptOnCreate",
        "ExportBucket": "RetainExceptOnCreate",
        "WarehouseSecret": "RetainExceptOnCreate",
        "ReaderSecret": "RetainExceptOnCreate",
        "WarehouseNamespace": "RetainExceptOnCreate",
    }
    assert all(RESOURCES[name]["UpdateReplacePolicy"] == "Retain" for name in kept)


def test_alarms_are_mailed_without_any_function_of_ours() -> None:
    mail = RESOURCES["AlarmMail"]["Properties"]
    assert (mail["Protocol"], mail["FilterPolicyScope"]) == ("email", "MessageBody")
    assert mail["FilterPolicy"] == {  # what CloudWatch publishes when an alarm goes on or off, no notice of a batch
        "AlarmName": [{"exists": True}],
        "$or": [{"NewStateValue": ["ALARM"]}, {"OldStateValue": ["ALARM"]}],
    }
    alarms = [each["Properties"] for each in RESOURCES.values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert alarms
    assert all(alarm["AlarmActions"] == alarm["OKActions"] == [mail["TopicArn"]] for alarm in alarms)


def test_no_channel_gets_the_first_states_of_alarms() -> None:
    """A deployment publishes one of each alarm. That SNS reads Slack's filter so is tried in tests/functional/local."""
    properties = [each.get("Properties", {}) for each in RESOURCES.values()]
    channels = [each for each in properties if each.get("CodeUri") == "functions/notify"]
    assert len(channels) == 5
    events = [channel["Events"]["Notice"]["Properties"] for channel in channels]
    assert [event["FilterPolicyScope"] for event in events] == ["MessageBody"] * 5
    wanted = [{"AlarmName": [{"exists": False}]}, {"NewStateValue": ["ALARM"]}, {"OldStateValue": ["ALARM"]}]
    assert [event["FilterPolicy"] for event in events] == [{"$or": wanted}] * 5


def test_nobody_is_called_or_mailed_where_no_way_is_given() -> None:
    for condition, parameter, resource in (
        ("CallsPagerDuty", "PagerDutySecret", "PagerdutyFunction"),
        ("MailsAlarms", "AlarmEmail", "AlarmMail"),
    ):
        assert TEMPLATE["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}
        assert RESOURCES[resource]["Condition"] == condition


FAILURE_PATH = ("RecordBatch", "RecordOutcome", "RecordFailure", "HandOver")
"""Functions that bring a batch to its end, whatever it is."""
BEHIND_THE_LOAD = "RefreshViews"
"""Its failure fails no batch: it reports stale views itself, as long as it runs."""
OF_LETTERS = "SlackFunction"
"""What it fails to do is in the queue of undelivered notices, which has an alarm."""


def runs_unattended(resource: dict[str, Any]) -> bool:
    """Whether the clock or an event starts it, and nobody waits for what comes of it."""
    events = resource.get("Properties", {}).get("Events", {}).values()
    return any(event["Type"] in {"Schedule", "ScheduleV2", "EventBridgeRule"} for event in events)


def test_alarms_tell_of_the_functions_that_nothing_waits_for() -> None:
    watched = {
        resource["Properties"]["Dimensions"][0]["Value"]["Ref"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::CloudWatch::Alarm" and resource["Properties"]["Namespace"] == "AWS/Lambda"
    }
    unattended = {name for name, resource in RESOURCES.items() if runs_unattended(resource)}
    assert "DeadLetterQueue" in RESOURCES[OF_LETTERS]["Properties"]
    assert watched == unattended - {OF_LETTERS} | {f"{name}Function" for name in (*FAILURE_PATH, BEHIND_THE_LOAD)}


def test_alarms_tell_of_executions_that_fail() -> None:
    alarms = [resource["Properties"] for resource in RESOURCES.values() if resource["Type"] == "AWS::CloudWatch::Alarm"]
    watched = {
        alarm["Dimensions"][0]["Value"]["Ref"] for alarm in alarms if alarm.get("MetricName") == "ExecutionsFailed"
    }
    machines = {name for name, item in RESOURCES.items() if item["Type"] == "AWS::Serverless::StateMachine"}
    assert watched == machines


def test_what_gives_versions_up_may_remove_them() -> None:
    for name in ("RecordBatch", "RecordOutcome", "RecordFailure"):
        statements = RESOURCES[f"{name}Function"]["Properties"]["Policies"][0]["Statement"]
        actions = {action for statement in statements for action in as_list(statement["Action"])}
        assert {"dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"} <= actions


def as_list(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


def test_only_capacities_that_redshift_has_are_taken() -> None:
    # https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-capacity.html
    allowed = TEMPLATE["Parameters"]["WorkgroupBaseCapacity"]["AllowedValues"]
    assert allowed == [4, *range(8, 513, 8), *range(544, 1025, 32)]


def test_only_runtimes_that_the_layers_libraries_run_on_are_taken() -> None:
    # Amazon Linux 2023 begins with 3.12; the wheels are manylinux_2_28, and Amazon Linux 2 has glibc 2.26.
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
    assert TEMPLATE["Parameters"]["Runtime"]["AllowedValues"] == ["python3.12", "python3.13", "python3.14"]
    assert TEMPLATE["Parameters"]["Architecture"]["AllowedValues"] == ["x86_64", "arm64"]


@pytest.mark.parametrize(("given", "capacity"), [("0", None), ("16", "16")])
def test_the_warehouse_grows_no_further_than_it_may(given: str, capacity: str | None) -> None:
    workgroup = resolved(WorkgroupMaxCapacity=given)["Resources"]["WarehouseWorkgroup"]["Properties"]
    assert workgroup.get("MaxCapacity") == capacity


@pytest.mark.parametrize(
    ("function", "resource"), [("MigrateFunction", "WarehouseTables"), ("PublishJobFunction", "GlueFiles")]
)
def test_a_deployment_that_nobody_answers_ends_soon_after_its_function(function: str, resource: str) -> None:
    seconds = RESOURCES[function]["Properties"]["Timeout"]
    assert seconds < RESOURCES[resource]["Properties"]["ServiceTimeout"] <= seconds + 60


def test_the_warehouses_superuser_is_the_deployments_alone() -> None:
    namespace = RESOURCES["WarehouseNamespace"]["Properties"]
    assert namespace["ManageAdminPassword"] is True
    assert "AdminUserPassword" not in namespace
    assert (
        namespace["AdminUsername"]
        != json.loads(RESOURCES["WarehouseSecret"]["Properties"]["GenerateSecretString"]["SecretStringTemplate"])[
            "username"
        ]
    )
    assert set(namespace["LogExports"]) == {"userlog", "connectionlog", "useractivitylog"}
    knowing = [name for name, each in RESOURCES.items() if "AdminPasswordSecretArn" in json.dumps(each)]
    assert knowing == ["MigrateFunction"]


def test_no_file_that_is_admitted_is_too_large_for_the_engine_it_goes_to() -> None:
    above = TEMPLATE["Parameters"]["SparkAboveBytes"]
    assert above["Default"] <= above["MaxValue"] <= MAX_FILE_BYTES < MAX_SPARK_BYTES


@pytest.mark.parametrize(("created", "job"), [("true", "headrace-transform"), ("false", "")])
def test_who_decides_on_the_engine_knows_whether_there_is_a_job(created: str, job: str) -> None:
    made = resolved(CreateGlue=created)
    for name in ("StarterFunction", "RecordBatchFunction"):
        assert made["Resources"][name]["Properties"]["Environment"]["Variables"]["SPARK_JOB"] == job
    assert made["Outputs"].get("SparkJob", {"Value": ""})["Value"] == job


def test_without_the_glue_job_nothing_is_left_of_it() -> None:
    made = resolved(CreateGlue="false", CreateLakeTables="false")["Resources"]
    assert "glue" not in json.dumps({name: each for name, each in made.items() if name != "LakeBucket"}).lower()


def test_without_the_lakes_tables_nothing_is_left_of_them() -> None:
    made = resolved(CreateLakeTables="false")
    left = {name: each for name, each in made["Resources"].items() if name != "LakeBucket"}
    assert not {word for word in ("athena", "CreateTable", "Data Ready") if word in json.dumps(left)}
    assert not {"LakeDatabase", "LakeWorkgroup"} & made["Outputs"].keys()


def test_the_lakes_tables_hear_of_what_is_ready_and_of_what_has_ended() -> None:
    made = resolved()["Resources"]
    ready, ended = (made[name]["Properties"] for name in ("DataReadyRule", "IngestEndedRule"))
    assert ready["EventBusName"] == "headrace-EventBus"
    assert fits(ready["EventPattern"], {"source": "headrace", "detail-type": "Data Ready", "detail": {}})
    (machine,) = ended["EventPattern"]["detail"]["stateMachineArn"]
    for status in ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "RUNNING"):
        detail = {"status": status, "stateMachineArn": machine}
        event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
        assert fits(ended["EventPattern"], event) is (status != "RUNNING"), status
    queue, function = made["LakeQueue"]["Properties"], made["LakeTablesFunction"]["Properties"]
    assert queue["VisibilityTimeout"] >= function["Timeout"]


def test_what_a_query_of_the_lake_may_do_is_limited_whoever_asks() -> None:
    made = resolved(LakeKmsKeyArn="arn:aws:kms:us-east-1:123456789012:key/1")["Resources"]["LakeWorkgroup"]
    limits = made["Properties"]["WorkGroupConfiguration"]
    assert limits["EnforceWorkGroupConfiguration"] is True
    assert limits["BytesScannedCutoffPerQuery"] == 107374182400
    result = limits["ResultConfiguration"]
    assert result["OutputLocation"].endswith("/athena/")
    assert result["EncryptionConfiguration"] == {
        "EncryptionOption": "SSE_KMS", "KmsKey": "arn:aws:kms:us-east-1:123456789012:key/1",
    }  # fmt: skip


def test_the_job_is_made_of_what_the_deployment_has_just_published() -> None:
    job = RESOURCES["TransformJob"]["Properties"]
    assert job["Command"]["ScriptLocation"] == {"Fn::GetAtt": ["GlueFiles", "Script"]}
    arguments = job["DefaultArguments"]
    assert arguments["--extra-py-files"] == {"Fn::GetAtt": ["GlueFiles", "Packages"]}
    assert arguments["--additional-python-modules"] == {"Fn::GetAtt": ["GlueFiles", "Wheels"]}
    assert arguments["--python-modules-installer-option"] == "--no-index"
    layers = {
        each["Ref"]
        for each in RESOURCES["GlueFiles"]["Properties"].values()
        if isinstance(each, dict) and "Ref" in each
    }
    assert layers == {"HeadraceLayer", "ContractsLayer", "GlueLayer"}, "a change of one is a change of the job"


def test_a_run_ends_before_the_workflow_gives_up() -> None:
    minutes = TEMPLATE["Parameters"]["GlueTimeoutMinutes"]
    assert minutes["Default"] * 60 > MAX_SPARK_BYTES / HASH_RATE, "the largest file that is admitted"
    assert minutes["Default"] <= minutes["MaxValue"] < spark_state()["TimeoutSeconds"] / 60


def test_an_alarm_counts_the_runs_that_fail() -> None:
    made = resolved(CreateGlue="true")["Resources"]
    alarm, pattern = made["GlueRunAlarm"]["Properties"], made["GlueRunRule"]["Properties"]["EventPattern"]
    (dimension,) = RESOURCES["GlueRunAlarm"]["Properties"]["Dimensions"]
    assert dimension == {"Name": "RuleName", "Value": {"Ref": "GlueRunRule"}}
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/Events", "Invocations", "Sum")
    name = made["TransformJob"]["Properties"]["Name"]
    for state in ("FAILED", "TIMEOUT", "ERROR", "STOPPED", "SUCCEEDED", "RUNNING"):
        assert fits(pattern, run_event(name, state)) is (state not in {"SUCCEEDED", "RUNNING"}), state
    assert not fits(pattern, run_event("another", "FAILED"))


def run_event(job: Any, state: str) -> dict[str, Any]:
    """As Glue sends it: https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html"""
    detail = {"jobName": job, "severity": "ERROR", "state": state, "jobRunId": "jr_1", "message": "it broke"}
    return {"source": "aws.glue", "detail-type": "Glue Job State Change", "detail": detail}


def fits(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether EventBridge sends an event on by a pattern of plain values."""
    return all(
        fits(wanted, event.get(name, {})) if isinstance(wanted, dict) else event.get(name) in wanted
        for name, wanted in pattern.items()
    )
