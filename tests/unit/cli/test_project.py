"""A team's own project: its settings, and the application that is assembled for it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from headrace_cli.output.failures import CommandError
from headrace_cli.stack import sam
from headrace_cli.stack.application import BUILD, KEPT, application
from headrace_cli.stack.home import project
from headrace_cli.stack.settings import Environment, read_settings
from tests.unit.cli.conftest import RunJson

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(run_json: RunJson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project, the working directory."""
    made = tmp_path / "our data"
    assert run_json("init", str(made))[0] == 0
    monkeypatch.chdir(made)
    return made


def test_a_new_project_has_settings_that_can_be_read(folder: Path) -> None:
    settings = read_settings(folder)
    assert list(settings.environments) == ["dev", "staging", "prod"]
    assert settings.environment("dev").stack == "headrace-dev"
    assert set(settings.environment("dev").parameters) <= template_parameters()
    assert project() == folder


def template_parameters() -> set[str]:
    parameters = (ROOT / "template.yaml").read_text().partition("\nParameters:\n")[2].partition("\nConditions:")[0]
    return set(re.findall(r"^  (\w+):", parameters, re.MULTILINE))


def test_every_parameter_that_a_new_project_names_is_the_templates(folder: Path) -> None:
    text = (folder / "headrace.toml").read_text()
    named = set(re.findall(r"^(?:# )?([A-Z]\w+) = ", text, re.MULTILINE))
    assert {"AlarmEmail", "CopyRole", "LongestWait"} <= named <= template_parameters()


def test_nothing_is_overwritten(folder: Path, run_json: RunJson) -> None:
    (folder / "headrace.toml").write_text("# mine\n")
    code, document = run_json("init", str(folder))
    assert code == 1
    assert "headrace.toml exists already" in document["error"]
    assert (folder / "headrace.toml").read_text() == "# mine\n"


def test_the_application_is_this_installations_with_the_projects_contracts(folder: Path) -> None:
    (folder / "contracts" / "readings.odcs.yaml").write_text("mine")
    (folder / "exports" / "daily.odcs.yaml").write_text("mine too")
    built = application(folder)
    assert built == folder / BUILD
    assert [path.name for path in (built / "contracts").iterdir()] == ["Makefile", "readings.odcs.yaml"]
    assert [path.name for path in (built / "exports").iterdir()] == ["daily.odcs.yaml"]
    assert (built / "compiler" / "headrace_compiler" / "__main__.py").is_file()
    assert (built / "layers" / "headrace" / "headrace" / "domain" / "ingest" / "failures.toml").is_file()
    assert not list(built.rglob("__pycache__"))
    assert_whole(built)


def test_a_template_beside_the_settings_is_another_applications(folder: Path) -> None:
    (folder / "contracts" / "readings.odcs.yaml").write_text("mine")
    (folder / "template.yaml").write_text("Resources: {}")
    assert application(folder) == folder / BUILD


def test_what_an_earlier_version_left_is_removed_but_for_what_it_built(folder: Path) -> None:
    (folder / "contracts" / "readings.odcs.yaml").write_text("mine")
    built = application(folder)
    (built / KEPT / "layers").mkdir(parents=True)
    (built / "functions" / "of_old").mkdir()
    (folder / "contracts" / "readings.odcs.yaml").rename(folder / "contracts" / "meters.odcs.yaml")
    application(folder)
    assert (built / KEPT / "layers").is_dir()
    assert not (built / "functions" / "of_old").exists()
    assert not (built / "contracts" / "readings.odcs.yaml").exists()


def test_a_project_without_a_contract_says_what_to_type(folder: Path) -> None:
    with pytest.raises(CommandError, match="headrace new NAME SAMPLE"):
        application(folder)


