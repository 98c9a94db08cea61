"""The compiled contracts of a project, with every mistake that they have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headrace_cli.output.failures import CommandError

if TYPE_CHECKING:
    from headrace.domain.contract import Contract


def contracts_of(project: Path) -> dict[str, Contract]:
    """The project's contracts by dataset. Raises CommandError with every mistake, with file and line."""
    from headrace_compiler import ContractErrors, compile_folder

    try:
        return {contract.dataset: contract for contract in compile_folder(project / "contracts")}
    except ContractErrors as errors:
        raise CommandError(str(errors)) from errors
