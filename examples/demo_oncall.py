"""A night on call: troubles of every kind on a laptop of its own, each reported once, each over in the end.

    make demo-oncall

Files, warehouse, queues, notifications and incidents are the laptop's. What takes hours is not waited for: the
sweeper's own code looks at the laptop's ledger as if it were earlier or later, which is said where it happens. The
laptop and its project stay in build/oncall, for a look around; `headrace down` in that folder stops it.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from unittest import mock

from headrace.domain import clock
from headrace.domain.ingest.ledger import LIVE
from headrace.usecases.recovery.watch_arrivals import watch_arrivals
from headrace.usecases.recovery.watch_freshness import watch_promises
from headrace_cli.laptop import laptop
from headrace_cli.laptop.sink import received
from headrace_cli.main import run as headrace
from headrace_cli.output.console import stdout, table
from headrace_cli.output.progress import Stages
from headrace_cli.stack.target import Target

FOLDER = Path("build", "oncall")
PATIENCE = 180
"""Seconds for which a step waits for what it is about."""
ENDED = {"loaded", "failed", "held", "duplicate"}
STORM = 300
USUAL_ROWS = 40
SETTINGS = "[laptop.parameters]\nLongestWait = 1\n"
CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: urn:example:meters
name: meters
version: 1.0.0
status: active
description: {{purpose: Readings of meters}}
servers:
  - {{server: landing, type: s3, location: "s3://{{landing}}/meters/", format: csv}}
  - {{server: warehouse, type: redshift, database: headrace, schema: public}}
schema:
  - name: meters
    customProperties:
      - {{property: quarantineLimit, value: 20%}}
      - {{property: heldLimitHours, value: 4}}
    quality:
      - type: custom
        engine: headrace
        implementation: rowCount
        customProperties: [{{property: onBreach, value: hold}}]
    properties:
      - {{name: meter, logicalType: string, physicalType: VARCHAR(16), required: true}}
      - {{name: value, logicalType: number, physicalType: "DECIMAL(12,2)", required: true}}
support:
  - {{channel: "#meters", tool: slack}}
  - {{channel: meters-on-call, tool: pagerduty}}
slaProperties:
  - {{property: latency, value: 2, unit: min}}
  - {{property: frequency, value: 1, unit: d}}
  - {{property: timeOfAvailability, id: daily, value: "{due:%H:%M}"}}
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration. Returns 0 when every trouble was reported once and is over."""
    argparse.ArgumentParser(
        prog="make demo-oncall", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args(arguments)
    _make_project()
    stages = Stages(4)
    laptop.start(None, stages)
    laptop.deploy(stages)
    target = laptop.laptop_target()
    with stages.stage("Remembering four weeks of days with forty rows"):
        target.services.warehouse.run(_past())
    night = Night(target)
    for step in (night.expected, night.late, night.refused, night.storm, night.held, night.quarantine, night.alarm):
        step()
    return night.morning()


class Night:
    """The troubles, one after another."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._files = 0

    def expected(self) -> None:
        """A file that is due every day did not come yesterday, and comes today."""
        say("A file is due every day. The sweeper looks as it would have three days ago, and yesterday: none has come.")
        for days in (3, 1):
            with _at(timedelta(days=-days)):
                watch_arrivals(self._target.services)
        self._reported("files-missing")
        say("It comes, late.")
        self._load(USUAL_ROWS)
        watch_arrivals(self._target.services)
        self._over("files-missing")

    def late(self) -> None:
        """The warehouse does not begin a load, for longer than the contract promises."""
        say("A load hangs. The sweeper looks as it would in five minutes: the contract promises two.")
        self._fault({"service": "lambda", "operation": "invoke", "path": "PrepareLoad", "what": "hold"})
        key = self._drop(_rows(USUAL_ROWS))
        _until(lambda: self._status(key) == "running")
        self._looks_later(timedelta(minutes=5))
        self._reported("promise-broken")
        say("It goes on. Once nothing has been late for a quarter of an hour, the incident is resolved.")
        self._mend()
        self._wait(key)
        for later in (timedelta(minutes=6), timedelta(minutes=30)):
            self._looks_later(later)
        self._over("promise-broken")

    def refused(self) -> None:
        """The warehouse refuses a file, and takes the next one."""
        say("The warehouse refuses a file for good: Spectrum reports text that is longer than its column.")
        self._fault({"catalogue": "redshift-parquet-too-long", "path": "/batches/meters-", "times": 1000})
        self._wait(self._drop(_rows(USUAL_ROWS)))
        self._reported("load-failed")
        self._mend()
        say("The next file is loaded, which ends the incident.")
        self._load(USUAL_ROWS)
        self._over("load-failed")

    def storm(self) -> None:
        """Hundreds of files that cannot be loaded are few messages."""
        before = len(received(self._target))
        say(f"A supplier's job writes {STORM} empty files.")
        for number in range(STORM):
            self._put(f"meters/empty-{number:03}.csv", b"")
        _until(lambda: self._failed() >= STORM)
        count = sum("empty" in message["text"] for message in received(self._target, before))
        say(f"{STORM} files have failed, and {count} message{'s' * (count != 1)} came: others like it are counted.")

    def held(self) -> None:
        """A batch with unusual figures waits for a person, for too long."""
        say(f"A file has 5 rows instead of some {USUAL_ROWS}: its batch is held until a person decides.")
        key = self._drop(_rows(5))
        self._wait(key)
        self._reported("batch-held")
        say("Nobody does. The sweeper looks as it would in five hours: the contract gives people four.")
        self._looks_later(timedelta())
        self._looks_later(timedelta(hours=5))
        self._reported("held-too-long")
        (batch,) = [item["batch"] for item in self._held()]
        type_in("release", str(batch))
        self._wait(key)
        self._looks_later(timedelta(hours=5))
        self._over("batch-held", "held-too-long")

    def quarantine(self) -> None:
        """More bad rows than the contract allows, and then fewer."""
        say("A third of a file's rows are bad; the contract allows a fifth of the newest files' rows.")
        self._load(USUAL_ROWS * 3 // 2, bad=USUAL_ROWS // 2)
        watch_arrivals(self._target.services)
        self._reported("quarantine-share")
        say("The supplier mends it, and enough good rows come.")
        for _ in range(8):
            self._drop(_rows(USUAL_ROWS))
        self._quiet()
        for item in self._held():
            type_in("release", str(item["batch"]))
        self._quiet()
        watch_arrivals(self._target.services)
        self._over("quarantine-share")

    def alarm(self) -> None:
        """A CloudWatch alarm of the template, on a real queue."""
        say("A message that nobody can read is put into the intake's dead-letter queue: its alarm goes off.")
        sqs, queue = self._target.client("sqs"), self._target.output("IntakeDeadLetterQueueUrl")
        sqs.send_message(QueueUrl=queue, MessageBody="no event of S3")
        _until(lambda: bool(self._alarms("is ALARM")))
        sqs.purge_queue(QueueUrl=queue)
        say("It is removed, and the alarm is over.")
        _until(lambda: bool(self._alarms("is OK")))

    def morning(self) -> int:
        """What was reported, and whether all of it is over."""
        say("The night's incidents, as PagerDuty had them:")
        opened, closed = self._incidents("trigger"), self._incidents("resolve")
        keys = list(dict.fromkeys([*opened, *closed]))
        wrong = [key for key in keys if (opened.count(key), closed.count(key)) != (1, 1)]
        rows = [[key, str(opened.count(key)), str(closed.count(key)), "✗" if key in wrong else "✓"] for key in keys]
        stdout().print(table(["incident", "opened", "resolved", ""], rows))
        alarms = bool(self._alarms("is ALARM")) and bool(self._alarms("is OK"))
        say("And what the channel read (the newest, `headrace notifications` shows all):")
        type_in("notifications", "--limit", "6")
        say(
            f"Look around in {FOLDER}: `headrace status`, `headrace history --audit`; `headrace down` stops the laptop."
        )
        missing = [name for name in CALLS if not any(f"/{name}/" in key for key in keys)]
        return int(bool(wrong or missing) or not alarms)

    def _load(self, rows: int, bad: int = 0) -> None:
        self._wait(self._drop(_rows(rows, bad)))

    def _drop(self, body: bytes) -> str:
        self._files += 1
        key = f"meters/night-{self._files:02}.csv"
        self._put(key, body)
        return key

    def _put(self, key: str, body: bytes) -> None:
        self._target.client("s3").put_object(Bucket=self._target.output("LandingBucket"), Key=key, Body=body)

    def _looks_later(self, by: timedelta) -> None:
        with _at(by):
            watch_promises(self._target.services)
            watch_arrivals(self._target.services)

    def _wait(self, key: str) -> None:
        _until(lambda: self._status(key) in ENDED and not self._target.ledger.lanes.state("meters", LIVE).open_batch)

    def _quiet(self) -> None:
        _until(lambda: all(str(file.status) in ENDED for file in self._target.ledger.files.of_dataset("meters")))

    def _status(self, key: str) -> str:
        found = [file for file in self._target.ledger.files.newest("meters", 50) if file.key == key]
        return str(found[0].status) if found else ""

    def _failed(self) -> int:
        return sum(str(file.status) == "failed" for file in self._target.ledger.files.of_dataset("meters"))

    def _held(self) -> list[Any]:
        with mock.patch("sys.stdout", io.StringIO()) as said:
            headrace(["held", "--json"])
        return list(json.loads(said.getvalue())["held"])

    def _fault(self, fault: dict[str, Any]) -> None:
        self._ask("POST", [fault])

    def _mend(self) -> None:
        self._ask("DELETE", [])

    def _ask(self, method: str, faults: list[dict[str, Any]]) -> None:
        host, _, path = self._target.page("faults").removeprefix("http://").partition("/")
        connection = HTTPConnection(host, timeout=30)
        connection.request(method, f"/{path}", json.dumps(faults))
        connection.getresponse().read()

    def _incidents(self, action: str) -> list[str]:
        events = [message["payload"] for message in received(self._target) if isinstance(message["payload"], dict)]
        return [str(event["dedup_key"]) for event in events if event.get("event_action") == action]

    def _alarms(self, state: str) -> list[str]:
        found = [str(message["text"]) for message in received(self._target)]
        return [text for text in found if "IntakeDeadLetterAlarm" in text and state in text]

    def _reported(self, *names: str) -> None:
        self._await("trigger", names, "reported")

    def _over(self, *names: str) -> None:
        self._await("resolve", names, "over")

    def _await(self, action: str, names: tuple[str, ...], what: str) -> None:
        for name in names:
            done = _until(lambda name=name: any(name in key for key in self._incidents(action)))
            stdout().print(f"  {'✓' if done else '✗ not'} {what}: {name}", markup=False)


CALLS = (
    "files-missing", "promise-broken", "load-failed", "batch-held", "held-too-long", "quarantine-share",
)  # fmt: skip
"""The causes that open incidents in this night."""


def _make_project() -> None:
    """A project of one contract, whose file is due at a time of day that has just passed."""
    os.environ.pop("HEADRACE_HOME", None)
    if (FOLDER / ".headrace").exists():
        os.chdir(FOLDER)
        headrace(["down"])
        os.chdir(Path(__file__).resolve().parents[1])
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "contracts").mkdir(parents=True)
    (FOLDER / "headrace.toml").write_text(SETTINGS)
    due = datetime.now(UTC) - timedelta(minutes=20)
    (FOLDER / "contracts" / "meters.odcs.yaml").write_text(CONTRACT.format(due=due))
    os.chdir(FOLDER)


def _past() -> list[str]:
    """Figures of the last four weeks, as the loads of such days leave them."""
    values = ", ".join(
        f"('meters', 'batch', 'past', DATEADD(DAY, -{back}, CAST(GETDATE() AS DATE)), '', 'rowCount', '',"
        f" {USUAL_ROWS + back % 3}, {USUAL_ROWS}, 0, GETDATE())"
        for back in range(1, 29)
    )
    return [
        "INSERT INTO etl.loads VALUES ('past', 'history', 'loaded', GETDATE())",
        f"INSERT INTO etl.quality_figures VALUES {values}",
    ]


def _rows(good: int, bad: int = 0) -> bytes:
    at = time.monotonic_ns()
    lines = [f"m{number},{at % 10**6}.{number % 100:02}" for number in range(good - bad)]
    return "\n".join(["meter,value", *lines, *[f"m{number},unknown" for number in range(bad)], ""]).encode()


@contextmanager
def _at(shift: timedelta) -> Iterator[None]:
    """As if it were earlier or later."""
    real = clock.utc

    def shifted() -> datetime:
        return real() + shift

    with mock.patch.object(clock, "utc", shifted):
        yield


def _until(done: Any) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if done():
            return True
        time.sleep(0.5)
    return False


def say(text: str) -> None:
    """A line between the steps."""
    stdout().print(f"\n{text}", markup=False)


def type_in(*words: str) -> int:
    """Run a command as a person types it."""
    stdout().print(f"$ headrace {' '.join(words)}", style="bold", markup=False)
    sys.stdout.flush()
    return headrace(list(words))


if __name__ == "__main__":
    sys.exit(main())
