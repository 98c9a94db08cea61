"""The account and the region: who is asking, the clock, quotas, the network and names that are taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from botocore.exceptions import ClientError

from headrace_cli.doctor.examination import ABSENT, Examination
from headrace_cli.doctor.findings import Check, Finding, fault, ok, warning

CLOCK_SECONDS = 30
CLOCK_LIMIT_SECONDS = 300
"""AWS refuses a request whose signature is older: https://docs.aws.amazon.com/IAM/latest/UserGuide/signing-elements.html"""
OTHER_FUNCTIONS = 20
"""Functions that may run beside transforms and exports: the starter's ten, the workflow's, the schedules'."""
SMALL_REGIONS = frozenset(
    {
        "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
        "ap-northeast-1", "eu-west-1", "eu-north-1",
    }
)  # fmt: skip
"""Where 4 RPU exist: https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-capacity.html"""
WANTED_ZONES = 3
"""https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-usage-considerations.html"""
WORKGROUP = re.compile(r"[a-z0-9-]{3,64}")
"""https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_CreateWorkgroup.html"""
CONCURRENCY = "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384"

DPU = {"G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8}
"""DPUs of a worker: https://docs.aws.amazon.com/glue/latest/dg/worker-types.html"""
DPU_QUOTA = "L-08F3B322"
"""*Max task DPUs per account*: https://docs.aws.amazon.com/general/latest/gr/glue.html"""
MORE_DPU = f"aws service-quotas request-service-quota-increase --service-code glue --quota-code {DPU_QUOTA}"


def identity(examination: Examination) -> Iterator[Finding]:
    """Who asks, and where."""
    who = examination.client("sts").get_caller_identity()
    where = "this laptop" if examination.on_laptop else f"account {who['Account']}"
    yield ok(f"{where}, {examination.region}, as {who['Arn'].rsplit(':', 1)[-1]}")


def clock(examination: Examination) -> Iterator[Finding]:
    """Requests are signed with the time."""
    try:
        answer = examination.client("sts").get_caller_identity()
    except ClientError as error:
        answer = error.response  # a refusal has the time too
    theirs = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    apart = abs((datetime.now(UTC) - theirs).total_seconds())
    remedy = "set the clock of this machine by NTP (`timedatectl set-ntp true`)"
    if apart > CLOCK_LIMIT_SECONDS:
        yield fault(f"this machine's clock is {apart:.0f} s off: AWS refuses its requests", remedy)
    elif apart > CLOCK_SECONDS:
        yield warning(f"this machine's clock is {apart:.0f} s off; AWS refuses requests from five minutes on", remedy)
    else:
        yield ok("this machine's clock agrees with AWS's")


def concurrency(examination: Examination) -> Iterator[Finding]:
    """New accounts start with ten functions at a time: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    limit = int(examination.client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"])
    parameters = examination.parameters
    transforms, exports = int(parameters["TransformConcurrency"]), int(parameters["ExportConcurrency"])
    wanted = transforms + exports + OTHER_FUNCTIONS
    if limit >= wanted:
        yield ok(f"{limit} functions may run at the same time; the stack needs at most {wanted}")
        return
    text = f"only {limit} functions may run at the same time, the stack needs {wanted}: it will be throttled"
    remedy = f"{CONCURRENCY} --desired-value 1000, or deploy with TransformConcurrency=3 ExportConcurrency=2"
    yield fault(text, remedy) if limit < OTHER_FUNCTIONS else warning(text, remedy)


def workers(examination: Examination) -> Iterator[Finding]:
    """Runs beyond the account's DPUs wait; one that needs more than all of them never begins (docs/glue.md)."""
    parameters = examination.parameters
    if parameters["CreateGlue"] != "true" or examination.on_laptop:
        return
    runs = int(parameters["GlueConcurrency"])
    one = DPU[parameters["GlueWorkerType"]] * int(parameters["GlueWorkers"])
    quota = examination.client("service-quotas").get_service_quota(ServiceCode="glue", QuotaCode=DPU_QUOTA)
    there = int(quota["Quota"]["Value"])
    raised = f"{MORE_DPU} --desired-value {one * runs}"
    if one > there:
        text = f"a run of the Glue job needs {one} DPUs, the account may have {there} at work: it never begins"
        yield fault(text, f"deploy with fewer GlueWorkers, or {raised}")
    elif one * runs > there:
        text = f"{runs} runs of the Glue job need {one * runs} DPUs, the account may have {there} at work: some wait"
        yield warning(text, f"deploy with GlueConcurrency={there // one}, or {raised}")
    else:
        yield ok(f"{there} DPUs of Glue may be at work; the stack needs at most {one * runs}")


def network(examination: Examination) -> Iterator[Finding]:
    """A workgroup without its own subnets goes to the default VPC."""
    if not examination.makes_warehouse:
        yield ok("no network is needed: the stack uses an existing warehouse")
        return
    ec2 = examination.client("ec2")
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not vpcs:
        remedy = "aws ec2 create-default-vpc, or load into an existing workgroup with CreateWarehouse=false"
        yield fault("the region has no default VPC, which the stack's workgroup needs", remedy)
        return
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]}])["Subnets"]
    zones = {subnet["AvailabilityZone"] for subnet in subnets}
    if len(zones) < WANTED_ZONES:
        text = f"the default VPC has subnets in {len(zones)} availability zones, Redshift Serverless needs three"
        yield fault(text, "aws ec2 create-default-subnet --availability-zone ZONE, for each zone without one")
    else:
        yield ok(f"the default VPC has subnets in {len(zones)} availability zones")


