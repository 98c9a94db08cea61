"""FTP and FTPS, over the standard library's ftplib.

The control connection carries bytes, one character each (latin-1): what a listing names can be asked for as it was
written, in any encoding.
"""

from __future__ import annotations

import ftplib
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from zoneinfo import ZoneInfo

from headrace.adapters.error_text import plain, without
from headrace.domain import clock
from headrace.domain.source import Source
from headrace.errors import (
    CannotResumeError,
    FileProblemError,
    UnreachableError,
    UntrustedServerError,
)
from headrace.sources.adapters.ftp_login import connected
from headrace.sources.adapters.patience import ANSWER_BYTES, LISTING_BYTES, Patience
from headrace.sources.model.credentials import Credentials
from headrace.sources.model.listing import UnreadableListingError, facts_of, listed, mlsd, mlsd_time
from headrace.sources.model.remote_file import Entry, Stat, size_of

LINES_BYTES = 1 << 16
PLENTY = 1 << 13
NOTHING_THERE = re.compile(r"(450|550) .*\b(no (matching )?(files|entries|items)|empty)\b", re.IGNORECASE)
"""How some servers list a folder without files: as an error."""
LINE_END = "the name has a line end in it"
NO_SUCH_COMMAND = ("500", "501", "502", "504")
ABOUT_THE_FILE = ("450", "452")
DIGESTS = {"XSHA256": "sha256", "XMD5": "md5"}
HASH_NAMES = {"SHA-256": "sha256", "MD5": "md5"}
HASH_ANSWER = re.compile(r"213 (SHA-256|MD5) \d+-\d+ ([0-9A-F]{32,64})\b", re.IGNORECASE)


class FtpRemote:
    """One connection of FTP or FTPS, logged in."""

    def __init__(self, source: Source, credentials: Credentials, check: Callable[[], None]) -> None:
        self._source = source
        self._patience = Patience(source, check)
        self._hidden = credentials.hidden
        with _errors(source, self._hidden):
            self._ftp = connected(source, credentials, self._patience)
            try:
                self._agree()
            except BaseException:
                self.close()
                raise

    @property
    def hashes(self) -> bool:
        """Whether the server computes checksums of its files."""
        return bool(self._features.keys() & {"HASH", *DIGESTS})

    def entries(self, folder: str) -> list[Entry]:
        """A folder's listing: MLSD where the server has it, else LIST."""
        with self._asking(folder, "listing", LISTING_BYTES):
            self._said(f"CWD {folder}")
            try:
                if "MLST" in self._features:
                    return mlsd(self._lines("MLSD"))
                return listed(self._lines("LIST"), ZoneInfo(self._source.timezone), clock.utc())
            except (ftplib.error_perm, ftplib.error_temp) as error:
                if NOTHING_THERE.match(str(error)):
                    return []
                raise

    def stat(self, path: str) -> Stat | None:
        """Size and time of a file; None when it is gone."""
        with self._asking(path):
            try:
                return self._mlst(path) if "MLST" in self._features else self._size_and_time(path)
            except ftplib.error_perm as error:
                if str(error).startswith("550"):
                    return None
                raise

    def read(self, path: str, offset: int, room: Callable[[], memoryview]) -> Iterator[int]:
        """The file's bytes from an offset on. Raises CannotResumeError when the server knows no offsets."""
        with self._asking(path):
            if offset:
                self._go_to(offset)
            with self._data(f"RETR {path}") as data:
                yield from _received(data, room)
                self._patience.begin("answer", ANSWER_BYTES)

    def checksum(self, path: str) -> dict[str, str]:
        """What the server itself computes: `{"sha256": …}` or `{"md5": …}`; empty when it will not."""
        with self._asking(path), suppress(ftplib.error_perm):
            if "HASH" in self._features:
                match = HASH_ANSWER.match(self._said(f"HASH {path}"))
                return {HASH_NAMES[match[1].upper()]: match[2].lower()} if match else {}
            command, name = next((item for item in DIGESTS.items() if item[0] in self._features), ("", ""))
            if command and (digest := re.search(r"\b[0-9A-Fa-f]{32,64}\b", self._said(f"{command} {path}")[3:])):
                return {name: digest[0].lower()}
        return {}

    def rename(self, path: str, target: str) -> None:
        """Move a file."""
        with self._asking(path):
            self._ftp.rename(path, target)

    def delete(self, path: str) -> None:
        """Delete a file."""
        with self._asking(path):
            self._ftp.delete(path)

    def close(self) -> None:
        """Hang up, without waiting for the server's consent."""
        self._ftp.close()

    @contextmanager
    def _asking(self, path: str, what: str = "answer", most_bytes: int = ANSWER_BYTES) -> Iterator[None]:
        """One question: restarts the patience with the server, and puts ftplib's errors in our words."""
        self._patience.begin(what, most_bytes)
        with _errors(self._source, self._hidden, path):
            yield

    def _agree(self) -> None:
        """What the server can do, and that files are bytes."""
        self._features = self._asked_features()
        self._said("TYPE I")
        if "UTF8" in self._features:
            with suppress(ftplib.error_perm):
                self._said("OPTS UTF8 ON")

    def _said(self, command: str) -> str:
        """The answer to a command, of any good kind. A line end in it would be a second command."""
        if "\r" in command or "\n" in command:
            raise FileProblemError(LINE_END)
        return self._ftp.sendcmd(command)

    def _asked_features(self) -> dict[str, str]:
        try:
            lines = self._said("FEAT").splitlines()[1:-1]
        except ftplib.error_perm:
            return {}
        words = (line.strip().upper().partition(" ") for line in lines)
        return {name: rest for name, _, rest in words}

    def _mlst(self, path: str) -> Stat:
        lines = [line for line in self._said(f"MLST {path}").splitlines()[1:-1] if "=" in line]
        facts, _ = facts_of(lines[0].strip() if lines else "")
        return Stat(size_of(facts.get("size", "")), mlsd_time(facts.get("modify")))

    def _size_and_time(self, path: str) -> Stat:
        size = self._optional(f"SIZE {path}")
        return Stat(size_of(size), mlsd_time(self._optional(f"MDTM {path}")))

    def _optional(self, command: str) -> str:
        """The answer to a command that some servers do not have."""
        try:
            return self._said(command)[4:].strip()
        except ftplib.error_perm as error:
            if str(error).startswith(NO_SUCH_COMMAND):
                return ""
            raise

    def _go_to(self, offset: int) -> None:
        try:
            self._said(f"REST {offset}")
        except ftplib.error_perm as error:
            reason = "the server cannot go on within a file, it is read from its beginning"
            raise CannotResumeError(reason) from error

    @contextmanager
    def _data(self, command: str) -> Iterator[socket.socket]:
        """A data connection to read to its end; then the server has to say that this was all."""
        if "\r" in command or "\n" in command:
            raise FileProblemError(LINE_END)
        data = self._ftp.transfercmd(command)
        try:
            yield data
            if isinstance(data, ssl.SSLSocket):
                with suppress(OSError):  # some servers close without a farewell; their answer and the size decide
                    data.unwrap()
        finally:
            data.close()
        self._ftp.voidresp()

    def _lines(self, command: str) -> list[str]:
        with self._data(command) as data:
            text = bytearray()
            while piece := data.recv(LINES_BYTES):
                text += piece
                self._patience.heard(len(piece))
        return text.decode("latin-1").replace("\r\n", "\n").split("\n")