def test_the_wheels_files_are_all_that_the_application_needs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "packed"
    runpy.run_path(str(ROOT / "setup.py"))["copy_application"](packed)
    monkeypatch.setattr("headrace_cli.stack.application.packaged", lambda: packed)
    (folder / "contracts" / "readings.odcs.yaml").write_text("mine")
    built = application(folder)
    assert_whole(built)
    for layer in ("headrace", "sources", "transform"):
        assert (built / "layers" / layer / "requirements.txt").is_file()
    for name in (
        "glue/transform_unit.py",
        "scripts/build_layer.sh",
        "scripts/build_layer.py",
        "samconfig.toml",
        "sql/migrations/0001_etl.sql",
    ):
        assert (built / name).is_file(), name
    assert (packed / sam.LOCK).is_file()


def assert_whole(built: Path) -> None:
    """Everything is there that the template names, and a makefile in each layer's folder."""
    template = (ROOT / "template.yaml").read_text()
    for kind in ("CodeUri", "ContentUri", "DefinitionUri"):
        for path in re.findall(rf"\b{kind}: (\S+)", template):
            assert (built / path).exists(), path
            assert kind != "ContentUri" or (built / path / "Makefile").is_file(), path
            assert kind != "CodeUri" or (built / path / "app.py").is_file(), path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "headrace.toml: "),
        ("[enviroments.dev]\n", "the file has no key 'enviroments'; known: environments, laptop"),
        ("[environments.dev]\nstac = 1\n", "[environments.dev] has no key 'stac'"),
        ("[environments.dev]\nparameters = 1\n", "[environments.dev] parameters must be a table"),
        ("[environments.dev.parameters]\nA = [1]\n", "A in [environments.dev] parameters must be a text or a number"),
        ("environments = 1\n", "environments must be a table"),
    ],
)
def test_mistakes_in_the_settings_are_named(folder: Path, text: str, said: str) -> None:
    (folder / "headrace.toml").write_text(text)
    with pytest.raises(CommandError) as refused:
        read_settings(folder)
    assert said in str(refused.value)


def test_values_are_texts_as_cloudformation_wants_them(folder: Path) -> None:
    (folder / "headrace.toml").write_text("[laptop.parameters]\nA = 5\nB = true\nC = 'rate(1 minute)'\n")
    assert read_settings(folder).laptop == {"A": "5", "B": "true", "C": "rate(1 minute)"}


def test_an_unknown_environment_names_the_known_ones(folder: Path) -> None:
    with pytest.raises(CommandError, match="no environment is called test; there are: dev, staging, prod"):
        read_settings(folder).environment("test")


def test_sam_is_given_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A SAM that writes down how it was called."""
    called = tmp_path / "called"
    fake = tmp_path / "sam"
    fake.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$HEADRACE_ARCH $HEADRACE_RUNTIME ${{MAKEFLAGS:-none}}" "$@" >> {called}\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("MAKEFLAGS", "-- PYTHON=x")
    environment = Environment(
        "prod", "big", "work", "eu-west-1", {"Architecture": "arm64", "PollRate": "rate(30 minutes)"}, {"team": "data"}
    )
    sam.build(fake, folder, environment)
    sam.deploy(fake, folder, environment, confirmed=False)
    built, deployed = called.read_text().split("build\n")
    assert built == "arm64 python3.13 none\n"
    assert deployed.splitlines()[1:] == [
        *("deploy", "--stack-name", "big", "--confirm-changeset", "--profile", "work", "--region", "eu-west-1"),
        *("--parameter-overrides", 'Architecture="arm64"', 'PollRate="rate(30 minutes)"', "--tags", 'team="data"'),
    ]


def test_a_value_reaches_sam_as_it_is() -> None:
    assert sam.quoted("A", 'C:\\new "x"') == 'A="C:\\new \\"x\\""'
    with pytest.raises(CommandError, match="A ends in a backslash"):
        sam.quoted("A", "C:\\")


def test_a_sam_that_fails_is_a_sentence(folder: Path) -> None:
    with pytest.raises(CommandError, match="sam deploy failed"):
        sam.deploy(Path("/bin/false"), folder, Environment(), confirmed=True)


def test_deploy_to_an_environment_that_does_not_exist(folder: Path, run_json: RunJson) -> None:
    code, document = run_json("deploy", "nowhere")
    assert (code, document["error"][:34]) == (1, "no environment is called nowhere; ")
