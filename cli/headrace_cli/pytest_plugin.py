"""Contract tests under pytest: every `*.expected.yaml` is a test, beside the tests of the project's own code.

pytest loads this plugin wherever Headrace is installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace_cli.contract_tests.cases import FOLDER, SUFFIX, Case, ExpectationError, differences, expected, outcome_of
from headrace_cli.contract_tests.contracts import contracts_of
from headrace_cli.output.failures import CommandError


class ContractTestError(Exception):
    """A file that did not become what was expected; the message says in what."""


class ExpectationFile(pytest.File):
    """One expectation, one test."""

    def collect(self) -> Iterator[pytest.Item]:
        """The test."""
        yield ContractTest.from_parent(self, name=self.path.name.removesuffix(SUFFIX))


class ContractTest(pytest.Item):
    """A file against its contract."""

    def runtest(self) -> None:
        """Raises ContractTestError for what is otherwise than expected."""
        case = Case(self.path.parent.name, self.path.with_name(self.name))
        contracts = contracts_of(self.path.parents[len(FOLDER.parts) + 1])
        if case.dataset not in contracts:
            raise ContractTestError(f"no contract is for {case.dataset}; there are: {', '.join(contracts)}")
        found = list(differences(expected(case), outcome_of(contracts[case.dataset], case.file)))
        if found:
            raise ContractTestError("\n".join(found))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """The sentence alone: a traceback would lead into Headrace."""
        if isinstance(excinfo.value, ContractTestError | ExpectationError | CommandError | OSError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it stands."""
        return self.path, None, f"{self.path.parent.name}/{self.name}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ExpectationFile | None:
    """Take every expectation in `contracts/tests/<dataset>/`."""
    if file_path.name.endswith(SUFFIX) and file_path.parts[-2 - len(FOLDER.parts) : -2] == FOLDER.parts:
        return ExpectationFile.from_parent(parent, path=file_path)
    return None
