"""The servers of a contract that files are fetched from: type ftp, ftps or sftp."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from open_data_contract_standard.model import OpenDataContractStandard, Server

from headrace.domain.source import After, Checksum, Complete, Protocol, Source, Tls, is_pattern, overlap
from headrace.sources.model.remote_file import refusal
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.shape import suggestion

PROTOCOLS = tuple(str(protocol) for protocol in Protocol)
PORTS = {Protocol.FTP: 21, Protocol.FTPS: 21, Protocol.SFTP: 22}
IMPLICIT_TLS = 990
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
SECRET = re.compile(r"[A-Za-z0-9_+=.@-][A-Za-z0-9/_+=.@-]{0,199}")
FOLDER = re.compile(r"[^/]+/sources/")
NOT_HERE = ("format", "delimiter", "encoding", "host", "port", "path")
RANGES = {
    "stableSeconds": (1, 86400), "connections": (1, 10), "timeoutSeconds": (5, 300), "breakerFailures": (1, 100),
    "patienceMinutes": (0, 10080),
}  # fmt: skip


def compile_sources(contract: OpenDataContractStandard, problems: Problems) -> tuple[Source, ...]:
    """The sources, in the contract's order; what is wrong with one is noted and it is left out."""
    found: list[Source] = []
    for index, server in enumerate(contract.servers or []):
        if server.type in PROTOCOLS:
            where = ("servers", index)
            source = _Reader(str(contract.name), server, where, problems).source()
            if source is None:
                continue
            for earlier in found:
                if why := disagreement(source, earlier):
                    problems.add(where, why)
            found.append(source)
    return tuple(found)


def disagreement(one: Source, other: Source) -> str | None:
    """Why two entries cannot both be: a server's breaker and limits are kept by its name, and a file is taken once."""
    mine, theirs = (_machine(one), _machine(other))
    if one.server == other.server and mine != theirs:
        return f"the server {one.server!r} is another machine, or has another secret or type, than the one of this name"
    if one.server != other.server and mine[:2] == theirs[:2]:
        return f"the machine {one.host}:{one.port} is called {one.server!r} here and {other.server!r}"
    if one.server == other.server and overlap(one, other):
        if one.dataset == other.dataset:
            return f"{one.location} and {other.location} can mean the same file, which would be taken twice"
        if {one.after, other.after} != {After.LEAVE}:
            return f"{one.location} and {other.location} can mean the same file: one would remove it before the other"
    return None


def suggestion_of_rest(secret: str) -> str:
    """`: carrier`, for a name that was written with the stack's folder."""
    rest = FOLDER.sub("", secret, count=1)
    return f": {rest}" if rest != secret and SECRET.fullmatch(rest) else ""


def _machine(source: Source) -> tuple[str, int, str, str | None, str]:
    return source.host.lower(), source.port, source.protocol, source.secret, source.tls


