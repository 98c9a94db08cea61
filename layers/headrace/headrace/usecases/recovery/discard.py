"""A person gives up rows in quarantine: they count as discarded, and are neither shown nor replayed any more.

Which rows they are is written to the lake first, with who gave them up and why; they themselves stay where they are, as
evidence. A file that is loaded again has all its bad rows in quarantine again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from headrace.domain.clock import now
from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.domain.ingest.replay import MOST_REPLAYS, object_key, replay_name
from headrace.domain.lake_folders import REPLAYS
from headrace.usecases import lake_paths
from headrace.usecases.ports import HasContents, HasEvents, HasFiles, HasLake, Landing
from headrace.usecases.recovery.replay import TOO_OFTEN, UNDER_WAY, WHOLE, Quarantine, Wanted, rows_by_file

DISCARDED = "Rows discarded"
"""The line of a file's history that says that a person gave rows of it up."""

FOLDER = "discarded"
"""Where such lists are, below those of the dataset's replays."""


class Services(HasContents, HasEvents, HasFiles, HasLake, Protocol):
    """The ports used here."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Who gives the rows up, and why."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Discarded:
    """The rows of one file that are given up, or why they cannot be."""

    key: str
    file_id: str
    rows: int
    why: str = ""


def discard(
    contract: Contract,
    wanted: Wanted,
    decision: Decision,
    landing: Landing,
    services: Services,
    *,
    dry_run: bool = False,
) -> list[Discarded]:
    """Give up the wanted rows, file by file. Again, nothing is left to give up."""
    found = []
    for file, rows in rows_by_file(contract, wanted, Quarantine(services), services):
        numbers = sorted(row.row_number for row in rows)
        why = _why_not(contract, file, set(numbers), landing, services)
        if not (why or dry_run):
            why = _give_up(file, numbers, decision, services)
        found.append(Discarded(file.key, file.file_id, len(rows), why))
    return found


def _give_up(file: FileRecord, numbers: list[int], decision: Decision, services: Services) -> str:
    """Why it was not done after all, or nothing."""
    name = f"{FOLDER}/{replay_name(file.file_id, str(file.batch), numbers)}"
    decided = {"by": decision.by, "reason": decision.reason, "at": now()}
    listed = {"file_id": file.file_id, "batch": file.batch, "rows": numbers, "discarded": decided}
    services.lake.write_json(lake_paths.replay(file.dataset, name), listed)
    if not services.files.discard_rows(file, name, len(numbers)):
        return "it has changed meanwhile: try again"
    services.events.note_file(file.file_id, DISCARDED, {"rows": len(numbers), **decided})
    return ""


def _why_not(contract: Contract, file: FileRecord, rows: set[int], landing: Landing, services: Services) -> str:
    """Why rows of a file are not given up now; nothing when they may be."""
    if file.status in WHOLE:
        return f"the file is {file.status}, none of its rows is loaded: {WHOLE[file.status].format(file.file_id)}"
    if file.status is not FileStatus.LOADED:
        return f"the file is {file.status}: `headrace wait`, then try again"
    if len(file.replays) >= MOST_REPLAYS:
        return TOO_OFTEN.format(file.key)
    if _on_their_way(contract, file, rows, landing, services):
        return "some of the rows are on their way back by `headrace replay`: `headrace wait`, then try again"
    return ""


def _on_their_way(contract: Contract, file: FileRecord, rows: set[int], landing: Landing, services: Services) -> bool:
    """Whether a replay of some of the rows has landed, or is about to, and has not taken them out yet."""
    for path, _ in services.lake.listing(f"{REPLAYS}/{file.dataset}/{file.file_id}-"):
        name = path.rsplit("/", 1)[-1].removesuffix(".json")
        plan = services.lake.read_json(path)
        if name in file.replays or plan["batch"] != file.batch or rows.isdisjoint(plan["rows"]):
            continue
        key = object_key(contract, name)
        versions = services.contents.versions(landing.bucket, key)
        if any(version.status in UNDER_WAY for version in versions):
            return True
        if not versions and any(landing.versions(key)):
            return True  # its event is still on the way
    return False
