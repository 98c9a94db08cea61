"""Two stacks in one account and region: nothing that they make has the same name."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.resolved_template import plain_template, resolved, translated

NOT_A_NAME_OF_ITS_OWN = {
    "MetricName",  # of a series of CloudWatch's, whose dimensions are the stack's
    "DbName",  # within the stack's own namespace
    "PolicyName",  # within its role
    "AdminUsername",  # within the stack's own namespace
}


def names(template: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """What each resource calls itself: (logical id, property) and the value."""
    return {
        (logical, key): value
        for logical, resource in template["Resources"].items()
        for key, value in resource.get("Properties", {}).items()
        if (key == "Name" or key.endswith(("Name", "Identifier", "Alias"))) and key not in NOT_A_NAME_OF_ITS_OWN
    }


def test_the_translated_template_gives_no_fixed_name() -> None:
    fixed = {where: name for where, name in names(translated()).items() if isinstance(name, str)}
    assert not fixed


@pytest.mark.parametrize("warehouse", ["true", "false"])
def test_two_stacks_give_no_name_twice(warehouse: str) -> None:
    one, other = (names(resolved(stack, CreateWarehouse=warehouse, Workgroup="")) for stack in ("headrace", "staging"))
    assert one.keys() == other.keys()
    assert {where: name for where, name in one.items() if name == other[where]} == {}
    assert len(one) > 20, "there are names to be compared"


def test_each_stack_reads_only_its_own_secrets_of_servers() -> None:
    for stack in ("headrace", "staging"):
        poller = resolved(stack)["Resources"]["PollerFunctionRole"]["Properties"]["Policies"][0]["PolicyDocument"]
        (secrets,) = [
            each["Resource"] for each in poller["Statement"] if each["Action"] == "secretsmanager:GetSecretValue"
        ]
        assert secrets.endswith(f":secret:{stack}/sources/*")
        variables = resolved(stack)["Resources"]["PollerFunction"]["Properties"]["Environment"]["Variables"]
        assert variables["SOURCE_SECRETS"] == f"{stack}/sources/"


def test_a_template_as_written_has_every_anchor_resolved() -> None:
    assert plain_template()["Resources"]["RecoverFailureAlarm"]["Properties"]["MetricName"] == "Errors"
