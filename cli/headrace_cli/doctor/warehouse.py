"""The warehouse: it answers, loads do not disturb each other, the user may do what loads do, COPY may read the lake."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

from headrace.errors import HeadraceError
from headrace.usecases.migrate import isolation_problem
from headrace_cli.doctor.examination import Examination
from headrace_cli.doctor.findings import Check, Finding, fault, ok, unknown, warning
from headrace_cli.stack.services import READER

ISOLATION = "ALTER DATABASE {database} ISOLATION LEVEL SNAPSHOT"
READS = (
    "SELECT current_user, has_schema_privilege(current_user, 'etl', 'usage'),"
    " has_table_privilege(current_user, 'etl.loads', 'delete')"
)
"""Who reads, whether they may, and whether they may change anything."""
TRUST_POLICY = (
    '{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": {{"Service":'
    ' ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"]}}, "Action": "sts:AssumeRole"}}]}}'
)
CREATE_ROLE = f"aws iam create-role --role-name {{name}} --assume-role-policy-document '{TRUST_POLICY}'"
TRUST = f"aws iam update-assume-role-policy --role-name {{name}} --policy-document '{TRUST_POLICY}'"
ALLOW = (
    "aws iam put-role-policy --role-name {name} --policy-name headrace-{policy} --policy-document"
    ' \'{{"Version": "2012-10-17", "Statement": [{statement}]}}\''
)
TRUSTED = ("redshift.amazonaws.com", "redshift-serverless.amazonaws.com")


def workgroup(examination: Examination) -> Iterator[Finding]:
    """Whether the workgroup is there, and in which state."""
    if examination.on_laptop:
        yield ok("the warehouse is the laptop's own")
        return
    if examination.makes_warehouse and not examination.stands:
        return
    if examination.cluster:
        yield from _cluster(examination)
        return
    found = examination.client("redshift-serverless").get_workgroup(workgroupName=examination.workgroup)["workgroup"]
    if found["status"] == "AVAILABLE":
        yield ok(f"the workgroup {examination.workgroup} is available, with {found['baseCapacity']} RPU")
    else:
        yield fault(f"the workgroup {examination.workgroup} is {found['status']}", "wait until it is AVAILABLE")


def _cluster(examination: Examination) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/redshift/latest/APIReference/API_Cluster.html"""
    name = examination.cluster
    (found,) = examination.client("redshift").describe_clusters(ClusterIdentifier=name)["Clusters"]
    if found["ClusterAvailabilityStatus"] == "Available":
        yield ok(f"the cluster {name} is available")
    else:
        remedy = f"aws redshift resume-cluster --cluster-identifier {name}, if it is paused"
        yield fault(f"the cluster {name} is {found['ClusterStatus']}", remedy)


def answers(examination: Examination) -> Iterator[Finding]:
    """Whether a statement runs, and what the database and its user are like. This wakes a workgroup that sleeps."""
    if not examination.wake:
        yield unknown("the warehouse was not queried: --no-warehouse")
        return
    services, database = examination.target.services, examination.parameters["Database"]
    (user,) = services.warehouse.query("SELECT current_user")[0]
    yield ok(f"the warehouse answers, as the user {user}")
    if isolation_problem(services, database):
        text = f"the database {database} is SERIALIZABLE: loads of two datasets fail each other with error 1023"
        yield fault(text, f"{ISOLATION.format(database=database)}, as its owner with nobody else connected")
    else:
        yield ok(f"the database {database} has snapshot isolation")
    yield from _rights(examination, str(user))


def _rights(examination: Examination, user: str) -> Iterator[Finding]:
    database = examination.parameters["Database"]
    warehouse = examination.target.services.warehouse
    for what, query, remedy in (
        (
            f"make the schema etl in {database}",
            f"SELECT has_database_privilege(current_user, '{database}', 'create')",
            f"GRANT CREATE ON DATABASE {database} TO {user}",
        ),
        (
            "make tables in the schema public",
            "SELECT has_schema_privilege(current_user, 'public', 'create')",
            f"GRANT USAGE, CREATE ON SCHEMA public TO {user}",
        ),
    ):
        try:
            ((allowed,),) = warehouse.query(query)
        except HeadraceError as error:
            yield unknown(f"whether the user may {what}: {error}")
            continue
        granted = _granted(allowed)
        yield ok(f"the user {user} may {what}") if granted else fault(f"the user {user} may not {what}", remedy)
    yield from _superuser(warehouse, user)