class _Reader:
    """Reads one `servers` entry."""

    def __init__(self, dataset: str, server: Server, where: Where, problems: Problems) -> None:
        self._dataset = dataset
        self._server = server
        self._where = where
        self._problems = problems
        self._before = len(problems.errors)
        self._values = custom.read_custom(server.customProperties, custom.SOURCE, where, problems)
        self._protocol = Protocol(str(server.type))

    def source(self) -> Source | None:
        """The source, or None with the reasons noted."""
        self._check_name()
        for key in NOT_HERE:
            if getattr(self._server, key) is not None:
                self._note(key, _WRONG_PLACE[key])
        host, port, location = self._location()
        made = Source(
            server=str(self._server.server), dataset=self._dataset, protocol=self._protocol, host=host, port=port,
            location=location, secret=self._secret(), after=self._choice("afterwards", After.LEAVE),
            complete=self._choice("completeWhen", Complete.STABLE), stable_seconds=self._number("stableSeconds", 30),
            marker=self._marker(), move_to=self._move_to(), checksum=self._choice("checksum", Checksum.AUTO),
            timezone=self._timezone(), connections=self._number("connections", 2),
            timeout_seconds=self._number("timeoutSeconds", 30), breaker_failures=self._number("breakerFailures", 3),
            patience_seconds=60 * self._number("patienceMinutes", 60), tls=self._choice("tls", Tls.EXPLICIT),
        )  # fmt: skip
        self._check_together(made)
        return made if len(self._problems.errors) == self._before else None

    def _check_name(self) -> None:
        if not NAME.fullmatch(self._server.server or ""):
            reason = "a server's name stands in keys and messages: lower case letters, digits, - and _, at most 40"
            self._note("server", reason)

    def _location(self) -> tuple[str, int, str]:
        """Host, port and path of `sftp://host:port/folder/*.csv`."""
        wanted = f"location must be {self._protocol}://host/folder/*.csv; user and password belong into the secret"
        try:
            url = urlsplit((self._server.location or "").replace("?", "%3F").replace("#", "%23"))
            port = url.port or (IMPLICIT_TLS if self._implicit else PORTS[self._protocol])
        except ValueError:
            self._note("location", wanted)
            return "", 0, ""
        if url.scheme != self._protocol or url.username or not HOST.fullmatch(url.hostname or ""):
            self._note("location", wanted)
            return "", 0, ""
        if self._protocol is Protocol.FTPS and port == IMPLICIT_TLS and not self._implicit:
            self._note("location", "port 990 speaks TLS from the first byte: add the customProperty tls: implicit")
        self._check_path(unquote(url.path))
        return str(url.hostname), port, unquote(url.path)

    @property
    def _implicit(self) -> bool:
        return bool(self._values.get("tls") == Tls.IMPLICIT)

    def _check_path(self, path: str) -> None:
        segments = path.split("/")[1:]
        if not segments or not segments[-1]:
            self._note("location", "location must end in a pattern of file names, such as *.csv")
        elif "**" in path:
            self._note("location", "** is not supported: write a * for each level of folders")
        elif any(refusal(segment) for segment in segments):
            self._note("location", "location must be a path without . or .. or empty parts")

    def _secret(self) -> str | None:
        secret = self._values.get("secret")
        if secret is None and self._protocol is not Protocol.FTP:
            self._note("type", f"a server of type {self._protocol} needs the customProperty secret")
        if secret is not None and (not SECRET.fullmatch(secret) or FOLDER.match(secret)):
            reason = "secret must be what follows <stack>/sources/ in the secret's name, so that each stack has its own"
            self._note_value("secret", f"{reason}{suggestion_of_rest(secret)}")
        return secret

    def _marker(self) -> str:
        marker = str(self._values.get("marker", ".done"))
        if not re.fullmatch(r"\.[A-Za-z0-9_.-]{1,20}", marker):
            self._note_value("marker", "marker must be what the marking file's name ends with, such as .done")
        return marker

    def _move_to(self) -> str | None:
        folder: str | None = self._values.get("moveTo")
        if folder is not None:
            parts = folder.split("/")[1:]
            if not folder.startswith("/") or not parts or any(refusal(part) or is_pattern(part) for part in parts):
                self._note_value("moveTo", "moveTo must be a folder of the server, such as /taken")
        return folder

    def _timezone(self) -> str:
        zone = str(self._values.get("timezone", "UTC"))
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, such as Europe
            self._note_value("timezone", f"timezone {zone!r} is not known: a name such as Europe/Berlin")
            return "UTC"
        return zone

    def _choice(self, name: str, default: Any) -> Any:
        kinds: type[StrEnum] = type(default)
        chosen = str(self._values.get(name, default))
        if chosen in list(kinds):
            return kinds(chosen)
        self._note_value(name, f"{name} must be one of {', '.join(kinds)}{suggestion(chosen, kinds)}")
        return default

    def _number(self, name: str, default: int) -> int:
        least, most = RANGES[name]
        value = self._values.get(name, default)
        if int(value) != value or not least <= value <= most:
            self._note_value(name, f"{name} must be a whole number from {least} to {most}")
        return int(value)

    def _check_together(self, made: Source) -> None:
        given: Mapping[str, Any] = self._values
        if (made.after is After.MOVE) != (made.move_to is not None):
            self._note_value("afterwards", "afterwards: move and moveTo belong together")
        for name, owner in (("stableSeconds", Complete.STABLE), ("marker", Complete.MARKER)):
            if name in given and made.complete is not owner:
                self._note_value(name, f"{name} belongs to completeWhen: {owner}")
        if "tls" in given and made.protocol is not Protocol.FTPS:
            self._note_value("tls", "tls belongs to servers of type ftps")
        moved = f"{str(made.move_to).rstrip('/')}/{made.location.rpartition('/')[2]}"
        if made.move_to and overlap(made, replace(made, location=moved)):
            self._note_value("moveTo", "moveTo must not be a folder that files are fetched from")

    def _note(self, key: str, reason: str) -> None:
        self._problems.add((*self._where, key), reason)

    def _note_value(self, name: str, reason: str) -> None:
        self._problems.add(custom.place_of(self._server.customProperties, name, self._where), reason)


_WRONG_PLACE = {
    "format": "the format belongs to the s3 server: what is fetched lands there",
    "delimiter": "the delimiter belongs to the s3 server: what is fetched lands there",
    "encoding": "the encoding belongs to the s3 server: what is fetched lands there",
    "host": "the host is part of location",
    "port": "the port is part of location",
    "path": "the path is part of location",
}
