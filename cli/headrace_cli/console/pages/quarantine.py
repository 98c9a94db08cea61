"""The quarantine: which rules were broken, when, and by which rows; and what another contract would say of them."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.usecases.recovery import replay
from headrace_cli.commands.look import quarantine
from headrace_cli.output.failures import CommandError
from headrace_cli.stack.bad_rows import bad_rows
from headrace_cli.stack.home import project

if TYPE_CHECKING:
    from headrace.domain.contract import Contract
    from headrace.domain.ingest.ledger import FileRecord
    from headrace_cli.console.memory import Memory
    from headrace_cli.stack.target import Target

MOST_READ = 20_000
"""Bad rows that are read for a page, those of the newest batches."""
MOST_BATCHES = 200
"""Batches whose folders in quarantine are listed and read for a page."""
ROWS_SHOWN = 20
DAYS, RULES_DRAWN = 30, 8


@dataclass
class Read:
    """The bad rows of a dataset as they were read once: counts of all, and the first of each rule.

    `of` stands for what was in quarantine then.
    """

    of: int
    summary: dict[str, Any]
    days: dict[str, Counter[str]]
    first: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    more: bool = False


class Quarantines:
    """The quarantine of each dataset, read again when rows have come to it or left it."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._read: dict[str, Read] = {}
        self._lock = threading.Lock()

    def collect(self, query: dict[str, str]) -> dict[str, Any]:
        """`{"dataset", "datasets", "rules", "rows", "bars", …}` of the chosen dataset, or of the worst."""
        view = self._memory.view
        counts = {name: sum(file.rows.quarantined for file in self._memory.ordered(name)) for name in view.contracts}
        dataset = query.get("dataset") or max(counts, key=lambda name: counts[name], default="")
        if not dataset:
            return {"dataset": "", "counts": counts, "read": None, "rule": "", "rows": [], "labels": [], "series": {}}
        read = self._of(view, view.contract(dataset).dataset)
        rule = query.get("rule", "")
        labels = sorted(read.days)[-DAYS:]
        drawn = [item["rule"] for item in read.summary["rules"][:RULES_DRAWN]]
        return {
            "dataset": dataset,
            "counts": counts,
            "read": read,
            "rule": rule,
            "rows": read.first.get(rule, [])[:ROWS_SHOWN],
            "labels": labels,
            "series": {name: [read.days[day][name] for day in labels] for name in drawn} if labels else {},
        }

    def _of(self, view: Target, dataset: str) -> Read:
        broken = [file for file in self._memory.ordered(dataset) if file.rows.quarantined]
        of = hash(tuple((file.file_id, file.batch, file.rows.quarantined) for file in broken))
        with self._lock:
            if dataset not in self._read or self._read[dataset].of != of:
                self._read[dataset] = self._again(view, dataset, broken, of)
            return self._read[dataset]

    def _again(self, view: Target, dataset: str, broken: list[FileRecord], of: int) -> Read:
        """Batches with bad rows are known by their files, so nothing is listed that has none."""
        batches = list(dict.fromkeys(file.batch for file in reversed(broken) if file.batch))
        found = chain.from_iterable(bad_rows(view, dataset, batch=batch) for batch in batches[:MOST_BATCHES])
        rows = list(islice(found, MOST_READ + 1))
        arrived = {file.file_id: file.arrived_at[:10] for file in self._memory.ordered(dataset)}
        summary = quarantine.summed(dataset, iter(rows[:MOST_READ]))
        days, first = sorted_out(rows[:MOST_READ], arrived)
        return Read(of, summary, days, first, more=len(rows) > MOST_READ or len(batches) > MOST_BATCHES)


def sorted_out(
    rows: Iterable[dict[str, Any]], arrived: dict[str, str]
) -> tuple[dict[str, Counter[str]], dict[str, list[dict[str, Any]]]]:
    """The broken rules by day of arrival, and the first rows of each rule; those of all under the empty name."""
    days: dict[str, Counter[str]] = {}
    first: dict[str, list[dict[str, Any]]] = {"": []}
    for row in rows:
        rules = {quarantine.rule_name(error) for error in row["errors"]}
        if day := arrived.get(row["file_id"]):
            days.setdefault(day, Counter()).update(rules)
        for name in ("", *rules):
            kept = first.setdefault(name, [])
            if len(kept) < ROWS_SHOWN:
                kept.append(row)
    return days, first


def text_of(dataset: str) -> str:
    """The contract of a dataset as it is written in the project here; empty where there is none."""
    try:
        path = project() / "contracts" / f"{dataset}.odcs.yaml"
        return path.read_text("utf-8") if path.is_file() else ""
    except (CommandError, OSError):
        return ""


def tried(target: Target, dataset: str, text: str, rule: str) -> dict[str, Any]:
    """What `headrace replay --dry-run` would say if the contract said `text`. Raises CommandError for its mistakes."""
    contract = compiled(text)
    if contract.dataset != dataset:
        raise CommandError(f"this contract is for {contract.dataset}, and the rows are those of {dataset}")
    wanted = replay.Wanted(rule or None)
    answers = replay.replay(contract, wanted, target.landing, target.services, dry_run=True)
    files = [asdict(answer) for answer in answers]
    return {"files": files, "rows": sum(item["rows"] for item in files), "good": sum(item["good"] for item in files)}


def compiled(text: str) -> Contract:
    """A contract from its text. Raises CommandError, with line and reason."""
    from headrace_compiler import ContractErrors, compile_contract

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "contract.odcs.yaml"
        path.write_text(text, "utf-8")
        try:
            return compile_contract(path)
        except ContractErrors as errors:
            raise CommandError(str(errors).replace(f"{folder}/", "")) from errors
