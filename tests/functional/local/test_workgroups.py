"""Two workgroups of one account: what is in one is not in the other."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from headrace_local.access import needed_rights
from headrace_local.errors import LaptopError
from headrace_local.sam import make_workgroup

if TYPE_CHECKING:
    from .conftest import Account


def ended(account: Account, workgroup: str, sql: str) -> dict[str, Any]:
    redshift = account.client("redshift-data")
    statement = redshift.execute_statement(Sql=sql, WorkgroupName=workgroup, Database="headrace")["Id"]
    while (found := redshift.describe_statement(Id=statement))["Status"] not in {"FINISHED", "FAILED"}:
        time.sleep(0.02)
    return dict(found)


def test_each_has_tables_of_its_own(account: Account) -> None:
    make_workgroup(account.laptop, "second")
    make_workgroup(account.laptop, "second")
    assert ended(account, "second", "CREATE TABLE public.only_there (a INT)")["Status"] == "FINISHED"
    assert ended(account, "second", "SELECT * FROM public.only_there")["Status"] == "FINISHED"
    assert "only_there" in ended(account, "headrace", "SELECT * FROM public.only_there")["Error"]


def test_one_that_was_not_made_does_not_exist(account: Account) -> None:
    with pytest.raises(ClientError, match="endpoint doesn't exist"):
        ended(account, "third", "SELECT 1")
    with pytest.raises(ClientError, match="does not exist"):
        account.client("redshift-data").describe_statement(Id="8a1d5a1c-0000-4000-8000-000000000000")


def test_a_name_that_aws_refuses_is_refused_with_a_sentence(account: Account) -> None:
    with pytest.raises(LaptopError, match="'No Name' is not a name of a workgroup"):
        make_workgroup(account.laptop, "No Name")


def test_a_provisioned_cluster_is_reached_with_a_secret_and_the_right_to_it(account: Account) -> None:
    redshift = account.client("redshift-data")
    statement = redshift.execute_statement(Sql="SELECT 1", ClusterIdentifier="headrace", Database="headrace")
    assert (statement["ClusterIdentifier"], statement.get("WorkgroupName")) == ("headrace", None)
    with pytest.raises(ClientError, match="Either ClusterIdentifier or WorkgroupName"):
        redshift.execute_statement(
            Sql="SELECT 1", ClusterIdentifier="headrace", WorkgroupName="headrace", Database="headrace"
        )
    request = {"ClusterIdentifier": "ours", "SecretArn": "arn:secret"}
    (action, cluster), login = needed_rights("ExecuteStatement", request, "eu-central-1")
    assert (action, cluster.endswith(":cluster:ours")) == ("redshift-data:ExecuteStatement", True)
    assert login == ("secretsmanager:GetSecretValue", "arn:secret")
    _, login = needed_rights("ExecuteStatement", {"ClusterIdentifier": "ours", "DbUser": "ann"}, "eu-central-1")
    assert (login[0], login[1].endswith(":dbuser:ours/ann")) == ("redshift:GetClusterCredentials", True)
