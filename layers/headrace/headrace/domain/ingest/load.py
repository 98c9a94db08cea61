"""Filling in the load transaction that a contract's SQL describes.

The Data API cannot take COPY's path as a parameter, so values go into the text; each is checked to be harmless first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

from headrace.domain.sql_text import one_line, role_in_sql
from headrace.errors import TerminalError

CONDITION = re.compile(r"^-- if (\w+)$")
COMMENT = re.compile(r"^--.*$")
ARRIVAL = r"[0-9]*-[0-9A-Z-]*(?:#[0-9a-f]{24})?"
OBJECT = r"(?:[A-Za-z0-9_-]{16})?"
FILE = rf"\('[0-9a-f]{{24}}',\d+,[01],[01],'{ARRIVAL}','{OBJECT}'(?:,'{OBJECT}')?\)"
NO_MANIFEST = "s3://none/none"
OLDER = r"\('[0-9a-f]{24}'\)"
SAFE = {
    "batch": re.compile(r"[A-Za-z0-9_-]{1,120}"),
    "scope": re.compile(r"batch|part"),
    "manifest": re.compile(r"s3://[a-z0-9.-]+/[A-Za-z0-9_=/.-]+"),
    "files": re.compile(rf"|{FILE}(,{FILE})*"),
    "older": re.compile(rf"|{OLDER}(,{OLDER})*"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet object of a batch: its key in the lake, its exact size in bytes, its rows."""

    key: str
    size: int
    rows: int


def manifest(bucket: str, parts: list[Part]) -> dict[str, Any]:
    """COPY's manifest: every part must be there, with exactly the size that it was written with."""
    return {
        "entries": [
            {"url": f"s3://{bucket}/{part.key}", "mandatory": True, "meta": {"content_length": part.size}}
            for part in parts
        ]
    }


def load_statements(  # noqa: PLR0913 - one parameter per placeholder
    template: str,
    *,
    batch: str,
    manifest: str | None,
    iam_role: str,
    arrived: Mapping[str, str],
    objects: Mapping[str, str],
    replaced: list[str],
    reloaded: list[str],
    scopes: Mapping[str, str] | None = None,
) -> list[str]:
    """The statements of one batch's transaction, in order.

    `arrived` are the batch's file ids in the order in which they came, each with its place in that of all files;
    `objects` which object each of those that are loaded is a version of;
    `replaced` those whose rows go; `reloaded` those of the batch whose earlier rows make way for the ones it brings.
    `scopes` are the partitions of which files are snapshots, where a contract has such.
    Without a manifest there are no parts to copy; without reloaded files there is no earlier load to undo.
    `iam_role` is `default` or the ARN of a role. Raises TerminalError for a value that has no business in SQL.
    """
    values = {
        "batch": batch,
        "manifest": manifest or NO_MANIFEST,
        "files": named_files(arrived, objects, set(replaced), set(reloaded), scopes),
        "older": ",".join(f"('{file_id}')" for file_id in sorted(set(replaced).difference(arrived))),
    }
    _check_safe(values)
    values["iam_role"] = role_in_sql(iam_role)
    holds = {"parts": manifest is not None, "files": bool(values["files"]), "older": bool(values["older"])}
    holds |= {"reloaded": bool(reloaded)}
    return [_filled(text, values) for condition, text in _statements(template) if holds.get(condition, True)]


def measure_statements(
    template: str, *, batch: str, scope: str, manifest: str | None, iam_role: str, files: str = ""
) -> list[str]:
    """The statements that measure a batch before it is loaded; `files` are those of `named_files`.

    Raises TerminalError as `load_statements` does.
    """
    values = {"batch": batch, "scope": scope, "manifest": manifest or NO_MANIFEST, "files": files}
    _check_safe(values)
    values["iam_role"] = role_in_sql(iam_role)
    holds = {"parts": manifest is not None, "files": bool(files)}
    return [_filled(text, values) for condition, text in _statements(template) if holds.get(condition, True)]


def _filled(text: str, values: dict[str, str]) -> str:
    return one_line(Template(text).substitute(values))


def _check_safe(values: dict[str, str]) -> None:
    for name, value in values.items():
        if not SAFE[name].fullmatch(value):
            raise TerminalError(f"{name} cannot go into SQL as it is: {value[:80]!r}")


def named_files(
    arrived: Mapping[str, str],
    objects: Mapping[str, str],
    replaced: set[str],
    reloaded: set[str],
    scopes: Mapping[str, str] | None = None,
) -> str:
    """Each file once: its place in the batch, whether it is loaded again, whether its rows go, arrival, and object.

    With `scopes`, also the partition of which it is a snapshot.
    """
    return ",".join(
        f"('{file_id}',{place},{int(file_id in reloaded)},{int(file_id in replaced)},"
        f"'{at}','{objects.get(file_id, '')}'{_scope(file_id, scopes)})"
        for place, (file_id, at) in enumerate(arrived.items())
    )


def _scope(file_id: str, scopes: Mapping[str, str] | None) -> str:
    return "" if scopes is None else f",'{scopes.get(file_id, '')}'"


def split_statements(text: str) -> list[str]:
    """The statements of a SQL file of ours, where each ends with `;` at the end of a line, comments left out."""
    return [statement for _, statement in _statements(text)]


def _statements(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    condition, lines = "", list[str]()
    for line in text.splitlines():
        if match := CONDITION.match(line):
            condition = match[1]
        elif line.strip() and not COMMENT.match(line):
            lines.append(line.removesuffix(";"))
            if line.endswith(";"):
                found.append((condition, "\n".join(lines)))
                condition, lines = "", []
    return found
