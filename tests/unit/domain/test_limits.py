"""The page of limits and the code say the same: each row of docs/limits.md is a number here, and each here a row."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from headrace.adapters import aws
from headrace.adapters.accounts import sql
from headrace.adapters.channels import slack_text, teams
from headrace.adapters.ledger import counting, threads
from headrace.domain import audit, bounds, contract, export, measures, migration, notice, sizes, sql_text, thread
from headrace.domain.expected import calendar, quiet, verdict
from headrace.domain.ingest import arrival, groups, lane, manifest, packing, replay, row_limits, storm
from headrace.domain.ingest.ledger import BACKFILL, LIVE, MERGE
from headrace.domain.notice import LONGEST_KEY
from headrace.domain.statistics import baseline, judgement
from headrace.exports.model import run
from headrace.exports.steps import advance, finish, plan, runner, trigger
from headrace.sources.model import breaker, remote_file, server_state, source_file
from headrace.sources.poll import connection, fetch, poller, remote_listing, source, tally, transfer
from headrace.transform.decode import xml_events
from headrace.transform.sheets import workbook
from headrace.transform.typed import json_lines
from headrace.transform.values import json_text
from headrace.usecases import lake_tables
from headrace.usecases.ingest import (
    gather,
    killed_units,
    orphaned_duplicates,
    prepare_load,
    record_batch,
    record_outcome,
)
from headrace.usecases.quality import judge_day
from headrace.usecases.recovery import (
    backfill,
    measure_lanes,
    pause,
    reconcile,
    reconcile_landing,
    reconcile_report,
    reconcile_warehouse,
    recount,
    sum_superseded,
    unblock,
    watch_arrivals,
    watch_freshness,
    watch_waiting,
)
from headrace.usecases.unit import allowance
from headrace_cli.console import app, door, memory
from headrace_cli.cost import account
from headrace_cli.stack import audited
from headrace_compiler.compile import expected as compiled
from tests.support.template import TEMPLATE

PARAMETERS = TEMPLATE["Parameters"]
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
    "The same, with a Glue job ([glue.md](glue.md))": size(arrival.MAX_SPARK_BYTES, "TiB"),
    "Bad rows in a file": count(row_limits.MOST_BAD_ROWS),
    "Computing time for one file":
        f"{time(allowance.SECONDS)}, and 1 s for every {size(allowance.BYTES_A_SECOND, 'MiB')}",
    "Share of a function's memory for one file": f"{allowance.MEMORY:.0%}".replace("%", " %"),
    "Files per call of the transform function": count(packing.UNIT_FILES),
    "Bytes per call of the transform function, for small files": size(packing.UNIT_BYTES, "MiB"),
    "Files in a batch": count(lane.LIMITS[LIVE].files),
    "Bytes in a batch, as its files landed": size(lane.LIMITS[LIVE].size, "GiB"),
    "Files in a backfill batch": count(lane.LIMITS[BACKFILL].files),
    "Bytes in a backfill batch": size(lane.LIMITS[BACKFILL].size, "GiB"),
    "Files of a marker or manifest": count(groups.MOST_MEMBERS),
    "The same, of all in a batch": count(gather.MOST_OF_BATCH),
    "Files of a lane that are looked at for a batch, the oldest first, if some stand back": count(lane.MOST_LOOKED_AT),
    "Versions of objects in a marker's folder": count(groups.MOST_LISTED),
    "Bytes of a manifest": size(manifest.MOST_BYTES, "MiB"),
    "Time that files wait for a marker or manifest, and it for them, unless the contract sets it":
        time(contract.PATIENCE_SECONDS, "h"),
    "Files of a dataset whose waiting one sweep looks at": count(watch_waiting.MOST_LOOKED_AT),
    "Files in a merge": count(lane.LIMITS[MERGE].files),
    "Bytes in a merge": size(lane.LIMITS[MERGE].size, "GiB"),
    "Time between two merges, unless the contract sets it": time(contract.MERGE_SECONDS),
    "Looks for a batch's files, if what was found no longer waits": count(record_batch.MOST_LOOKS),
    "Files whose records change together with their counters": count(counting.MOST_CHANGED),
    "Time within which a lane that begins anyway is not taken along": time(lane.TOGETHER_SECONDS),
    "Lanes that a group takes along when it begins": count(lane.MOST_TAKEN),
    "Last loads of a lane that its next wait goes by": count(lane.REMEMBERED),
    "Statements per call of the Data API": count(migration.MOST_STATEMENTS),
    "Bytes of a batch's SQL statements": count(sql_text.MOST_BYTES),
    "Columns in a table": count(migration.MOST_COLUMNS),
    "Bytes in the answer of *Prepare the load*": count(prepare_load.MOST_CARRIED),
    "Files in one object of the list of [files that count](lake.md#which-rows-count)": count(lake_tables.FILES_AT_ONCE),
    "Bytes that a query of the lake scans (`LakeQueryBytes`)": count(PARAMETERS["LakeQueryBytes"]["Default"]),
    "Earlier files whose row counts are corrected at once": count(record_outcome.PAGE),
    "Texts of an Excel workbook": count(workbook.MOST_STRINGS),
    "Formats of an Excel workbook": count(workbook.MOST_STYLES),
    "Columns of an Excel sheet": count(workbook.MOST_COLUMNS),
    "XML elements inside each other": count(xml_events.DEEPEST),
    "Types inside each other in a Parquet column": count(json_lines.DEEPEST),
    "Levels in a value of JSON": count(json_text.DEEPEST),
}  # fmt: skip
FAILURES = {
    "Executions that attempt a batch": count(lane.MAX_ATTEMPTS),
    "Shortest wait between two attempts": time(lane.SHORTEST_BACKOFF_SECONDS),
    "Longest wait between two attempts": time(lane.LONGEST_BACKOFF_SECONDS),
    "Time for an answer of DynamoDB, SQS, SNS or Step Functions": time(aws.QUICK_SECONDS),
    "The same, of S3": time(aws.ANSWER_SECONDS["s3"]),
    "The same, of the Data API, which waits up to 20 s for a statement": time(aws.ANSWER_SECONDS["redshift-data"]),
    "Time that a transient error is retried": time(lane.PATIENCE_SECONDS, "h"),
    "The same, if the error hits every file": time(lane.SYSTEMIC_PATIENCE_SECONDS, "h"),
    "Held batches of a lane": count(lane.MOST_HELD),
    "Units of a batch, all killed, from which no file is blamed": count(killed_units.EVERY_UNIT),
    "Replays of one file": count(replay.MOST_REPLAYS),
    "Copies that a batch checks": count(orphaned_duplicates.MOST_LOOKED_AT),
    "Files checked against the promise of latency, oldest first": count(watch_freshness.OLDEST),
    "Time beyond the promise in which nothing must be late before its end is reported": time(
        watch_freshness.QUIET_SECONDS, "min"
    ),
    "Time that a batch is held until it is reported again, unless the contract sets it": time(
        contract.HELD_SECONDS, "h"
    ),
    "Expected times of a contract": count(compiled.MOST),
    "Days in which a calendar looks for the next expected one": count(calendar.MOST_DAYS),
    "Days by which an expected day of a month moves off days without files": count(calendar.MOST_MOVED - 1),
    "Files that a contract may expect at least": count(compiled.MOST_FILES),
    "Files of a dataset read for one expected time": count(watch_arrivals.MOST_LOOKED_AT),
    "Files of a dataset read by one sweep, after which it begins no other expected time": count(
        watch_arrivals.MOST_LOOKED_AT
    ),
    "Expected times that one sweep judges, the latest": count(verdict.MOST_TIMES),
    "Time after which an expected time is judged": time(verdict.GRACE, "min"),
    "Newest files whose share in quarantine counts": count(watch_arrivals.NEWEST),
    "Held batches of a lane whose age is remembered": count(watch_arrivals.MOST_HELD),
    "Weeks of which the hours with arrivals are remembered": count(quiet.WEEKS),
    "Time that a pause lasts without `--until`": f"{pause.USUAL_HOURS} h",
    "Longest pause": f"{pause.MOST_DAYS} d",
    "Longest time until that end is reported": time(watch_freshness.LONGEST_QUIET_SECONDS, "min"),
    "Objects that a backfill records at once": count(backfill.KEYS_TOGETHER),
    "Marks that `unblock` removes at once": count(unblock.MOST_MARKERS),
    "Generations that `unblock` moves a lane past": count(unblock.MOST_GENERATIONS),
}
MESSAGES = {
    "Bytes in a reason": count(bounds.LONGEST_REASON),
    "Bytes of the findings about a file": count(bounds.MOST_DETECTED),
    "Bytes in one line of a file's story": count(bounds.MOST_DETAIL),
    "Bytes in a message's title": count(bounds.LONGEST_TITLE),
    "Bytes in one line of a message": count(bounds.LONGEST_LINE),
    "Bytes in all lines of a message": count(bounds.MOST_LINES),
    "Bytes of the findings that a step reports": count(bounds.MOST_FOUND),
    "Bytes in a displayed name": count(bounds.LONGEST_NAME),
    "Bytes in a sentence of the statistics history": count(sql.LONGEST_SENTENCE),
    "Files, columns or values of one kind that a message lists": "/".join(
        {count(notice.LISTED), count(judgement.LISTED), count(row_limits.LISTED), count(finish.LISTED)}
    ),
    "Notifications counted in one Slack message": count(thread.MOST_COUNTED),
    "Time between two changes of a Slack message": time(thread.PACE_SECONDS),
    "Open Slack messages that a round looks at": count(threads.MOST_OPEN),
    "Frequent reasons in a Slack message": count(thread.FREQUENT),
    "Bytes in such a reason": count(thread.LONGEST_REASON),
    "Time without a notification that ends a Slack message, if its cause has no end": time(thread.QUIET_SECONDS, "min"),
    "Longest time that such a message is changed": time(thread.LONGEST_SECONDS, "min"),
    "Days that a Slack message is remembered": count(thread.KEPT_DAYS),
    "Time that one call has to change a Slack message": time(threads.CLAIMED_SECONDS),
    "Characters in a Slack message": count(slack_text.LONGEST_TEXT),
    "Bytes in a Teams message": count(teams.LARGEST),
    "Files and batches that an audit entry names": count(audit.MOST_NAMED),
    "Files of a lane that are counted for the metric `FilesWaiting`": count(measure_lanes.MOST_COUNTED),
    "Rules of a batch that metrics name, the most broken ones": count(measures.MOST_RULES),
    "Values of a metric in one log line": count(measures.MOST_VALUES),
    "Characters in a metric's dimension": count(measures.LONGEST_VALUE),
    "Differences that the reconciliation's message lists": count(reconcile_report.LISTED),
    "Refused objects of a group that a message lists": count(storm.MOST_EXAMPLES),
    "Refused objects counted in a group": count(storm.MOST_COUNTED),
    "Groups per hour for folders that belong to no dataset": count(storm.MOST_FOLDERS),
    "Time from the end of an hour until its groups are reported": time(storm.GRACE),
    "Hours whose groups one sweep reports": count(storm.MOST_HOURS),
    "Days that a refused object waits to be reported": count(storm.KEPT_DAYS),
}
USUAL = {
    "Past days that are compared": count(baseline.WINDOW_DAYS),
    "Days for which a day that could not be judged is looked for": count(judge_day.DAYS_BACK),
    "Fewest past days for a judgement": count(baseline.FEWEST_DAYS),
    "Spreads from the usual that count as normal": count(baseline.SURPRISING),
}
SERVERS = {
    "Files of one source": count(remote_listing.MOST_FILES),
    "Folders of one source": count(remote_listing.MOST_FOLDERS),
    "Refused entries that are listed": count(remote_listing.MOST_REFUSED),
    "Unreadable folders that are listed": "/".join(
        {count(remote_listing.MOST_CLOSED), count(server_state.MOST_CLOSED)}
    ),
    "Bytes in a checksum file": count(fetch.LARGEST_CHECKSUM_FILE),
    "Bytes in a key": count(remote_file.LONGEST_KEY),
    "Polls that try a faulty file": count(source_file.MOST_ATTEMPTS),
    "First wait before a held file is retried": time(source_file.FIRST_RETRY, "h"),
    "Longest wait before a held file is retried": time(source_file.LONGEST_RETRY, "h"),
    "Attempts of one poll to reach a server": count(breaker.TRIES),
    "First wait between two attempts of a poll": time(breaker.FIRST_WAIT_SECONDS),
    "Longest wait between two attempts of a poll": time(breaker.LONGEST_WAIT_SECONDS),
    "First pause after a server failed": time(breaker.FIRST_PAUSE, "min"),
    "Longest pause after a server failed": time(breaker.LONGEST_PAUSE, "min"),
    "Listings per poll": count(poller.LOOKS),
    "Longest wait between two listings": time(poller.LONGEST_WAIT_BETWEEN_LOOKS),
    "Time that a poll reserves for finishing": time(connection.RESERVE_SECONDS),
    "Polls that time out without a file before it is reported": count(server_state.MOST_FRUITLESS),
    "Unexpected errors in one poll": count(source.MOST_SURPRISES),
    "Messages of one kind that one poll sends": count(tally.ONE_BY_ONE),
    "Problems that a poll's log lists": count(tally.MOST_PROBLEMS),
    "Open incidents of a server": count(server_state.MOST_INCIDENTS),
    "Characters in an incident's key": count(LONGEST_KEY),
    "Bytes in a part of a transfer": size(sizes.PART_BYTES, "MiB"),
    "Bytes in a part of a file of unknown size": size(sizes.UNKNOWN_PART_BYTES, "MiB"),
    "Parts of a file": count(sizes.MOST_PARTS),
    "Bytes in a fetched file": size(sizes.LARGEST_FILE, "TiB"),
    "Bytes of parts being uploaded": size(transfer.MEMORY_BYTES, "MiB"),
    "Parts of a transfer in memory": count(transfer.PARTS_IN_MEMORY),
    "Days after which a record's last-listed date is renewed": count(source_file.RENEWED_AFTER.days),
    "Days that a server may be unreachable before records are forgotten": count(source_file.LONGEST_ABSENCE.days),
}
EXPORTS = {
    "Bytes in an export's key": count(export.LONGEST_KEY_BYTES),
    "Accounts per request": count(export.ACCOUNTS_PER_PART),
    "Rows that a runner holds in memory, on average": count(export.ROWS_PER_PART),
    "Deliveries of a request": count(run.RUNNER_TRIES),
    "Time without any answer": time(advance.STALL_SECONDS),
    "Time that a transient UNLOAD error is retried": time(advance.UNLOAD_PATIENCE_SECONDS, "h"),
    "Times that a request is postponed because of a service": count(run.MOST_PUT_OFF),
    "Accounts listed in an UNLOAD": count(advance.MOST_NARROWED),
    "Characters of those accounts' names": count(advance.MOST_CHARACTERS),
    "Categories in a run": count(plan.MOST_CATEGORIES),
    "Accounts in a run": count(plan.MOST_ACCOUNTS),
    "Bytes in a request": count(plan.MESSAGE_BYTES),
    "Bytes of the file names in a request": count(plan.MOST_BYTES_OF_FILES),
    "Runs of an export that are supervised": count(trigger.LOOKED_AFTER),
    "Concurrent uploads of a runner": count(runner.UPLOADS),
    "Runs of an export whose execution failed": count(trigger.MOST_ATTEMPTS["FAILED"]),
    "Runs of an export whose execution was stopped": count(trigger.MOST_ATTEMPTS["ABORTED"]),
    "Runs of an export whose execution took too long": count(trigger.MOST_ATTEMPTS["TIMED_OUT"]),
    "Earlier runs that define what is usual": count(finish.REMEMBERED_RUNS),
}
RECONCILIATION = {
    "Age from which an object must have an event": time(reconcile.GRACE, "min"),
    "Time that a file may be pending or running": time(reconcile.STILL, "min"),
    "Records in memory at once": count(reconcile.FILES_AT_ONCE),
    "Attempts to compare a day's counters with files that are changing": count(recount.MOST_TRIES),
    "Batches per statement": count(reconcile.BATCHES_AT_ONCE),
    "Batches whose superseded rows are summed up at once": count(sum_superseded.BATCHES_AT_ONCE),
    "Days until the superseded rows of a batch are summed up": count(sum_superseded.SETTLED_AFTER.days),
    "Objects looked up at once": count(reconcile_landing.OBJECTS_AT_ONCE),
    "Places where a nightly run looks for new objects": count(reconcile_landing.MOST_BEGINNINGS),
    "Newest files whose neighbours are checked first": count(reconcile_landing.NEWEST_FILES),
    "Days in which every object is checked": count(reconcile.LONGEST_PASS.days),
    "Files per statement": count(reconcile_warehouse.IDS_AT_ONCE),
    "Differences in a dataset": count(reconcile.MOST_DIFFERENCES),
    "Time that a run reserves for finishing": time(reconcile.RESERVE_SECONDS),
}
COMMANDS = {
    "Files of a dataset that the console keeps in memory, the newest": count(memory.MOST_FILES),
    "Pages that the console keeps current": count(app.MOST_STREAMS),
    "Actions of the console that wait for the second button": count(app.MOST_ASKED),
    "Bytes in a form of the console": count(door.LARGEST_FORM),
    "Loads that `headrace cost` adds up": count(account.MOST_BATCHES),
    "Executions whose histories `headrace cost` reads, the newest": count(account.MOST_HISTORIES),
    "Entries of the audit that are shown, the newest": count(audited.MOST_ENTRIES),
}


def test_the_page_of_limits_says_what_the_code_does() -> None:
    rows = [row.strip("| ").split(" | ") for row in PAGE.read_text("utf-8").splitlines() if row.startswith("| ")]
    said = {row[0]: row[1] for row in rows if row[0] != "what"}
    assert said == FILES | FAILURES | MESSAGES | USUAL | SERVERS | EXPORTS | RECONCILIATION | COMMANDS
