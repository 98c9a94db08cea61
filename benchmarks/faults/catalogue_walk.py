"""Errors of the catalogue, raised on a laptop where they arise while files load, and what became of the files."""

from __future__ import annotations

import html
import json
import time
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from headrace.domain.ingest.failure import Failure, Place, Treatment, classify, explain
from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace_cli.laptop.sink import received
from headrace_cli.stack.landing import file_id_of
from headrace_cli.stack.target import Target
from headrace_cli.stack.warehouse import query
from headrace_cli.stack.watch import Watch

ROWS = 3
PATIENCE = 600
"""Seconds within which the files of a wave must have come to rest."""
SWEEP_SECONDS = 4
NOTICE_SECONDS = 30
UNSAID = "no message says cause and remedy"
ALWAYS = 1000
NEWEST = 50
"""Executions that are looked through for one that the error ended; a wave has fewer."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An error, and the dataset whose files meet it. `tag` is in the names of its files and rows."""

    failure: Failure
    dataset: str
    tag: str

    @property
    def refuses(self) -> bool:
        """Whether the first file is to fail of it."""
        return self.failure.treatment is Treatment.FILE

    @property
    def keys(self) -> list[str]:
        """Two objects: where a file is refused, it is the first."""
        return [f"{self.dataset}/{self.tag}/{name}.csv" for name in "ab"]


@dataclass(slots=True)
class Met:
    """What came of it. `notified` says whether the batch failed of it, so that people had to learn why.

    `ended` is how an error ended that went on: `batch` if a batch failed of it, `execution` if only an execution did,
    before it had a batch or after it had loaded it, `around` if the files were loaded all the same.
    """

    raised: Raised
    notified: bool
    statuses: list[FileStatus]
    wrong: list[str] = field(default_factory=list)
    ended: str = ""


