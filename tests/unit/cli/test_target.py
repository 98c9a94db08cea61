"""Which stack a command works against."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace_cli.output.failures import CommandError
from headrace_cli.stack.choice import Choice
from headrace_cli.stack.home import laptop_home, project
from headrace_cli.stack.services import TargetServices
from headrace_cli.stack.target import Target, aws_target, target_for
from tests.support.fakes import contract
from tests.unit.cli.stack import FakeStack

STATE = {
    "pid": 1,
    "port": 4711,
    "endpoint_url": "http://127.0.0.1:4711",
    "access_key_id": "LAPTOP1",
    "secret_access_key": "only mine",
    "token": "sesame",
    "region": "us-east-1",
    "stack": "mine",
}


@pytest.fixture(autouse=True)
def _no_aws_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)
    (tmp_path / "config").write_text("[profile work]\nregion = eu-central-1\n")


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "laptop.json").write_text(json.dumps(STATE))
    monkeypatch.setenv("HEADRACE_HOME", str(tmp_path))


@pytest.mark.usefixtures("laptop")
def test_the_laptop_that_runs_here() -> None:
    target = target_for(Choice())
    assert (target.endpoint_url, target.stack) == (STATE["endpoint_url"], "mine")
    assert target.client("s3").meta.endpoint_url == STATE["endpoint_url"]
    assert target.client("s3").meta.region_name == "us-east-1"
    assert target.page("faults") == f"{STATE['endpoint_url']}/_headrace/sesame/faults"


@pytest.mark.usefixtures("laptop")
def test_a_profile_means_aws() -> None:
    target = target_for(Choice(profile="work"))
    assert target.endpoint_url is None
    assert target.stack == "headrace"
    assert target.client("sqs").meta.region_name == "eu-central-1"


@pytest.mark.usefixtures("laptop")
def test_an_exported_profile_does_not_leave_the_laptop_but_is_spoken_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target_for(Choice())
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert target_for(Choice()).endpoint_url == STATE["endpoint_url"]
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        err == f"headrace: using the laptop running here, at {STATE['endpoint_url']}; for AWS, pass `--profile work`.\n"
    )
    assert target_for(Choice(profile="work")).endpoint_url is None
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("laptop")
def test_an_endpoint_of_ones_own() -> None:
    target = target_for(Choice(endpoint_url="http://127.0.0.1:9", stack="other"))
    assert (target.endpoint_url, target.stack) == ("http://127.0.0.1:9", "other")
    with pytest.raises(CommandError, match="set HEADRACE_HOME"):
        target.page("faults")


@pytest.mark.usefixtures("laptop")
def test_the_laptops_keys_are_for_the_laptop_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "too")
    there, elsewhere = Choice(endpoint_url=str(STATE["endpoint_url"])), Choice(endpoint_url="http://127.0.0.1:9")
    assert key_of(target_for(Choice())) == key_of(target_for(there)) == "LAPTOP1"
    assert key_of(target_for(elsewhere)) == "mine"


def key_of(target: Target) -> str:
    return str(target.client("sts")._request_signer._credentials.access_key)


def test_aws_is_not_the_laptop_whose_address_the_shell_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4999")
    with pytest.raises(CommandError, match="unset AWS_ENDPOINT_URL"):
        aws_target(Choice(region="eu-west-1"))


def test_without_a_laptop_it_is_aws() -> None:
    target = target_for(Choice(region="eu-north-1"))
    assert target.endpoint_url is None
    assert target.client("sqs").meta.region_name == "eu-north-1"


def test_the_region_may_be_named_as_for_awss_own_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert target_for(Choice()).client("sqs").meta.region_name == "eu-west-1"
    assert target_for(Choice(region="eu-north-1")).client("sqs").meta.region_name == "eu-north-1"


def test_the_home_is_found_from_a_folder_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADRACE_HOME", raising=False)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / ".headrace").mkdir()
    (tmp_path / ".headrace" / "laptop.json").write_text(json.dumps(STATE))
    monkeypatch.chdir(below)
    assert laptop_home() == tmp_path / ".headrace"


def test_the_repository_is_found_from_a_folder_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "contracts" / "samples").mkdir(parents=True)
    (tmp_path / "template.yaml").touch()
    monkeypatch.chdir(tmp_path / "contracts" / "samples")
    assert project() == tmp_path


def test_outputs_are_asked_for_once(stack: FakeStack) -> None:
    target = stack.target
    assert target.output("LakeBucket") == target.output("LakeBucket") == "lake"
    assert stack.cloudformation.asked == 1


def test_a_missing_output_is_named(stack: FakeStack) -> None:
    with pytest.raises(CommandError, match="no output NoSuchThing"):
        stack.target.output("NoSuchThing")


def test_a_stack_with_a_glue_job_says_so(stack: FakeStack) -> None:
    assert not TargetServices(stack.target).spark
    stack.cloudformation.outputs["SparkJob"] = "headrace-large"
    assert TargetServices(stack.target).spark


def test_contracts_are_in_alphabetical_order(stack: FakeStack) -> None:
    stack.deploy(contract("b"), contract("a"))
    assert list(stack.target.contracts) == ["a", "b"]
    assert stack.target.contract("a") == contract("a")