def _granted(answer: Any) -> bool:
    """Whether Redshift says that a privilege is there: documented as a string, and a boolean in practice."""
    return str(answer).lower() in {"true", "t"}


def _superuser(warehouse: Any, user: str) -> Iterator[Finding]:
    try:
        found = warehouse.query("SELECT usesuper FROM pg_user WHERE usename = current_user")
    except HeadraceError as error:
        yield unknown(f"whether the user is a superuser: {error}")
        return
    if not found:
        text = f"the database has no user {user}, whom the warehouse's secret names"
        yield fault(text, f"as an admin: CREATE USER {user} PASSWORD '…', and the rights that the README lists")
    elif found[0][0]:
        text = f"the user {user} is a superuser: a contract's SQL may do anything"
        yield warning(text, "load as another user (README, 'Into an existing workgroup')")
    else:
        yield ok(f"the user {user} is not a superuser")


def reader(examination: Examination) -> Iterator[Finding]:
    """The user whom `headrace sql` logs in as: there, and without the right to change anything."""
    if not examination.wake:
        return
    if READER not in examination.target.outputs:
        remedy = "deploy with ExistingReaderSecretArn=ARN, the secret of a user without rights (README)"
        yield warning("`headrace sql` logs in as the owner of the tables: there is no user who only reads", remedy)
        return
    warehouse = examination.target.services.reading
    try:
        ((user, usage, changes),) = warehouse.query(READS)
        found = warehouse.query("SELECT usesuper FROM pg_user WHERE usename = current_user")
    except HeadraceError as error:
        yield fault(f"the user in the reader's secret cannot read: {error}", "deploy again, which sets it up")
        return
    if not _granted(usage):
        yield fault(f"the user {user} may not read the schema etl", "deploy again, which lets it")
    elif _granted(changes) or (found and found[0][0]):
        text = f"the user {user}, whom `headrace sql` logs in as, may change tables"
        yield warning(text, f"as an admin: ALTER USER {user} NOCREATEUSER; REVOKE what it was granted beside SELECT")
    else:
        yield ok(f"`headrace sql` logs in as the user {user}, who reads and changes nothing")


def copy_role(examination: Examination) -> Iterator[Finding]:
    """The role that COPY reads the lake with: who may take it on, and what it may do."""
    arn = examination.parameters["CopyRole"]
    if arn == "default":
        yield from _default_role(examination)
        return
    iam = examination.client("iam")
    name = arn.rsplit("/", 1)[-1]
    try:
        document = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        yield fault(f"there is no role {arn}", f"{CREATE_ROLE.format(name=name)}, or deploy with another CopyRole=")
        return
    trust = json.dumps(document if isinstance(document, dict) else json.loads(unquote(document)))
    if not any(service in trust for service in TRUSTED):
        yield fault(f"the role {arn} does not trust Redshift", f"{TRUST.format(name=name)}, or add that to its trust")
    else:
        yield ok(f"Redshift may assume the role {arn}")
    yield from _is_attached(examination, arn)
    if examination.stands:
        yield from _may_read(examination, arn)


