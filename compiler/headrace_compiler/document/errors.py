"""What is wrong with a contract: where, what, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ContractError:
    """One mistake. As text: `contracts/x.odcs.yaml:42: <what is wrong and what to write instead>`."""

    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


class ContractErrors(Exception):  # noqa: N818 - it is several
    """Every mistake of one contract, or of a folder of them, in the order of the lines."""

    def __init__(self, errors: Sequence[ContractError]) -> None:
        self.errors = sorted(errors, key=lambda error: (str(error.path), error.line))
        super().__init__("\n".join(str(error) for error in self.errors))