class Walk:
    """Raises errors on one laptop, each on a dataset that no other error of the same wave strikes."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._watch = Watch(target)
        pages = target.client("lambda").get_paginator("list_functions").paginate()
        names = (str(function["FunctionName"]) for page in pages for function in page["Functions"])
        self._sweeper = next(name for name in names if "SweeperFunction" in name)

    def run(self, wave: list[Raised]) -> list[Met]:
        """Land files while the errors of a wave strike, wait until all is at rest, and look at every file."""
        heard = len(received(self._target))
        early = [self._fault(raised) for raised in wave if not raised.refuses]
        self._ask("POST", early)
        landed = {raised.tag: [self._land(raised, key) for key in raised.keys] for raised in wave}
        if len(early) < len(wave):  # the first file's identity is known once it has landed
            late = [self._fault(raised, landed[raised.tag][0]) for raised in wave if raised.refuses]
            self._ask("POST", late)
        open_ = self._settle()
        unmet = self._unmet()
        self._ask("DELETE")
        met = self._look_at_all(wave, landed, heard, open_)
        for one in met:
            one.wrong += ["the fault never struck"] if one.raised.dataset in unmet else []
        return met

    def run_on(self, wave: list[Raised]) -> list[Met]:
        """The same with errors that go on until no retry is left: each is lifted as soon as something failed of it."""
        heard = len(received(self._target))
        faults = {raised.tag: self._fault(raised) | {"times": ALWAYS} for raised in wave}
        self._ask("POST", list(faults.values()))
        landed = {raised.tag: [self._land(raised, key) for key in raised.keys] for raised in wave}
        ended: dict[str, str] = {}
        for _round in self._sweeping():
            ends = {raised.tag: self._end(raised, landed[raised.tag]) for raised in wave if raised.tag not in ended}
            ended |= {tag: end for tag, end in ends.items() if end}
            if len(ended) == len(wave):
                break
            if any(ends.values()):
                self._ask("POST", [fault for tag, fault in faults.items() if tag not in ended])
        self._ask("DELETE")
        open_ = self._settle()
        met = self._look_at_all(wave, landed, heard, open_)
        for one in met:
            one.ended = ended.get(one.raised.tag, "")
            one.wrong += [] if one.ended else ["nothing failed of it, although it went on"]
        return met

    def _end(self, raised: Raised, landed: list[str]) -> str:
        """How the error has ended, empty while it is tried again."""
        try:
            files = [self._target.ledger.files.get(file_id) for file_id in landed]
        except KeyError:  # an event is still on its way
            return ""
        if self._failed_of(raised, files):
            return "batch"
        if self._execution_failed(raised):
            return "execution"
        loaded = all(file.status is FileStatus.LOADED for file in files)
        return "around" if loaded and self._is_done(raised) else ""

    def _executions(self, raised: Raised, status: str) -> list[Any]:
        machine, client = self._target.output("IngestStateMachineArn"), self._target.client("stepfunctions")
        answer = client.list_executions(stateMachineArn=machine, statusFilter=status, maxResults=NEWEST)
        return [each for each in answer["executions"] if each["name"].startswith(f"{raised.dataset}-")]

    def _execution_failed(self, raised: Raised) -> bool:
        """Whether the dataset's newest failed execution ended with the error."""
        client = self._target.client("stepfunctions")
        for each in self._executions(raised, "FAILED")[:1]:
            ended = client.describe_execution(executionArn=each["executionArn"])
            return classify(explain(str(ended.get("error")), str(ended.get("cause")))) is raised.failure
        return False

    def _is_done(self, raised: Raised) -> bool:
        return not self._executions(raised, "RUNNING")

    def _unmet(self) -> set[str]:
        """The datasets whose error has not come; one that refuses a file strikes as often as it can."""
        page = self._ask("GET")
        calls = {fault["about"] for fault in page["faults"] if not fault["struck"]}
        return calls | {
            fault["where"][len("/batches/") : -1] for fault in page["warehouse"] if "/batches/" in fault["where"]
        }

    def _fault(self, raised: Raised, culprit: str = "") -> dict[str, Any]:
        fault: dict[str, Any] = {"catalogue": raised.failure.name}
        if culprit:
            where = {"path": culprit} if raised.failure.place is Place.LOAD else {"about": raised.keys[0]}
            return fault | where | {"times": ALWAYS}
        if raised.failure.place is Place.LOAD:
            return fault | {"path": f"/batches/{raised.dataset}-"}
        return fault | {"about": raised.dataset}

    def _land(self, raised: Raised, key: str) -> str:
        bucket = self._target.output("LandingBucket")
        rows = "".join(f"{meter},2026-01-01T00:00:00Z,{n}\n" for n, meter in enumerate(_meters(raised, key)))
        put = self._target.client("s3").put_object(Bucket=bucket, Key=key, Body=f"meter,read_at,value\n{rows}".encode())
        return file_id_of(bucket, key, put["VersionId"])

    def _settle(self) -> dict[str, Any]:
        """Wait until nothing is on its way; returns what still is when patience ends."""
        open_ = self._watch.look().open
        for _round in self._sweeping():
            if not open_:
                break
            open_ = self._watch.look().open
        return open_

    def _sweeping(self) -> Iterator[None]:
        """Rounds of a quarter of a second until patience ends; the sweeper goes round meanwhile."""
        start = swept = time.monotonic()
        while time.monotonic() - start < PATIENCE:
            yield
            if time.monotonic() - swept > SWEEP_SECONDS:
                self._target.client("lambda").invoke(FunctionName=self._sweeper, InvocationType="Event", Payload=b"{}")
                swept = time.monotonic()
            time.sleep(0.25)

    def _look_at_all(
        self, wave: list[Raised], landed: dict[str, list[str]], heard: int, open_: dict[str, Any]
    ) -> list[Met]:
        """What came of each error, once its notices are there: they come by a function that nothing waits for."""
        for _second in range(NOTICE_SECONDS):
            messages = [html.unescape(str(message["text"])) for message in received(self._target, heard)]
            met = [self._look(raised, landed[raised.tag], messages, open_) for raised in wave]
            if not any(what.startswith(UNSAID) for one in met for what in one.wrong):
                break
            time.sleep(1)
        return met

    def _look(self, raised: Raised, landed: list[str], messages: list[str], open_: dict[str, Any]) -> Met:
        files = [self._target.ledger.files.get(file_id) for file_id in landed]
        met = Met(raised, self._failed_of(raised, files), [file.status for file in files])
        if open_:
            met.wrong.append(f"not at rest after {PATIENCE} s: {open_}")
        met.wrong += [*self._lost(raised, files), *_unsaid(raised, files, met.notified, messages)]
        return met

    def _failed_of(self, raised: Raised, files: Iterable[FileRecord]) -> bool:
        """Whether a batch of these files has failed of the error, as the ledger tells it."""
        batches = {
            str(e.detail.get("batch")) for file in files for e in self._target.ledger.events.of_file(file.file_id)
        }
        batches |= {str(file.batch) for file in files}
        events = [event for batch in batches for event in self._target.ledger.events.of_batch(batch)]
        return any(event.detail.get("failure") == raised.failure.name for event in events)

    def _lost(self, raised: Raised, files: list[FileRecord]) -> Iterator[str]:
        """Files and rows that are not where they belong."""
        wanted = [FileStatus.FAILED if raised.refuses else FileStatus.LOADED, FileStatus.LOADED]
        if [file.status for file in files] != wanted:
            yield f"{[str(file.status) for file in files]}: {[file.reason for file in files if file.reason]}"
        loaded = [key for key, status in zip(raised.keys, wanted, strict=True) if status is FileStatus.LOADED]
        text = f"SELECT meter FROM public.{raised.dataset} WHERE meter LIKE '{raised.tag}-%' ORDER BY 1"
        rows = [str(row[0]) for row in query(self._target, text).rows]
        if rows != sorted(meter for key in loaded for meter in _meters(raised, key)):
            yield f"{len(rows)} rows of {ROWS * len(loaded)}"

    def _ask(self, method: str, faults: list[dict[str, Any]] | None = None) -> Any:
        body = json.dumps(faults or []).encode()
        request = urllib.request.Request(self._target.page("faults"), body, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def _meters(raised: Raised, key: str) -> list[str]:
    """The keys of an object's rows."""
    return [f"{raised.tag}-{key[-5]}-{row}" for row in range(ROWS)]


def _unsaid(raised: Raised, files: list[FileRecord], failed: bool, messages: list[str]) -> Iterator[str]:
    """What people should have learnt and did not."""
    failure = raised.failure
    of_it = [message for message in messages if f"{raised.dataset}: " in message]
    if failed and not any(failure.means in message and failure.remedy in message for message in of_it):
        yield f"{UNSAID}: {of_it}"
    reason = str(files[0].reason).removeprefix("it could not be loaded: ")
    if raised.refuses and classify(reason) is not failure:
        yield f"the file's reason is {reason}"
