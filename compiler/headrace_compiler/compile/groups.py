"""Files that wait for a marker, or are listed in a manifest, and are loaded as one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from open_data_contract_standard.model import SchemaObject, Server

from headrace.domain.contract import PATIENCE_SECONDS
from headrace.domain.ingest.groups import ONE
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where

LONGEST = 200
MOST_MINUTES = 43_200
"""30 days."""
AGAINST = {
    "onNewVersion": ("add", "a marker or manifest that is written again brings all of its files again: they replace"),
    "engine": ("glue", "files that are loaded together are read by one function"),
}
"""What does not go with groups, and why."""


@dataclass(frozen=True, slots=True)
class Groups:
    """How files are grouped; neither `marker` nor `manifest` where each is loaded by itself."""

    marker: str = ""
    manifest: str = ""
    patience_seconds: int = PATIENCE_SECONDS


def groups_of(server: Server, where: Where, files: Collection[str], problems: Problems, *, fetched: bool) -> Groups:
    """What the server of type s3 says. `files` are its patterns of files; `fetched` files come from other servers."""
    values = {item.property: item.value for item in server.customProperties or []}
    given = {name: str(values[name]) for name in ("marker", "manifest") if isinstance(values.get(name), str)}
    marker, manifest = given.get("marker", ""), given.get("manifest", "")
    for name, pattern in given.items():
        place = custom.place_of(server.customProperties, name, where)
        if reason := _unfit(name, pattern, files):
            problems.add(place, reason)
        elif fetched:
            problems.add(place, f"{name} is for files that others land: fetched ones have completeWhen: marker instead")
    if len(given) > 1:
        place = custom.place_of(server.customProperties, "manifest", where)
        problems.add(place, "files wait for a marker or are listed in a manifest: leave out one of the two")
    minutes = values.get("patienceMinutes")
    place = custom.place_of(server.customProperties, "patienceMinutes", where)
    if minutes is None or not custom.fits(minutes, custom.SERVER["patienceMinutes"]):
        return Groups(marker, manifest)
    if not given:
        problems.add(place, "patienceMinutes has no effect without marker or manifest: leave it out")
    if not 1 <= minutes <= MOST_MINUTES:
        problems.add(place, f"patienceMinutes must be 1 to {MOST_MINUTES:,}")
    return Groups(marker, manifest, int(minutes * 60))


def _unfit(name: str, pattern: str, files: Collection[str]) -> str | None:
    """Why a text is no pattern of markers or manifests."""
    one = f", or {ONE}.done for a marker beside each file" if name == "marker" else ""
    example = "_SUCCESS or *.done" if name == "marker" else "*.manifest"
    fixed = pattern.replace(ONE, "", 1)
    if name == "marker" and ONE in pattern:
        if set(fixed) & set("*?[{}/") or not fixed:
            return f"{pattern[:40]!r}: write {ONE} once, with what the marker's name has beside it, such as {ONE}.done"
        return None
    if not pattern.strip("*?") or set(pattern) & set("/{}") or len(pattern) > LONGEST:
        return f"{pattern[:40]!r} is no pattern of names: write one such as {example}{one}, without /"
    if pattern in files:
        return f"{pattern!r} is a pattern of files too: the {name} must have another name"
    return None


def check_grouped(
    groups: Groups, table: SchemaObject, values: dict[str, Any], where: Where, problems: Problems
) -> None:
    """Refuses what does not go with groups."""
    for name, (value, why) in AGAINST.items() if groups.marker or groups.manifest else ():
        if values.get(name) == value:
            place = custom.place_of(table.customProperties, name, where)
            problems.add(place, f"{name}: {value} does not go with a marker or manifest: {why}")
