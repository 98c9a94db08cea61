"""What the load of a batch consists of: decided from records alone, nothing is read or written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import MERGE, BatchRecord, FileRecord
from headrace.domain.ingest.load import Part
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.domain.ingest.replay import origin_of, possible_keys, replay_of
from headrace.domain.statistics.judgement import Scope, scope_of

MOST_RETURNS = 10
"""Times that one row came back from quarantine, as far as its first file is looked for."""
Place = tuple[str, str]
"""Bucket and key."""
Versions = Mapping[Place, Sequence[FileRecord]]


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger knows of the keys from which a load takes rows out.

    `versions` are those with rows, the oldest first. `origins` are files by id, whose quarantined rows come back in
    files of the batch, and the files that theirs came from, up to the first. `scopes` are as in `LoadPlan`.
    """

    versions: Versions = field(default_factory=dict)
    origins: Mapping[str, FileRecord] = field(default_factory=dict)
    scopes: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What one load brings and takes out.

    `rows` are the good ones that it brings. `arrived` are the batch's files in their order of arrival, each with its
    place in it; `objects` says of those that are loaded which object each is a version of. `replaced` are those whose
    rows go, or never come, as far as the ledger knows: the load itself finds versions that another lane loads in the
    meantime. `reloaded` are those of the batch whose earlier rows make way for the ones it brings.
    `scopes` are the partitions of which files are snapshots, None unless the contract has such.
    `scope` is None when there is nothing to measure. Unless it is `needed`, the warehouse need not know of the batch.
    `views` are refreshed after the load.
    """

    parts: list[Part]
    rows: int
    arrived: dict[str, str]
    objects: dict[str, str]
    replaced: list[str]
    reloaded: list[str]
    scopes: dict[str, str] | None
    needed: bool
    scope: Scope | None
    views: list[str]


def load_plan(
    batch: BatchRecord,
    contract: Contract,
    files: Sequence[FileRecord],
    *,
    results: Sequence[FileResult],
    parts: list[Part],
    history: History,
) -> LoadPlan:
    """The plan of one batch's load. `files` and `results` are those of the whole batch.

    A batch that is only staged takes nothing out of the target: its merge does.
    """
    targeted = reaches_target(batch, contract)
    good = accepted(files, results)
    rows = sum(result.rows_good for result in results if result.verdict is Verdict.GOOD)
    replaced = replaced_by(good, history, contract) if replaces(batch, contract) else []
    reloaded = [file.file_id for file in good if file.reload] if targeted else []
    # A version without rows takes out those of one that is on its way in another lane.
    needed = bool(parts or replaced or reloaded or (good and (batch.lane == MERGE or replaces(batch, contract))))
    measurable = bool(rows and parts) or bool(contract.snapshot and good)
    return LoadPlan(
        parts=parts,
        rows=rows,
        arrived=in_order_of_arrival(files, history.origins, contract),
        objects=objects_of(good, history.origins, contract),
        replaced=replaced,
        reloaded=reloaded,
        scopes=history.scopes,
        needed=needed,
        scope=scope_of(batch, files, contract) if contract.checks and measurable else None,
        views=[view.name for view in contract.views] if needed and targeted else [],
    )


def reaches_target(batch: BatchRecord, contract: Contract) -> bool:
    """Whether the load writes to the target. That of a staged dataset fills its stage table instead."""
    return batch.lane == MERGE or not contract.staged


def replaces(batch: BatchRecord, contract: Contract) -> bool:
    """Whether the load takes earlier versions of its files out of the target."""
    return contract.replace_versions and reaches_target(batch, contract)


def accepted(files: Iterable[FileRecord], results: Iterable[FileResult]) -> list[FileRecord]:
    """The files whose rows are loaded, in the order of their results."""
    known = {file.file_id: file for file in files}
    return [known[result.file_id] for result in results if result.verdict is Verdict.GOOD]


def in_order_of_arrival(
    files: Sequence[FileRecord], origins: Mapping[str, FileRecord], contract: Contract
) -> dict[str, str]:
    """The files' ids, the first to arrive first, each with its place in the order of arrival.

    Rows that come back from quarantine arrived with the file that they were first in: right after it.
    """
    places = {file.file_id: file.arrival for file in files}
    for replay, origin in origins_of(files, contract).items():
        if first := _first(origin, origins, contract):
            places[replay] = f"{first.arrival}#{first.file_id}"
    return dict(sorted(places.items(), key=lambda found: "#".join((found[1], found[0]))))


def objects_of(files: Sequence[FileRecord], origins: Mapping[str, FileRecord], contract: Contract) -> dict[str, str]:
    """Which object each file is a version of: of rows that come back from quarantine, that of their first file."""
    return {file_id: first.object_id for file_id, first in first_files(files, origins, contract).items()}


def first_files(
    files: Sequence[FileRecord], origins: Mapping[str, FileRecord], contract: Contract
) -> dict[str, FileRecord]:
    """By the id of each file the one that its rows were first in: another one if they come back from quarantine."""
    firsts = {replay: _first(origin, origins, contract) for replay, origin in origins_of(files, contract).items()}
    return {file.file_id: firsts.get(file.file_id) or file for file in files}


def _first(origin: str, origins: Mapping[str, FileRecord], contract: Contract) -> FileRecord | None:
    """The file in which rows came that were quarantined and sent back, perhaps more than once."""
    file = origins.get(origin)
    for _ in range(len(origins)):
        before = file and origins.get(origins_of([file], contract).get(file.file_id, ""))
        if before is None:
            break
        file = before
    return file


def replaced_by(files: Sequence[FileRecord], history: History, contract: Contract) -> list[str]:
    """Every version of the files' keys that is not the newest: its rows go, or never come.

    Of one key no more than the ledger lists, the newest first: where a contract replaces what it used to add, the next
    version of the key takes out the next ones.
    """
    alive = _alive(files, history.versions)
    behind = _behind(files, alive)
    own = {file.file_id for file in files}
    # Versions without rows are left out, so that the list does not grow with every version of a key.
    stale = {file.file_id for file in behind if file.file_id in own or file.rows.loaded}
    stale |= {version.file_id for place in _replays(behind, contract) for version in alive.get(place, ())}
    return sorted(stale | _late_replays(files, alive, history, contract))


def origins_of(files: Iterable[FileRecord], contract: Contract) -> dict[str, str]:
    """Of those files that are replays, the files that their rows were first in. Ids."""
    names = {file.file_id: replay_of(contract, file.key) for file in files}
    return {file_id: origin_of(name) for file_id, name in names.items() if name}


def replay_places(files: Sequence[FileRecord], versions: Versions, contract: Contract) -> set[Place]:
    """Where rows of the versions behind the files came back from quarantine: they go with those versions."""
    return _replays(_behind(files, _alive(files, versions)), contract)


def _alive(files: Iterable[FileRecord], versions: Versions) -> dict[Place, list[FileRecord]]:
    """The versions of these keys that count, the oldest first: those with rows, and those of the batch."""
    alive = {place: {version.file_id: version for version in known} for place, known in versions.items()}
    for file in files:
        if file.place in alive:
            alive[file.place][file.file_id] = file
    return {place: sorted(known.values(), key=lambda file: file.order) for place, known in alive.items()}


def _behind(files: Iterable[FileRecord], alive: Versions) -> list[FileRecord]:
    """The versions of the files' keys that are not the newest."""
    return [version for place in {file.place for file in files} for version in alive.get(place, ())[:-1]]


def _replays(behind: Iterable[FileRecord], contract: Contract) -> set[Place]:
    return {
        (origin.bucket, key) for origin in behind for name in origin.replays for key in possible_keys(contract, name)
    }


def _late_replays(files: Iterable[FileRecord], alive: Versions, history: History, contract: Contract) -> set[str]:
    """The replays among the files, of rows whose file a newer version has replaced."""
    origins = {replay: history.origins.get(origin) for replay, origin in origins_of(files, contract).items()}
    return {
        replay
        for replay, origin in origins.items()
        if origin and (versions := alive.get(origin.place)) and versions[-1].order > origin.order
    }
