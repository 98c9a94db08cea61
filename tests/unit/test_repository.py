"""What people expect around a repository says what is so: the workflow, the hooks, the glossary, the links."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.list_code import use_case, with_map
from tests.support.template import TEMPLATE

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")])


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def test_the_workflow_runs_the_two_commands_of_the_readme() -> None:
    job = read(".github/workflows/test.yml")["jobs"]["test"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "make demo" in commands
    assert "make test" in commands
    assert "make demo  " in readme
    assert "make test  " in readme


def test_the_workflow_begins_with_the_oldest_python() -> None:
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"].removeprefix(
        ">="
    )
    pythons = read(".github/workflows/test.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert pythons[0] == oldest
    assert pythons == [f"3.{minor}" for minor in range(int(oldest.split(".")[1]), 15)]


def test_each_hook_is_something_that_setup_installs() -> None:
    hooks = read(".pre-commit-config.yaml")["repos"][0]["hooks"]
    bin_folder = Path(sys.executable).parent
    assert len(hooks) >= 4
    for hook in hooks:
        program = hook["entry"].split()[0]
        assert program.startswith(".venv/bin/"), hook
        assert (bin_folder / Path(program).name).exists(), hook


@pytest.mark.parametrize(
    "form", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem
)
def test_forms_for_issues_can_be_filled_in(form: Path) -> None:
    body = yaml.safe_load(form.read_text("utf-8"))
    assert form.stem == "config" or (body["name"] and body["description"] and body["body"])


def test_editors_keep_the_line_length_that_ruff_checks() -> None:
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]
    assert f"max_line_length = {ruff['line-length']}" in (ROOT / ".editorconfig").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, heading = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target} leads nowhere"
        if heading and found.suffix == ".md":
            assert heading in anchors(found), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_of_the_sam_cli_do_what_they_seem_to(page: Path) -> None:
    """All functions share a log group, which `sam logs` prints once for each of them unless one is named; and without
    both kinds of quotes the SAM CLI cuts a parameter's value at its first blank.
    """
    text = page.read_text("utf-8")
    for command in re.findall(r"\bsam logs[^`\n]*", text):
        assert "--name " in command
    for value in re.findall(r"\b[A-Z]\w+=([^\s`|]*(?:rate|cron)\([^`]*)", text):
        assert value.startswith("""'\""""), value


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them, by GitHub's rule: lower case, no punctuation, blanks to hyphens."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def test_the_glossary_compares_every_command_that_sends_something_again() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    for command in ("retry", "reload", "replay", "redrive", "backfill", "export retry", "release", "unblock"):
        assert f"| `headrace {command}" in glossary


def test_the_glossary_is_in_alphabetical_order() -> None:
    terms = re.findall(r"^\*\*([^*]+)\.?\*\*", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.MULTILINE)
    names = [term.lower().rstrip(".") for term in terms]
    assert len(names) > 25
    assert names == sorted(names)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands(shell: str) -> None:
    program = Path(sys.executable).parent / "headrace"
    environment = {"PATH": "/usr/bin:/bin", "_HEADRACE_COMPLETE": f"source_{shell}"}
    shown = subprocess.run([program], env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert "headrace" in shown.stdout
    words = {"COMP_WORDS": "headrace stat", "COMP_CWORD": "1", "_TYPER_COMPLETE_ARGS": "headrace stat"}
    words |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    completed = subprocess.run(
        [program],
        env={"PATH": "/usr/bin:/bin", "_HEADRACE_COMPLETE": f"complete_{shell}"} | words,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "status" in completed.stdout


def test_the_map_of_the_code_is_that_of_the_folders() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert page == with_map(page), "run `.venv/bin/python -m scripts.list_code`"


def test_the_way_of_a_file_through_the_code_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = page.partition("### One file through the code\n")[2].partition("### ")[0]
    states = json.loads((ROOT / "statemachine/ingest.asl.json").read_text("utf-8"))["States"]
    modules = re.findall(r"`([\w/]+\.py)`", table)
    assert len(modules) > 15
    for module in modules:
        assert (ROOT / "layers/headrace/headrace" / module).is_file() or (ROOT / module).is_file(), module
    for state in re.findall(r"states? \*([^*]+)\*", table):
        assert state in states, state
    for resource in re.findall(r"`([A-Z][A-Za-z]+)`", table):
        assert resource in TEMPLATE["Resources"], resource


CALLS_SEVERAL = {"sweeper", "notify", "deployment"}
"""The sweeper recovers lanes, watches freshness and reports groups; notifying is up to adapters alone; a deployment
migrates the warehouse and publishes the Glue job."""


@pytest.mark.parametrize("function", sorted(path.name for path in (ROOT / "functions").iterdir() if path.is_dir()))
def test_a_function_calls_the_module_of_its_name(function: str) -> None:
    if function in CALLS_SEVERAL:
        return
    code = "".join(path.read_text("utf-8") for path in sorted((ROOT / "functions" / function).glob("*.py")))
    module = use_case(function.removeprefix("export_")).strip("`").removesuffix(".py").replace("/", ".")
    package, _, name = module.rpartition(".")
    assert f"from headrace.{module} import" in code or f"from headrace.{package} import {name}" in code


def test_contributing_says_where_changes_go_and_each_place_is_there() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    table = page.partition("## Where things belong")[2].partition("## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "you want to" not in line]
    assert len(rows) >= 14
    for row in rows:
        for place in re.findall(r"`([\w./-]+/[\w./-]*)`", row.split(" | ")[1]):
            assert list(ROOT.glob(place.rstrip("/"))) or (ROOT / "layers/headrace/headrace" / place).exists(), place
