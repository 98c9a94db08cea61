"""Where a batch's things are in the lake. Names derive from the batch: a step done again overwrites."""

from __future__ import annotations

from headrace.domain.lake_folders import BATCHES, QUARANTINE, REPLAYS

PARQUET = ".parquet"


def unit(batch: str, number: int) -> str:
    """The list of files of one unit of work."""
    return f"{BATCHES}/{batch}/units/{number:04}.json"


def members(batch: str, file_id: str) -> str:
    """The files that one marker or manifest stands for."""
    return f"{BATCHES}/{batch}/members/{file_id}.json"


def result(batch: str, number: int) -> str:
    """What the transform made of one unit."""
    return f"{BATCHES}/{batch}/results/{number:04}.json"


def refused(batch: str, number: int) -> str:
    """The files of one unit that took more time or memory than there is, so that the next try leaves them out."""
    return f"{BATCHES}/{batch}/refused/{number:04}.json"


def manifest(batch: str) -> str:
    """COPY's manifest."""
    return f"{BATCHES}/{batch}/manifest.json"


def part(dataset: str, batch: str, name: str) -> str:
    """A Parquet part with good rows."""
    return f"{dataset}/batch={batch}/part-{name}{PARQUET}"


def quarantine(dataset: str, batch: str, name: str) -> str:
    """A Parquet part with the bad rows and their reasons."""
    return f"{QUARANTINE}/{dataset}/batch={batch}/part-{name}{PARQUET}"


def replay(dataset: str, name: str) -> str:
    """Which bad rows of which file one replay takes back in."""
    return f"{REPLAYS}/{dataset}/{name}.json"
