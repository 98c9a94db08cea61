"""Where a batch's things are in the lake. Names derive from the batch: a step done again overwrites."""

from __future__ import annotations

from headrace.domain.lake_folders import BATCHES, QUARANTINE, REPLAYS, TABLES

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


def batch_folder(dataset: str, batch: str) -> str:
    """Where a batch's good rows are."""
    return f"{dataset}/batch={batch}/"


def quarantine_folder(dataset: str, batch: str) -> str:
    """Where its bad rows are."""
    return f"{QUARANTINE}/{batch_folder(dataset, batch)}"


def file_states(dataset: str, name: str = "") -> str:
    """Which files of a dataset count: those that one batch touched, or a piece of all. Without a name, their folder."""
    return f"{TABLES}/{dataset}/{name and name + PARQUET}"


def announced(dataset: str, batch: str = "") -> str:
    """A batch that was announced and has not ended; without a batch, what these begin with.

    Not below the folder of the table, in which everything would be read as Parquet.
    """
    return f"{TABLES}/.announced/{dataset}/{batch and f'{batch}.json'}"
