"""Rows that come back from quarantine travel as an object of their own, whose key names where they come from."""

from __future__ import annotations

import hashlib
import json
import re

from headrace.domain.contract import Contract
from headrace.domain.files.formats import FORMATS

NAME = re.compile(r"replay/([0-9a-f]{24}-[0-9a-f]{16})\.\w+")
MOST_REPLAYS = 500
"""Replays of one file: its record names them all."""


def replay_name(file_id: str, batch: str, rows: list[int]) -> str:
    """The name of one replay: the same rows of the same load always have the same."""
    digest = hashlib.sha256(json.dumps([batch, rows]).encode()).hexdigest()
    return f"{file_id}-{digest[:16]}"


def origin_of(name: str) -> str:
    """The file that the rows of a replay were first in."""
    return name.split("-", maxsplit=1)[0]


def object_key(contract: Contract, name: str) -> str:
    """Where the rows land."""
    return _key(contract, name, contract.format.traits.extension)


def possible_keys(contract: Contract, name: str) -> list[str]:
    """Where the rows of an earlier replay may have landed: the dataset may have had another format then."""
    return [_key(contract, name, extension) for extension in sorted({made.extension for made in FORMATS.values()})]


def _key(contract: Contract, name: str, extension: str) -> str:
    return f"{contract.prefix}replay/{name}.{extension}"


def replay_of(contract: Contract, key: str) -> str | None:
    """The name of the replay that an object is, None for any other object."""
    found = NAME.fullmatch(key.removeprefix(contract.prefix))
    return found[1] if found else None
