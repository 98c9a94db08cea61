"""The files of one source: looked for, taken over a few connections at a time, settled there once they are safe."""

from __future__ import annotations

import queue
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

from headrace.domain.bounds import LONGEST_REASON, cut
from headrace.domain.contract import Contract
from headrace.domain.ingest.failure import is_transient
from headrace.domain.source import After, Source
from headrace.errors import (
    ChecksumError,
    FileChangedError,
    FileProblemError,
    HeadraceError,
    LoginRefusedError,
    UnreachableError,
)
from headrace.observability import logger
from headrace.sources.model import server_state
from headrace.sources.model.remote_file import LONGEST_KEY, SECOND
from headrace.sources.model.source_file import (
    Candidate,
    Plan,
    SourceFile,
    SourceStatus,
    after_problem,
    plan,
    wanted,
    was_held,
)
from headrace.sources.poll.connection import Connection, OutOfTimeError
from headrace.sources.poll.disposal import Disposal
from headrace.sources.poll.fetch import Fetcher
from headrace.sources.poll.remote_listing import RemoteListing
from headrace.sources.poll.tally import Accounts
from headrace.sources.ports import Clock, SourceServices

MOST_SURPRISES = 5
"""Errors that nobody foresaw, each about one file; after so many in a poll they are not about the files."""