def capacity(examination: Examination) -> Iterator[Finding]:
    """The least capacity does not exist everywhere, and nothing else bounds the bill."""
    if not examination.makes_warehouse:
        return
    base, most = (int(examination.parameters[name]) for name in ("WorkgroupBaseCapacity", "WorkgroupMaxCapacity"))
    if base == 4 and examination.region not in SMALL_REGIONS:
        text = f"{examination.region} is not among the regions in which AWS documents 4 RPU"
        yield fault(text, "deploy with WorkgroupBaseCapacity=8")
    else:
        yield ok(f"{base} RPU exist in {examination.region}")
    if not most:
        text = "the workgroup may grow without a limit, and so may its bill"
        yield warning(text, f"deploy with WorkgroupMaxCapacity={max(base * 4, 16)}")


def stack(examination: Examination) -> Iterator[Finding]:
    """Whether CloudFormation can update it."""
    name, status = examination.target.stack, examination.status
    delete = f"sam delete --stack-name {name}, then deploy again"
    if status == ABSENT:
        yield ok(f"there is no stack {name} yet: a deployment creates it")
    elif status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}:
        yield fault(f"the stack {name} is {status}: nothing can be deployed over it", delete)
    elif status == "UPDATE_ROLLBACK_FAILED":
        again = f"aws cloudformation continue-update-rollback --stack-name {name} --resources-to-skip WarehouseTables"
        yield fault(f"the stack {name} is {status}", f"{again}, then deploy again")
    elif status.endswith("IN_PROGRESS"):
        yield warning(f"the stack {name} is {status}", "wait until it has ended")
    elif "ROLLBACK" in status:
        yield warning(
            f"the last deployment of {name} failed and was rolled back", f"sam list stack-outputs, and {_why(name)}"
        )
    else:
        yield ok(f"the stack {name} is {status}")


def _why(name: str) -> str:
    return f"aws cloudformation describe-stack-events --stack-name {name} says why"


def log_groups(examination: Examination) -> Iterator[Finding]:
    """What an earlier stack has left under a name that the stack will need."""
    stack_name, taken = examination.target.stack, False
    for group in (f"/aws/lambda/{stack_name}", f"/aws/vendedlogs/states/{stack_name}-ingest"):
        found = examination.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if any(item["logGroupName"] == group for item in found):
            taken = True
            yield fault(f"the log group {group} exists already", f"aws logs delete-log-group --log-group-name {group}")
    if not taken:
        yield ok("no log group has a name that the stack needs")


def bus(examination: Examination) -> Iterator[Finding]:
    """The stack's event bus has its name."""
    name = examination.target.stack
    try:
        examination.client("events").describe_event_bus(Name=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        yield ok("no event bus has the name that the stack needs")
        return
    yield fault(f"the event bus {name} exists already", "deploy under another name: `sam deploy --stack-name …`")


def workgroup(examination: Examination) -> Iterator[Finding]:
    """The stack's own namespace and workgroup have one name."""
    if not examination.makes_warehouse:
        return
    serverless, name, taken = examination.client("redshift-serverless"), examination.workgroup, False
    if not WORKGROUP.fullmatch(name):
        text = f"{name} cannot be a workgroup's name: 3 to 64 of a-z, 0-9 and - are allowed"
        yield fault(text, "deploy under another --stack-name, or with Workgroup=a-name")
        return
    for kind, found in (
        ("namespace", serverless.get_paginator("list_namespaces").paginate().search("namespaces[].namespaceName")),
        ("workgroup", serverless.get_paginator("list_workgroups").paginate().search("workgroups[].workgroupName")),
    ):
        if name in found:
            taken = True
            remedy = "delete it (docs/operations.md, Uninstalling), or deploy with Workgroup=another-name"
            yield fault(f"the {kind} {name} exists already", remedy)
    if not taken:
        yield ok(f"no namespace or workgroup has the name {name}")


def _before(look: Callable[[Examination], Iterator[Finding]]) -> Callable[[Examination], Iterator[Finding]]:
    """Looked at only while there is no stack: then the names are its own."""
    return lambda examination: look(examination) if examination.status == ABSENT else iter(())


CHECKS = (
    Check("account", "identity", identity),
    Check("account", "clock", clock),
    Check("account", "Lambda concurrency", concurrency),
    Check("account", "Glue workers", workers),
    Check("account", "network", network),
    Check("account", "capacity", capacity),
    Check("stack", "status", stack),
    Check("stack", "log groups", _before(log_groups)),
    Check("stack", "event bus", _before(bus)),
    Check("stack", "warehouse's name", _before(workgroup)),
)
