"""Filling in the load transaction that a contract's SQL describes.

The Data API cannot take COPY's path as a parameter, so values go into the text; each is checked to be harmless first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import Template
from typing import Any

from headrace.errors import TerminalError

CONDITION = re.compile(r"^-- if (\w+)$")
COMMENT = re.compile(r"^--.*$")
SAFE = {
    "batch": re.compile(r"[A-Za-z0-9_-]{1,120}"),
    "scope": re.compile(r"batch|part"),
    "manifest": re.compile(r"s3://[a-z0-9.-]+/[A-Za-z0-9_=/.-]+"),
    "iam_role": re.compile(r"default|'arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+'"),
    "arrivals": re.compile(r"|\('[0-9a-f]{24}', \d+\)(, \('[0-9a-f]{24}', \d+\))*"),
    "replaced": re.compile(r"''|'[0-9a-f]{24}'(, '[0-9a-f]{24}')*"),
    "merged": re.compile(r"''|'[0-9a-f]{24}'(, '[0-9a-f]{24}')*"),
    "reloaded": re.compile(r"''|'[0-9a-f]{24}'(, '[0-9a-f]{24}')*"),
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
    arrived: list[str],
    replaced: list[str],
    reloaded: list[str],
    merged: list[str] | None = None,
) -> list[str]:
    """The statements of one batch's transaction, in order.

    `arrived` are the batch's file ids in the order in which they came; `replaced` those whose rows go; `reloaded`
    those of the batch whose earlier rows make way for the ones it brings; `merged` those whose rows are staged. Without
    a manifest or merged files there are no rows to bring; without replaced or reloaded files nothing to take out first.
    Raises TerminalError for a value that has no business in SQL.
    """
    values = {
        "batch": batch,
        "manifest": manifest or "s3://none/none",
        "iam_role": iam_role,
        "arrivals": ", ".join(f"('{file_id}', {place})" for place, file_id in enumerate(arrived)),
        "replaced": _listed(replaced),
        "reloaded": _listed(reloaded),
        "merged": _listed(merged or []),
    }
    _check_safe(values)
    holds = {"parts": manifest is not None or bool(merged)}
    holds |= {"replaced": bool(replaced), "reloaded": bool(reloaded)}
    return [
        Template(text).substitute(values) for condition, text in _statements(template) if holds.get(condition, True)
    ]


def measure_statements(template: str, *, batch: str, scope: str, manifest: str, iam_role: str) -> list[str]:
    """The statements that measure a batch before it is loaded. Raises TerminalError as `load_statements` does."""
    values = {"batch": batch, "scope": scope, "manifest": manifest, "iam_role": iam_role}
    _check_safe(values)
    return [Template(text).substitute(values) for _, text in _statements(template)]


def _check_safe(values: dict[str, str]) -> None:
    for name, value in values.items():
        if not SAFE[name].fullmatch(value):
            raise TerminalError(f"{name} cannot go into SQL as it is: {value[:80]!r}")


def _listed(file_ids: list[str]) -> str:
    return ", ".join(f"'{file_id}'" for file_id in sorted(file_ids)) or "''"


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
