"""What becomes of a file on its server once it is safe in S3: moved, deleted, or left."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headrace.domain.source import After, Source
from headrace.errors import FileChangedError
from headrace.sources.model.remote_file import SECOND, RemoteFile, Stat, same_file
from headrace.sources.model.source_file import Candidate
from headrace.sources.poll.remote_listing import on_the_wire
from headrace.sources.ports import Remote

NOTHING_KNOWN = Stat(None, None)
"""The answer of a server that gives neither size nor time of single files, whether they exist or not."""


@dataclass(frozen=True, slots=True)
class Disposal:
    """Moves or deletes one file, if it is still the one that was taken. Can be done again after a broken connection."""

    source: Source
    candidate: Candidate

    def __call__(self, remote: Remote) -> None:
        """Do it. Raises FileProblemError when the server will not, FileChangedError when the file is another."""
        file = self.candidate.file
        if not self._is_still_there(remote):
            return  # done already, by us or by another
        if self.source.after is After.DELETE:
            remote.delete(file.wire)
        else:
            remote.rename(file.wire, self._free_target(remote, file))

    def _is_still_there(self, remote: Remote) -> bool:
        """The server's answer of now is compared with its answer of then: a listing may have times of another zone."""
        record, file = self.candidate.record, self.candidate.file
        now = remote.stat(file.wire)
        if now is None:
            return False
        stamp = record.stamp or file.modified
        seen = replace(file, modified=stamp, precision=SECOND if record.stamp else file.precision)
        if not same_file(file.size if now.size is None else now.size, now.modified or stamp, SECOND, seen):
            raise FileChangedError("it has been replaced since it was taken")
        return True

    def _free_target(self, remote: Remote, file: RemoteFile) -> str:
        """Its place in the folder; beside what is there of the same name, never over it."""
        target = f"{on_the_wire(str(self.source.move_to)).rstrip('/')}/{file.wire.rpartition('/')[2]}"
        there = remote.stat(target)
        if there is None or there == NOTHING_KNOWN:
            return target
        return f"{target}.{self.candidate.record.taken_at:%Y%m%dT%H%M%SZ}"
