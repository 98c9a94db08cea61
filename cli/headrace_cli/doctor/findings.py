"""What a check reports: a line, whether it is good, and the remedy if it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import BotoCoreError, ClientError

from headrace.errors import HeadraceError
from headrace_cli.doctor.examination import Examination

DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
UNANSWERED = {"400", "404", "InvalidAction", "UnknownOperationException", "NotImplemented", "501"}
"""How an emulator answers a service that it does not have."""


class Level(StrEnum):
    """How good a finding is. UNKNOWN: it could not be looked at, and the line says why."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `remedy` is what to type or to do; only a finding that is not good has one."""

    level: Level
    text: str
    remedy: str = ""


def ok(text: str) -> Finding:
    """As it should be."""
    return Finding(Level.OK, text)


def warning(text: str, remedy: str) -> Finding:
    """It works, but will trouble people later."""
    return Finding(Level.WARNING, text, remedy)


def fault(text: str, remedy: str) -> Finding:
    """It does not work, or the deployment will fail."""
    return Finding(Level.FAULT, text, remedy)


def unknown(text: str) -> Finding:
    """It could not be looked at."""
    return Finding(Level.UNKNOWN, text)


class UnusableError(Exception):
    """A check cannot go on: what it looks at is a fault itself."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.text = text
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at. `look` yields its findings; `deployed` ones need a stack."""

    area: str
    name: str
    look: Callable[[Examination], Iterable[Finding]]
    deployed: bool = False


def findings_of(check: Check, examination: Examination) -> Iterator[Finding]:
    """What the check finds. An error of AWS is a finding too: the other checks go on."""
    if check.deployed and not examination.stands:
        return
    try:
        yield from check.look(examination)
    except UnusableError as error:
        yield fault(error.text, error.remedy)
    except ClientError as error:
        yield _refused(error)
    except (BotoCoreError, HeadraceError) as error:
        yield fault(str(error), "fix that, then run `headrace doctor` again")


def _refused(error: ClientError) -> Finding:
    code = error.response.get("Error", {}).get("Code", "")
    action = f"{error.operation_name}"
    if code in DENIED:
        return unknown(f"not allowed to look: you are denied {action}")
    if code in UNANSWERED:
        return unknown(f"nothing here answers {action}: a laptop has no such service")
    return fault(str(error), "fix that, then run `headrace doctor` again")
