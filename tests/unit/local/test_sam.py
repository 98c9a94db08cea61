"""What is made of SAM's output, and what SAM is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace_local import sam
from headrace_local.state import LaptopState

if TYPE_CHECKING:
    from pathlib import Path

LAPTOP = LaptopState(1, 4000, "http://127.0.0.1:4000", "LAPTOP1", "only mine", "sesame")


class Told:
    """Progress that is remembered."""

    def __init__(self) -> None:
        self.details: list[str] = []

    def __call__(self, stage: str, detail: str = "") -> None:
        self.details.append(detail)


def test_a_build_tells_what_it_builds() -> None:
    told = Told()
    report = sam.build_reporter(told)
    report("Building layer 'TransformLayer'")
    report("TransformLayer: Running CustomMakeBuilder:MakeBuild")
    report("Building codeuri: /x/functions/starter runtime: python3.11 architecture: x86_64 functions: StarterFunction")

    assert told.details == ["", "TransformLayer", "StarterFunction"]


def test_a_deployment_tells_what_is_uploaded_and_how_many_resources_are_ready() -> None:
    told = Told()
    report = sam.deploy_reporter(told)
    for line in (
        "\tUploading to 86352d2a  262144 / 33399973  (0.78%)",
        "\tUploading to 0e907e8a  2242 / 2242  (100.00%)",
        "\tUploading to 86352d2a  33399973 / 33399973  (100.00%)",
        "+ Add                    StarterFunction          AWS::Lambda::Function    N/A",
        "* Modify                 LedgerTable              AWS::DynamoDB::Table     False",
        "CREATE_IN_PROGRESS       AWS::Lambda::Function    StarterFunction",
        "CREATE_COMPLETE          AWS::Lambda::Function    StarterFunction",
        "CREATE_COMPLETE          AWS::Lambda::Function    StarterFunction",
        "UPDATE_COMPLETE          AWS::DynamoDB::Table     LedgerTable",
        "UPDATE_COMPLETE          AWS::SQS::Queue          IntakeQueue",
    ):
        report(line)

    assert told.details == [
        "",
        "uploading 33.4 MB",
        "1 of 2 resources: StarterFunction",
        "2 of 2 resources: LedgerTable",
        "3 of 3 resources: IntakeQueue",
    ]


def test_the_essence_of_a_failure_is_the_error_itself() -> None:
    said = [
        "Building layer 'ContractsLayer'",
        "",
        "Build Failed",
        "Error: CustomMakeBuilder:MakeBuild - Make Failed: contracts/x.odcs.yaml:12: unknown type",
        "contracts/x.odcs.yaml:14: required must be true or false",
        "make: *** [/x/contracts/Makefile:7: build-ContractsLayer] Error 1",
    ]

    assert sam.essence(said).splitlines() == [
        "contracts/x.odcs.yaml:12: unknown type",
        "contracts/x.odcs.yaml:14: required must be true or false",
    ]


def test_without_one_it_is_the_last_that_was_said() -> None:
    assert sam.essence(["first", *[f"line {n}" for n in range(8)], ""]).splitlines()[0] == "line 0"


def test_sam_sees_the_laptop_and_nothing_of_the_persons_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("SAM_CLI_POLL_DELAY", "60")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    monkeypatch.setenv("NO_PROXY", "intranet")
    monkeypatch.setenv("MAKEFLAGS", "-- PYTHON=/opt/python3.13")

    environment = sam.sam_environment(LAPTOP, tmp_path)

    assert environment["AWS_ENDPOINT_URL"] == LAPTOP.endpoint_url
    assert environment["HTTPS_PROXY"] == "http://proxy"
    assert environment["SAM_CLI_POLL_DELAY"] == "0.5"
    assert environment["NO_PROXY"] == environment["no_proxy"] == "127.0.0.1,intranet"
    assert not {"AWS_PROFILE", "MAKEFLAGS"} & set(environment)


def test_parameters_are_samconfigs_and_the_machine_at_hand(tmp_path: Path) -> None:
    (tmp_path / "samconfig.toml").write_text(
        '[laptop.global.parameters]\nparameter_overrides = ["CreateWarehouse=false"]\n'
    )

    secrets = ("arn:secret", "arn:reader")
    given, architecture, secret, reader, workgroup = sam.parameter_overrides(
        sam.Application(tmp_path), secrets, "second"
    )

    assert (given, secret) == ("CreateWarehouse=false", "ExistingWarehouseSecretArn=arn:secret")
    assert reader == "ExistingReaderSecretArn=arn:reader"
    assert architecture.startswith("Architecture=")
    assert workgroup == "Workgroup=second"


def test_parameters_can_be_given_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "samconfig.toml").write_text('[laptop.global.parameters]\nparameter_overrides = ["A=1", "B=2"]\n')
    monkeypatch.setenv("HEADRACE_PARAMETERS", "B=3 C=4")

    application = sam.Application(tmp_path, parameters=("A=7", "D=5"))
    given = sam.parameter_overrides(application, ("arn:secret", ""))

    assert {"A=7", "B=3", "C=4", "D=5"} <= set(given)
    assert "B=2" not in given
    assert all(each.partition("=")[2] for each in given), "SAM takes no parameter without a value"
