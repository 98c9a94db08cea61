"""`contracts/tests/<dataset>/`: test files, each with an expectation in `<file>.expected.yaml` beside it.

    good: 2                    # rows that are loaded
    bad:                       # rows in quarantine: their number in the file, and each rule that they break
      3: [value minimum]
      7: [meter required, value logicalType]

or, for a file that is refused as a whole, a part of the reason:

    refused: lacks the required column
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from headrace_cli.output.formatting import count

if TYPE_CHECKING:
    from headrace.domain.contract import Contract

SUFFIX = ".expected.yaml"
FOLDER = Path("contracts", "tests")
MOST_BAD = 1000
"""Bad rows that a test file can have: nobody reads more expectations."""


class ExpectationError(ValueError):
    """An expectation that cannot be understood; the message has file and reason."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a file: rows loaded, the rules that each bad row breaks, or why the file is refused."""

    good: int = 0
    bad: dict[int, tuple[str, ...]] = field(default_factory=dict)
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A test file of a dataset."""

    dataset: str
    file: Path

    @property
    def expectation(self) -> Path:
        """Where its expectation is."""
        return self.file.with_name(self.file.name + SUFFIX)


def cases(project: Path) -> list[Case]:
    """All test files of a project, by dataset and name."""
    folders = sorted(path for path in (project / FOLDER).glob("*") if path.is_dir())
    return [
        Case(folder.name, path)
        for folder in folders
        for path in sorted({_sample(path) for path in folder.rglob("*") if _is_shown(path.relative_to(folder), path)})
    ]


def _is_shown(below: Path, path: Path) -> bool:
    """Whether a path is that of a file, and hidden neither by its own name nor by that of a folder."""
    return path.is_file() and not any(part.startswith(".") for part in below.parts)


def _sample(path: Path) -> Path:
    """The test file to which this file belongs; one of which only the expectation is there is missing."""
    return path.with_name(path.name.removesuffix(SUFFIX))


def outcome_of(contract: Contract, file: Path) -> Outcome:
    """What becomes of the file. Raises ExpectationError for more bad rows than anybody reads."""
    from headrace.transform import FileRejected
    from headrace.usecases.check import check_file

    try:
        result = check_file(contract, file, shown=MOST_BAD)
    except FileRejected as rejected:
        return Outcome(refused=rejected.reason)
    if result.held:
        return Outcome(refused=result.held)
    if result.rows_bad > MOST_BAD:
        raise ExpectationError(f"{file}: {result.rows_bad:,} rows are bad, more than {MOST_BAD:,}: use a smaller file")
    bad = {
        row.row_number: tuple(f"{error.column or 'row'} {error.rule}" for error in row.errors)
        for row in result.first_bad
    }
    return Outcome(result.rows_good, bad)


def expected(case: Case) -> Outcome:
    """What the expectation says. Raises ExpectationError."""
    if not case.expectation.is_file():
        raise ExpectationError(f"{case.expectation} is missing: `headrace test --write` writes it")
    try:
        found = yaml.safe_load(case.expectation.read_text("utf-8"))
        return _outcome(found)
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise ExpectationError(f"{case.expectation}: {' '.join(str(error).split())}") from error


def _outcome(found: Any) -> Outcome:
    """An expectation as an outcome. Raises ValueError."""
    if not isinstance(found, dict) or not found.keys() <= {"good", "bad", "refused"}:
        raise ValueError("write good: and bad:, or refused:")
    if "refused" in found:
        if len(found) > 1 or not isinstance(found["refused"], str) or not found["refused"].strip():
            raise ValueError("refused: is a part of the reason, and nothing stands beside it")
        return Outcome(refused=found["refused"])
    good, bad = found.get("good", 0), found.get("bad") or {}
    if type(good) is not int or not isinstance(bad, dict) or not all(type(row) is int for row in bad):
        raise ValueError("good: is a number of rows; bad: has a row's number and its rules on each line")
    return Outcome(good, {row: _rules(rules) for row, rules in bad.items()})


def _rules(given: Any) -> tuple[str, ...]:
    rules = [given] if isinstance(given, str) else given
    if not isinstance(rules, list) or not rules or not all(isinstance(rule, str) for rule in rules):
        raise ValueError("the rules of a bad row are a list, such as [meter required, value minimum]")
    return tuple(rules)


def differences(wanted: Outcome, found: Outcome) -> Iterator[str]:
    """What is otherwise than expected, a sentence each."""
    if wanted.refused is not None or found.refused is not None:
        yield from _refusal(wanted, found)
        return
    if wanted.good != found.good:
        yield f"{count(found.good, 'row')} good, expected {wanted.good:,}"
    for row in sorted(wanted.bad.keys() | found.bad.keys()):
        before, now = wanted.bad.get(row), found.bad.get(row)
        if before is None or now is None or sorted(before) != sorted(now):
            yield f"row {row:,}: {_said(now)}, expected {_said(before)}"


def _refusal(wanted: Outcome, found: Outcome) -> Iterator[str]:
    if found.refused is None:
        yield f"the file is not refused, expected: {wanted.refused}"
    elif wanted.refused is None:
        yield f"the file is refused: {found.refused}"
    elif wanted.refused not in found.refused:
        yield f"the file is refused: {found.refused}; expected: {wanted.refused}"


def _said(rules: tuple[str, ...] | None) -> str:
    return "good" if rules is None else ", ".join(rules)


def written(outcome: Outcome) -> str:
    """An outcome as the text of an expectation."""
    if outcome.refused is not None:
        return yaml.safe_dump({"refused": outcome.refused}, allow_unicode=True, width=1000)
    rows = [f"  {row}: [{', '.join(map(_scalar, rules))}]\n" for row, rules in sorted(outcome.bad.items())]
    return f"good: {outcome.good}\n" + ("bad:\n" + "".join(rows) if rows else "")


def _scalar(rule: str) -> str:
    """A rule in a YAML list; quoted where it would be something else than itself."""
    plain = yaml.safe_load(f"[{rule}]") if rule.isprintable() and not set(rule) & set("[]{}#,:&*!|>'\"%@`") else None
    return rule if plain == [rule] else yaml.safe_dump(rule, default_style='"', width=1000).strip()
