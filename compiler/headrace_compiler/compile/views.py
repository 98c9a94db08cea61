"""Materialized views over a dataset's table: the customProperty `materializedViews`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from open_data_contract_standard.model import SchemaObject

from headrace.domain.contract import View
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems
from headrace_compiler.document.names import name_problem
from headrace_compiler.document.shape import suggestion

PROPERTY = "materializedViews"
KEYS = {"name": "text", "query": "text", "distributionKey": "text", "sortKey": "a list of texts"}


def compile_views(table: SchemaObject, values: dict[str, Any], schema: str, problems: Problems) -> tuple[View, ...]:
    """The views, each in the table's schema. What Redshift says of a query is said at deployment."""
    place = custom.place_of(table.customProperties, PROPERTY, ("schema", 0))
    taken = [f"{schema}.{table.physicalName or table.name}"]
    views: list[View] = []
    for index, item in enumerate(values.get(PROPERTY, [])):
        reason = _wrong(item) or _taken(f"{schema}.{item['name']}", [*taken, *(view.name for view in views)])
        if reason:
            problems.add((*place, index), reason)
        else:
            views.append(_view(item, schema))
    return tuple(views)


def _wrong(item: Any) -> str | None:
    if not isinstance(item, dict) or not {"name", "query"} <= set(item):
        return "a materialized view needs its name and its query"
    for key, value in item.items():
        if key not in KEYS:
            return f"a materialized view has no {key!r}{suggestion(str(key), KEYS)}"
        if not custom.fits(value, KEYS[key]):
            return f"{key} of a materialized view must be {KEYS[key]}"
    if not re.match(r"\s*select\s", item["query"], re.IGNORECASE) or ";" in item["query"]:
        return "query of a materialized view must be one SELECT, without a semicolon"
    return name_problem(item["name"], "view") or _wrong_key(item)


def _wrong_key(item: dict[str, Any]) -> str | None:
    """Keys are columns of the view, so they are named in its query."""
    keys = [("distributionKey", item[name]) for name in ("distributionKey",) if name in item]
    keys += [("sortKey", name) for name in item.get("sortKey", ())]
    for what, name in keys:
        if name_problem(name, "column") or not re.search(rf"\b{name}\b", item["query"], re.IGNORECASE):
            return f"{what} of a materialized view must be columns that its query names: {name!r} is not"
    return None


def _taken(name: str, taken: Sequence[str]) -> str | None:
    if name == taken[0]:
        return f"the view cannot have the name of its table, {name}"
    return f"the view {name} is there twice" if name in taken else None


def _view(item: dict[str, Any], schema: str) -> View:
    query = "\n".join(line.rstrip() for line in item["query"].strip().splitlines())
    return View(f"{schema}.{item['name']}", query, item.get("distributionKey"), tuple(item.get("sortKey", ())))
