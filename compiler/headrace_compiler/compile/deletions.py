"""What becomes of rows whose object is deleted from landing."""

from __future__ import annotations

from typing import Any

from open_data_contract_standard.model import SchemaObject

from headrace_compiler.compile.groups import Groups
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.shape import suggestion

KEEP, REMOVE = CHOICES = ("keepRows", "removeRows")
FIELDS = {"onDelete": "remove_deleted", "onExpiration": "remove_expired"}


def deletions(
    table: SchemaObject, values: dict[str, Any], groups: Groups, where: Where, problems: Problems
) -> dict[str, Any]:
    """The fields of a Contract that say whether rows go with their object; notes why not. `where` is the table."""
    found, against = {}, _against(values, groups)
    for name, field in FIELDS.items():
        chosen = str(values.get(name, KEEP))
        place = custom.place_of(table.customProperties, name, where)
        if chosen not in CHOICES:
            problems.add(place, f"{name} must be {' or '.join(CHOICES)}{suggestion(chosen, CHOICES)}")
        for reason in against if chosen == REMOVE else ():
            problems.add(place, f"{name}: {reason}")
        found[field] = chosen == REMOVE
    return found


def _against(values: dict[str, Any], groups: Groups) -> list[str]:
    if groups.marker or groups.manifest:
        return ["files that wait for a marker or are listed in a manifest are loaded as one, and cannot go one by one"]
    if "snapshot" in values:
        return ["it does not go with snapshot: a snapshot goes when the next one comes"]
    reasons = []
    if values.get("onNewVersion") == "add":
        reasons.append("it does not go with onNewVersion: add, by which rows of all versions of an object stay")
    if values.get("onCopy") != "load":
        advice = "a copy that is skipped would lose its rows with the first file: a partition is often written again so"
        reasons.append(f"it needs onCopy: load. {advice}")
    return reasons