class SourcePoll:
    """The work of one poll on one source."""

    def __init__(self, source: Source, services: SourceServices, clock: Clock, accounts: Accounts, turn: int) -> None:
        self._source = source
        self._services = services
        self._clock = clock
        self._accounts = accounts
        self._turn = turn
        self._contract = _contract(source, services)
        self._known: dict[str, SourceFile] = {}
        self._read: set[str] = set()
        self._surprises = 0

    def look(self, line: Connection) -> Plan:
        """List the source's folders and decide about each file."""
        found = line.do(lambda remote: RemoteListing(self._source, remote, self._too_long).listing())
        self._accounts.tally.closed |= {f"{self._source.dataset}: {path}": why for path, why in found.closed.items()}
        files = found.files.values()
        self._learn(file.path for file in files if wanted(self._source, file.name))
        made = plan(self._source, files, self._known, self._clock.now(), hashes=found.hashes, whole=not found.closed)
        self._refuse(found.refused + made.odd, found.more_refused)
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
        called = self._accounts.resolves(record)
        if called or record.status is SourceStatus.HELD:
            self._accounts.tell(
                "that were held are no longer there", server_state.left(record, self._channel, called=called)
            )

    def take(self, made: Plan, lines: list[Connection]) -> None:
        """Take what is ready over all lines at once, then settle what is safe. The first server trouble ends it."""
        todo: queue.SimpleQueue[Candidate] = queue.SimpleQueue()
        for candidate in (*made.ready, *made.unsettled):
            todo.put(candidate)
        first, *others = used = lines[: max(1, todo.qsize())]
        with ThreadPoolExecutor(len(used)) as pool:
            working = [pool.submit(self._work, first, todo)]
            working += [pool.submit(self._work_beside, line, todo) for line in others]
        for work in working:
            work.result()

    def _work_beside(self, line: Connection, todo: queue.SimpleQueue[Candidate]) -> None:
        """Over one more connection, if the server allows it: many let a user have only one."""
        try:
            line.connect()
        except (UnreachableError, LoginRefusedError, OutOfTimeError) as error:
            logger.info("no more connections", extra={"server": self._source.server, "why": str(error)})
            return
        self._work(line, todo)

    def _work(self, line: Connection, todo: queue.SimpleQueue[Candidate]) -> None:
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

    def _fetch(self, candidate: Candidate, line: Connection) -> SourceFile:
        fetcher = Fetcher(self._source, self._contract, self._services.incoming, self._clock, self._save)
        try:
            record = fetcher.fetch(candidate, line)
        except FileChangedError as error:
            record = replace(self._wrong(candidate.record, error), since=self._clock.now())
        except FileProblemError as error:
            record = self._wrong(candidate.record, error)
        except (HeadraceError, OutOfTimeError):
            raise
        except Exception as error:
            if is_transient(error):  # S3 or the ledger is out of order, which no file has brought about
                raise
            record = self._wrong(candidate.record, self._surprise(error))
        else:
            self._taken(candidate, record)
        self._save(record)
        return record

    def _surprise(self, error: Exception) -> FileProblemError:
        """An error that nobody foresaw is one file's, unless many files have one: then it is the poll's."""
        logger.exception("a file could not be taken", extra={"server": self._source.server})
        self._surprises += 1
        if self._surprises > MOST_SURPRISES:
            raise error
        return FileProblemError(f"{type(error).__name__}: {error}")

    def _taken(self, candidate: Candidate, record: SourceFile) -> None:
        logger.info("a file was taken", extra={"server": record.server, "path": record.path, "key": record.key})
        if record.taken_at != candidate.record.taken_at:  # a checksum that came later may only have proven it
            self._accounts.taken(candidate.file.size or 0)
        called = self._accounts.resolves(record)
        if called or was_held(candidate.record):
            self._accounts.tell("were taken after all", server_state.released(record, self._channel, called=called))

    def _wrong(self, record: SourceFile, error: FileProblemError) -> SourceFile:
        self._problem(f"{record.path}: {error}")
        proven = isinstance(error, ChecksumError)
        after = after_problem(record, str(error), self._clock.now(), proven=proven)
        if after.status is SourceStatus.HELD and not was_held(record):
            call = proven and self._accounts.calls(after)
            self._accounts.tell("are held", server_state.held(after, self._channel, call=call))
        return after

    def _problem(self, text: str) -> None:
        logger.warning("a file could not be taken", extra={"server": self._source.server, "why": text})
        self._accounts.problem(text)

    # -- the server -----------------------------------------------------------------------------------------------

    def _too_long(self, path: str) -> str | None:
        longest = LONGEST_KEY - len(self._contract.prefix) - len(self._source.server) - 40
        return "its path is too long for a key of S3" if len(path.encode()) > longest else None

    def _settle(self, candidate: Candidate, line: Connection) -> None:
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
        """Record and report it once; every poll tries again."""
        self._problem(f"{record.path}: {reason}")
        reason = cut(reason, LONGEST_REASON)
        if record.reason != reason:
            self._accounts.tell("stay there", server_state.unsettled(record, reason, self._channel))
            self._save(replace(record, reason=reason))

    # -- the ledger -----------------------------------------------------------------------------------------------

    @property
    def _channel(self) -> str | None:
        return self._contract.channel

    def _learn(self, paths: Iterable[str]) -> None:
        """Read what is known of these files and of those that are open, each of them once in a poll."""
        server, dataset = self._source.server, self._source.dataset
        asked = set(paths)
        if not self._read:
            asked |= self._services.source_ledger.open_paths(server, dataset)
        self._known |= self._services.source_ledger.files(server, dataset, asked - self._read)
        self._read |= asked

    def _save(self, record: SourceFile) -> None:
        self._services.source_ledger.save(record, self._turn)
        self._known[record.path] = record

    def _save_all(self, records: list[SourceFile]) -> None:
        self._services.source_ledger.save_all(records, self._turn)
        self._known.update({record.path: record for record in records})

    def _refuse(self, refused: list[tuple[str, str]], more: int) -> None:
        """Report each refused entry and write it down, once. Of `more` there is only the number."""
        self._accounts.tally.refused += len(refused) + more
        server, dataset, now = self._source.server, self._source.dataset, self._clock.now()
        reasons = dict(refused)
        known = self._services.source_ledger.reported(server, dataset, reasons)
        fresh = {path: reason for path, reason in reasons.items() if path not in known}
        if not fresh:
            return
        texts = [f"{path}: {reason}" for path, reason in fresh.items()]
        self._services.topic.publish(server_state.refused(server, dataset, texts, self._channel, more))
        records = [
            SourceFile(server, dataset, path, None, None, SECOND, now, SourceStatus.REFUSED, reason=reason)
            for path, reason in fresh.items()
        ]
        self._services.source_ledger.save_all(records, self._turn)


def _contract(source: Source, services: SourceServices) -> Contract:
    return next(contract for contract in services.contracts.all() if contract.dataset == source.dataset)


def _drain(todo: queue.SimpleQueue[Candidate]) -> None:
    with suppress(queue.Empty):
        while True:
            todo.get_nowait()