def _is_attached(examination: Examination, arn: str) -> Iterator[Finding]:
    """Redshift assumes only roles that its namespace or cluster lists."""
    if examination.makes_warehouse or examination.on_laptop:
        return
    if name := examination.cluster:
        (cluster,) = examination.client("redshift").describe_clusters(ClusterIdentifier=name)["Clusters"]
        attached = [role["IamRoleArn"] for role in cluster.get("IamRoles", [])]
        remedy = f"aws redshift modify-cluster-iam-roles --cluster-identifier {name} --add-iam-roles {arn}"
    else:
        serverless = examination.client("redshift-serverless")
        name = serverless.get_workgroup(workgroupName=examination.workgroup)["workgroup"]["namespaceName"]
        # As text: either `IamRole(applyStatus=in-sync, iamRoleArn=arn:…)` or the ARN alone.
        attached = serverless.get_namespace(namespaceName=name)["namespace"].get("iamRoles", [])
        update = f"aws redshift-serverless update-namespace --namespace-name {name}"
        remedy = f"{update} --iam-roles {' '.join([*map(_arn_of, attached), arn])}"
    if arn in map(_arn_of, attached):
        yield ok(f"{name} has the role attached")
    else:
        yield fault(f"{name} does not have the role {arn} attached: no COPY can use it", remedy)


def _arn_of(role: str) -> str:
    found = re.search(r"arn:[^,)]+", role)
    return found[0] if found else role


def _whole(resource: str) -> str:
    """The bucket, or all below one of its folders, of which a resource is an example."""
    bucket, slash, key = resource.partition("/")
    return f"{bucket}/exports/*" if key.startswith("exports/") else f"{bucket}/*" if slash else bucket


def _default_role(examination: Examination) -> Iterator[Finding]:
    if examination.makes_warehouse or examination.on_laptop:
        return  # the template makes and attaches it; the laptop's warehouse reads with the stack's own rights
    if examination.cluster:
        yield from _default_role_of_cluster(examination)
        return
    serverless = examination.client("redshift-serverless")
    found = serverless.get_workgroup(workgroupName=examination.workgroup)["workgroup"]["namespaceName"]
    role = serverless.get_namespace(namespaceName=found)["namespace"].get("defaultIamRoleArn", "")
    if role:
        yield ok(f"the namespace's default role is {role}")
    else:
        update = f"aws redshift-serverless update-namespace --namespace-name {found}"
        remedy = f"{update} --default-iam-role-arn ARN --iam-roles ARN"
        yield fault(f"the namespace {found} has no default role, which CopyRole=default means", remedy)


def _default_role_of_cluster(examination: Examination) -> Iterator[Finding]:
    name = examination.cluster
    (found,) = examination.client("redshift").describe_clusters(ClusterIdentifier=name)["Clusters"]
    if role := found.get("DefaultIamRoleArn", ""):
        yield ok(f"the cluster's default role is {role}")
    else:
        modify = f"aws redshift modify-cluster-iam-roles --cluster-identifier {name}"
        remedy = f"{modify} --add-iam-roles ARN --default-iam-role-arn ARN"
        yield fault(f"the cluster {name} has no default role, which CopyRole=default means", remedy)


def _may_read(examination: Examination, arn: str) -> Iterator[Finding]:
    lake = f"arn:{arn.split(':')[1]}:s3:::{examination.target.output('LakeBucket')}"
    for action, resource in (
        ("s3:ListBucket", lake),
        ("s3:GetObject", f"{lake}/dataset/batch=1/part-0.parquet"),
        ("s3:GetObject", f"{lake}/batches/1/manifest.json"),
        ("s3:PutObject", f"{lake}/exports/1/part-0.parquet"),
    ):
        answer = examination.client("iam").simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource]
        )
        if answer["EvaluationResults"][0]["EvalDecision"] == "allowed":
            yield ok(f"the role may {action} on {resource}")
        else:
            statement = json.dumps({"Effect": "Allow", "Action": action, "Resource": _whole(resource)})
            remedy = ALLOW.format(name=arn.rsplit("/", 1)[-1], policy=action.replace(":", "-"), statement=statement)
            yield fault(f"the role {arn} may not {action} on {resource}", remedy)


CHECKS = (
    Check("warehouse", "workgroup", workgroup),
    Check("warehouse", "answers", answers, deployed=True),
    Check("warehouse", "reader", reader, deployed=True),
    Check("warehouse", "copy role", copy_role),
)
