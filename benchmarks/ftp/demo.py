"""Two servers, files with good and bad rows, an outage and its end: `make demo-ftp`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.ftp.polls import poll, wait_for_polls
from benchmarks.ftp.stage import contract, laptop, serving, target_of
from headrace.domain.source import Protocol

GOOD = "{},started,2026-03-02T06:00:{:02}Z,{}"
HEAD = "event_id,kind,at,milliseconds"
NORTH = {
    "morning.csv": [GOOD.format("n1", 1, 120), GOOD.format("n2", 2, 80), "n3,exploded,2026-03-02T06:00:03Z,9"],
    "noon.csv": [GOOD.format("n4", 4, 15), "n5,done,yesterday,7", GOOD.format("n6", 6, 3)],
}
HARBOUR = {"quay events.csv": [GOOD.format("h1", 1, 10), GOOD.format("h2", 2, -4), GOOD.format("h3", 3, 44)]}
OPTIONS = {"completeWhen": "marker", "breakerFailures": 1, "patienceMinutes": 0, "timeoutSeconds": 5}
DATASET = "events"


def main() -> int:
    """Show it. Returns 1 when something did not become what it should."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-servers-") as folder, ExitStack() as stack:
        say("Two foreign servers: north speaks FTP, harbour speaks SFTP")
        outage = stack.enter_context(ExitStack())
        north = outage.enter_context(serving("north", Protocol.FTP, Path(folder) / "north"))
        harbour = stack.enter_context(serving("harbour", Protocol.SFTP, Path(folder) / "harbour"))
        for server, files in ((north, NORTH), (harbour, HARBOUR)):
            for name, rows in files.items():
                offer(server.root, name, rows)
                print(f"  {server.kind}://127.0.0.1:{server.port}/{name}  ({len(rows)} rows, some of them bad)")
        servers = [server.entry("*.csv", **OPTIONS) for server in (north, harbour)]
        say("The contract of the dataset names them: what to fetch, how, and when a file is whole")
        print("".join(servers), end="")
        say("A laptop is started with this contract (it takes half a minute)")
        text = contract(DATASET, {"format": "csv"}, servers)
        made = stack.enter_context(laptop({DATASET: text}, [north, harbour]))
        first = taken(made)
        again = broken(made, north, outage, stack)
        return 0 if first and again else 1


def taken(made: Any) -> bool:
    """The first poll, and what became of its files."""
    target = target_of(made)
    say("A poll of each")
    poll(target, ["north", "harbour"])
    run(made, "sources")
    made.run("wait", "--timeout", "120")
    say("Their rows in the warehouse, each with its number in the file that brought it")
    run(made, "sql", f"SELECT event_id, kind, milliseconds, _row_number FROM public.{DATASET} ORDER BY event_id")
    say("And the rows that could not be loaded")
    run(made, "quarantine", DATASET)
    rows = json.loads(made.run("status", "--json").stdout)["datasets"][0]["rows"]
    return bool(rows["read"] == 9 and rows["loaded"] == 6 and rows["quarantined"] == 3)


def broken(made: Any, north: Any, outage: ExitStack, stack: ExitStack) -> bool:
    """An outage: the breaker opens, an incident opens; the server comes back, the breaker closes."""
    target = target_of(made)
    say("north goes down; the poll tries five times, then its breaker opens and an incident opens")
    outage.close()
    poll(target, ["north", "harbour"])
    opened = target.source_ledger.state("north")
    run(made, "sources")
    say("north comes back with one more file; after its pause one try would decide, a person need not wait for that")
    stack.enter_context(serving("north", Protocol.FTP, north.root, "--port", str(north.port)))
    offer(north.root, "evening.csv", [GOOD.format("n7", 7, 1)])
    before = opened.last_poll
    run(made, "sources", "--reset", "north")
    wait_for_polls(target, {"north": before})
    made.run("wait", "--timeout", "120")
    run(made, "sources")
    say("What people received: Slack, and PagerDuty's trigger and resolve under one key")
    run(made, "notifications")
    closed = target.source_ledger.state("north")
    told = made.run("notifications", "--json").stdout
    return (str(opened.breaker.state), str(closed.breaker.state)) == ("open", "closed") and (
        '"event_action": "trigger"' in told and '"event_action": "resolve"' in told
    )


def offer(root: Path, name: str, rows: list[str]) -> None:
    """Put a file on a server, and the marker that says that it is whole."""
    (root / name).write_text("\n".join([HEAD, *rows]) + "\n")
    (root / f"{name}.done").touch()


def say(text: str) -> None:
    """A heading."""
    print(f"\n── {text} {'─' * max(0, 110 - len(text))}", flush=True)


def run(made: Any, *arguments: str) -> None:
    """A command as a person would type it, and what it prints."""
    print(f"$ headrace {' '.join(arguments)}")
    done = made.run(*arguments)
    print((done.stdout + done.stderr).rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
