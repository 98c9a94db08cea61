"""What a person can change from a page: each action is a command's own `collect`, asked for its dry run first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count

if TYPE_CHECKING:
    from headrace_cli.stack.target import Target

LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form asks for: the action, what it is about, a rule (replay), the reason for the audit.

    `shown` is what the dry run has shown, as `effects_of` has it.
    """

    name: str
    wanted: str
    rule: str = ""
    reason: str = ""
    shown: frozenset[tuple[str, int]] = field(default=frozenset(), compare=False)

    @property
    def command(self) -> str:
        """The same on the command line."""
        more = f" --rule {quoted(self.rule)}" if self.rule else ""
        more += " --force" if self.name == "reload" else ""
        more += f" --reason {quoted(self.reason)}" if self.reason else ""
        return f"headrace {self.name} {quoted(self.wanted)}".rstrip() + more


@dataclass(frozen=True, slots=True)
class Action:
    """One action: what it does in a sentence, and how it is done."""

    says: str
    run: Callable[[Target, Asked, bool], dict[str, Any]]


def asked_of(form: dict[str, str]) -> Asked:
    """The action that a form names. Raises CommandError."""
    asked = Asked(
        form.get("action", ""), form.get("wanted", ""), form.get("rule", ""), form.get("reason", "")[:LONGEST_REASON]
    )
    if asked.name not in ACTIONS:
        raise CommandError(f"there is no action {asked.name or 'without a name'}: {', '.join(ACTIONS)}")
    if not asked.wanted:
        raise CommandError(f"{asked.name} needs the file, batch or dataset that it is about")
    return asked


def perform(target: Target, asked: Asked, *, dry_run: bool) -> dict[str, Any]:
    """The command's document. Raises CommandError, and what the command raises."""
    return ACTIONS[asked.name].run(target, asked, dry_run)


def confirmed(target: Target, asked: Asked) -> dict[str, Any]:
    """Do what was shown, and nothing else. Raises CommandError if by now it would be about anything else."""
    others = effects_of(perform(target, asked, dry_run=True)) - asked.shown
    if others:
        raise CommandError(
            f"nothing was changed: since you looked, {asked.name} {asked.wanted} has become about other files or rows,"
            f" {count(len(others), 'file')} that you were not shown. Look again at what it would do"
        )
    return perform(target, asked, dry_run=False)


def effects_of(document: dict[str, Any]) -> frozenset[tuple[str, int]]:
    """The ids of the files that an action changes, each with the rows that go in again; 0 where it takes the file."""
    changed = (item for item in document["files"] if item.get("sent", item.get("good", True)))
    return frozenset((item["file_id"], item.get("good", 0)) for item in changed)


def quoted(text: str) -> str:
    """As a shell takes it."""
    import shlex

    return shlex.quote(text) if text else ""


def _retry(target: Target, asked: Asked, dry_run: bool) -> dict[str, Any]:
    from headrace_cli.commands.repair.retry import collect

    return collect(target, asked.wanted, reason=asked.reason, dry_run=dry_run)


def _reload(target: Target, asked: Asked, dry_run: bool) -> dict[str, Any]:
    from headrace_cli.commands.repair.reload import collect

    return collect(target, asked.wanted, reason=asked.reason, dry_run=dry_run)


def _replay(target: Target, asked: Asked, dry_run: bool) -> dict[str, Any]:
    from headrace.usecases.recovery.replay import Wanted
    from headrace_cli.commands.repair.replay import collect

    return collect(target, asked.wanted, Wanted(asked.rule or None), asked.reason, dry_run=dry_run)


def _release(target: Target, asked: Asked, dry_run: bool) -> dict[str, Any]:
    from headrace_cli.commands.repair.release import collect

    return collect(target, asked.wanted, reason=asked.reason, dry_run=dry_run)


def _reject(target: Target, asked: Asked, dry_run: bool) -> dict[str, Any]:
    from headrace_cli.commands.repair.reject import collect

    return collect(target, asked.wanted, asked.reason, dry_run=dry_run)


ACTIONS = {
    "retry": Action("Failed files wait for a batch again, and their datasets are woken.", _retry),
    "reload": Action("Files are loaded again; their own rows in the table are replaced in one transaction.", _reload),
    "replay": Action("Quarantined rows that the deployed contract now accepts are loaded; the others stay.", _replay),
    "release": Action("What is held is loaded, and is not held a second time.", _release),
    "reject": Action("What is held is given up: its files become failed.", _reject),
}