def _received(data: socket.socket, room: Callable[[], memoryview]) -> Iterator[int]:
    """Pieces as large as the room, as long as much comes at once: TLS gives 16 KiB at a time."""
    place, filled, size = room(), 0, PLENTY
    while size:
        try:
            size = data.recv_into(place[filled:])
        except OSError:
            yield filled  # what came before the trouble needs not to come again
            raise
        filled += size
        if size < PLENTY or filled == len(place):
            yield filled
            place, filled = room(), 0


@contextmanager
def _errors(source: Source, hidden: tuple[str, ...], path: str = "") -> Iterator[None]:
    """The errors of ftplib in our words, without what has to stay hidden.

    A `5xx` is about the file, and so are `450` (busy) and `452` (disk full). `530` is about us: once logged in, it says
    that the server has forgotten that.
    """
    try:
        yield
    except (ftplib.Error, OSError, EOFError, ValueError) as error:
        about_us = str(error).startswith("530")
        if (isinstance(error, ftplib.error_perm) and not about_us) or str(error).startswith(ABOUT_THE_FILE):
            raise FileProblemError(f"the server refuses {_shown(path)}: {plain(error, hidden)}") from None
        raise _translated(source, error, hidden) from None


def _translated(source: Source, error: Exception, hidden: tuple[str, ...]) -> UnreachableError | UntrustedServerError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return UntrustedServerError(f"the certificate of {source.host} is not valid: {error.verify_message}")
    if isinstance(error, UnreadableListingError):
        return UnreachableError(f"its listing has a line in no known format: {without(str(error), hidden)[:200]!r}")
    if isinstance(error, TimeoutError):
        return UnreachableError(f"{source.host} said nothing for {source.timeout_seconds} s")
    if isinstance(error, EOFError):
        return UnreachableError(f"{source.host} closed the connection")
    return UnreachableError(f"{source.host}: {plain(error, hidden)}")


def _shown(path: str) -> str:
    return path.encode("latin-1", "replace").decode("utf-8", "replace") or "a command"
