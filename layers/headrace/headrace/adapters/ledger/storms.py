"""Groups of refused objects in the ledger table, by the hour.

pk                      sk              what
NOTICES                 TOLD            the last hour whose groups were all reported
NOTICES#<hour>          GROUP#<name>    a group: who opened it, since when it is being reported, whether it was
NOTICES#<hour>          ROOM            how many groups objects of no dataset have made
NOTICES#<hour>#<name>   <file_id>       an object that is counted in a group, written with its record

A group is not a counter: an item for each object can be written again with the same effect, and functions that write
at the same time do not conflict, as their transactions would on one item.
https://docs.aws.amazon.com/botocore/latest/reference/services/dynamodb/client/exceptions/TransactionCanceledException.html
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from headrace.adapters.table import Key, Table, Write, expiry
from headrace.domain.bounds import LONGEST_REASON, cut
from headrace.domain.ingest.ledger import FileRecord
from headrace.domain.ingest.storm import KEPT_DAYS, MOST_COUNTED, MOST_EXAMPLES, MOST_FOLDERS, Counted, Group

CLAIMED_SECONDS = 300
"""How long one call has for reporting a group before another may: longer than the sweeper may run."""
REPORTED: Key = ("NOTICES", "TOLD")


class DynamoStorms:
    """What is written here goes after `KEPT_DAYS`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def join(self, group: Group) -> Group:
        """The group as the ledger has it: opened by this call if `opened_by` is what was given, or by an earlier one.

        Where objects of no dataset have made many groups in the hour already, it is the one for any folder.
        """
        known = self._known(group)
        if known is None and group.strays and not self._room(group.hour):
            group = group.of_any_folder()
            known = self._known(group)
        return known or self._open(group)

    def _known(self, group: Group) -> Group | None:
        item = self._table.get(*_key(group))
        return _group(item) if item else None

    def _open(self, group: Group) -> Group:
        item = asdict(group) | expiry(KEPT_DAYS)
        opened = self._table.put(self._table.putting(*_key(group), item, "attribute_not_exists(pk)"))
        return group if opened else self._known(group) or group

    def _room(self, hour: str) -> bool:
        """Take a place for one more group of objects of no dataset, if there is one."""
        values = {"one": 1, "most": MOST_FOLDERS, **expiry(KEPT_DAYS)}
        expression, condition = "SET expires = :expires ADD taken :one", "attribute_not_exists(taken) OR taken < :most"
        return self._update((f"NOTICES#{hour}", "ROOM"), expression, condition, **values)

    def reported_hour(self) -> str | None:
        """The last hour whose groups were all reported."""
        hour = self._table.get(*REPORTED).get("hour")
        return str(hour) if hour else None

    def note_reported_hour(self, hour: str) -> None:
        """Write that all groups up to this hour were reported. A late call does not take that back."""
        self._update(REPORTED, "SET #hour = :hour", "attribute_not_exists(#hour) OR #hour < :hour", hour=hour)

    def unreported(self, hour: str) -> list[Group]:
        """The groups of an hour that were not reported yet."""
        return [_group(item) for item in self._table.partition(f"NOTICES#{hour}", "GROUP#") if "told" not in item]

    def claim(self, group: Group, now: float) -> bool:
        """Take on to report a group, at a time in seconds since 1970. False while another call is about it, or was."""
        values = {"until": int(now) + CLAIMED_SECONDS, "now": int(now)}
        open_to_it = "attribute_not_exists(told) AND (attribute_not_exists(claimed) OR claimed < :now)"
        return self._update(_key(group), "SET claimed = :until", f"attribute_exists(pk) AND {open_to_it}", **values)

    def note_reported(self, group: Group) -> None:
        """Write that a group was reported."""
        self._update(_key(group), "SET told = :yes", "attribute_exists(pk)", yes=True)

    def counted(self, group: Group) -> Counted:
        """How many objects are counted in a group, up to `MOST_COUNTED`, and the first few keys."""
        pk = _counted_pk(group)
        keys = tuple(str(item["key"]) for item in self._table.first(pk, MOST_EXAMPLES))
        number = self._table.count(pk, MOST_COUNTED + 1)
        return Counted(min(number, MOST_COUNTED), keys, more=number > MOST_COUNTED)

    def _update(self, key: Key, expression: str, condition: str, **values: Any) -> bool:
        return self._table.update(self._table.updating(*key, expression, condition, **values))


def counting(table: Table, group: Group, file: FileRecord) -> Write:
    """What the transaction that records a file writes so that the file is counted."""
    item = {"key": cut(file.key, LONGEST_REASON)} | expiry(KEPT_DAYS)
    return table.putting(_counted_pk(group), file.file_id, item)


def _key(group: Group) -> Key:
    return f"NOTICES#{group.hour}", f"GROUP#{group.name}"


def _counted_pk(group: Group) -> str:
    return f"NOTICES#{group.hour}#{group.name}"


def _group(item: dict[str, Any]) -> Group:
    return Group(**{name: item[name] for name in Group.__dataclass_fields__ if name in item})
