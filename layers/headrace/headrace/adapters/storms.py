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

from headrace.adapters.table import expiry, from_item, to_item
from headrace.domain.bounds import LONGEST_REASON, cut
from headrace.domain.ingest.ledger import FileRecord
from headrace.domain.ingest.storm import KEPT_DAYS, MOST_COUNTED, MOST_EXAMPLES, MOST_FOLDERS, Counted, Group

CLAIMED_SECONDS = 300
"""How long one call has for reporting a group before another may: longer than the sweeper may run."""
TOLD = {"pk": "NOTICES", "sk": "TOLD"}


class DynamoStorms:
    """`client` is a boto3 DynamoDB client. What is written here goes after `KEPT_DAYS`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def join(self, group: Group) -> Group:
        """The group as the ledger has it: opened by this call if `opened_by` is what was given, or by an earlier one.

        Where objects of no dataset have made many groups in the hour already, it is the one for any folder.
        """
        known = self._get(_key(group))
        if known is None and group.strays and not self._room(group.hour):
            group = group.of_any_folder()
            known = self._get(_key(group))
        return known or self._open(group)

    def _open(self, group: Group) -> Group:
        item = to_item(_key(group) | asdict(group) | expiry(KEPT_DAYS))
        try:
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)")
        except self._client.exceptions.ConditionalCheckFailedException:
            return self._get(_key(group)) or group
        return group

    def _room(self, hour: str) -> bool:
        """Take a place for one more group of objects of no dataset, if there is one."""
        key = {"pk": f"NOTICES#{hour}", "sk": "ROOM"}
        values = {":one": 1, ":most": MOST_FOLDERS, **{f":{name}": value for name, value in expiry(KEPT_DAYS).items()}}
        return self._update_if(
            key, "SET expires = :expires ADD taken :one", values, "attribute_not_exists(taken) OR taken < :most"
        )

    def counting(self, group: Group, file: FileRecord) -> dict[str, Any]:
        """What the transaction that records a file writes so that the file is counted."""
        item = {"pk": _counted_pk(group), "sk": file.file_id, "key": cut(file.key, LONGEST_REASON)}
        return {"Put": {"TableName": self._table, "Item": to_item(item | expiry(KEPT_DAYS))}}

    def told_hour(self) -> str | None:
        """The last hour whose groups were all reported."""
        answer = self._client.get_item(TableName=self._table, Key=to_item(TOLD), ConsistentRead=True)
        hour = from_item(answer.get("Item", {})).get("hour")
        return str(hour) if hour else None

    def note_told_hour(self, hour: str) -> None:
        """Write that all groups up to this hour were reported. A late call does not take that back."""
        self._update_if(TOLD, "SET #hour = :hour", {":hour": hour}, "attribute_not_exists(#hour) OR #hour < :hour")

    def untold(self, hour: str) -> list[Group]:
        """The groups of an hour that were not reported yet."""
        query = {
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :group)",
            "FilterExpression": "attribute_not_exists(told)",
            "ExpressionAttributeValues": to_item({":pk": f"NOTICES#{hour}", ":group": "GROUP#"}),
            "ConsistentRead": True,
        }
        pages = self._client.get_paginator("query").paginate(TableName=self._table, **query)
        return [_group(from_item(item)) for page in pages for item in page["Items"]]

    def claim(self, group: Group, now: float) -> bool:
        """Take on to report a group, at a time in seconds since 1970. False while another call is about it, or was."""
        return self._update_if(
            _key(group),
            "SET claimed = :until",
            {":until": int(now) + CLAIMED_SECONDS, ":now": int(now)},
            "attribute_exists(pk) AND attribute_not_exists(told) AND (attribute_not_exists(claimed) OR claimed < :now)",
        )

    def note_told(self, group: Group) -> None:
        """Write that a group was reported."""
        self._update_if(_key(group), "SET told = :yes", {":yes": True}, "attribute_exists(pk)")

    def counted(self, group: Group) -> Counted:
        """How many objects are counted in a group, up to `MOST_COUNTED`, and the first few keys."""
        examples = self._query(group, Limit=MOST_EXAMPLES)
        number, start = 0, dict[str, Any]()
        while number <= MOST_COUNTED:
            answer = self._query(group, Select="COUNT", **start)
            number += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        keys = tuple(str(from_item(item)["key"]) for item in examples["Items"])
        return Counted(min(number, MOST_COUNTED), keys, more=number > MOST_COUNTED)

    def _query(self, group: Group, **how: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": _counted_pk(group)}),
            ConsistentRead=True,
            **how,
        )
        return answer

    def _get(self, key: dict[str, str]) -> Group | None:
        answer = self._client.get_item(TableName=self._table, Key=to_item(key), ConsistentRead=True)
        return _group(from_item(answer["Item"])) if "Item" in answer else None

    def _update_if(self, key: dict[str, str], expression: str, values: dict[str, Any], condition: str) -> bool:
        names = {"ExpressionAttributeNames": {"#hour": "hour"}} if "#hour" in expression else {}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=to_item(key),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues=to_item(values),
                **names,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _key(group: Group) -> dict[str, str]:
    return {"pk": f"NOTICES#{group.hour}", "sk": f"GROUP#{group.name}"}


def _counted_pk(group: Group) -> str:
    return f"NOTICES#{group.hour}#{group.name}"


def _group(item: dict[str, Any]) -> Group:
    return Group(**{name: item[name] for name in Group.__dataclass_fields__ if name in item})
