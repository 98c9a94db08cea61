"""Rows that come back from quarantine travel as an object of their own, whose key names where they come from."""

from __future__ import annotations

import hashlib
import json
import re

from headrace.domain.contract import Contract

NAME = re.compile(r"replay/([0-9a-f]{24}-[0-9a-f]{16})\.\w+")
MOST_REPLAYS = 500
"""Replays of one file: its record names them all."""
EXTENSIONS = {"csv": "csv", "json": "jsonl"}


def replay_name(file_id: str, batch: str, rows: list[int]) -> str:
    """The name of one replay: the same rows of the same load always have the same."""
    digest = hashlib.sha256(json.dumps([batch, rows]).encode()).hexdigest()
    return f"{file_id}-{digest[:16]}"


def origin_of(name: str) -> str:
    """The file that the rows of a replay were first in."""
    return name.split("-", maxsplit=1)[0]


def object_key(contract: Contract, name: str) -> str:
    """Where the rows land."""
    return f"{contract.prefix}replay/{name}.{EXTENSIONS.get(contract.format.kind, 'txt')}"


def replay_of(contract: Contract, key: str) -> str | None:
    """The name of the replay that an object is, None for any other object."""
    found = NAME.fullmatch(key.removeprefix(contract.prefix))
    return found[1] if found else None
