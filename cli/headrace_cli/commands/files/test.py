"""`headrace test`: contract tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from headrace_cli.output.console import Document, Json, emit, lines
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count
from headrace_cli.stack.home import project

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

    from headrace.domain.contract import Contract
    from headrace_cli.contract_tests.cases import Case


def test(
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write what becomes of each file now as its expectation.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Test the contracts here against files, and what must become of each of their rows.

    Put files into `contracts/tests/DATASET/`; `--write` writes an expectation beside each, `FILE.expected.yaml`, to be
    read before it is committed. Needs no AWS or laptop. pytest finds the same tests. Exits with 1 if one fails.

    Examples: `headrace test`, `headrace test readings --write`
    """
    document = collect(project(), dataset, write=write)
    emit(document, render, as_json=as_json)
    if document["failed"]:
        raise typer.Exit(1)


def collect(folder: Path, dataset: str | None, *, write: bool) -> Document:
    """`{"tests": [{"dataset", "file", "outcome", "differences"}], "failed", "untested"}`.

    `outcome` is passed, failed or written.
    """
    from headrace_cli.contract_tests.cases import cases
    from headrace_cli.contract_tests.contracts import contracts_of

    contracts = contracts_of(folder)
    if dataset and dataset not in contracts:
        raise CommandError(f"no contract here is for {dataset}; there are: {', '.join(contracts)}")
    found = [case for case in cases(folder) if dataset in {None, case.dataset}]
    tests = [_run(case, contracts, folder, write=write) for case in found]
    wanted = [dataset] if dataset else list(contracts)
    return {
        "tests": tests,
        "failed": sum(test["outcome"] == "failed" for test in tests),
        "untested": [name for name in wanted if name not in {case.dataset for case in found}],
    }


def _run(case: Case, contracts: dict[str, Contract], folder: Path, *, write: bool) -> dict[str, Any]:
    from headrace_cli.contract_tests.cases import ExpectationError, differences, expected, outcome_of, written

    named = {"dataset": case.dataset, "file": str(case.file.relative_to(folder))}
    if case.dataset not in contracts:
        known = ", ".join(contracts) or "none"
        return named | {"outcome": "failed", "differences": [f"no contract is for {case.dataset}; there are: {known}"]}
    try:
        outcome = outcome_of(contracts[case.dataset], case.file)
        if write:
            case.expectation.write_text(written(outcome), "utf-8")
            return named | {"outcome": "written", "differences": []}
        found = list(differences(expected(case), outcome))
    except (ExpectationError, OSError) as error:
        found = [str(error)]
    return named | {"outcome": "failed" if found else "passed", "differences": found}


def render(document: Document) -> ConsoleRenderable:
    """A line per file, what is otherwise than expected below it, and the sum."""
    parts: list[Text | str] = [part for test in document["tests"] for part in _said(test)]
    if document["untested"]:
        parts.append(Text(f"No test files: {', '.join(document['untested'])}.", style="yellow"))
    outcomes = [test["outcome"] for test in document["tests"]]
    sums = [f"{outcomes.count(name)} {name}" for name in ("passed", "failed", "written") if outcomes.count(name)]
    closing = f"{count(len(outcomes), 'test file')}: {', '.join(sums)}." if outcomes else (
        "There are no test files: put some into contracts/tests/DATASET/, then `headrace test --write`."
    )  # fmt: skip
    return lines(*parts, Text(closing, style="bold red" if document["failed"] else "green"))


def _said(test: Document) -> list[Text]:
    sign, style = {"passed": ("✓", "green"), "written": ("+", "yellow"), "failed": ("✗", "bold red")}[test["outcome"]]
    return [Text.assemble((f"{sign} ", style), test["file"]), *(Text(f"    {line}") for line in test["differences"])]
