"""docs/security.md says of everything that is stored how long it is kept: nothing is stored that it does not name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headrace.domain.lake_folders import LAKE_FOLDERS
from tests.support.template import TEMPLATE

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "docs" / "security.md").read_text()
ROWS = [line for line in SECURITY.splitlines() if line.startswith("| ")]
ITEM = re.compile(r"[\"']([A-Z]+#)")
ADAPTERS = (ROOT / "layers" / "headrace" / "headrace").rglob("adapters/**/*.py")
ITEMS = sorted({name for path in ADAPTERS for name in ITEM.findall(path.read_text())})
RESOURCES = TEMPLATE["Resources"]
DAY = 86400


def of_type(kind: str) -> list[str]:
    return sorted(name for name, resource in RESOURCES.items() if resource["Type"] == kind)


def row(name: str) -> str:
    """The one row whose first cell names something."""
    (found,) = [line for line in ROWS if re.search(rf"`{re.escape(name)}`", line.split(" | ")[0])]
    return found


@pytest.mark.parametrize("item", ITEMS)
def test_each_kind_of_item_is_named(item: str) -> None:
    assert any(f"`{item}`" in line.split(" | ")[0] for line in ROWS)


def test_there_are_items() -> None:
    assert len(ITEMS) >= 14


@pytest.mark.parametrize("folder", LAKE_FOLDERS)
def test_each_folder_of_the_lake_is_kept_as_long_as_it_says(folder: str) -> None:
    rules = RESOURCES["LakeBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    days = next((rule["ExpirationInDays"] for rule in rules if rule.get("Prefix") == f"{folder}/"), None)
    wanted = f"{days} days" if days else "the same|until you delete"
    assert re.search(wanted, row(f"{folder}/"))


@pytest.mark.parametrize("queue", of_type("AWS::SQS::Queue"))
def test_each_queue_is_kept_as_long_as_it_says(queue: str) -> None:
    seconds = RESOURCES[queue]["Properties"]["MessageRetentionPeriod"]
    assert (f"{seconds // DAY} days" if seconds >= DAY else f"{seconds // 3600} hours") in row(queue)


@pytest.mark.parametrize("group", of_type("AWS::Logs::LogGroup"))
def test_each_log_group_is_named(group: str) -> None:
    assert "`LogRetentionDays`" in row(group)


def test_no_workflow_logs_what_it_is_given() -> None:
    logging = [RESOURCES[name]["Properties"]["Logging"] for name in of_type("AWS::Serverless::StateMachine")]
    assert [each["IncludeExecutionData"] for each in logging] == [False, False]
