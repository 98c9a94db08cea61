"""The page of limits and the code say the same: each row of docs/limits.md is a number here, and each here a row."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from headrace.domain import baseline, bounds, contract, export, judgement, migration, notice, sizes, sql_text
from headrace.domain.ingest import arrival, bad_rows, lane, packing, replay, storm
from headrace.domain.ingest.ledger import BACKFILL, LIVE, MERGE
from headrace.exports.model import run
from headrace.exports.steps import advance, finish, plan, runner, trigger
from headrace.sources.model import breaker, remote_file, server_state, source_file
from headrace.sources.poll import connection, fetch, poller, remote_listing, source, tally, transfer
from headrace.usecases.ingest import orphaned_duplicates, prepare_load, record_failure, record_outcome
from headrace.usecases.quality import measurements
from headrace.usecases.recovery import (
    backfill,
    reconcile,
    reconcile_landing,
    reconcile_report,
    reconcile_warehouse,
    unblock,
    watch_freshness,
)
from headrace.usecases.unit import allowance

PAGE = Path(__file__).parents[3] / "docs" / "limits.md"


def count(number: float) -> str:
    return f"{number:,.0f}"


def size(number: float, unit: str) -> str:
    return f"{number / {'MiB': 2**20, 'GiB': 2**30, 'TiB': 2**40}[unit]:g} {unit}"


def time(value: float | timedelta, unit: str = "s") -> str:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return f"{seconds / {'s': 1, 'min': 60, 'h': 3600}[unit]:g} {unit}"


FILES = {
    "Largest file as it lands": size(arrival.MAX_FILE_BYTES, "GiB"),
    "Bad rows of a file": count(bad_rows.MOST_BAD_ROWS),
    "Computing for one file":
        f"{time(allowance.SECONDS)}, and 1 s for every {size(allowance.BYTES_A_SECOND, 'MiB')}",
    "Share of a function's memory for one file": f"{allowance.MEMORY:.0%}".replace("%", " %"),
    "Files that a function transforms": count(packing.UNIT_FILES),
    "Bytes that a function transforms, where files are small": size(packing.UNIT_BYTES, "MiB"),
    "Files of a batch": count(lane.LIMITS[LIVE].files),
    "Bytes of a batch, as its files landed": size(lane.LIMITS[LIVE].size, "GiB"),
    "Files of a batch of a backfill": count(lane.LIMITS[BACKFILL].files),
    "Bytes of a batch of a backfill": size(lane.LIMITS[BACKFILL].size, "GiB"),
    "Files of a merge": count(lane.LIMITS[MERGE].files),
    "Bytes of a merge": size(lane.LIMITS[MERGE].size, "GiB"),
    "Time between two merges, unless the contract names it": time(contract.MERGE_SECONDS),
    "Statements of one call of the Data API": count(migration.MOST_STATEMENTS),
    "Bytes of the statements of a batch": count(sql_text.MOST_BYTES),
    "Columns of a table": count(migration.MOST_COLUMNS),
    "Bytes of the answer about a load": count(prepare_load.MOST_CARRIED),
    "Earlier files whose rows are corrected at once": count(record_outcome.PAGE),
}  # fmt: skip
FAILURES = {
    "Executions that try a batch": count(lane.MAX_ATTEMPTS),
    "Shortest wait between two": time(lane.SHORTEST_BACKOFF_SECONDS),
    "Longest wait between two": time(lane.LONGEST_BACKOFF_SECONDS),
    "Time in which an error may pass": time(lane.PATIENCE_SECONDS, "h"),
    "The same, where the error hits every file": time(lane.SYSTEMIC_PATIENCE_SECONDS, "h"),
    "Batches of a lane that are held": count(lane.MOST_HELD),
    "Units of a batch that may be killed before it is no file's fault": count(record_failure.EVERY_UNIT),
    "Replays of one file": count(replay.MOST_REPLAYS),
    "Copies that a batch looks at": count(orphaned_duplicates.MOST_LOOKED_AT),
    "Files that the promise of latency looks at, the oldest first": count(watch_freshness.OLDEST),
    "Objects that a backfill writes down at once": count(backfill.KEYS_TOGETHER),
    "Marks that `unblock` removes at once": count(unblock.MOST_MARKERS),
    "Generations that `unblock` leads a lane past": count(unblock.MOST_GENERATIONS),
}
MESSAGES = {
    "Bytes of a reason": count(bounds.LONGEST_REASON),
    "Bytes of what was detected in a file": count(bounds.MOST_DETECTED),
    "Bytes of one line of a story": count(bounds.MOST_DETAIL),
    "Bytes of a message's title": count(bounds.LONGEST_TITLE),
    "Bytes of one line of a message": count(bounds.LONGEST_LINE),
    "Bytes of all lines of a message": count(bounds.MOST_LINES),
    "Bytes of what a step says of its findings": count(bounds.MOST_FOUND),
    "Bytes of a name that is shown": count(bounds.LONGEST_NAME),
    "Bytes of a sentence in the history of figures": count(measurements.LONGEST_SENTENCE),
    "Files, columns or values of a kind that a message names": "/".join(
        {count(notice.LISTED), count(judgement.LISTED), count(bad_rows.LISTED), count(finish.LISTED)}
    ),
    "Differences that the reconciliation's message names": count(reconcile_report.LISTED),
    "Refused objects of a group that a message names": count(storm.MOST_EXAMPLES),
    "Refused objects of a group that are counted": count(storm.MOST_COUNTED),
    "Groups of an hour for the folders of objects of no dataset": count(storm.MOST_FOLDERS),
    "Time after an hour until its groups are reported": time(storm.GRACE),
    "Hours whose groups a sweep reports": count(storm.MOST_HOURS),
    "Days for which a refused object waits to be reported": count(storm.KEPT_DAYS),
}
USUAL = {
    "Days that are looked at": count(baseline.WINDOW_DAYS),
    "Days without which nothing is said": count(baseline.FEWEST_DAYS),
    "Spreads from the usual that are no surprise": count(baseline.SURPRISING),
}
SERVERS = {
    "Files of one source": count(remote_listing.MOST_FILES),
    "Folders of one source": count(remote_listing.MOST_FOLDERS),
    "Refused entries that are named": count(remote_listing.MOST_REFUSED),
    "Closed folders that are named": "/".join({count(remote_listing.MOST_CLOSED), count(server_state.MOST_CLOSED)}),
    "Bytes of a file with a checksum": count(fetch.LARGEST_CHECKSUM_FILE),
    "Bytes of a key": count(remote_file.LONGEST_KEY),
    "Polls that try a file that is wrong": count(source_file.MOST_ATTEMPTS),
    "First wait until a held file is tried again": time(source_file.FIRST_RETRY, "h"),
    "Longest wait until a held file is tried again": time(source_file.LONGEST_RETRY, "h"),
    "Tries of one poll to reach a server": count(breaker.TRIES),
    "First wait between two tries": time(breaker.FIRST_WAIT_SECONDS),
    "Longest wait between two tries": time(breaker.LONGEST_WAIT_SECONDS),
    "First pause of a server that failed": time(breaker.FIRST_PAUSE, "min"),
    "Longest pause of a server that failed": time(breaker.LONGEST_PAUSE, "min"),
    "Looks of one poll": count(poller.LOOKS),
    "Longest wait between two looks": time(poller.LONGEST_WAIT_BETWEEN_LOOKS),
    "Time that a poll keeps for its end": time(connection.RESERVE_SECONDS),
    "Polls without a file, out of time, until it is said": count(server_state.MOST_FRUITLESS),
    "Errors that nobody foresaw, in one poll": count(source.MOST_SURPRISES),
    "Messages of a kind that one poll sends": count(tally.ONE_BY_ONE),
    "Problems that a poll's log names": count(tally.MOST_PROBLEMS),
    "Calls that a server has open": count(server_state.MOST_INCIDENTS),
    "Characters of a call's key": count(server_state.LONGEST_INCIDENT),
    "Bytes of a part of a transfer": size(sizes.PART_BYTES, "MiB"),
    "Bytes of a part of a file whose size is not announced": size(sizes.UNKNOWN_PART_BYTES, "MiB"),
    "Parts that a file is cut into": count(sizes.MOST_PARTS),
    "Bytes of a file that is fetched": size(sizes.LARGEST_FILE, "TiB"),
    "Bytes of parts that are being sent": size(transfer.MEMORY_BYTES, "MiB"),
    "Parts of a transfer in memory": count(transfer.PARTS_IN_MEMORY),
    "Days after which a record's last listing is renewed": count(source_file.RENEWED_AFTER.days),
    "Days that a server may be away without a record being forgotten": count(source_file.LONGEST_ABSENCE.days),
}
EXPORTS = {
    "Bytes of an export's key": count(export.LONGEST_KEY_BYTES),
    "Accounts of one request": count(export.ACCOUNTS_PER_PART),
    "Rows that a runner has in memory, on average": count(export.ROWS_PER_PART),
    "Deliveries of a request": count(run.RUNNER_TRIES),
    "Time without any answer": time(advance.STALL_SECONDS),
    "Time in which an UNLOAD's error may pass": time(advance.UNLOAD_PATIENCE_SECONDS, "h"),
    "Times that a request is put off for a service": count(run.MOST_PUT_OFF),
    "Accounts that an UNLOAD names": count(advance.MOST_NARROWED),
    "Characters of their names": count(advance.MOST_CHARACTERS),
    "Categories of a run": count(plan.MOST_CATEGORIES),
    "Accounts of a run": count(plan.MOST_ACCOUNTS),
    "Bytes of a request": count(plan.MESSAGE_BYTES),
    "Bytes of the names of a request's files": count(plan.MOST_BYTES_OF_FILES),
    "Runs of an export that are looked after": count(trigger.LOOKED_AFTER),
    "Uploads of a runner at once": count(runner.UPLOADS),
    "Runs of an export whose execution failed": count(trigger.MOST_ATTEMPTS["FAILED"]),
    "Runs of an export whose execution was stopped": count(trigger.MOST_ATTEMPTS["ABORTED"]),
    "Runs of an export whose execution took too long": count(trigger.MOST_ATTEMPTS["TIMED_OUT"]),
    "Earlier runs that say what is usual": count(finish.REMEMBERED_RUNS),
}
RECONCILIATION = {
    "Age from which an object must have an event": time(reconcile.GRACE, "min"),
    "Time that a file may wait or run": time(reconcile.STILL, "min"),
    "Records in memory at once": count(reconcile.FILES_AT_ONCE),
    "Batches of one statement": count(reconcile.BATCHES_AT_ONCE),
    "Objects looked up at once": count(reconcile_landing.OBJECTS_AT_ONCE),
    "Places where a night looks for new objects": count(reconcile_landing.MOST_BEGINNINGS),
    "Newest files whose neighbours are looked at first": count(reconcile_landing.NEWEST_FILES),
    "Days in which every object is looked at": count(reconcile.LONGEST_PASS.days),
    "Files of one statement": count(reconcile_warehouse.IDS_AT_ONCE),
    "Differences of a dataset": count(reconcile.MOST_DIFFERENCES),
    "Time that is kept for the end": time(reconcile.RESERVE_SECONDS),
}


def test_the_page_of_limits_says_what_the_code_does() -> None:
    rows = [row.strip("| ").split(" | ") for row in PAGE.read_text("utf-8").splitlines() if row.startswith("| ")]
    said = {row[0]: row[1] for row in rows if row[0] != "what"}
    assert said == FILES | FAILURES | MESSAGES | USUAL | SERVERS | EXPORTS | RECONCILIATION
