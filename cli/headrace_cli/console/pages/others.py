"""Contracts, what is held, the audit, sources, exports, notifications: each a command's document, nearly as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from headrace.domain.clock import written
from headrace_cli.commands.look import contracts, held, history, notifications, sources
from headrace_cli.console.pages.files import since_of
from headrace_cli.exports.run import standing
from headrace_cli.output.failures import CommandError
from headrace_cli.output.slack_text import as_text

if TYPE_CHECKING:
    from headrace.domain.contract import Column, Contract
    from headrace_cli.stack.target import Target

NOTIFICATIONS = 50
EXPORT_RUNS = 10
AUDIT_DAYS, AUDIT_ENTRIES = timedelta(days=30), 200


def contract_list(target: Target) -> dict[str, Any]:
    """The document of `headrace contracts`."""
    return contracts.collect(target)


def contract(target: Target, dataset: str) -> dict[str, Any]:
    """A contract for people: where rows come from and go, each column with what it must obey. Raises CommandError."""
    found = target.contract(dataset)
    return {
        "contract": found,
        "summary": next(item for item in contracts.collect(target)["datasets"] if item["dataset"] == found.dataset),
        "columns": [(column, obeyed(column, found)) for column in found.columns],
    }


def obeyed(column: Column, of: Contract) -> list[str]:
    """The rules of a column in words."""
    bounds = {
        "at least": column.minimum,
        "at most": column.maximum,
        "more than": column.exclusive_minimum,
        "less than": column.exclusive_maximum,
        "characters, at least": column.min_length,
        "characters, at most": column.max_length,
        "matches": column.pattern,
    }
    said = ["key"] if column.name in of.primary_key else []
    said += ["required"] if column.required else []
    said += ["unique"] if column.unique else []
    said += [f"{words} {bound}" for words, bound in bounds.items() if bound is not None]
    said += [f"one of {', '.join(column.enum)}"] if column.enum else []
    said += [f"written as {', '.join(column.formats)}"] if column.formats else []
    return said + ([f"from the key: {column.origin}"] if column.origin else [])


def held_things(target: Target) -> dict[str, Any]:
    """The document of `headrace held`."""
    return held.collect(target)


def audit(target: Target, query: dict[str, str]) -> dict[str, Any]:
    """The document of `headrace history --audit`, of the last thirty days unless asked else. Raises CommandError."""
    dataset = query.get("dataset") or None
    since = since_of(query) or written(datetime.now(UTC) - AUDIT_DAYS)
    chosen = {"dataset": dataset or "", "since": query.get("since", "")}
    found = history.collect_audit(target, dataset, since, AUDIT_ENTRIES)
    return found | {"query": chosen, "datasets": list(target.contracts)}


def servers(target: Target) -> dict[str, Any]:
    """The document of `headrace sources`."""
    return sources.collect(target, sources.deployed_servers(target))


def exports(target: Target) -> dict[str, Any]:
    """`{"exports": [{"export", "runs": [what `headrace export status` shows of the last days]}]}`."""
    found = []
    for export in target.exports:
        runs = [standing(target, export.name, run.date) for run in target.export_runs.runs(export.name, EXPORT_RUNS)]
        found.append({"export": export.name, "runs": runs})
    return {"exports": found}


def messages(target: Target) -> dict[str, Any]:
    """The document of `headrace notifications`, newest first, as text; on AWS the reason why there is none."""
    try:
        found = notifications.collect(target, NOTIFICATIONS)
    except CommandError as error:
        return {"notifications": [], "received": 0, "why_none": str(error)}
    shown = [item | {"plain": as_text(item["text"]).plain} for item in reversed(found["notifications"])]
    return {"notifications": shown, "received": found["received"], "why_none": ""}
