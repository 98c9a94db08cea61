"""The files of one source: looked for, taken over a few connections at a time, settled there once they are safe."""

from __future__ import annotations

import queue
import threading
from collections.abc import Container
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from headrace.domain import serverstate as told
from headrace.domain.contract import Contract
from headrace.domain.remote import LONGEST_KEY, SECOND
from headrace.domain.source import After, Source
from headrace.domain.sourcefile import Candidate, Plan, SourceFile, SourceStatus, after_problem, plan
from headrace.errors import (
    ChecksumError,
    FileChangedError,
    FileProblemError,
    LoginRefusedError,
    UnreachableError,
)
from headrace.observability import logger
from headrace.usecases.fetch import Fetcher
from headrace.usecases.folders import Folders
from headrace.usecases.line import Line, OutOfTimeError
from headrace.usecases.settle import Disposal
from headrace.usecases.source_ports import Clock, SourceServices


@dataclass(slots=True)
class Tally:
    """What a poll has done. `called` and `resolved` are incident keys, `closed` folders that could not be listed."""

    files: int = 0
    size: int = 0
    listed: int = 0
    waiting: int = 0
    problems: list[str] = field(default_factory=list)
    closed: dict[str, str] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)
    resolved: set[str] = field(default_factory=set)


class SourceWork:
    """The work of one poll on one source."""

    def __init__(
        self, source: Source, services: SourceServices, clock: Clock, tally: Tally, incidents: Container[str]
    ) -> None:
        self._source = source
        self._services = services
        self._clock = clock
        self._tally = tally
        self._incidents = incidents
        self._contract = _contract(source, services)
        self._known: dict[str, SourceFile] | None = None
        self._counting = threading.Lock()

    def look(self, line: Line) -> Plan:
        """List the source's folders and decide about each file."""
        found = line.do(lambda remote: Folders(self._source, remote, self._too_long).listing())
        self._tally.closed |= {f"{self._source.dataset}: {path}": reason for path, reason in found.closed.items()}
        self._refuse(found.refused)
        made = plan(
            self._source,
            found.files.values(),
            self._records(),
            self._clock.now(),
            hashes=found.hashes,
            whole=not found.closed,
        )
        made.listed = len(found.files)
        for record in made.gone:
            self._forget(record)
        self._save_all(made.changed)
        return made

    def _forget(self, record: SourceFile) -> None:
        """A file disappeared before it was taken: nothing of it is kept, and nobody needs to look after it."""
        logger.info("a file disappeared", extra={"server": record.server, "path": record.path})
        if record.upload is not None and record.staged is not None:
            self._services.incoming.abort(record.staged, record.upload)
        called = self._resolved(record)
        if called or record.status is SourceStatus.HELD:
            self._services.topic.publish(told.left(record, self._contract.channel, called=called))

    def _resolved(self, record: SourceFile) -> bool:
        """Whether somebody was called because of this file; if so, he can sleep again."""
        incident = told.file_incident(record)
        if incident not in self._incidents:
            return False
        with self._counting:
            self._tally.resolved.add(incident)
        return True

    def take(self, made: Plan, lines: list[Line]) -> None:
        """Take what is ready over all lines at once, then settle what is safe. The first server trouble ends it."""
        todo: queue.SimpleQueue[Candidate] = queue.SimpleQueue()
        for candidate in (*made.ready, *made.unsettled):
            todo.put(candidate)
        first, *others = lines[: max(1, todo.qsize())]
        with ThreadPoolExecutor(1 + len(others)) as pool:
            working = [pool.submit(self._work, first, todo)]
            working += [pool.submit(self._work_beside, line, todo) for line in others]
        for work in working:
            work.result()

    def _work_beside(self, line: Line, todo: queue.SimpleQueue[Candidate]) -> None:
        """Over one more connection, if the server allows it: many let a user have only one."""
        try:
            line.connect()
        except (UnreachableError, LoginRefusedError, OutOfTimeError) as error:
            logger.info("no more connections", extra={"server": self._source.server, "why": str(error)})
            return
        self._work(line, todo)

    def _work(self, line: Line, todo: queue.SimpleQueue[Candidate]) -> None:
        try:
            while True:
                candidate = todo.get_nowait()
                if candidate.record.status is not SourceStatus.TAKEN:
                    candidate = replace(candidate, record=self._fetch(candidate, line))
                if candidate.record.status is SourceStatus.TAKEN:
                    self._settle(candidate, line)
        except queue.Empty:
            return
        except BaseException:
            _drain(todo)
            raise

    def _fetch(self, candidate: Candidate, line: Line) -> SourceFile:
        fetcher = Fetcher(self._source, self._contract, self._services.incoming, self._clock, self._save)
        try:
            record = fetcher.fetch(candidate, line)
        except FileChangedError as error:
            record = replace(self._wrong(candidate.record, error), since=self._clock.now())
        except FileProblemError as error:
            record = self._wrong(candidate.record, error)
        else:
            self._taken(candidate, record)
        self._save(record)
        return record

    def _taken(self, candidate: Candidate, record: SourceFile) -> None:
        logger.info("a file was taken", extra={"server": record.server, "path": record.path, "key": record.key})
        if record.taken_at != candidate.record.taken_at:  # a checksum that came later may only have proven it
            with self._counting:
                self._tally.files += 1
                self._tally.size += candidate.file.size or 0
        if self._resolved(record):
            self._services.topic.publish(told.released(record, self._contract.channel))

    def _wrong(self, record: SourceFile, error: FileProblemError) -> SourceFile:
        self._problem(f"{record.path}: {error}")
        after = after_problem(record, str(error))
        if after.status is SourceStatus.HELD:
            call = isinstance(error, ChecksumError)
            self._services.topic.publish(told.held(after, self._contract.channel, call=call))
            if call:
                with self._counting:
                    self._tally.called.add(told.file_incident(after))
        return after

    def _problem(self, text: str) -> None:
        logger.warning("a file could not be taken", extra={"server": self._source.server, "why": text})
        with self._counting:
            self._tally.problems.append(text)

    # -- the server -----------------------------------------------------------------------------------------------

    def _too_long(self, path: str) -> str | None:
        longest = LONGEST_KEY - len(self._contract.prefix) - len(self._source.server) - 40
        return "its path is too long for a key of S3" if len(path.encode()) > longest else None

    def _settle(self, candidate: Candidate, line: Line) -> None:
        """Do there what the contract wants, when S3 has the file and the server has still the one that was taken."""
        record = candidate.record
        if self._source.after is After.LEAVE or record.settled:
            return
        if record.key is None or self._services.incoming.size(record.key) is None:
            self._problem(f"{record.path}: {record.key} is not in the landing bucket, the file stays there")
            return
        try:
            line.do(Disposal(self._source, candidate))
        except FileProblemError as error:
            self._unsettled(record, f"{self._source.after} was refused: {error}")
            return
        self._save(replace(record, settled=True, reason=None))

    def _unsettled(self, record: SourceFile, reason: str) -> None:
        """Write it down and tell of it, once; every poll tries again."""
        self._problem(f"{record.path}: {reason}")
        if record.reason != reason:
            self._save(replace(record, reason=reason))
            self._services.topic.publish(told.unsettled(record, reason, self._contract.channel))

    # -- the ledger -----------------------------------------------------------------------------------------------

    def _records(self) -> dict[str, SourceFile]:
        if self._known is None:
            self._known = self._services.source_ledger.known(self._source.server, self._source.dataset)
        return self._known

    def _save(self, record: SourceFile) -> None:
        self._services.source_ledger.save(record)
        self._records()[record.path] = record

    def _save_all(self, records: list[SourceFile]) -> None:
        self._services.source_ledger.save_all(records)
        self._records().update({record.path: record for record in records})

    def _refuse(self, refused: list[tuple[str, str]]) -> None:
        """Write each refused name down, and tell of it, once."""
        fresh = {path: reason for path, reason in refused if path not in self._records()}
        if not fresh:
            return
        now, source = self._clock.now(), self._source
        self._save_all(
            [
                SourceFile(
                    source.server, source.dataset, path, None, None, SECOND, now, SourceStatus.REFUSED, reason=reason
                )
                for path, reason in fresh.items()
            ]
        )
        texts = [f"{path}: {reason}" for path, reason in fresh.items()]
        self._services.topic.publish(told.refused(source.server, source.dataset, texts, self._contract.channel))


def _contract(source: Source, services: SourceServices) -> Contract:
    return next(contract for contract in services.catalog.all() if contract.dataset == source.dataset)


def _drain(todo: queue.SimpleQueue[Candidate]) -> None:
    with suppress(queue.Empty):
        while True:
            todo.get_nowait()
