"""What a poll has done, and its notices: both bounded, however much a server has."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field

from headrace.domain.notice import Notice
from headrace.sources.model import server_state
from headrace.sources.model.source_file import SourceFile
from headrace.sources.ports import Topic

MOST_PROBLEMS = 100
ONE_BY_ONE = 5
"""Messages of a kind that one poll sends; the others are counted in one more."""


@dataclass(slots=True)
class Tally:
    """`called` and `resolved` are incident keys, `closed` folders that could not be listed. `problems` are the first
    of them, `more_problems` how many there are beside.
    """

    files: int = 0
    size: int = 0
    listed: int = 0
    waiting: int = 0
    refused: int = 0
    problems: list[str] = field(default_factory=list)
    more_problems: int = 0
    closed: dict[str, str] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)
    resolved: set[str] = field(default_factory=set)


class Accounts:
    """Keeps a poll's tally, for several threads. `incidents` are those that were open when it began."""

    def __init__(self, server: str, topic: Topic, incidents: Container[str], most_calls: int) -> None:
        self.tally = Tally()
        self._server = server
        self._topic = topic
        self._incidents = incidents
        self._calls_left = most_calls
        self._sent: Counter[str] = Counter()
        self._channels: dict[str, str | None] = {}
        self._counting = threading.Lock()

    def taken(self, size: int) -> None:
        """A file landed."""
        with self._counting:
            self.tally.files += 1
            self.tally.size += size

    def problem(self, text: str) -> None:
        """Something about one file, for the log and whoever asked."""
        with self._counting:
            if len(self.tally.problems) < MOST_PROBLEMS:
                self.tally.problems.append(text)
            else:
                self.tally.more_problems += 1

    def calls(self, record: SourceFile) -> bool:
        """Whether an incident is to be opened for a file: not for more than a server's record has room for."""
        incident = server_state.file_incident(record)
        with self._counting:
            if incident in self._incidents or incident in self.tally.called:
                return True
            self._calls_left -= 1
            if self._calls_left >= 0:
                self.tally.called.add(incident)
        return self._calls_left >= 0

    def resolves(self, record: SourceFile) -> bool:
        """Whether this file has an open incident; if so, it is resolved."""
        incident = server_state.file_incident(record)
        if incident not in self._incidents:
            return False
        with self._counting:
            self.tally.resolved.add(incident)
        return True

    def tell(self, kind: str, notice: Notice) -> None:
        """Publish a message about one file: the first few of its kind, and whatever ends or begins an incident."""
        with self._counting:
            self._sent[kind] += 1
            self._channels[kind] = notice.channel
            many = self._sent[kind] > ONE_BY_ONE
            if notice.incident is not None:
                self._sent[kind] -= int(many)
        if not many or notice.incident is not None:
            self._topic.publish(notice)

    def report_the_rest(self) -> None:
        """One message for each kind of which there were more."""
        for kind, number in self._sent.items():
            if number > ONE_BY_ONE:
                self._topic.publish(server_state.more(self._server, kind, number - ONE_BY_ONE, self._channels[kind]))
        self._sent.clear()
