"""What people are notified of: every cause, how severe it is, whether it calls somebody, and what ends it.

docs/notifications.md shows this table, contracts may change a cause's severity, and channels follow both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a cause matters, from least to most."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Its place: 0 is the least."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why people are notified.

    `means` says what is the matter. `of` is what a key names beside the dataset: two troubles with different keys begin
    and end apart. `ends` is what is over when a notice with the same key says so; without it, nothing ever says so.
    `calls` is whether it opens an incident, and then `ends` resolves it.
    """

    name: str
    severity: Severity
    means: str
    of: str = ""
    ends: str = ""
    calls: bool = False

    def __post_init__(self) -> None:
        if self.calls and not self.ends:
            raise ValueError(f"{self.name} opens incidents that nothing resolves")


LOADED = Cause("loaded", Severity.INFO, "a batch was loaded, and nothing needs attention")
ROWS_QUARANTINED = Cause(
    "rows-quarantined", Severity.WARNING, "a batch was loaded with quarantined rows, unknown columns or fewer rows"
)
FILE_NOT_LOADED = Cause("file-not-loaded", Severity.ERROR, "files were refused, failed or do not balance")
FILE_UNROUTABLE = Cause("file-unroutable", Severity.WARNING, "no contract takes files of this place", of="folder")
MARKER_MISSING = Cause("marker-missing", Severity.ERROR, "files whose marker or manifest never came")
LOAD_RETRIED = Cause("load-retried", Severity.WARNING, "a batch did not load and is retried or split automatically")
LOAD_FAILED = Cause(
    "load-failed",
    Severity.ERROR,
    "a batch was given up: its file has failed",
    of="lane",
    ends="a later batch of the lane is loaded",
    calls=True,
)
LANE_IN_TROUBLE = Cause(
    "lane-in-trouble",
    Severity.CRITICAL,
    "nothing of a lane loads: the cause may not be the files",
    of="lane",
    ends="the lane loads again",
    calls=True,
)
BATCH_HELD = Cause(
    "batch-held",
    Severity.ERROR,
    "a batch waits for a person",
    of="batch",
    ends="the batch is released or rejected",
    calls=True,
)
PROMISE_BROKEN = Cause(
    "promise-broken",
    Severity.CRITICAL,
    "files are later than the contract promises",
    ends="nothing has been late for a while",
    calls=True,
)
FILES_MISSING = Cause(
    "files-missing",
    Severity.CRITICAL,
    "files have not come by the time that the contract expects them, or too few have",
    of="expectation",
    ends="the expected files have come, or the next ones have in time",
    calls=True,
)
FILES_TOO_SMALL = Cause(
    "files-too-small",
    Severity.ERROR,
    "enough expected files have come, and one is smaller than the contract says",
    of="expectation",
    ends="the next expected files are as they should be",
    calls=True,
)
FILES_TOO_MANY = Cause(
    "files-too-many",
    Severity.WARNING,
    "more files have come than the contract expects",
    of="expectation",
    ends="the next files are as many as expected",
)
DATASET_QUIET = Cause(
    "dataset-quiet",
    Severity.WARNING,
    "no file has come for longer than usual at this time of the week",
    ends="a file has come",
)
QUARANTINE_SHARE = Cause(
    "quarantine-share",
    Severity.ERROR,
    "more of the newest files' rows are quarantined than the contract's limit",
    ends="the share is below four fifths of the limit",
    calls=True,
)
HELD_TOO_LONG = Cause(
    "held-too-long",
    Severity.CRITICAL,
    "a batch has waited for a decision for longer than the contract says",
    ends="no batch has waited for so long",
    calls=True,
)
PAUSE_ENDED = Cause("pause-ended", Severity.INFO, "a pause of a dataset has ended by itself")
OUTCOME_UNRECORDED = Cause(
    "outcome-unrecorded", Severity.ERROR, "a batch is loaded, its outcome could not be recorded in full", of="batch"
)
FIGURES_UNUSUAL = Cause("figures-unusual", Severity.WARNING, "figures are not what they usually are")
FIGURES_NOT_JUDGED = Cause("figures-not-judged", Severity.ERROR, "figures of a day could not be judged")
VIEW_STALE = Cause(
    "view-stale",
    Severity.WARNING,
    "a materialized view does not show what is loaded",
    of="view",
    ends="the view is refreshed again",
)
RECONCILE_DIFFERENCE = Cause(
    "reconcile-difference", Severity.ERROR, "landing, ledger, lake and warehouse disagree, or could not be compared"
)
EXPORT_FAILED = Cause(
    "export-failed",
    Severity.ERROR,
    "files of an export are missing, or it could not start",
    ends="a run of the export is complete",
    calls=True,
)
SOURCE_UNREACHABLE = Cause(
    "source-unreachable",
    Severity.CRITICAL,
    "a server cannot be asked; a warning until the contract's patience is over",
    of="server",
    ends="the server answers again",
    calls=True,
)
SOURCE_FILE_HELD = Cause(
    "source-file-held",
    Severity.ERROR,
    "a file of a server was wrong too often; a wrong checksum opens an incident",
    of="file",
    ends="the file was taken or has disappeared",
    calls=True,
)
SOURCE_FOLDER_CLOSED = Cause(
    "source-folder-closed",
    Severity.WARNING,
    "a server will not list some folders",
    of="server",
    ends="they can be listed again",
)
SOURCE_FILES_LEFT = Cause("source-files-left", Severity.WARNING, "files stay on a server, or were refused", of="server")
SOURCE_SLOW = Cause("source-slow", Severity.WARNING, "polls of a server run out of time", of="server")
ALARM = Cause("alarm", Severity.ERROR, "a CloudWatch alarm", of="alarm", ends="CloudWatch says OK")
MESSAGE = Cause("message", Severity.WARNING, "whatever else was published to the topic")

CAUSES: dict[str, Cause] = {
    cause.name: cause
    for cause in (
        LOADED, ROWS_QUARANTINED, FILE_NOT_LOADED, FILE_UNROUTABLE, MARKER_MISSING, LOAD_RETRIED, LOAD_FAILED,
        LANE_IN_TROUBLE, BATCH_HELD, PROMISE_BROKEN, FILES_MISSING, FILES_TOO_SMALL, FILES_TOO_MANY, DATASET_QUIET,
        QUARANTINE_SHARE, HELD_TOO_LONG, PAUSE_ENDED, OUTCOME_UNRECORDED, FIGURES_UNUSUAL, FIGURES_NOT_JUDGED,
        VIEW_STALE, RECONCILE_DIFFERENCE, EXPORT_FAILED, SOURCE_UNREACHABLE, SOURCE_FILE_HELD, SOURCE_FOLDER_CLOSED,
        SOURCE_FILES_LEFT, SOURCE_SLOW, ALARM, MESSAGE,
    )
}  # fmt: skip
"""Every cause, by its name."""
