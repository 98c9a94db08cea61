"""Every CloudWatch metric that functions emit: what it counts, of what, and which function emits it.

A custom metric is billed for each combination of its dimensions' values, so only what is bounded is a dimension: a
dataset, an export, a server, a rule of a contract, an error of the catalogue. Batches, files and texts never are.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NAMESPACE = "Headrace"
COUNT, SECONDS, MINUTES = "Count", "Seconds", "Count"
PROMISED = "not of files that were backfilled, reloaded or released"
MOST_RULES = 10
"""Rules of one batch that are counted by name, the most broken ones; the others are counted together."""
OTHER_RULES = "other"
MOST_VALUES = 100
"""Values of a metric that one log line may have."""
LONGEST_VALUE = 200
"""Characters of a dimension's value; CloudWatch takes 1,024."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric. `by` are its dimensions beside `service`, the stack's name.

    `overall` metrics are emitted twice, once with `by` and once for the stack as a whole, with `service` alone.
    """

    unit: str
    by: tuple[str, ...]
    emitter: str
    meaning: str
    overall: bool = True


def _measures(
    by: tuple[str, ...], emitter: str, meanings: Mapping[str, tuple[str, str]], *, overall: bool = True
) -> dict[str, Measure]:
    return {name: Measure(unit, by, emitter, meaning, overall) for name, (unit, meaning) in meanings.items()}


MEASURES: dict[str, Measure] = {
    **_measures(("dataset",), "starter", {
        "FilesArrived": (COUNT, "files that were recorded for the first time"),
        "FilesRefused": (COUNT, "those of them that cannot be loaded; `#unroutable` is the dataset of files of none"),
    }),
    **_measures(("dataset",), "record_outcome", {
        "ArrivalToQueryableSeconds": (
            SECONDS, f"from a file's arrival until its rows are recorded as loaded, a value for each; {PROMISED}",
        ),
        "RowsRead": (COUNT, "rows of a batch's files"),
        "RowsLoaded": (COUNT, "rows of a batch that are in the table"),
        "RowsSuperseded": (COUNT, "its rows that newer rows of their key replaced"),
        "RowsQuarantined": (COUNT, "its bad rows"),
        "RowsDuplicate": (COUNT, "rows of its files that had been loaded already"),
        "FilesLoaded": (COUNT, "its files with the status *loaded*"),
        "FilesFailed": (COUNT, "its files with the status *failed*"),
        "FilesOutOfBalance": (COUNT, "its files whose rows do not add up: always 0, or `headrace reconcile`"),
        "FilesPerBatch": (COUNT, "its files, a value for each batch"),
        "AttemptsPerBatch": (COUNT, "executions that it took, a value for each batch"),
    }),
    **_measures(("dataset", "rule"), "record_outcome", {
        "RowsBreakingRule": (
            COUNT, f"bad rows of a batch that break a rule; beyond its {MOST_RULES} most broken rules, `{OTHER_RULES}`",
        ),
    }, overall=False),
    **_measures(("dataset",), "record_failure", {
        "AttemptsFailed": (COUNT, "attempts at a batch that failed, at any step"),
    }),
    **_measures(("error",), "record_failure", {
        "Errors": (COUNT, "the same, by [the error's name](operations.md#errors-by-symptom)"),
    }, overall=False),
    **_measures(("dataset",), "run_statements", {
        "WarehouseSeconds": (SECONDS, "how long the warehouse worked on a batch's transaction, a value for each"),
    }),
    **_measures((), "run_statements", {
        "WarehouseWakeUps": (COUNT, "transactions that began when none of ours had ended in the minute before"),
        "WarehouseAwakeSeconds": (SECONDS, "what a transaction added to the time awake, the minute after it included"),
    }),
    **_measures(("dataset",), "sweeper", {
        "NewestRowAgeSeconds": (SECONDS, "since a batch last brought rows, at each look; none before the first"),
        "FilesWaiting": (COUNT, "files that wait for a batch, at each look; 1,000 stands for that many or more"),
        "OldestWaitingSeconds": (
            SECONDS, f"age of the oldest file that waits or is worked on, at each look, 0 without any; {PROMISED}",
        ),
        "BatchesHeld": (COUNT, "batches that wait for a person, at each look"),
        "LanesInTrouble": (COUNT, "lanes that wait for an error to end, at each look"),
    }),
    **_measures(("source",), "poller", {
        "SourceFilesTaken": (COUNT, "files that a poll copied to the landing bucket"),
        "SourceFilesFailed": (COUNT, "files that it could not copy"),
        "SourceInTrouble": (
            COUNT, "at each poll, 1 if it did not answer, refused the login, or its breaker is open, else 0",
        ),
    }),
    **_measures(("export",), "export_advance", {
        "ExportAgeMinutes": (MINUTES, "minutes since a run that is going on began, at each look"),
        "ExportOpenFiles": (COUNT, "files that it has yet to write, at each look"),
        "ExportSeconds": (SECONDS, "how long a run took, at its end"),
        "ExportIncomplete": (COUNT, "1 if it ended with missing files, else 0"),
        "ExportCompleted": (COUNT, "1 if it ended with all files, else 0"),
        "ExportSlowness": (COUNT, "its time in percent of the median of the last seven complete days"),
    }),
}  # fmt: skip
"""Every metric that is emitted, by name; `docs/metrics.md` is written from it."""
